"""docs/benchmarks.md from the newest result of each kind, and the terminal's tables of the engine.

The engine's part is here, what surrounds it in bench_rooms.py.

  /usr/bin/python3 tests/bench/bench_report.py
"""
import bench_rooms
from bench_rooms import factor, number, source_line, table
from record import ROOT, newest

TITLES = {
    "iris_rf": "iris, random forest, 100 trees of at most 15 leaves",
    "diabetes_gbr": "diabetes, gradient boosting, 100 trees of depth 3",
    "diabetes_rf": "diabetes, random forest, 100 trees, up to 1,706 thresholds a feature",
    "digits_rf": "digits, random forest, 100 trees of up to 232 leaves, 10 classes",
    "xgb": "XGBoost, 500 trees of depth 6, 28 features",
    "deep_rf": "deep random forest, 100 trees, 2.3 million nodes",
    "huge_rf": "huge random forest, 500 trees, 2.3 million nodes, 10 classes",
}
HEAD = """# Benchmarks

Written by `tests/bench/bench_report.py` from the newest result of each kind under
[tests/bench/results](../tests/bench/results); do not edit. `make bench` measures everything again and
writes this file. Each section is one run on one machine: compare within a section, not across. Other
work on the machine takes caches and clock rate, makes numbers larger and ratios less certain; so each
says how busy it was.
"""
IN_BROWSERS = ("onnxruntime-web", "ydf-inference", "ml-random-forest")


def is_ours(name):
    return name.startswith("copse")


def ns(found, batch, n_trees):
    """Nanoseconds per row, or nothing. A library with a model of its own counts per tree, times
    the trees of ours: the nearest to a comparison that there is."""
    if "missing" in found or batch not in found["ns_per_row"]:
        return None
    own_trees = found.get("trees")
    return found["ns_per_row"][batch] * (n_trees / own_trees if own_trees else 1)


def fastest(peers, names, batch, n_trees):
    """(name, nanoseconds) of the fastest of `names`, or nothing."""
    times = [(ns(peers[name], batch, n_trees), name) for name in names]
    known = [(time, name) for time, name in times if time is not None]
    return min(known)[::-1] if known else None


def batches_of(shape):
    """The batch sizes that anybody was measured with, rising."""
    found = {batch for peer in shape["peers"].values() for batch in peer.get("ns_per_row", {})}
    return sorted(found, key=int)


def shape_table(shape):
    """Everybody on one shape."""
    batches, n_trees = batches_of(shape), shape["info"]["n_trees"]
    rows = []
    for name, found in shape["peers"].items():
        own = " (own model)" if found.get("trees") else ""
        version = f" {found['version']}" if "version" in found and not is_ours(name) else ""
        if "missing" in found:
            rows.append([f"{name}: not measured, {found['missing']}"] + ["-"] * len(batches))
            continue
        rows.append([name + version + own] + [number(ns(found, b, n_trees)) for b in batches])
        if name == "copse" and "plain_walk" in found:
            rows.append(["copse, plain walk"] + [number(found["plain_walk"][b]) for b in batches])
    return table(["ns per row, rows a call:"] + [f"{int(b):,}" for b in batches], rows)


def duels(record, ours, among):
    """(shape, batch, our ns, best peer, its ns) of each cell that both sides have."""
    for name, shape in record["shapes"].items():
        peers, n_trees = shape["peers"], shape["info"]["n_trees"]
        rivals = [peer for peer in peers if not is_ours(peer) and (among is None or peer in among)]
        for batch in batches_of(shape):
            mine = fastest(peers, [peer for peer in peers if peer == ours], batch, n_trees)
            best = fastest(peers, rivals, batch, n_trees)
            if mine and best:
                yield name, batch, mine[1], best[0], best[1]


def duel_table(record, ours, among):
    rows = []
    for name, batch, mine, rival, theirs in duels(record, ours, among):
        layout = record["shapes"][name]["peers"][ours].get("layouts", {}).get(batch)
        rows.append([f"{name}, {int(batch):,}", number(mine) + (f" ({layout})" if layout else ""),
                     f"{rival} {number(theirs)}", factor(theirs / mine)])
    return table(["shape, rows a call", "Copse, ns per row", "fastest peer", "Copse is faster by"],
                 rows)


def losses(record):
    """A sentence for each cell in which somebody is faster."""
    for ours, among in (("copse", None), ("copse-wasm", IN_BROWSERS)):
        for name, batch, mine, rival, theirs in duels(record, ours, among):
            if theirs < mine:
                yield (f"- {name}, {int(batch):,} rows a call: {rival} takes {number(theirs)} ns, "
                       f"{ours} {number(mine)} ns, {factor(mine / theirs)} as long.")


# Of 256 bits, and of 128, which is what wasm has.
NATIVE = ("copse AVX2", "copse SSE4")


def wasm_shares(shape, native):
    """Native time by wasm's, of each batch size; nothing where one of the two is missing."""
    peers, n_trees = shape["peers"], shape["info"]["n_trees"]
    for batch in batches_of(shape):
        times = [ns(peers.get(peer, {"missing": ""}), batch, n_trees) for peer in ("copse-wasm", native)]
        yield None if None in times else times[1] / times[0]


def wasm_table(record):
    """Wasm beside native code on the same shape."""
    rows = []
    for native in NATIVE:
        for name, shape in record["shapes"].items():
            shares = list(wasm_shares(shape, native))
            if any(shares):
                rows.append([f"{name} (against {native})"] + [f"{share:.2f}" if share else "-" for share in shares])
    head = [f"{int(batch):,}" for batch in batches_of(next(iter(record["shapes"].values())))]
    return table(["native time / wasm time, rows a call:"] + head, rows)


WASM_SHARE_WANTED = 0.6


def wasm_share(record):
    """What the table of wasm against native comes to, and why."""
    said = []
    for native in NATIVE:
        shares = sorted(share for shape in record["shapes"].values() for share in wasm_shares(shape, native) if share)
        if shares:
            reached = sum(share >= WASM_SHARE_WANTED for share in shares)
            said.append(f"Wasm has {WASM_SHARE_WANTED} of the speed of {native.removeprefix('copse ')} or more in {reached} of "
                        f"{len(shares)} cells, and {shares[0]:.2f} to {shares[-1]:.2f} in all.")
    if not said:
        return "Neither AVX2 nor SSE4 was measured."
    return " ".join([*said, "Its vectors have 128 bits, as SSE4's, AVX2's 256, and it has no "
                     "shift by lanes: where a tree is evaluated in vectors, half of AVX2 is what can be expected, and one "
                     "row of a small model pays for the call from JavaScript, too."])


def memory_table(record):
    rows = []
    for name, shape in record["shapes"].items():
        ours = shape["peers"].get("copse", {"missing": ""})
        if "missing" not in ours:
            read_ms = f"{ours['read_ms']:.1f}" if "read_ms" in ours else "-"
            rows.append([name, f"{ours['model_bytes']:,}", f"{ours['plan_bytes']:,}", read_ms,
                         f"{ours['compile_ms']:.1f}"])
    return table(["shape", "model file, bytes", "plan, bytes", "reading and checking, ms", "compiling, ms"], rows)


def tables(record):
    return "\n\n".join(f"{TITLES[name]} ({name})\n{shape_table(shape)}"
                       for name, shape in record["shapes"].items())


def exactness(record):
    found = [shape["peers"]["copse"]["exact"] for shape in record["shapes"].values()
             if "exact" in shape["peers"].get("copse", {})]
    if not found:
        return "Copse itself was not measured."
    return ("Every answer of every run had the bits of the plain walk." if all(found)
            else "**Some answers differ from the plain walk: these numbers count for nothing.**")


def engine_section(record, path):
    """The engine against its peers; shapes in their usual order."""
    shapes = record["shapes"]
    record = {**record, "shapes": {name: shapes[name] for name in TITLES if name in shapes}}
    lost = list(losses(record))
    everybody = "\n\n".join(f"#### {TITLES[name]}\n\n`{name}`\n\n{shape_table(shape)}"
                            for name, shape in record["shapes"].items())
    return f"""## The engine

One thread, pinned to one core; nanoseconds of processor time per row, medians; single rows are
back-to-back calls. {exactness(record)} `make bench-engine` repeats it; `copse bench --model FILE`
asks about a model of your own.

{source_line(record, path)}

### Native, against the fastest peer of each cell

{duel_table(record, "copse", None)}

### In wasm, against what runs in browsers

{duel_table(record, "copse-wasm", IN_BROWSERS)}

### Where Copse is slower

{chr(10).join(lost) or "In no cell of this run."}

### Wasm against native

{wasm_table(record)}

{wasm_share(record)}

### Memory and time until it is ready

{memory_table(record)}

### Everybody

Copse native is the core's call, rows and answers in memory, as a C++ program makes it; in wasm it is
the npm package called from Node, its copies included, and "C function" is the call that it makes
of the module, rows and answers in its memory. Peers have the fastest way that each offers:
inputs are prepared before the clock starts, and each has its own thread count set to one.
scikit-learn does not look for NaN (`assume_finite`); XGBoost answers margins through
`inplace_predict`, and through the C function behind it; ONNX Runtime reads the same trees with float32
leaves. ydf-inference and ml-random-forest know models of their own training only: what is shown is
their time per tree, times the trees of ours. Rows are 10,000 different ones.

{everybody}

Not measured here, because no package registry offers them: TL2cgen, Treelite, FIL, LightGBM, lleaves.
"""


SECTIONS = {"peers": engine_section, "web": bench_rooms.package_section,
            "explain": bench_rooms.explain_section,
            "lighthouse": bench_rooms.lighthouse_section, "frames": bench_rooms.frames_section,
            "nginx": bench_rooms.nginx_section, "flask": bench_rooms.flask_section,
            "image": bench_rooms.image_section, "rebuild": bench_rooms.rebuild_section}


def latest():
    """(record, path) of the newest result of each kind that there is."""
    found = {kind: result for kind in SECTIONS if (result := newest(kind))}
    # What the image's own run has measured as well, and later.
    if {"image", "rebuild"} <= found.keys() and found["rebuild"][0]["date"] <= found["image"][0]["date"]:
        del found["rebuild"]
    return found


def report():
    """The text of docs/benchmarks.md, with a section of each kind of result that there is."""
    return HEAD + "\n" + "\n".join(SECTIONS[kind](*result) for kind, result in latest().items())


def write():
    (ROOT / "docs/benchmarks.md").write_text(report(), "utf-8")


if __name__ == "__main__":
    write()

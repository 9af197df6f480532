"""The sections of docs/benchmarks.md around the engine: the npm package, the page, the service, the
image. Each is a function of a result and the file that it lies in."""

MB = 1e6


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def number(value):
    return "-" if value is None else f"{value:,.0f}"


def factor(value):
    return f"{value:.1f}x" if value < 10 else f"{value:,.0f}x"


def source_line(record, path):
    """Where a section's numbers come from."""
    dirty = " with uncommitted changes" if record.get("uncommitted_changes") else ""
    made_with = "; ".join(filter(None, [record.get("compiler"), record.get("wasm_compiler"),
                                        record.get("node") and f"Node {record['node']}",
                                        record.get("python") and f"Python {record['python']}"]))
    before, after = (record.get(f"load_average_{when}") for when in ("before", "after"))
    load = f" Load average {before:.1f} before, {after:.1f} after." if before is not None else ""
    return (f"[{path.name}](../tests/bench/results/{path.name}), {record['date']}, commit "
            f"{record['commit']}{dirty}. {record['machine']}"
            f"{'; ' + made_with if made_with else ''}.{load}")


# ---- The npm package ----

OUR_MODULES = {"copse": "copse-wasm", "copse, small module": "copse-wasm-small"}


ROWS_A_CALL = {"start": "start", "1": "one row", "10000": "10,000 rows"}


def package_losses(record):
    """A sentence for each figure in which onnxruntime-web is faster."""
    for name, shape in record["shapes"].items():
        for ours, ratios in (("the fast module", shape["ratios"].get("onnxruntime-web", {})),
                             ("the small module", shape["ratios_small"])):
            for what, ratio in ratios.items():
                if ratio < 1:
                    yield (f"- {name}, {ROWS_A_CALL.get(what, what)}: {ours} has {factor(ratio)} of "
                           "onnxruntime-web's speed.")


def package_section(record, path):
    """Beside onnxruntime-web and ydf-inference: download, start, rows."""
    rival = record["download"]["onnxruntime-web, wasm only"]["brotli"]
    downloads = [[name, number(size["bytes"]), number(size["brotli"]),
                  factor(rival / size["brotli"]) if name.startswith("copse") else ""]
                 for name, size in record["download"].items()]
    parts = []
    for name, shape in record["shapes"].items():
        info = shape["info"]
        rows = []
        for peer, start in shape["start"].items():
            times = shape["rows"].get(OUR_MODULES.get(peer, peer), {}).get("ns_per_row", {})
            trees = shape["rows"].get(peer, {}).get("trees")
            own = f" (its own model, {trees} trees)" if trees else ""
            rows.append([peer + own, start.get("missing") or f"{start['ms']:,.0f}",
                         *(number(times.get(batch)) for batch in ("1", "10000"))])
        for ours, ratios in (("Copse", shape["ratios"].get("onnxruntime-web", {})),
                             ("Its small module", shape["ratios_small"])):
            rows.append([f"{ours} against onnxruntime-web",
                         *(factor(ratios[what]) if what in ratios else "-"
                           for what in ("start", "1", "10000"))])
        parts.append(f"`{name}`: {info['n_trees']} trees of depth {info['depth_max']} at most, "
                     f"{info['n_features']} features\n\n"
                     + table(["", "start, ms", "one row, ns", "10,000 rows, ns per row"], rows))
    return f"""## The npm package

What a web page loads, in Node and on one core. *Start* is a fresh process: the library is read, the model
loaded, one row answered. `loadModel` takes the module that compiles a forest; the small one, which is a
choice for pages that ask row by row, walks through the trees as they are.
Times are medians of all rounds; how much faster rows are is the median of what each round says, which
is not the quotient of those medians where the machine changed its speed meanwhile.
`make bench-web` repeats it.

{source_line(record, path)}

{table(["download", "bytes", "as brotli", "smaller than onnxruntime-web by"], downloads)}

{(chr(10) * 2).join(parts)}

Where Copse is slower:

{chr(10).join(package_losses(record)) or "In no figure of this run."}
"""


# ---- Contributions ----

def explain_section(record, path):
    """Beside XGBoost's pred_contribs."""
    names = {"xgboost": "XGBoost", "copse": "`copse explain`", "copse-fast.wasm": "npm package",
             "copse.wasm": "npm package, small module"}
    rows = []
    for shape in record["shapes"].values():
        info = shape["info"]
        for peer, found in shape["peers"].items():
            trees = f"{info['n_trees']} trees of depth {info['depth_max']}"
            rows.append([f"{trees}: {names[peer]}", f"{found['ms_per_row']:.2f}",
                         "" if peer == "xgboost" else factor(found["times_as_fast"])])
    worst = max(shape["peers"]["copse"]["difference"] for shape in record["shapes"].values())
    version = next(iter(record["shapes"].values()))["peers"]["xgboost"]["version"]
    return f"""## Contributions

Exact Shapley values of XGBoost's own models ({info["n_features"]} features), by XGBoost {version}, whose `pred_contribs` is
TreeSHAP as it was first published, and by Copse; one core. The largest difference is {worst:.0e} of the
largest contribution: XGBoost reckons in float32. `make bench-explain` repeats it.

{source_line(record, path)}

{table(["", "ms a row", "as fast as XGBoost"], rows)}
"""


# ---- The page ----

def lighthouse_section(record, path):
    devices = record["devices"]
    middle = {name: found["median"] for name, found in devices.items()}
    names = list(middle)
    def shown(value, form):
        return "-" if value is None else form.format(value)
    rows = [[title, *(shown(middle[name][key], form) for name in names)] for key, title, form in (
        ("performance", "performance", "{:.2f}"), ("accessibility", "accessibility", "{:.2f}"),
        ("best-practices", "best practices", "{:.2f}"),
        ("first_contentful_paint_ms", "first contentful paint, ms", "{:,.0f}"),
        ("largest_contentful_paint_ms", "largest contentful paint, ms", "{:,.0f}"),
        ("total_blocking_time_ms", "total blocking time, ms", "{:,.0f}"),
        ("cumulative_layout_shift", "cumulative layout shift", "{:.3f}"))]
    return f"""## The page

Lighthouse {record["lighthouse"]}, medians of {record["rounds"]} runs; *mobile* is its simulated phone, four times
slower than this machine, on a slow network. `make bench-page` repeats this and the next.

{source_line(record, path)}

{table(["", *names], rows)}
"""


def frames_section(record, path):
    model = record["model"]
    rows = [[panel["panel"], panel["dragged"], number(panel["moves"]),
             f"{panel['longest_cpu_ms']:.0f}", f"{panel['longest_ms']:.0f}",
             number(panel["over_50_ms"])] for panel in record["panels"]]
    head = ["panel", "dragged", "moves", "longest task, ms on a core", "by the clock", "over 50 ms"]
    return f"""## The page while a slider is dragged

A regression of {model["trees"]} trees of depth {model["depth"]}; tasks of the page's main thread in Chromium's own trace.

{source_line(record, path)}

{table(head, rows)}
"""


# ---- The service ----

def nginx_section(record, path):
    middle = record["medians"]
    names = list(middle)
    for each in middle.values():  # older results have the two rates alone
        each.setdefault("half_share", each["half_requests_per_s"] / each["requests_per_s"])
    rows = [[title, *(form.format(middle[name][key]) for name in names)] for key, title, form in (
        ("requests_per_s", "requests per second, 64 clients", "{:,.0f}"),
        ("cpu_us_per_request", "CPU per request, µs", "{:,.1f}"),
        ("p99_ms", "p99 of 64 clients, ms", "{:.2f}"),
        ("half_share", "half of that load, measured", "{:.0%}"),
        ("half_p50_ms", "p50 under it, ms", "{:.2f}"),
        ("half_p99_ms", "p99 under it, ms", "{:.2f}"),
        ("memory_mb", "memory after that, MiB", "{:,.1f}"))]
    ratio = middle["Copse"]["cpu_us_per_request"] / middle["nginx"]["cpu_us_per_request"]
    return f"""## The service

`/predict` on iris, every prediction committed to the log before it is answered, beside nginx answering a
constant and the tutorial's Flask service: the server on one core, wrk with 64 connections on the other.
Copse takes **{ratio:.2f} times** nginx's processor time per request. Under half of the load each
connection waits at random before it asks again; wrk counts in whole milliseconds, so that those that are
due in one ask together. 500 idle connections cost {max(0, middle["Copse"]["idle_cpu"]) * 100:.1f} % of a core. `make nginx` repeats it.

{source_line(record, path)}

{table(["", *names], rows)}
"""


def flask_section(record, path):
    copse, flask = record["medians"]["copse"], record["medians"]["flask"]
    rows = [[title, form.format(copse[key]), form.format(flask[key]),
             factor(max(copse[key] / flask[key], flask[key] / copse[key]))]
            for key, title, form in (
                ("c8_requests_per_s", "requests per second, 8 clients", "{:,.0f}"),
                ("c1_p50_ms", "p50 of one client, ms", "{:.3f}"),
                ("c8_p99_ms", "p99 of 8 clients, ms", "{:.2f}"),
                ("c8_cpu_us_per_request", "CPU per request, 8 clients, µs", "{:,.0f}"),
                ("memory_mb", "memory, MiB", "{:,.0f}"),
                ("start_ms", "start to first answer, ms", "{:,.0f}"))]
    return f"""## The service beside the tutorial's, both with Redis

Both record in the same Redis. `make flask` repeats it.

{source_line(record, path)}

{table(["", "Copse", "tutorial's Flask service", "ratio"], rows)}
"""


# ---- The image ----

def image_section(record, path):
    ours, theirs = record["copse"], record["flask"]
    def took(seconds, what):
        return f"{seconds[what]:,.1f} s" if what in seconds else "-"
    everything = ours["seconds"]["everything"]
    changes = [what for what in ours["seconds"] if what not in ("everything", "nothing")]
    shares = ", ".join(f"1/{everything / ours['seconds'][what]:,.0f} ({what})" for what in changes)
    rows = [["size", f"{ours['bytes'] / MB:,.1f} MB", f"{theirs['bytes'] / MB:,.1f} MB"],
            ["everything built", took(ours["seconds"], "everything"), took(theirs["seconds"], "everything")],
            ["nothing changed", took(ours["seconds"], "nothing"), took(theirs["seconds"], "nothing")],
            *([f"a line added to {what}", took(ours["seconds"], what), "-"] for what in changes),
            ["a line added to flask_service.py", "-", took(theirs["seconds"], "flask_service.py")]]
    same = ("the same digest of the image" if ours["same_digest"] else
            "the same layers" if all(ours["same_layers"]) else
            "**other layers than those before**")
    # What whoever ran it knows and the script cannot.
    note = f" {record['note']}" if "note" in record else ""
    return f"""## The image

Docker {record["engine"]}. *Everything* is without a layer and without a compiled file; packages come from the
builder's cache.{note} After a change, of what *everything* takes: {shares}. Everything built again gave {same}.
The tutorial's kind of image is Debian 12 with the Python packages that its service needs; the tutorial's own
base, Anaconda, was not measured. `make bench-image` repeats it.

{source_line(record, path)}

{table(["", "Copse", "the tutorial's kind"], rows)}
"""


def rebuild_section(record, path):
    """What a run of changes alone has measured, later than the image's own."""
    seconds = record["copse"]["seconds"]
    rows = [["nothing changed" if what == "nothing" else f"a line added to {what}", f"{took:,.1f} s"]
            for what, took in seconds.items()]
    note = f" {record['note']}" if "note" in record else ""
    return f"""### After a change, measured later

A line, such that the file has to be compiled: other than a comment in C++, which the compiler's cache
would not see.{note}
`/usr/bin/python3 tests/bench/bench_image.py --changes` repeats it.

{source_line(record, path)}

{table(["", "Copse"], rows)}
"""

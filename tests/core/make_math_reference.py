#!/usr/bin/python3
"""Writes tests/core/math_reference/FUNCTION.npy, what math_test.cc measures errors against.

Each is a little-endian float64 array [n, 3]: the argument, the true value rounded to the type of
the result (float64; float32 for exp_f and log_f), and what that rounding lost, in units of the
rounded value's last place. So the true value is known to more than 100 bits.

Needs mpmath, which computes with 300 bits here. Deterministic: a second run writes the same bytes.
"""
import math
import pathlib
import random
import struct

from mpmath import mp, mpf

mp.prec = 300
FOLDER = pathlib.Path(__file__).parent / "math_reference"
DOUBLE = {"bits": 53, "exponent_min": -1022, "exponent_max": 1023}
FLOAT = {"bits": 24, "exponent_min": -126, "exponent_max": 127}


def round_to(kind, value):
    """`value` rounded to nearest even, and (value - rounded) in units of the last place."""
    if value == 0:
        return 0.0, 0.0
    exponent = max(int(mp.floor(mp.log(abs(value), 2))), kind["exponent_min"])
    # The logarithm may be one off where the value is next to a power of two.
    while abs(value) >= mpf(2) ** (exponent + 1):
        exponent += 1
    while exponent > kind["exponent_min"] and abs(value) < mpf(2) ** exponent:
        exponent -= 1
    last_place = exponent - (kind["bits"] - 1)
    units = mp.ldexp(value, -last_place)
    whole = mp.nint(units)
    rounded = mp.ldexp(whole, last_place)
    if abs(rounded) >= mpf(2) ** (kind["exponent_max"] + 1):
        return math.copysign(math.inf, value), 0.0
    return float(rounded), float(units - whole)


def steps(x, n):
    """`x` and its n neighbours on either side."""
    found = [x]
    below = above = x
    for _ in range(n):
        below, above = math.nextafter(below, -math.inf), math.nextafter(above, math.inf)
        found += [below, above]
    return found


def to_float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def scattered(rng, exponent_low, exponent_high, n):
    """Both signs, uniform in the exponent."""
    return [rng.choice((-1, 1)) * math.ldexp(rng.uniform(1, 2), rng.randint(exponent_low, exponent_high))
            for _ in range(n)]


def exp_arguments(rng, scale, normal, tiny, top):
    """Arguments of exp and exp2: `scale` is the logarithm of 2 in the function's base."""
    xs = scattered(rng, -60, 9, 500)
    xs += [rng.uniform(tiny - 1, top + 1) for _ in range(900)]
    xs += [rng.uniform(-1, 1) for _ in range(500)]
    xs += [rng.uniform(tiny, normal) for _ in range(500)]  # subnormal results
    # Where the multiple of the reduction changes, and where nothing is left to reduce.
    for k in range(-1076, 1025, 12):
        xs += [(k + 0.5) * scale, k * scale, math.nextafter((k + 0.5) * scale, math.inf)]
    for edge in (tiny, normal, top, 0.5 * scale, -0.5 * scale):
        xs += steps(edge, 8)
    return [x for x in xs if tiny - 2 <= x <= top + 1]


def log_arguments(rng):
    xs = [abs(x) for x in scattered(rng, -1022, 1023, 900)]
    xs += [math.ldexp(rng.randint(1, 2**52 - 1), -1074) for _ in range(250)]  # subnormal
    xs += [math.ldexp(rng.randint(1, 1000), -1074) for _ in range(50)]
    xs += [rng.uniform(0.5, 2) for _ in range(900)]
    xs += [1 + x for x in scattered(rng, -52, -4, 700)]
    for edge in (1.0, math.sqrt(0.5), math.sqrt(2), 2.0**-1022, 2.0, 0.5, math.e):
        xs += steps(edge, 8)
    return xs + [5e-324, 1.7976931348623157e308]


def log1p_arguments(rng):
    xs = [abs(x) for x in scattered(rng, -1022, 1023, 400)]
    xs += scattered(rng, -80, -2, 700)
    xs += [rng.uniform(-1, 2) for _ in range(900)]
    xs += [-1 + abs(x) for x in scattered(rng, -53, -2, 300)]
    for edge in (-0.29, 0.41, math.sqrt(0.5) - 1, math.sqrt(2) - 1, 2.0**-54, -(2.0**-54), 1.0):
        xs += steps(edge, 8)
    return [x for x in xs if x > -1]


def write_npy(name, rows):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, 3), }" % len(rows)
    header += " " * (-(len(header) + 11) % 64) + "\n"
    body = b"".join(struct.pack("<3d", *row) for row in rows)
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body
    (FOLDER / (name + ".npy")).write_bytes(data)
    print(f"{name}: {len(rows)} arguments")


def write(name, function, kind, arguments):
    rows = [(x, *round_to(kind, function(mpf(x)))) for x in sorted(set(arguments))]
    write_npy(name, rows)


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = random.Random(20240601)
    ln2 = math.log(2)
    exp_xs = exp_arguments(rng, ln2, -708.3964185322641, -745.1332191019411, 709.782712893384)
    write("exp", mp.exp, DOUBLE, exp_xs)
    write("exp2", lambda x: mpf(2) ** x, DOUBLE, exp_arguments(rng, 1.0, -1022.0, -1075.0, 1024.0))
    log_xs = log_arguments(rng)
    write("log", mp.log, DOUBLE, log_xs)
    write("log1p", mp.log1p, DOUBLE, log1p_arguments(rng))
    float_xs = [rng.uniform(-104, 89) for _ in range(700)] + scattered(rng, -30, 6, 500)
    float_xs += [-87.33654, -103.97208, -103.27893, 88.72283, 88.7, 88.722839, -104.0]
    write("exp_f", mp.exp, FLOAT, [to_float32(x) for x in float_xs])
    float_xs = [abs(x) for x in scattered(rng, -126, 127, 500)]
    float_xs += [rng.uniform(0.5, 2) for _ in range(500)] + [1 + x for x in scattered(rng, -23, -4, 200)]
    float_xs += [math.ldexp(rng.randint(1, 2**22), -149) for _ in range(100)]
    write("log_f", mp.log, FLOAT, [to_float32(x) for x in float_xs])


if __name__ == "__main__":
    main()

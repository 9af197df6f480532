#!/usr/bin/env python3
"""Where plan_fuzzer starts: make_plan_seeds.py FOLDER writes some kilobytes, the same every time, and
copies the models of tests/vectors that the fuzzer takes.

The first bytes of a seed make the first choices of the fuzzer: the instruction set, how many rows
there are, and whether there are many small trees. The bytes behind them, and chance when they are
used up, choose the forest and its rows.
"""
import random
import shutil
import sys
from pathlib import Path

TARGETS = range(5)  # the fuzzer takes the remainder: more than there are do no harm
ROWS = {"few": 99, "many": 0}
TREES = {"few": 1, "many": 0}
BYTES = 40
VECTORS = Path(__file__).resolve().parents[1] / "vectors"
MODEL_BYTES_MAX = 65536  # -max_len cuts larger ones


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for model in VECTORS.glob("*/model.safetensors"):
        if model.stat().st_size <= MODEL_BYTES_MAX:
            shutil.copyfile(model, folder / f"{model.parent.name}.safetensors")
    chance = random.Random(1)
    for target in TARGETS:
        for rows, rows_byte in ROWS.items():
            for trees, trees_byte in TREES.items():
                for number in range(2):
                    name = f"{target}_{rows}_rows_{trees}_trees_{number}"
                    head = bytes([target, rows_byte, trees_byte])
                    (folder / name).write_bytes(head + chance.randbytes(BYTES))


if __name__ == "__main__":
    main()

"""The smallest file of docs/FORMAT.md: made from what is shown there, Copse reads it, answers as is said,
and writes the same tensors."""
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

from guide import ROOT, blocks_of

GUIDE = ROOT / "docs/FORMAT.md"
BINARY = os.environ.get("COPSE_BIN", str(ROOT / "build/bin/copse"))
CODES = {"F64": "d", "I32": "i", "U32": "I", "U16": "H", "U8": "B"}


def shown():
    """(header, numbers of each tensor in the order of the file) of the block."""
    (block,) = [block for block in blocks_of(GUIDE.read_text("utf-8")) if "example" in block.notes]
    text, data = [], []
    for line in block.text.splitlines():
        entry, numbers = re.fullmatch(r"(.*?)(?:\s{2,}([-\d. ]+?)(?:\s+\(.*\))?)?", line.rstrip()).groups()
        text.append(entry.strip())
        if numbers:
            data.append([float(each) if "." in each else int(each) for each in numbers.split()])
    return "".join(text), data


def file_of(text, data):
    entries = {name: entry for name, entry in json.loads(text).items() if name != "__metadata__"}
    packed = b"".join(struct.pack(f"<{len(numbers)}{CODES[entry['dtype']]}", *numbers)
                      for entry, numbers in zip(entries.values(), data, strict=True))
    return struct.pack("<Q", len(text.encode())) + text.encode() + packed


def header_and_data(content):
    length = struct.unpack_from("<Q", content)[0]
    return json.loads(content[8:8 + length]), content[8 + length:]


class Smallest(unittest.TestCase):
    def setUp(self):
        self.text, self.data = shown()
        self.path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "smallest.safetensors"
        self.path.write_bytes(file_of(self.text, self.data))

    def copse(self, *arguments, stdin=b""):
        return subprocess.run([BINARY, *arguments], input=stdin, check=True, capture_output=True).stdout

    def test_answers_as_is_said(self):
        said = self.copse("predict", "--model", str(self.path), "--input", "-", "--out", "-", stdin=b"1.5\n1.6\n")
        self.assertEqual([float(line) for line in said.split()], [10, 20])

    def test_is_what_copse_writes_but_for_the_checksum(self):
        written, data = header_and_data(self.copse("import", str(self.path), "-o", "-"))
        expected, expected_data = header_and_data(self.path.read_bytes())
        written["__metadata__"].pop("sha256")
        self.assertEqual(list(written.items()), list(expected.items()))
        self.assertEqual(data, expected_data)


if __name__ == "__main__":
    unittest.main()

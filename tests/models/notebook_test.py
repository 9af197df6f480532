"""The notebook models/iris.ipynb runs from top to bottom and makes the committed model again.

    python3 tests/models/notebook_test.py            # runs it in a temporary folder
    python3 tests/models/notebook_test.py --save     # runs it and stores its outputs in the notebook
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
NOTEBOOK = MODELS / "iris.ipynb"
SAVED_BYTES_MAX = 300_000
KERNEL = "copse-notebook-test"


def _use_own_jupyter(folder):
    """A kernel of this very Python, and no settings of the person who runs the test."""
    spec = folder / "kernels" / KERNEL
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({
        "argv": [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": KERNEL, "language": "python"}))
    os.environ.update(JUPYTER_DATA_DIR=str(folder), JUPYTER_CONFIG_DIR=str(folder / "config"),
                      JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
                      IPYTHONDIR=str(folder / "ipython"), MPLCONFIGDIR=str(folder / "matplotlib"))
    for name in ("MPLBACKEND", "JUPYTER_PATH", "PYTHONPATH"):
        os.environ.pop(name, None)


def run():
    """(the notebook after a run in a folder with only what it needs, the model file it wrote)"""
    with tempfile.TemporaryDirectory(prefix="copse-notebook-") as temporary:
        temporary = pathlib.Path(temporary)
        _use_own_jupyter(temporary / "jupyter")
        work = temporary / "work"
        work.mkdir()
        for name in ("iris.csv", "copse_export.py"):
            shutil.copy(MODELS / name, work)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        runner = ExecutePreprocessor(timeout=300, kernel_name=KERNEL, record_timing=False)
        runner.preprocess(notebook, {"metadata": {"path": str(work)}})
        return notebook, (work / "iris.safetensors").read_bytes()


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell):
    """What a cell prints and shows as text; plots are told by their kind only."""
    shown = []
    for output in cell.outputs:
        if output.output_type == "stream":
            shown.append((output.name, output.text))
        elif "image/png" in output.data:
            shown.append(("plot", "image/png"))
        else:
            shown.append(("result", output.data["text/plain"]))
    return shown


class Notebook(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.saved = nbformat.read(NOTEBOOK, as_version=4)
        cls.ran, cls.model = run()

    def test_the_model_comes_out_byte_for_byte(self):
        self.assertEqual(self.model, (MODELS / "iris.safetensors").read_bytes())

    def test_the_saved_notebook_is_valid_and_was_run_once_from_top_to_bottom(self):
        nbformat.validate(self.saved)
        counts = [cell.execution_count for cell in code_cells(self.saved)]
        self.assertEqual(counts, list(range(1, len(counts) + 1)))

    def test_the_saved_code_is_what_ran(self):
        self.assertEqual([cell.source for cell in self.saved.cells],
                         [cell.source for cell in self.ran.cells])

    def test_the_saved_outputs_are_those_of_the_run(self):
        for saved, ran in zip(code_cells(self.saved), code_cells(self.ran)):
            self.assertEqual(texts(saved), texts(ran), saved.id)

    def test_it_shows_plots_and_no_complaints(self):
        shown = [kind for cell in code_cells(self.ran) for kind, _ in texts(cell)]
        self.assertGreaterEqual(shown.count("plot"), 4)
        self.assertNotIn("stderr", shown)

    def test_the_saved_notebook_is_small(self):
        self.assertLess(NOTEBOOK.stat().st_size, SAVED_BYTES_MAX)

    def test_the_number_of_threads_changes_no_byte(self):
        program = "import iris_model, sys; sys.stdout.buffer.write(iris_model.dumps())"
        for threads in ("1", "3"):
            environment = dict(os.environ, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
            made = subprocess.run([sys.executable, "-c", program], cwd=pathlib.Path(__file__).parent,
                                  env=environment, check=True, stdout=subprocess.PIPE, timeout=300)
            self.assertEqual(made.stdout, self.model, f"{threads} threads")


def save():
    notebook, _ = run()
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)",
                                       "language": "python", "name": "python3"}
    for cell in code_cells(notebook):
        cell.metadata = {}
    NOTEBOOK.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--save"]:
        save()
    else:
        unittest.main()

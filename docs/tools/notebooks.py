"""Run the notebooks and keep their outputs, without times and counts that change with every run.

python docs/tools/notebooks.py [NOTEBOOK ...]        all of notebooks/ by default
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


def run(path: Path) -> None:
    """Run a notebook and write its outputs; refuse one that wrote to the standard error."""
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, kernel_name="python3", record_timing=False).execute()
    for place, cell in enumerate(book.cells):
        cell.pop("id", None)
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise SystemExit(f"{path.name}: cell {place} shows a red box: {output['text'][:300]}")
            if "image/svg+xml" in output.get("data", ()):
                output["data"]["text/plain"] = "<Picture>"  # the text of a picture is the same SVG again
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    book.nbformat, book.nbformat_minor = 4, 4
    nbformat.write(book, path)


if __name__ == "__main__":
    for name in sys.argv[1:] or sorted(map(str, FOLDER.glob("*.ipynb"))):
        run(Path(name))

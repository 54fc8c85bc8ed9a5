"""The tutorial as a notebook: run by a kernel, its results are those that stand in it.

After a change that is meant, ``python -m tests.integrations.test_tutorial_notebook`` rewrites it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "tutorial.ipynb"


def run_notebook(folder: Path) -> Any:
    """The notebook as a kernel leaves it."""
    import nbclient
    import nbformat

    book = nbformat.read(NOTEBOOK, as_version=4)
    for cell in book.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbclient.NotebookClient(
        book, timeout=120, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return book


def _told(cell: Any) -> list[str]:
    """What stands under a cell, as text; times and addresses left out.

    How many corrections were tried depends on how busy the machine is.
    """
    texts: list[str] = []
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            texts.append(output.ename)
        elif "data" in output:
            text = "".join(output.data.get("text/plain", ""))
            texts.append(text.partition("\n  To fix")[0])
    cell_file = r"\S*ipykernel_\d+\S*\.py|<ipython-input-[^>]*>|In\[\d+\]"
    plain = [re.sub(r"\d+(\.\d+)? m?s\b", "N ms", text) for text in texts]
    return [re.sub(cell_file, "cell", re.sub(r"RuntimeError: .*", "", text)) for text in plain]


def test_its_results_stand_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS")  # a notebook has no width
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    stored = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(stored)
    ran = run_notebook(tmp_path)
    for before, after in zip(stored.cells, ran.cells, strict=True):
        assert _told(before) == _told(after), before.source
    explained = next(c for c in ran.cells if "raises-exception" in c.metadata.get("tags", ()))
    assert "16 channels × 5 × 5" in " ".join(_told(explained))


if __name__ == "__main__":
    import tempfile

    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        book = run_notebook(Path(folder))
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(book, NOTEBOOK)

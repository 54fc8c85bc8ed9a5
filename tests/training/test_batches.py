"""Two sources of batches that hand out the same bytes, and how one of them is chosen."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cnnshape.training import batches as module
from cnnshape.training.batches import LoaderBatches, MemoryBatches, place
from cnnshape.training.examples import ImageSet, PictureFiles
from tests.training.test_datasets import make_folder

CPU = torch.device("cpu")


@pytest.fixture
def pictures() -> ImageSet:
    images = torch.randint(0, 256, (30, 1, 28, 28), dtype=torch.uint8)
    return ImageSet(images, torch.arange(30) % 10)


CHUNKS = [torch.tensor([3, 1, 4]), torch.empty(0, dtype=torch.int64), torch.tensor([29])]


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_and_loader_agree(pictures: ImageSet, workers: int) -> None:
    memory = MemoryBatches.load(pictures, CPU).stream(CHUNKS)
    loader = LoaderBatches(pictures, CPU, workers).stream(CHUNKS)
    for one, other, chunk in zip(memory, loader, CHUNKS, strict=True):
        assert one.indices.tolist() == other.indices.tolist() == chunk.tolist()
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.images, pictures.images[chunk])


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_leaves_the_workers_at_work(pictures: ImageSet) -> None:
    """A terminal sends it to all; the run finishes its batch and needs them for that."""
    chunks = [torch.tensor([index]) for index in range(30)]
    stream = LoaderBatches(pictures, CPU, 2).stream(chunks)
    seen = [next(stream).indices]
    children = multiprocessing.active_children()
    assert children
    for child in children:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(child.pid, number)
    seen += [batch.indices for batch in stream]
    assert torch.cat(seen).tolist() == list(range(30))


def test_no_more_workers_than_cores(pictures: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    stream = LoaderBatches(pictures, CPU, 3).stream(CHUNKS)
    next(stream)
    assert len(multiprocessing.active_children()) == 1
    assert len(list(stream)) == 2


def test_files_are_read_alike(tmp_path: Path) -> None:
    make_folder(tmp_path)
    paths = sorted(tmp_path.rglob("*.png"))
    files = PictureFiles(paths, torch.arange(len(paths)), (1, 28, 28))
    chunks = [torch.tensor([5, 0]), torch.tensor([7])]
    memory = MemoryBatches.load(files, CPU).stream(chunks)
    for one, other in zip(memory, LoaderBatches(files, CPU).stream(chunks), strict=True):
        assert torch.equal(one.images, other.images)


def test_no_batches() -> None:
    assert list(MemoryBatches(torch.zeros(1, 1, 2, 2), torch.zeros(1)).stream([])) == []


def test_what_does_not_fit_is_read_batch_by_batch(
    pictures: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, note = place(pictures, CPU, "auto")
    assert isinstance(source, MemoryBatches)
    assert note == "0.0 MiB of pictures in memory"
    # 30 pictures are 23,520 bytes: more than half of what is left.
    monkeypatch.setattr(module, "free_memory", lambda device: 40_000)
    source, note = place(pictures, CPU, "auto")
    assert isinstance(source, LoaderBatches)
    assert "do not fit into half of the free 0.0 MiB" in note
    assert isinstance(place(pictures, CPU, "memory")[0], MemoryBatches)
    assert isinstance(place(pictures, CPU, "loader")[0], LoaderBatches)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_workers_end_with_the_process() -> None:
    """Also those of a stream that nobody finished or closed, as a traceback keeps one."""
    script = """
import sys, torch
from cnnshape.training.batches import LoaderBatches
from cnnshape.training.examples import ImageSet
pictures = ImageSet(torch.zeros(30, 1, 28, 28, dtype=torch.uint8), torch.zeros(30).long())
chunks = [torch.tensor([index]) for index in range(30)]
sys.kept = stream = LoaderBatches(pictures, torch.device("cpu"), 2).stream(chunks)
next(stream)
"""
    ended = subprocess.run([sys.executable, "-c", script], timeout=60, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")

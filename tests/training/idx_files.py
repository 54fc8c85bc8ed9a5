"""Writing IDX files byte by byte, as the page of the MNIST database describes the format."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def write_idx(path: Path, values: np.ndarray) -> Path:
    """Two zero bytes, type 8 (unsigned byte), number of axes, big-endian sizes, values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim)
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + sizes + values.astype(np.uint8).tobytes())
    return path


def write_set(
    raw: Path,
    *,
    train: int = 40,
    test: int = 20,
    size: int = 28,
    classes: int = 10,
    first: int = 0,
    stems: tuple[str, str] = ("train", "t10k"),
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """A data set of striped pictures whose class is told by the stripes' place."""
    random = np.random.default_rng(seed)
    written: dict[str, np.ndarray] = {}
    for stem, count in zip(stems, (train, test), strict=True):
        labels = np.arange(count) % classes
        images = random.integers(0, 40, (count, size, size))
        for image, label in zip(images, labels, strict=True):
            row = 2 + 2 * (int(label) % ((size - 4) // 2))
            image[row : row + 2, 4 : size - 4] = 255
        written[f"{stem}-images"] = images.astype(np.uint8)
        written[f"{stem}-labels"] = (labels + first).astype(np.uint8)
        write_idx(raw / f"{stem}-images-idx3-ubyte", images)
        write_idx(raw / f"{stem}-labels-idx1-ubyte", labels + first)
    return written

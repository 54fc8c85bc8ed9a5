"""Labelled pictures, as bytes: in memory, or in files that are read when needed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from cnnshape.training.picture_files import fit_picture, open_picture


class Examples(Protocol):
    """N pictures C×H×W of bytes with their labels."""

    @property
    def labels(self) -> Tensor:
        """int64, N."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of one picture."""
        ...

    def read(self, indices: Tensor) -> Tensor:
        """The pictures at ``indices`` (int64 on the CPU) as uint8, len(indices)×C×H×W."""
        ...

    def fingerprint(self) -> str:
        """Changes when the data do; cheap enough to be taken at every start."""
        ...


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Pictures that are one uint8 tensor N×C×H×W in memory.

    >>> pictures = ImageSet(torch.zeros(3, 1, 28, 28, dtype=torch.uint8), torch.tensor([0, 1, 1]))
    >>> pictures.read(torch.tensor([2, 0])).shape
    torch.Size([2, 1, 28, 28])
    """

    images: Tensor
    labels: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of one picture."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def read(self, indices: Tensor) -> Tensor:
        """The pictures at ``indices``."""
        return self.images.index_select(0, indices)

    def fingerprint(self) -> str:
        """CRC-32 of pictures and labels, eight hexadecimal digits."""
        crc = 0
        for tensor in (self.images, self.labels):
            crc = zlib.crc32(cast("Any", tensor.contiguous().numpy()), crc)
        return f"{crc:08x}"


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """Pictures in files of any size and format, fitted to C×H×W when they are read."""

    paths: Sequence[Path]
    labels: Tensor
    shape: tuple[int, int, int]

    def read(self, indices: Tensor) -> Tensor:
        """The pictures at ``indices``; decoding runs on several threads.

        Raises:
            DataError: a file is missing or is no picture; the message names it.
        """
        chosen = [self.paths[index] for index in indices.tolist()]
        if not chosen:
            return torch.empty((0, *self.shape), dtype=torch.uint8)
        if len(chosen) == 1:
            return self._read_one(chosen[0])[None]
        with ThreadPoolExecutor() as pool:
            return torch.stack(list(pool.map(self._read_one, chosen)))

    def _read_one(self, path: Path) -> Tensor:
        return fit_picture(open_picture(path), self.shape)

    def fingerprint(self) -> str:
        """CRC-32 of every file's class, name and size."""
        crc = 0
        for path, label in zip(self.paths, self.labels.tolist(), strict=True):
            crc = zlib.crc32(f"{label}/{path.name}/{path.stat().st_size}".encode(), crc)
        return f"{crc:08x}"

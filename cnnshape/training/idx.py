"""Checking IDX files, the format of MNIST, before anybody reads pictures out of them.

An IDX file begins with two zero bytes, a type (8: unsigned bytes) and the number of
axes, then one big-endian 32-bit size per axis, then the values
(LeCun, Cortes, Burges, "The MNIST database").
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

from cnnshape.errors import DataError
from cnnshape.files import write_atomic

_UNSIGNED_BYTE = 8


def check_idx(path: Path, axes: int) -> tuple[int, ...]:
    """The sizes of the array in the IDX file ``path``, if the file is whole.

    Raises:
        DataError: it is no IDX file of unsigned bytes with that many axes, or is too
            short or too long; the message names the file and says what to do.
    """
    try:
        length = path.stat().st_size
        with path.open("rb") as stream:
            header = stream.read(4 + 4 * axes)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    advice = "delete it and run again to download it anew, or put an intact copy there"
    if header[:2] != b"\0\0" or len(header) < 4 or header[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{path} is damaged: it does not begin as an IDX file of bytes does; {advice}"
        )
    if header[3] != axes:
        raise DataError(
            f"{path} holds an array of {header[3]} axes where {axes} are expected "
            f"({'labels' if header[3] == 1 else 'pictures'} in the place of "
            f"{'labels' if axes == 1 else 'pictures'}?); {advice}"
        )
    if len(header) < 4 + 4 * axes:
        raise DataError(
            f"{path} is cut short: {length} bytes do not even hold its header; {advice}"
        )
    sizes = tuple(int.from_bytes(header[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    expected = 4 + 4 * axes + math.prod(sizes)
    if length != expected:
        fault = "cut short" if length < expected else "too long"
        raise DataError(
            f"{path} is {fault}: {expected:,} bytes are expected for "
            f"{'×'.join(map(str, sizes))} values, it has {length:,}; {advice}"
        )
    return sizes


def unpack(archive: Path, target: Path) -> None:
    """Write the content of a ``.gz`` file to ``target``, atomically.

    Raises:
        DataError: the archive is damaged or cut short.
    """
    try:
        with gzip.open(archive) as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{archive} is damaged or cut short ({error}); delete it and run again to download "
            "it anew, or put an intact copy there"
        ) from error
    write_atomic(target, content)

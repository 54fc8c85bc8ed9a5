"""The tensors of a checkpoint by name and size, read without their values.

A safetensors file says all of it in its header. Of a torch file the pickle is read, with nothing
but tensors allowed in it, and its tensors are put on meta.
"""

from __future__ import annotations

import json
import math
import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, cast

import torch
from torch import Tensor

from cnnshape.errors import WeightsError
from cnnshape.loading.spec import ModelSpec
from cnnshape.loading.stored.saved_model import content_of
from cnnshape.loading.weights import state_dict_in

#: Bytes that the header of a safetensors file may have, as its own library has it.
_LONGEST_HEADER = 100_000_000

#: How safetensors spells a dtype, where it is not torch's name in other letters.
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
    "C64": "complex64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor of a file; ``shared_with`` are further names of the same numbers."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    shared_with: tuple[str, ...] = ()


def stored_tensors(spec: ModelSpec, *, trust_pickle: bool = False) -> list[StoredTensor] | None:
    """What a file of weights holds; None where the MODEL is a model after all.

    Args:
        spec: a MODEL argument.
        trust_pickle: unpickle what the file holds beside tensors, which runs whatever it says.

    Raises:
        ModelNotFoundError: there is no such file.
        WeightsError: it is damaged, or holds no tensors by name.
    """
    if spec.kind != "saved":
        return None
    path = Path(spec.source).expanduser()
    content = content_of(path)
    if content == "weights":
        read = _read_index if path.suffix.lower() == ".json" else _read_safetensors
        return list(read(path))
    return _read_torch(path, trust_pickle) if content == "pickle" else None


# ---- torch.save -------------------------------------------------------------------------


def _read_torch(path: Path, trust_pickle: bool) -> list[StoredTensor] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content: object = torch.load(
                path,
                map_location="meta",
                weights_only=not trust_pickle,
                mmap=zipfile.is_zipfile(path),
            )
    except pickle.UnpicklingError:
        return None  # a module, perhaps; whoever loads that says why it is not unpickled
    except Exception as error:
        raise WeightsError(
            f"{path} cannot be read as a torch file ({type(error).__name__}); it may be truncated"
        ) from error
    if not _is_checkpoint(content):
        return None
    return _stored(state_dict_in(content, path))


def _is_checkpoint(content: object) -> bool:
    """Whether there is no module in it, neither as a whole nor in a training loop's dictionary."""
    modules = (torch.nn.Module,)
    if isinstance(content, Mapping):
        values = cast("Mapping[Any, object]", content).values()
        return not any(isinstance(value, modules) for value in values)
    return not isinstance(content, modules)


def _stored(state: Mapping[str, Tensor]) -> list[StoredTensor]:
    same: dict[object, list[str]] = {}
    first: dict[object, Tensor] = {}
    for name, tensor in state.items():
        # `_extra_state` may be anything; only tensors have a size.
        if isinstance(tensor, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
            key = _identity(tensor)
            same.setdefault(key, []).append(name)
            first.setdefault(key, tensor)
    return [
        StoredTensor(
            names[0],
            tuple(first[key].shape),
            str(first[key].dtype).removeprefix("torch."),
            first[key].numel() * first[key].element_size(),
            tuple(names[1:]),
        )
        for key, names in same.items()
    ]


def _identity(tensor: Tensor) -> object:
    """Equal for two names of the same numbers: a tied weight is saved once."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        return id(tensor)
    memory = tensor.untyped_storage()._cdata  # noqa: SLF001 - torch has no public name for it
    return memory, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


# ---- safetensors ------------------------------------------------------------------------


def _read_safetensors(path: Path) -> Iterator[StoredTensor]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise _damaged(path, "its header is longer than the file")
        header = _json(path, file.read(length))
    header.pop("__metadata__", None)
    stored = [_from_header(path, name, entry) for name, entry in header.items()]
    held = size - 8 - length
    told = sum(tensor.bytes for tensor in stored)
    if told != held:
        raise _damaged(path, f"its header tells of {told:,} bytes and {held:,} are there")
    yield from stored


def _from_header(path: Path, name: str, entry: object) -> StoredTensor:
    try:
        fields = cast("Mapping[str, Any]", entry)
        shape = tuple(fields["shape"])
        begin, end = fields["data_offsets"]
        dtype = str(fields["dtype"])
        whole = all(type(size) is int and size >= 0 for size in (*shape, begin, end))
        fits = 8 * (end - begin) == math.prod(shape) * _bits(dtype)
    except (TypeError, KeyError, ValueError):
        whole = fits = False
        shape, begin, end, dtype = (), 0, 0, ""
    if not whole or not fits:
        raise _damaged(path, f"what its header says of {name!r} cannot be")
    return StoredTensor(name, shape, _DTYPES.get(dtype, dtype.lower()), end - begin)


def _bits(dtype: str) -> int:
    """The bits of one number, which stand in its name.

    >>> _bits("BF16"), _bits("F8_E4M3"), _bits("BOOL")
    (16, 8, 8)
    """
    return int("".join(filter(str.isdecimal, dtype.partition("_")[0])) or 8)


def _read_index(path: Path) -> Iterator[StoredTensor]:
    """The tensors of all the files that an index names, file by file."""
    index = _json(path, path.read_bytes()).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise _damaged(path, "it has no weight_map")
    names = cast("dict[str, object]", index)
    for shard in dict.fromkeys(map(str, names.values())):
        file = _shard(path, shard)
        stored: list[StoredTensor] | None
        if file.name.lower().endswith(".safetensors"):
            stored = list(_read_safetensors(file))
        else:
            stored = _read_torch(file, trust_pickle=False)
        if stored is None:
            raise WeightsError(f"{file} holds pickled Python objects, and only tensors are read")
        found = {tensor.name: tensor for tensor in stored}
        for name in (name for name, place in names.items() if place == shard):
            if name not in found:
                raise WeightsError(f"{path} looks for {name} in {file.name}, which has no such")
            yield found[name]


def _shard(path: Path, name: str) -> Path:
    if name != PurePath(name).name or "\\" in name:
        raise _damaged(path, f"{name!r} is no file beside it")
    file = path.parent / name
    if not file.is_file():
        raise WeightsError(f"{path} names {name}, and there is no such file beside it")
    return file


def _json(path: Path, text: bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON") from error
    if not isinstance(found, dict):
        raise _damaged(path, "its header is no JSON object")
    return cast("dict[str, Any]", found)


def _damaged(path: Path, why: str) -> WeightsError:
    return WeightsError(f"{path} is damaged or no checkpoint: {why}")

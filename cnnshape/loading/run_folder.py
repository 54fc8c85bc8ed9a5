"""The format of a run folder, which ``cnnshape train`` writes and every command reads.

================  =====================================================================
file              what it holds
================  =====================================================================
``config.json``   the model, the data, every setting, and the versions it was made with
``metrics.jsonl`` one JSON object per finished epoch
``last.pt``       everything needed to go on: weights, optimizer, position, history
``best.pt``       the weights of the best epoch
``curves.svg``    loss and accuracy over the epochs
``result.json``   how it ended; written last: a folder that holds it is finished
================  =====================================================================

Checkpoints hold tensors and plain Python values only and are read with
``weights_only=True``, and code that ``config.json`` names (``net.py:Net``) is run for a caller
that says so, so that a folder from somebody else cannot run any.
Importing this module does not import torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from cnnshape.errors import ModelNotFoundError, RunFolderError, WeightsError
from cnnshape.interrupts import held
from cnnshape.loading.network import TRAINABLE, build_network, names_code
from cnnshape.loading.spec import ModelSpec, parse_spec
from cnnshape.models.registry import bundled_models, find_bundled
from cnnshape.words import times

if TYPE_CHECKING:
    import os

    from torch import nn

FORMAT = 1
"""Version of the folder's format; raised when an older cnnshape could not read a newer one."""

CONFIG = "config.json"
METRICS = "metrics.jsonl"
LAST = "last.pt"
BEST = "best.pt"
CURVES = "curves.svg"
RESULT = "result.json"

_MOST_PIXELS = 2**26
"""Of one picture; a folder that asks for more is damaged."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run folder says about its model and its data.

    Attributes:
        folder: where it lies.
        model: the network, as it is named: a bundled one, or a MODEL with an absolute path.
        classes: the names of the classes, in the order of the model's outputs.
        input_shape: channels, height, width of one picture.
        mean: subtracted from each channel of a picture in 0…1 before the model sees it.
        std: what each channel is divided by after that.
        background: median of the training pictures' borders per channel, in 0…1.
        dark_background: whether the training pictures are light on dark.
        extent: how much of the frame's larger side the object in them takes, typically.
        sharpness: the ends of what is usual among the training pictures; None in older runs.
        data_name: what was given as ``--data``.
        data: the whole ``data`` part of ``config.json``.
        settings: the whole ``training`` part of ``config.json``.
        environment: versions and machine that the run began with.
    """

    folder: Path
    model: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[float, ...]
    dark_background: bool
    extent: float
    data_name: str
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    sharpness: tuple[float, float] | None = None

    @property
    def spec(self) -> ModelSpec:
        """The model, taken apart."""
        return parse_spec(self.model)

    @property
    def names_code(self) -> bool:
        """Whether its network is built by code that is in no library of models."""
        return names_code(self.spec)


def is_run_folder(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is a folder that ``cnnshape train`` may have written.

    >>> is_run_folder("no/such/folder")
    False
    """
    return (Path(path) / CONFIG).is_file()


def read_run(path: str | os.PathLike[str]) -> Run:
    """Read ``config.json`` of the run folder ``path``.

    Raises:
        RunFolderError: there is no such folder, its ``config.json`` is missing or damaged,
            or a newer cnnshape wrote it.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise RunFolderError(
            f"there is no run folder {str(path)!r}; `cnnshape train` writes one under runs/"
        )
    content = _read_json(folder)
    _check_format(folder, content)
    try:
        return _parse(folder, content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RunFolderError(
            f"{folder / CONFIG} is not what `cnnshape train` writes ({_reason(error)}); "
            "restore the file or train again"
        ) from error


def load_run(
    path: str | os.PathLike[str],
    *,
    weights: Literal["best", "last"] = "best",
    trust_code: bool = False,
) -> nn.Module:
    """Rebuild the model of a run on the CPU, in eval mode, with its trained weights.

    The caller's random state is left as it was.

    Args:
        path: the run folder.
        weights: those of the best epoch, or of the last.
        trust_code: run the code that the folder names, where it names any.

    Raises:
        RunFolderError: the folder, or its checkpoint, cannot be read, or its code is not trusted.
        WeightsError: the checkpoint belongs to another model.
    """
    run = read_run(path)
    name = BEST if weights == "best" else LAST
    if not (run.folder / name).is_file():
        why = f"not one epoch has finished; go on with `cnnshape train --resume {run.folder}`"
        if (run.folder / RESULT).is_file():
            why = _other_checkpoint(run.folder / name)
        raise RunFolderError(f"{run.folder} holds no {name}: {why}")
    checkpoint = read_checkpoint(run.folder / name)
    model = build_model(run, trust_code=trust_code)
    load_state(model, checkpoint.get("model"), run.folder / name)
    return model.eval()


def check_trust(run: Run, *, trust_code: bool) -> None:
    """Refuse code that a run folder names, unless it is trusted.

    Raises:
        RunFolderError: it names code, and ``trust_code`` is not set.
    """
    if run.names_code and not trust_code:
        raise RunFolderError(
            f"{run.folder} names code as its network, {run.model!r}, and a run folder may come "
            "from anybody: its code is run with --trust-code only"
        )


def build_model(run: Run, *, trust_code: bool = False) -> nn.Module:
    """The run's network with fresh weights on the CPU; the random state is left as it was.

    Raises:
        RunFolderError: its code is not trusted.
        UsageError: the model cannot be built any more.
    """
    import torch

    check_trust(run, trust_code=trust_code)
    with torch.random.fork_rng(devices=[]):
        return build_network(run.spec, len(run.classes), run.input_shape)


def load_state(model: nn.Module, state: object, source: Path) -> None:
    """Copy a state dict into ``model``, or say in one sentence why it does not fit.

    Raises:
        WeightsError: the names or shapes are those of another model.
    """
    if not isinstance(state, Mapping):
        raise WeightsError(f"{source} holds no weights: it has no entry 'model'")
    weights = cast("Mapping[str, Any]", state)
    own = model.state_dict()
    missing = [name for name in own if name not in weights]
    extra = [name for name in weights if name not in own]
    if missing or extra:
        wrong = f"it lacks {missing[0]}" if missing else f"it has {extra[0]} besides"
        raise WeightsError(
            f"the weights in {source} are those of another model than "
            f"{type(model).__name__}: {wrong}"
        )
    for name, tensor in own.items():
        given: Any = weights[name]
        if not hasattr(given, "shape"):
            raise WeightsError(f"{source} holds no weights: {name} is no tensor")
        if tuple(given.shape) != tuple(tensor.shape):
            raise WeightsError(
                f"the weights in {source} do not fit {type(model).__name__}: {name} is "
                f"{times(given.shape, 'a single number')} there, "
                f"the model needs {times(tensor.shape, 'a single number')}"
            )
    with held():
        model.load_state_dict(dict(weights))


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of ``last.pt`` or ``best.pt``, its tensors on the CPU.

    Raises:
        RunFolderError: the file cannot be read or is damaged.
    """
    import torch

    file = Path(path)
    try:
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RunFolderError(f"cannot read {file}: {error.strerror or error}") from error
    except Exception as error:  # there is no end to how a damaged pickle can fail
        raise RunFolderError(
            f"{file} is damaged or is not a checkpoint of cnnshape; {_other_checkpoint(file)}"
        ) from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{file} is not a checkpoint of cnnshape: it holds no dictionary")
    return cast("dict[str, Any]", content)


def _other_checkpoint(file: Path) -> str:
    if file.name == LAST and (file.parent / RESULT).is_file():
        return f"the run is finished, and its best weights are in {BEST}; train again for its last"
    if file.name == LAST:
        return f"delete it and `cnnshape train --resume {file.parent}` begins again"
    return f"`cnnshape train --resume {file.parent}` writes it anew"


def _read_json(folder: Path) -> Mapping[str, Any]:
    file = folder / CONFIG
    if not file.is_file():
        raise RunFolderError(
            f"the folder {str(folder)!r} holds no {CONFIG}, so it is not a run of `cnnshape train`"
        )
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunFolderError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:  # not JSON, or not UTF-8
        raise RunFolderError(f"{file} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{file} is not what `cnnshape train` writes: it is no JSON object")
    return cast("Mapping[str, Any]", content)


def _check_format(folder: Path, content: Mapping[str, Any]) -> None:
    version = content.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise RunFolderError(
            f"{folder} was written by cnnshape {content.get('cnnshape', 'of a later version')} "
            f"(run format {version}), and this version reads format {FORMAT}: "
            "pip install --upgrade cnnshape"
        )
    if version != FORMAT:
        raise RunFolderError(
            f"{folder / CONFIG} is not what `cnnshape train` writes: it has no format number"
        )


def _parse(folder: Path, content: Mapping[str, Any]) -> Run:
    name = content["model"]["name"]
    model = _known_model(folder, name)
    parts: list[Any] = [content[part] for part in ("data", "training", "environment")]
    if not all(isinstance(part, Mapping) for part in parts):
        raise TypeError("a part that is no JSON object")
    data, settings, environment = parts
    channels, height, width = (int(size) for size in content["model"]["input_shape"])
    bundled = find_bundled(model)
    takes = bundled.usual_input == (1, channels, height, width) if bundled else channels in (1, 3)
    if not takes or min(height, width) < 1 or height * width > _MOST_PIXELS:
        raise ValueError(f"{name} does not take pictures of {times((channels, height, width))}")
    return Run(
        folder=folder,
        model=model,
        classes=tuple(str(label) for label in data["classes"]),
        input_shape=(channels, height, width),
        mean=_per_channel(data["mean"], channels),
        std=tuple(map(_positive, _per_channel(data["std"], channels))),
        background=_per_channel(data["background"], channels),
        dark_background=bool(data["dark_background"]),
        extent=_positive(data.get("extent", 1.0)),
        data_name=str(data["name"]),
        data=data,
        settings=settings,
        environment=environment,
        sharpness=_ends(data.get("sharpness")),
    )


def _known_model(folder: Path, name: object) -> str:
    """The model as a run may name it."""
    try:
        spec = parse_spec(name) if isinstance(name, str) else None
    except ModelNotFoundError:
        spec = None
    if spec is None or spec.kind not in TRAINABLE:
        known = ", ".join(model.name for model in bundled_models())
        raise RunFolderError(
            f"{folder} is a run of the model {name!r}, which this version does not have; "
            f"it has {known}"
        )
    return spec.source if spec.kind == "bundled" and not spec.arguments else spec.text


def _ends(values: Sequence[Any] | None) -> tuple[float, float] | None:
    if values is None:
        return None
    low, high = map(_finite, values)
    return low, high


def _per_channel(values: Sequence[Any], channels: int) -> tuple[float, ...]:
    if len(values) != channels:
        raise ValueError(f"{len(values)} values for {channels} channels")
    return tuple(map(_finite, values))


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):  # Python's JSON has NaN and Infinity
        raise ValueError(f"{value} where a finite number belongs")
    return number


def _positive(value: Any) -> float:
    number = _finite(value)
    if number <= 0:
        raise ValueError(f"{value} where a positive number belongs")
    return number


def _reason(error: Exception) -> str:
    return f"no entry {error}" if isinstance(error, KeyError) else str(error)

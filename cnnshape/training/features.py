"""What a layer makes of a picture: its output for one input, and a drawing of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnshape.errors import ModelFailedError, UsageError
from cnnshape.loading.model import load
from cnnshape.loading.run_folder import is_run_folder, load_run, read_run
from cnnshape.messages import say
from cnnshape.training import plotting
from cnnshape.training.devices import choose_device
from cnnshape.training.model_pictures import picture_for
from cnnshape.training.picture_files import open_picture
from cnnshape.training.prediction import fit_for_run
from cnnshape.training.preparation import Preparation
from cnnshape.training.random_weights import random_weights
from cnnshape.words import did_you_mean, times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_MAPS = 64
"""Feature maps that are drawn; of more, the first."""


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """One layer's output for one picture.

    Attributes:
        layer: the layer's path in the model.
        type: its class.
        picture: what the model was given, C×H×W, before normalisation, in 0…1.
        output: what the layer gave, without the batch: C×H×W, tokens×features, or a vector.
        random: the model's weights are random.
    """

    layer: str
    type: str
    picture: Tensor
    output: Tensor
    random: bool = False

    @property
    def name(self) -> str:
        """The layer and its class; the class alone where it is the whole model."""
        return f"{self.layer}  {self.type}".strip()


def feature_maps(
    model: nn.Module,
    picture: Tensor,
    prepared: Tensor,
    layer: str | None = None,
    *,
    device: torch.device | None = None,
) -> FeatureMaps:
    """Run ``model`` on one picture and keep what ``layer`` gives at its first call.

    The model is left as it was: mode, hooks, device.

    Args:
        model: any network that takes one picture.
        picture: C×H×W in 0…1, for showing.
        prepared: the same as the model takes it, 1×C×H×W.
        layer: a module's path, as ``inspect`` shows it; ``""`` is the model itself, and None the
            first convolution, or the model where it is a layer alone.
        device: where to run; where the model is by default.

    Raises:
        UsageError: no such layer, or it does not run, or gives no tensor.
        ModelFailedError: the model does not take this picture.

    >>> from cnnshape.models.lenet import LeNet
    >>> blank = torch.zeros(1, 28, 28)
    >>> tuple(feature_maps(LeNet(), blank, blank[None], "C2").output.shape)
    (16, 10, 10)
    """
    name, module = _find_layer(model, layer)
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _arguments: Any, output: Any) -> None:
        if not kept and isinstance(output, Tensor):
            kept.append(output.detach())

    modes = [(each, each.training) for each in model.modules()]
    home = next((tensor.device for tensor in model.parameters()), torch.device("cpu"))
    handle = module.register_forward_hook(keep)
    try:
        model.eval().to(device or home)
        with torch.no_grad():
            model(prepared.to(device or home))
    except (RuntimeError, TypeError, ValueError) as error:
        if not kept:
            sizes = times(prepared.shape)
            raise ModelFailedError(
                f"{type(model).__name__} does not take a picture of {sizes}: {error}"
            ) from error
    finally:
        handle.remove()
        model.to(home)
        for each, training in modes:
            each.training = training
    if not kept:
        what = f"the layer {name!r}" if name else "the model"
        raise UsageError(
            f"{what} ({type(module).__name__}) gives no tensor for this picture: "
            "it is not called in the forward pass, or returns something else"
        )
    return FeatureMaps(name, type(module).__name__, picture.cpu(), kept[0][0].float().cpu())


def _find_layer(model: nn.Module, layer: str | None) -> tuple[str, nn.Module]:
    modules = {name: module for name, module in model.named_modules() if name}
    if layer == "" or (layer is None and not modules):
        return "", model
    if layer is None:
        for name, module in modules.items():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                return name, module
        raise UsageError("the model has no convolution: name a layer with --layer")
    if layer in modules:
        return layer, modules[layer]
    near = did_you_mean(layer, modules)
    if not modules:
        raise UsageError(f"the model is one layer and has none called {layer!r}: leave --layer out")
    known = ", ".join(list(modules)[:12]) + (", …" if len(modules) > 12 else "")
    raise UsageError(f"the model has no layer {layer!r}{near or f'; it has {known}'}")


def draw_features(features: FeatureMaps, path: Path, title: str = "") -> None:
    """Draw the picture beside the layer's feature maps, their sizes written on them.

    Raises:
        OutputError: the suffix is not .png, .svg or .pdf, or the file cannot be written.
        MissingDependencyError: matplotlib is not installed.
    """
    plotting.picture_format(path)
    output = features.output
    if output.ndim == 3 and output[0].numel() > 1:
        _draw_maps(features, output, path, title)
    elif output.ndim == 2 and len(output) > 1:
        _draw_maps(features, output[None], path, title)
    else:
        _draw_vector(features, path, title)


# Inches.
_GAP = 0.1
_MARGIN = 0.25
_BETWEEN = 0.45
_TOP = 1.0
_PICTURE = 2.2
_LARGE_PICTURE = 1.8 * _PICTURE
_SMALLEST_MAP = 1.2
_NARROWEST = 7.4
_LETTER = 0.115

_RANDOM = " · random weights"

_FEW_UNITS = 20
"""Units that are numbered one by one."""


def _draw_maps(features: FeatureMaps, output: Tensor, path: Path, title: str) -> None:
    maps = output[:MOST_MAPS]
    count = len(maps)
    columns = _columns(count)
    rows = math.ceil(count / columns)
    aspect = maps.shape[1] / maps.shape[2]
    cell = _cell(features, count)
    wide, tall = cell * min(1 / aspect, 1.0), cell * min(aspect, 1.0)
    start = _left(features)
    written = _LETTER * len(title) + 2 * _MARGIN
    width = max(start + columns * (wide + _GAP) + _MARGIN, written, _NARROWEST)
    picture = _picture_size(features)[1]
    height = _TOP + max(rows * (tall + _GAP) + 0.45, picture + 0.35)
    with plotting.figure(width, height) as drawing:
        _head(drawing, features, title)
        _draw_picture(drawing, features)
        low, high = float(maps.min()), float(maps.max())
        # One scale for all maps, so that a quiet map looks quiet; zero is paper white.
        colours = _colour_map(negative=low < 0)
        reach = max(abs(low), abs(high)) or 1.0
        for place, one in enumerate(maps):
            row, column = divmod(place, columns)
            left = start + column * (wide + _GAP)
            bottom = height - _TOP - (row + 1) * tall - row * _GAP
            axes = _place(drawing, left, bottom, wide, tall)
            axes.imshow(
                one.numpy(),
                cmap=colours,
                vmin=-reach if low < 0 else 0.0,
                vmax=reach,
                interpolation="nearest",
                aspect="auto",
            )
            _frame(axes)
        shown = "" if count == len(output) else f", the first {count} of them"
        colouring = "blue above zero, orange below" if low < 0 else "the darker, the larger"
        scale = f"{low:.2f} to {high:.2f}, {colouring}".replace("-", "−")
        drawing.text(
            start / width,
            0.22 / height,
            f"{'each ' if count > 1 else ''}{maps.shape[1]}×{maps.shape[2]}{shown}; values {scale}",
            size=8.5,
            color=plotting.GREY,
            va="center",
        )
        plotting.save_figure(drawing, path)


def _columns(count: int) -> int:
    """How many maps stand in a row: wider than tall, and no gaps in the last row if possible.

    >>> [_columns(count) for count in (1, 6, 10, 16, 64)]
    [1, 3, 5, 4, 8]
    """
    ideal = math.sqrt(1.6 * count)
    choices = range(math.ceil(math.sqrt(count)), math.ceil(math.sqrt(2.5 * count)) + 1)
    return min(count, min(choices, key=lambda columns: (-count % columns, abs(columns - ideal))))


def _draw_vector(features: FeatureMaps, path: Path, title: str) -> None:
    values = features.output.flatten()
    width, height = max(9.0, _LETTER * len(title) + 2 * _MARGIN), 3.7
    with plotting.figure(width, height) as drawing:
        _head(drawing, features, title)
        _draw_picture(drawing, features)
        left = _left(features)
        axes = _place(drawing, left + 0.35, 0.55, width - left - 0.65, height - _TOP - 0.6)
        colours = [
            plotting.CONVOLUTION if value >= 0 else plotting.POOLING for value in values.tolist()
        ]
        axes.bar(range(len(values)), values.tolist(), color=colours, width=0.85)
        axes.axhline(0, color=plotting.LIGHT, linewidth=0.8)
        axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
        axes.grid(axis="y", color=plotting.FAINT, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, pad=5)
        if len(values) <= _FEW_UNITS:
            axes.set_xticks(range(len(values)))
        else:
            axes.locator_params(axis="x", integer=True)
        axes.set_xlim(-0.6, len(values) - 0.4)
        axes.set_xlabel("unit", size=9.5)
        plotting.save_figure(drawing, path)


def _head(drawing: Figure, features: FeatureMaps, title: str) -> None:
    width, height = drawing.get_size_inches()
    drawing.text(_MARGIN / width, 1 - 0.32 / height, title, size=13, weight="bold", va="center")
    y = 1 - 0.72 / height
    drawing.text(
        _MARGIN / width,
        y,
        f"input  {times(features.picture.shape)}",
        size=10,
        color=plotting.GREY,
        va="center",
    )
    drawing.text(
        _left(features) / width,
        y,
        f"{features.name}  {times(features.output.shape)}{_RANDOM if features.random else ''}",
        size=10,
        color=plotting.GREY,
        va="center",
    )


def _draw_picture(drawing: Figure, features: FeatureMaps) -> None:
    _, height = drawing.get_size_inches()
    wide, high = _picture_size(features)
    axes = _place(drawing, _MARGIN, height - _TOP - high, wide, high)
    shown = features.picture.permute(1, 2, 0)
    if shown.shape[2] == 1:
        axes.imshow(shown[:, :, 0].numpy(), cmap="gray", vmin=0, vmax=1, aspect="auto")
    else:
        axes.imshow(shown[:, :, :3].clamp(0, 1).numpy(), aspect="auto")
    _frame(axes)


def _picture_size(features: FeatureMaps) -> tuple[float, float]:
    """Width and height of the picture in inches."""
    _, rows, columns = features.picture.shape
    side = _LARGE_PICTURE if _is_picture(features) else _PICTURE
    return side * min(columns / rows, 1.0), side * min(rows / columns, 1.0)


def _is_picture(features: FeatureMaps) -> bool:
    """Whether the output is one map of about the picture's size: both are then drawn alike."""
    output, picture = features.output, features.picture
    return output.ndim == 3 and len(output) == 1 and 2 * output.shape[1] > picture.shape[1]


def _cell(features: FeatureMaps, count: int) -> float:
    """The larger side of a map in inches: few are drawn large, one as the picture is."""
    if count > 1:
        return 1.6 if count <= 4 else 1.3 if count <= 12 else 1.05
    if not _is_picture(features):
        return _LARGE_PICTURE
    part = max(features.output.shape[1:]) / max(features.picture.shape[1:])
    return max(_LARGE_PICTURE * part, _SMALLEST_MAP)


def _left(features: FeatureMaps) -> float:
    """Where the layer's side begins."""
    return _MARGIN + (_LARGE_PICTURE if _is_picture(features) else _PICTURE) + _BETWEEN


def _place(drawing: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches."""
    whole, tall = drawing.get_size_inches()
    return drawing.add_axes((left / whole, bottom / tall, width / whole, height / tall))


def _frame(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(plotting.LIGHT)


def _colour_map(*, negative: bool) -> Any:
    """White at zero, then as in the live page: ink; blue and, below zero, orange if any is."""
    from matplotlib.colors import LinearSegmentedColormap

    if not negative:
        return LinearSegmentedColormap.from_list("cnnshape", [plotting.PAPER, plotting.INK])
    below = ["#4d2906", plotting.POOLING, "#f3b27a"]
    above = ["#8db4dc", plotting.CONVOLUTION, "#12304f"]
    return LinearSegmentedColormap.from_list("cnnshape", [*below, plotting.PAPER, *above])


def features_of(
    model: str,
    image: Path,
    *,
    layer: str | None = None,
    input_shape: str | None = None,
    weights: str | None = None,
    device: str = "auto",
    trust_code: bool = False,
) -> tuple[FeatureMaps, tuple[str, ...]]:
    """The feature maps of one layer for the picture ``image``.

    Args:
        model: a run folder, or any MODEL argument.
        image: a picture of any size and format; it is fitted to the model's input.
        layer: the layer's path; None is the first convolution.
        input_shape: for models without a usual input, as in ``1,3,64,64``.
        weights: a state dict file, for a model that is no run.
        device: ``auto`` is CUDA, then MPS, then the CPU.
        trust_code: run the code that a run folder names, where it names any.

    Returns:
        The maps, and notes: what was done to the picture, whether the weights are random.

    Raises:
        UsageError: the model, picture or layer cannot be used.
        ModelFailedError: the model does not take such a picture.
    """
    chosen = choose_device(device)
    if is_run_folder(model) and weights is None:
        source = _from_run(model, image, trust_code=trust_code)
    else:
        source = _from_model(model, image, input_shape, weights)
    shown = source.pixels.float() / 255
    maps = feature_maps(source.module, shown, source.prepared, layer, device=chosen)
    return replace(maps, random=source.random), source.notes


@dataclass(frozen=True, slots=True)
class _Source:
    """A model with the picture that it is given."""

    module: nn.Module
    pixels: Tensor
    prepared: Tensor
    notes: tuple[str, ...]
    random: bool = False


def _from_run(model: str, image: Path, *, trust_code: bool) -> _Source:
    run = read_run(model)
    pixels, notes = fit_for_run(image, run)
    prepared = Preparation(run.mean, run.std, ())(pixels[None])
    module = load_run(model, trust_code=trust_code)
    return _Source(module, pixels, prepared, notes)


def _from_model(model: str, image: Path, input_shape: str | None, weights: str | None) -> _Source:
    open_picture(image)  # before the model is built, which may take its time
    loaded = load(model, weights=weights, real=True)
    picture = picture_for(loaded, image, input_shape)
    random = weights is None and random_weights(loaded) is True
    notes = list(picture.notes)
    if random:
        notes.append(
            say(
                "the weights of {model} are random, and so are the maps: give --weights or a run",
                model=model,
            )
        )
    return _Source(loaded.module, picture.pixels, picture.prepared, tuple(notes), random)

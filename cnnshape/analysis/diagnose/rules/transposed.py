"""Transposed convolutions: an output size that cannot be reached."""

from __future__ import annotations

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import BeforeCall, DropArguments, Step
from cnnshape.analysis.diagnose.failing import Failing, per_axis
from cnnshape.analysis.diagnose.rules.convolution import CONVOLUTIONS, name_of
from cnnshape.analysis.diagnose.suggest import present, set_arguments
from cnnshape.analysis.diagnose.wording import who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import times


def output_padding(failing: Failing) -> Diagnosis | None:
    """``output_padding`` must be smaller than stride or dilation."""
    if failing.dims is None:
        return None
    layer = failing.layer(CONVOLUTIONS, failing.argument("weight"))
    extra, stride, dilation = (
        per_axis(failing.bound.get(name), failing.dims)
        for name in ("output_padding", "stride", "dilation")
    )
    for a, s, d in zip(extra, stride, dilation, strict=True):
        if a >= max(s, d):
            sentence = say(
                "{layer} has output_padding {padding}, which must be smaller than its stride "
                "{stride} or its dilation {dilation}",
                layer=name_of(failing, layer),
                padding=a,
                stride=s,
                dilation=d,
            )
            candidates: list[Suggestion | None] = []
            if layer is not None:
                candidates.append(set_arguments(layer, {"output_padding": max(s, d) - 1}))
                candidates.append(set_arguments(layer, {"stride": a + 1}))
            return Diagnosis("conv_transpose.output_padding", sentence, (), present(candidates))
    return None


def output_size(failing: Failing) -> Diagnosis | None:
    """``forward(x, output_size=…)`` of a transposed convolution, checked before torch is called."""
    if failing.operation is not None or not failing.module.kind.startswith("ConvTranspose"):
        return None
    shape = failing.shape(failing.given(0, "input"))
    wanted = failing.given(1, "output_size")
    spatial = int(failing.module.kind[-2])
    if shape is None or not isinstance(wanted, tuple) or len(shape) < spatial:
        return None
    asked = [n for n in wanted if isinstance(n, int)][-spatial:]
    config = failing.module.config
    lowest: list[int] = []
    highest: list[int] = []
    for axis in range(spatial):
        k, s, p, d = (
            _axis(config.get(name), axis)
            for name in ("kernel_size", "stride", "padding", "dilation")
        )
        low = (shape[len(shape) - spatial + axis] - 1) * s - 2 * p + d * (k - 1) + 1
        lowest.append(low)
        highest.append(low + max(s, d) - 1)
    if len(asked) == spatial and all(
        low <= n <= high for n, low, high in zip(asked, lowest, highest, strict=True)
    ):
        return None
    reachable = (
        times(lowest)
        if lowest == highest
        else say("{lowest} to {highest}", lowest=times(lowest), highest=times(highest))
    )
    name = who(failing.path, failing.module.type)
    arrived = times(shape[-spatial:])
    sentence = say(
        "{layer} is asked for an output of {asked}, but from {shape} it can only make {reachable}",
        layer=name,
        asked=times(asked),
        shape=arrived,
        reachable=reachable,
    )

    nearest = [min(max(n, a), b) for n, a, b in zip(asked, lowest, highest, strict=False)] or lowest
    dropped = Suggestion(
        action="change_call",
        text=say(
            "{layer}(x) without output_size, then F.interpolate(…, size={size})",
            layer=name,
            size=tuple(asked),
        ),
        path=failing.path,
        argument="output_size",
        from_=list(asked),
        to=None,
        edits=(DropArguments(failing.path, keep=1),),
    )
    constant = (Step("constant", (tuple(nearest),)),)
    fitted = Suggestion(
        action="change_call",
        text=f"{name}(x, output_size={nearest})",
        path=failing.path,
        argument="output_size",
        from_=list(asked),
        to=nearest,
        edits=(BeforeCall(failing.path, constant, argument=_where(failing)),),
    )
    return Diagnosis("conv_transpose.output_size", sentence, (), (fitted, dropped))


def _where(failing: Failing) -> int | str:
    return 1 if failing.call is not None and len(failing.call.args) > 1 else "output_size"


def _axis(value: object, axis: int) -> int:
    if isinstance(value, tuple):
        items = [n for n in value if isinstance(n, int)]
        return items[axis] if axis < len(items) else 1
    return value if isinstance(value, int) else 0

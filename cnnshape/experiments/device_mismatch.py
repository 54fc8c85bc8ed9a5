"""A model on one device and its input on another: seen before recording moves them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from cnnshape.analysis.report import ErrorReport, Suggestion
from cnnshape.messages import say
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.structure import named_tensors
from cnnshape.tracing.unregistered import unregistered
from cnnshape.words import listed


def misplaced(model: nn.Module, inputs: Inputs, device: str, *, runs: bool) -> ErrorReport | None:
    """What is not on ``device``, the model's, as an error; None if all is together.

    ``runs`` says that the pass ran once everything was moved there: moving it is verified.
    The place and the message are left empty: they are known to whoever caught the exception.
    """
    apart = [
        (path, module)
        for path, module in model.named_modules()
        if any(str(t.device) != device for t in module.parameters(recurse=False))
    ]
    if apart:
        path, module = apart[0]
        where = next(str(t.device) for t in module.parameters(recurse=False))
        sentence = say(
            "{layer} is on {device}, the first parameters of the model are on {other}",
            layer=path,
            device=where,
            other=device,
        )
        text = f'model.to("{device}")'
        change = Suggestion(
            "change_call", text, path, "device", where, device, verified=runs, runs=runs or None
        )
        return _report(path, type(module).__name__, sentence, change)
    left = next(_left_behind(model, device), None)
    if left is not None:
        return left
    elsewhere = [
        (name, str(tensor.device))
        for label, thing in inputs.named(model)
        for name, tensor in named_tensors(label, thing)
        # A single number may be anywhere.
        if str(tensor.device) != device and tensor.dim() > 0
    ]
    has_weights = next(iter(model.parameters()), None) is not None
    if not elsewhere or not has_weights:
        return None
    every = listed(name for name, _ in elsewhere)
    where = elsewhere[0][1]
    told = {"device": device, "other": where}
    sentence = say("the model is on {device}, but {input} is on {other}", input=every, **told)
    if len(elsewhere) > 1:
        sentence = say(
            "the model is on {device}, but {inputs} are on {other}", inputs=every, **told
        )
    name = elsewhere[0][0]
    change = Suggestion(
        "set_input",
        f'{name}.to("{device}")',
        "",
        name,
        where,
        device,
        verified=runs,
        runs=runs or None,
    )
    return _report("", type(model).__name__, sentence, change)


def _left_behind(model: nn.Module, device: str) -> Iterator[ErrorReport]:
    """Layers in a plain list, which ``model.to(device)`` has passed by."""
    known = {id(module) for module in model.modules()}
    for path, module in model.named_modules():
        for name, layer in unregistered(vars(module), known):
            where = {str(t.device) for t in (*layer.parameters(), *layer.buffers())}
            if where == {device}:
                continue
            own = f"{path or type(model).__name__}.{name}"
            sentence = say(
                "{layers} is a plain list or dict, of whose layers torch does not know: the "
                "model is on {device}, and they are on {others}",
                layers=own,
                device=device,
                others=", ".join(sorted(where)),
            )
            text = f"self.{name} = nn.ModuleList(self.{name})"
            change = Suggestion("change_source", text, path, name, to="ModuleList")
            yield replace(
                _report(path, type(module).__name__, sentence, change), kind="module.unregistered"
            )


def _report(path: str, kind: str, sentence: str, change: Suggestion) -> ErrorReport:
    return ErrorReport(
        path=path,
        type=kind,
        op=None,
        message="",
        exception="",
        kind="device.mismatch",
        diagnosis=sentence,
        suggestions=(change,),
    )

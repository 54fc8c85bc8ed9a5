"""Every line's values, held against a tracer of the test's own; and no trace is left."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

import cnnshape
from cnnshape.analysis.annotate import Annotations
from cnnshape.tracing.lines import LineTensor


def _assigned_shapes(model: nn.Module, shape: tuple[int, ...], files: set[str]) -> dict:
    """(file, name of a function, line) → the shapes of the tensors that lines bound, in order.

    What stands in a function's names when the next line begins, in the plainest way.
    """
    found: dict[tuple[str, int], list[tuple[str, tuple[int, ...]]]] = {}

    def tracer(frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename not in files or frame.f_code.co_name.startswith("<"):
            return None
        last: dict[str, Any] = {"line": None, "names": dict(frame.f_locals)}

        def local(frame: FrameType, event: str, _argument: Any) -> Any:
            if event in ("line", "return"):
                if last["line"] is not None:
                    for name, value in frame.f_locals.items():
                        new = isinstance(value, torch.Tensor) and (
                            last["names"].get(name) is not value
                        )
                        if new:
                            key = (frame.f_code.co_filename, last["line"])
                            found.setdefault(key, []).append((name, tuple(value.shape)))
                last["line"], last["names"] = frame.f_lineno, dict(frame.f_locals)
            return local

        return local

    before = sys.gettrace()
    model.eval()
    sys.settrace(tracer)
    try:
        with torch.no_grad():
            model(torch.zeros(shape))
    finally:
        sys.settrace(before)
    return found


def _told(found: Annotations) -> dict:
    told: dict[tuple[str, int], list[tuple[str, tuple[int, ...]]]] = {}
    for function in found.functions:
        for note in function.notes[1:]:  # the first is the `def`
            for each in note.passes:
                for name, seen in each.bound:
                    if isinstance(seen, LineTensor):
                        for line in range(note.statement.line, note.statement.end + 1):
                            told.setdefault((function.file, line), []).append((name, seen.shape))
    return told


MODELS = ["alexnet", "squeezenet1_1", "googlenet", "shufflenet_v2_x0_5", "mnasnet0_5"]
SLOW = [
    "resnet18", "densenet121", "inception_v3", "mobilenet_v2", "mobilenet_v3_small",
    "efficientnet_b0", "regnet_y_400mf", "vit_b_32", "swin_t", "swin_v2_t", "convnext_tiny",
    "maxvit_t", "vgg11", "resnext50_32x4d", "wide_resnet50_2",
]  # fmt: skip


@pytest.mark.torchvision
@pytest.mark.parametrize(
    "name", [*MODELS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_every_line_has_what_it_bound(name: str) -> None:
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, **options)
    size = {"inception_v3": 299, "squeezenet1_1": 64, "alexnet": 96}.get(name, 224)
    shape = (1, 3, size, size)
    found = cnnshape.annotate(model, shape, device="cpu")
    files = {function.file for function in found.functions}
    assert files
    told = _told(found)
    for (file, line), bound in _assigned_shapes(model, shape, files).items():
        # Told is more: what a line handed on as it was, and what it wrote to in place.
        rest = iter(told[file, line])
        assert all(one in rest for one in bound), (file, line)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor, deep: bool = False) -> torch.Tensor:
        while x.shape[-1] > 2:
            x = x[..., ::2]
        if deep:
            x = x + 1
        x.add_(1)
        y = [x]
        y.append(x.flatten(1))
        return torch.cat([part.flatten(1) for part in y], 1)


def test_what_is_written_to_in_place_is_a_change() -> None:
    found = cnnshape.annotate(Branching(), (1, 1, 8, 8))
    (function,) = found.functions
    notes = {note.statement.line - function.source.body[0]: note for note in function.notes}
    assert [each.bound[0][1].shape for each in notes[2].passes] == [(1, 1, 8, 4), (1, 1, 8, 2)]
    assert notes[4].passes == ()
    ((name, seen),) = notes[5].passes[0].bound
    assert (name, seen.shape) == ("x", (1, 1, 8, 2))
    assert notes[7].passes[0].bound[0][0] == "y"
    assert notes[8].passes[0].returned.shape == (1, 32)


def test_a_tracer_of_somebody_else_is_put_back() -> None:
    def somebody(*_: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(somebody)
    try:
        cnnshape.annotate(Branching(), (1, 1, 8, 8))
        assert sys.gettrace() is somebody
    finally:
        sys.settrace(before)

"""Kernel, stride and the others, from configurations and from recorded arguments."""

from __future__ import annotations

import pytest

from cnnshape.rendering.settings import layer_settings, operation_settings
from cnnshape.tracing.trace import Operation, Plain, Ref, Value
from tests.rendering.report_builder import Net


@pytest.mark.parametrize(
    ("kind", "config", "compact"),
    [
        ("Conv2d", {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1)}, "k3 s2 p1"),
        ("Conv2d", {"kernel_size": (1, 7), "stride": (1, 1), "padding": (0, 3)}, "k1×7 p0×3"),
        ("Conv1d", {"kernel_size": (5,), "stride": (1,), "padding": "same"}, "k5 psame"),
        ("Conv2d", {"kernel_size": 3, "stride": 1, "dilation": (2, 2), "groups": 8}, "k3 d2 g8"),
        (
            "ConvTranspose2d",
            {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1), "output_padding": (1, 1)},
            "k3 s2 p1 op1",
        ),
        ("MaxPool2d", {"kernel_size": 3, "stride": 2, "ceil_mode": True}, "k3 s2 ceil"),
        ("AvgPool2d", {"kernel_size": 2, "stride": None}, "k2 s2"),
        ("AdaptiveAvgPool2d", {"output_size": 1}, ""),
        ("ReflectionPad2d", {"padding": (1, 1, 1, 1)}, "p1"),
        ("Unfold", {"kernel_size": 3, "stride": 1, "padding": 1, "dilation": 1}, "k3 p1"),
        ("Linear", {"in_features": 3, "stride": 2}, ""),
        ("BasicBlock", {"kernel_size": 3, "stride": 2}, ""),
    ],
)
def test_layers(kind: str, config: dict[str, object], compact: str) -> None:
    assert layer_settings(kind, config).compact == compact


def operation(name: str, args: tuple[Plain, ...], kwargs: dict[str, Plain]) -> Operation:
    return Operation(0, name, 0, args, kwargs, (), (), (), None)


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "compact"),
    [
        ("max_pool2d", (Ref(0), 2), {}, "k2 s2"),
        ("max_pool2d", (Ref(0), (3, 3), 2, 1), {}, "k3 s2 p1"),
        ("max_pool2d", (Ref(0),), {"kernel_size": 3, "ceil_mode": True}, "k3 s3 ceil"),
        ("avg_pool2d", (Ref(0), 3, 1, 1), {}, "k3 p1"),
        ("conv2d", (Ref(0), Ref(1)), {}, "k3×5"),
        ("conv2d", (Ref(0), Ref(1), None, 2, "valid", 1, 4), {}, "k3×5 s2 pvalid g4"),
        ("conv_transpose2d", (Ref(0), Ref(1), None, 2, 1, 1), {}, "k3×5 s2 p1 op1"),
        ("flatten", (Ref(0), 1), {}, ""),
    ],
)
def test_functional_calls(
    name: str, args: tuple[Plain, ...], kwargs: dict[str, Plain], compact: str
) -> None:
    from dataclasses import replace

    values = (
        Value(0, (1, 8, 9, 9), "float32", 0, "operation"),
        Value(1, (8, 8, 3, 5), "float32", 0, "parameter"),
    )
    trace = replace(Net("Net", (1, 8, 9, 9)).report().trace, values=values)
    assert operation_settings(operation(name, args, kwargs), trace).compact == compact

"""The table as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch

from cnnshape import operations
from cnnshape.operations import TABLE


def test_no_operation_is_told_of_twice() -> None:
    entered = Counter(entry.name for family in operations._FAMILIES for entry in family)
    assert [name for name, times in entered.items() if times > 1] == []


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        ("LeakyReLU", "leaky_relu"),
        ("ConvTranspose2d", "conv_transpose"),
        ("AdaptiveAvgPool3d", "adaptive_avg_pool"),
        ("PixelShuffle", "pixel_shuffle"),
        ("LSTM", "lstm"),
    ],
)
def test_the_function_behind_a_layer(layer: str, function: str) -> None:
    assert hasattr(torch.nn, layer)
    entry = TABLE.behind(layer)
    assert entry is not None
    assert entry.name == function


def test_no_function_is_behind_a_container() -> None:
    assert [TABLE.behind(name) for name in ("Sequential", "ModuleList", "Bottleneck")] == [None] * 3


FLOAT, DOUBLE = torch.rand(4, 4), torch.rand(4, 4, dtype=torch.float64)


@pytest.mark.parametrize(
    "name",
    "leaky_relu elu celu selu gelu silu mish hardswish hardshrink softplus dropout softmax "
    "log_softmax mean std var norm layer_norm instance_norm normalize adaptive_avg_pool1d "
    "interpolate quantile glu".split(),
)
def test_what_has_no_result_for_whole_numbers(name: str) -> None:
    function = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    more = {
        "softmax": (1,),
        "log_softmax": (1,),
        "layer_norm": ((4,),),
        "adaptive_avg_pool1d": (2,),
        "interpolate": (8,),
        "quantile": (0.5,),
    }.get(name, ())
    entry = TABLE.find(name)
    assert entry is not None
    assert entry.dtypes == "floating"
    function(torch.rand(2, 4, 4), *more)
    with pytest.raises((RuntimeError, NotImplementedError)):
        function(torch.ones(2, 4, 4, dtype=torch.int64), *more)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("linear", torch.nn.functional.linear),
        ("matmul", torch.matmul),
        ("mm", torch.mm),
        ("inner", torch.inner),
        ("einsum", lambda a, b: torch.einsum("ij,jk", a, b)),
        ("tensordot", lambda a, b: torch.tensordot(a, b, 1)),
        ("vecdot", torch.linalg.vecdot),
        ("addmm", lambda a, b: torch.addmm(a, a, b)),
        ("multi_dot", lambda a, b: torch.linalg.multi_dot([a, b])),
        ("conv1d", lambda a, b: torch.nn.functional.conv1d(a, b[:, :, None])),
    ],
)
def test_whose_tensors_must_have_one_dtype(name: str, call: Callable[..., object]) -> None:
    entry = TABLE.find(name)
    assert entry is not None
    assert entry.dtypes == "alike"
    call(FLOAT, FLOAT)
    with pytest.raises(RuntimeError):
        call(DOUBLE, FLOAT)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("add", torch.add),
        ("where", lambda a, b: torch.where(a > 0, a, b)),
        ("kron", torch.kron),
        ("cat", lambda a, b: torch.cat([a, b])),
        ("outer", lambda a, b: torch.outer(a[0], b[0])),
        ("rms_norm", lambda a, b: torch.nn.functional.rms_norm(a, (4,), b[0])),
    ],
)
def test_whose_tensors_may_differ_in_dtype(name: str, call: Callable[..., object]) -> None:
    entry = TABLE.find(name)
    assert entry is not None
    assert entry.dtypes == "any"
    call(DOUBLE, FLOAT)

"""What optimizers keep, held against the optimizers of torch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnshape.analysis.memory import gradient_bytes, optimizer_bytes
from cnnshape.tracing.describe import describe

_TORCH: dict[str, tuple[str, dict[str, object]]] = {
    "sgd": ("SGD", {}),
    "sgd-momentum": ("SGD", {"momentum": 0.9}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "amsgrad": ("Adam", {"amsgrad": True}),
    "nadam": ("NAdam", {}),
    "radam": ("RAdam", {}),
    "adamax": ("Adamax", {}),
    "rmsprop": ("RMSprop", {}),
    "adagrad": ("Adagrad", {}),
    "adadelta": ("Adadelta", {}),
    "rprop": ("Rprop", {}),
    "asgd": ("ASGD", {}),
}


@pytest.mark.parametrize("name", _TORCH)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_state_is_as_large_as_torchs(name: str, dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3)).to(dtype)
    model[1].weight.requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kind, settings = _TORCH[name]
    optimizer = getattr(torch.optim, kind)(trained, lr=0.1, **settings)
    model(torch.randn(2, 6, dtype=dtype)).sum().backward()
    optimizer.step()
    held = [v for state in optimizer.state.values() for v in state.values()]
    expected = sum(value.nbytes for value in held if isinstance(value, torch.Tensor))
    assert optimizer_bytes(name, describe(model).parameters) == expected


def test_what_is_frozen_has_no_gradient_and_what_is_lazy_none_that_is_known() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3))
    model[0].requires_grad_(False)
    assert gradient_bytes(describe(model).parameters) == 4 * (12 + 3)
    lazy = describe(nn.LazyLinear(3)).parameters
    assert gradient_bytes(lazy) is None
    assert optimizer_bytes("adam", lazy) is None

"""The networks of the benchmarks: torchvision's classifiers, and some of any depth or width."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn


def classifiers() -> list[str]:
    """The names of torchvision's classifiers."""
    from torchvision import models

    return models.list_models(module=models)


def classifier(name: str, device: str = "meta") -> tuple[nn.Module, Tensor]:
    """One of them in eval mode without weights, and a picture of the usual size."""
    from torchvision import models

    without = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    # A RegNet works its widths out by tensors, which need values.
    built_on = "cpu" if name.startswith("regnet") else device
    with warnings.catch_warnings(), torch.device(built_on):
        warnings.simplefilter("ignore")
        model = models.get_model(name, weights=None, **without).eval().to(device)
    size = 299 if name == "inception_v3" else 224
    return model, torch.zeros(1, 3, size, size, device=device)


def deep(number: int) -> nn.Module:
    """Layers one after the other."""
    return nn.Sequential(*(nn.Linear(8, 8) for _ in range(number)))


class Wide(nn.Module):
    """Layers side by side, their outputs added."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Linear(8, 8) for _ in range(number))

    def forward(self, x: Tensor) -> Tensor:
        """Each branch takes the same input."""
        return torch.stack([branch(x) for branch in self.branches]).sum(0)


class Nested(nn.Module):
    """A layer, and the module inside."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Around the layer and what is inside."""
        return x + self.inner(self.fc(x))


def nested(depth: int) -> nn.Module:
    """Modules one inside the other."""
    model: nn.Module = nn.Identity()
    for _ in range(depth):
        model = Nested(model)
    return model

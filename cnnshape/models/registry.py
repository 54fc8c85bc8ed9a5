"""Which networks are bundled, told without importing torch.

>>> [model.name for model in bundled_models()]
['lenet', 'lenet-d2l', 'lenet-nopad', 'basic-cnn', 'mlp']
>>> find_bundled("lenet").usual_input
(1, 1, 28, 28)
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cnnshape.messages import say

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class BundledModel:
    """One bundled network.

    Attributes:
        name: what is typed as MODEL.
        module: the file it lives in, as a dotted path.
        class_name: its class in that file.
        usual_input: the shape of one batch of one picture.
        num_classes: length of the output vector by default.
        params: number of parameters with that many classes.
        description: one line.
    """

    name: str
    module: str
    class_name: str
    usual_input: tuple[int, ...]
    num_classes: int
    params: int
    description: str

    def load_class(self) -> type[nn.Module]:
        """The network's class; imports torch."""
        return cast(
            "type[nn.Module]", getattr(importlib.import_module(self.module), self.class_name)
        )


_PICTURE = (1, 1, 28, 28)

_BUNDLED = (
    BundledModel(
        name="lenet",
        module="cnnshape.models.lenet",
        class_name="LeNet",
        usual_input=_PICTURE,
        num_classes=10,
        params=61_706,
        description=say("LeNet-5 with ReLU and max pooling, one attribute per layer"),
    ),
    BundledModel(
        name="lenet-d2l",
        module="cnnshape.models.lenet_d2l",
        class_name="LeNetD2L",
        usual_input=_PICTURE,
        num_classes=10,
        params=61_706,
        description=say("LeNet as nn.Sequential with sigmoid and average pooling"),
    ),
    BundledModel(
        name="lenet-nopad",
        module="cnnshape.models.lenet_nopad",
        class_name="LeNetNoPad",
        usual_input=_PICTURE,
        num_classes=10,
        params=44_426,
        description=say("LeNet without padding, sigmoid and max pooling"),
    ),
    BundledModel(
        name="basic-cnn",
        module="cnnshape.models.basic_cnn",
        class_name="BasicCNN",
        usual_input=_PICTURE,
        num_classes=10,
        params=8_490,
        description=say("two convolutions, one pooling module used twice, one linear layer"),
    ),
    BundledModel(
        name="mlp",
        module="cnnshape.models.mlp",
        class_name="MLP",
        usual_input=_PICTURE,
        num_classes=10,
        params=669_706,
        description=say("multilayer perceptron 784 → 512 → 512 → 10 with ReLU"),
    ),
)


def bundled_models() -> tuple[BundledModel, ...]:
    """Every bundled network, in the order it is listed to users."""
    return _BUNDLED


def find_bundled(name: str) -> BundledModel | None:
    """The bundled network called ``name``, or ``None``; ``_`` counts as ``-``.

    >>> find_bundled("basic_cnn").class_name
    'BasicCNN'
    >>> find_bundled("resnet18") is None
    True
    """
    wanted = name.replace("_", "-").lower()
    return next((model for model in _BUNDLED if model.name == wanted), None)

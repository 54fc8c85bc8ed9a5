"""Which models do more than compute."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnshape.experiments.effects import effect_of

SEEN: list[object] = []
COUNT = 0


class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
        self.calls = []


class Plain(Fails):
    def forward(self, x):
        self.calls.append(x.shape)
        shapes = []
        shapes.append(x.shape)
        print(os.environ.get("A"), torch.log(x).shape)
        logging.getLogger(__name__).info("seen")
        return self.fc(x)


class Writes(Fails):
    def forward(self, x):
        with open("seen.txt", "a") as file:  # noqa: PTH123
            json.dump(list(x.shape), file)
        return self.fc(x)


class WritesByMethod(Fails):
    def forward(self, x):
        self.note(x)
        return self.fc(x)

    def note(self, x):
        Path("seen.txt").write_text(str(x.shape))


def helper(x):
    torch.save(x, "x.pt")


class WritesByFunction(Fails):
    def forward(self, x):
        helper(x)
        return self.fc(x)


class Starts(Fails):
    def forward(self, x):
        subprocess.run(["true"], check=True)
        return self.fc(x)


class Removes(Fails):
    def forward(self, x):
        os.remove("x.pt")  # noqa: PTH107
        return self.fc(x)


class Counts(Fails):
    def forward(self, x):
        global COUNT
        COUNT += 1
        return self.fc(x)


class Notes(Fails):
    def forward(self, x):
        SEEN.append(x.shape)
        return self.fc(x)


@pytest.mark.parametrize(
    "model", [Writes, WritesByMethod, WritesByFunction, Starts, Removes, Counts, Notes]
)
def test_what_reaches_beyond_the_model(model):
    assert effect_of(model()) is not None
    assert effect_of(nn.Sequential(nn.ReLU(), model())) is not None


def test_a_hook_counts_too():
    model = Plain()
    assert effect_of(model) is None
    model.fc.register_forward_hook(lambda *_: SEEN.append(1))
    assert effect_of(model) is not None


def test_what_only_computes():
    assert effect_of(Plain()) is None
    torchvision = pytest.importorskip("torchvision")
    for build in ("resnet18", "vit_b_16", "swin_t", "densenet121", "googlenet"):
        with torch.device("meta"):
            model = getattr(torchvision.models, build)(weights=None)
        assert effect_of(model) is None, build


class NamedAsAHelper(Fails):
    """Its layer has the name of a function beside it, which it never calls."""

    def __init__(self):
        super().__init__()
        self.helper = nn.Linear(4, 2)

    def forward(self, x):
        return self.helper(x)


def test_an_attribute_is_no_function_of_that_name():
    assert effect_of(NamedAsAHelper()) is None


def test_code_that_belongs_to_no_module():
    names = {}
    exec("from torch import nn\nclass Net(nn.Module):\n  def forward(self, x): return x", names)
    assert names["Net"].forward.__module__ is None
    assert effect_of(names["Net"]()) is None

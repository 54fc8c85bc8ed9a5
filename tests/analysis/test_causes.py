"""Which failing claims follow from another; the networks are small enough to say it by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

import cnnshape
from cnnshape.analysis.claims import CheckResult


class Net(nn.Module):
    """A stem, two blocks in a sequence, and a classifier."""

    def __init__(self, width: int = 8, inner: int = 8, classes: int = 10, stride: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=stride, padding=1)
        self.blocks = nn.Sequential(nn.Conv2d(width, inner, 3, padding=1), nn.BatchNorm2d(inner))
        self.drop = nn.Dropout()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inner, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.blocks(self.stem(x)))
        return self.fc(self.pool(x).flatten(1))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cnnshape.inspect(Net(), (1, 3, 16, 16)).save(tmp_path_factory.mktemp("s") / "net.json")


def groups(result: CheckResult) -> dict[str, list[str]]:
    return {cause.path: [c.path for c in following] for cause, *following in result.failures}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        # Half the size goes on to all that keep it; the pool makes one position of either.
        (Net(stride=2), {"stem": ["blocks", "blocks.0", "blocks.1", "drop"]}),
        # The second convolution says its channels itself: only its parameters follow.
        (Net(width=16), {"stem": ["blocks.0"]}),
        (Net(inner=4), {"blocks.0": ["blocks", "blocks.1", "drop", "pool", "fc"]}),
        (Net(classes=5), {"fc": [""]}),
        # Two changes at once are two causes; the size is what both have in common.
        (
            Net(classes=5, stride=2),
            {"stem": ["blocks", "blocks.0", "blocks.1", "drop"], "fc": [""]},
        ),
    ],
)
def test_a_change_is_the_cause_of_what_lies_behind_it(before, after, expected):
    result = cnnshape.check(after, (1, 3, 16, 16), expect=before)
    assert groups(result) == expected


def test_parameters_do_not_follow_from_the_size_that_a_window_moves_over(before):
    changed = Net(stride=2)
    changed.blocks[0] = nn.Conv2d(8, 8, 5, padding=2)
    result = cnnshape.check(changed, (1, 3, 16, 16), expect=before)
    assert set(groups(result)) == {"stem", "blocks.0"}


def test_a_layer_of_another_class_is_a_cause_of_its_own(before):
    changed = Net(stride=2)
    changed.blocks[1] = nn.GroupNorm(2, 8)
    result = cnnshape.check(changed, (1, 3, 16, 16), expect=before)
    assert groups(result) == {"stem": ["blocks.0"], "blocks.1": ["blocks", "drop"]}


def test_layers_come_and_go_with_the_module_that_holds_them(before):
    changed = Net()
    changed.extra = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    result = cnnshape.check(changed, (1, 3, 16, 16), expect=before)
    assert groups(result) == {"extra": ["extra.0", "extra.1"]}


def test_a_claim_about_one_tensor_twice_is_one_failure():
    result = cnnshape.check(Net(), (1, 3, 16, 16), expect=[{"stem": (1, 9, "*", "*")}] * 2)
    assert groups(result) == {"stem": ["stem"]}


def test_what_never_ran_follows_from_what_raised():
    broken = Net()
    broken.fc = nn.Linear(100, 10)
    result = cnnshape.check(
        broken, (1, 3, 16, 16), expect={"stem": (1, 8, 8, 8), "fc": (1, 10)}, max_params=1
    )
    assert [cause.what for cause, *_ in result.failures] == ["runs", "shape", "max-params"]
    assert groups(result)["fc"] == ["fc"]
    assert result.failures[0][0].source is not None


def test_a_formula_fails_once():
    formulas = [("conv", "W/2"), ("conv", "W/3")]
    result = cnnshape.check(Net(), (1, 3, 16, 16), formulas=formulas)
    assert [len(group) for group in result.failures] == [2, 2]
    assert all(claim.what == "formula conv" for group in result.failures for claim in group)

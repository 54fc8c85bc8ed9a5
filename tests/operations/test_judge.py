"""The judge finds an account that is wrong, whatever is wrong with it."""

from __future__ import annotations

import pytest
import torch

from cnnshape.operations import register
from cnnshape.operations.axes import Account, Chosen, Ended, Kept, Windowed, Written
from tests.operations.judge import judge

WRONG = {
    "a size": lambda c: Account(((c.tensor().kept(0), Written(7)),)),
    "an axis too many": lambda c: Account(((*c.tensor().all_kept(), Written(1)),)),
    "a result too many": lambda c: Account((c.tensor().all_kept(),) * 2),
    "the order": lambda c: Account(((c.tensor().kept(1), c.tensor().kept(0)),)),
    "an axis forgotten": lambda c: Account(((c.tensor().kept(0), Written(3)),)),
    "an axis ended that goes on": lambda c: Account(
        ((c.tensor().kept(0), Written(3)),), (Ended((c.tensor().axis(1),), "picked", 3, 0),)
    ),
    "an axis unread that is read": lambda c: Account(
        (c.tensor().all_kept(),), (Ended((c.tensor().axis(1),), "unread", 3),)
    ),
    "another position": lambda c: Account(
        (
            (
                c.tensor().kept(0),
                Windowed(c.tensor().axis(1), 3, "slice", {"start": 1, "step": 1}),
            ),
        )
    ),
}


@pytest.mark.parametrize(
    ("what", "by"),
    [(what, by) for what in WRONG for by in ("positions", "gradient", "variation")
     if (what, by) != ("another position", "variation")],  # which tells no position
)  # fmt: skip
def test_a_wrong_account_of_a_clone_is_found(what: str, by) -> None:
    register("judged.clone", "input", WRONG[what])
    with pytest.raises(AssertionError):
        judge(torch.clone, torch.zeros(3, 3), name="judged.clone", by=by)


def test_what_is_mixed_may_not_be_called_kept_nor_the_reverse() -> None:
    x = torch.zeros(2, 3)
    register("judged.softmax", "input dim", lambda c: Account((c.tensor().all_kept(),)))
    with pytest.raises(AssertionError, match="arrived"):
        judge(torch.softmax, x, 1, name="judged.softmax", by="gradient")
    register(
        "judged.softmax", "input dim",
        lambda c: Account((c.tensor().all_kept(),), (Ended((c.tensor().axis(1),), "mixed"),)),
    )  # fmt: skip
    judge(torch.softmax, x, 1, name="judged.softmax", by="gradient")
    judge(torch.softmax, x, 1, name="judged.softmax", by="variation", exact=False)
    with pytest.raises(AssertionError, match="arrived"):
        judge(lambda x, _: x.exp(), x, 1, name="judged.softmax", by="gradient")


def test_a_reduction_is_found_by_each_instrument() -> None:
    x = torch.zeros(2, 3)
    for how, right in (("reduced", True), ("unread", False)):
        ended = lambda c, how=how: (Ended((c.tensor().axis(1),), how, 3),)  # noqa: E731
        register("judged.mean", "input", lambda c, e=ended: Account(((c.tensor().kept(0),),), e(c)))
        if right:
            judge(lambda x: x.mean(1), x, name="judged.mean", by="gradient")
            judge(lambda x: x.mean(1), x, name="judged.mean", by="variation")
            judge(lambda x: x.amax(1), x, name="judged.mean", by="gradient", exact=False)
        else:
            with pytest.raises(AssertionError):
                judge(lambda x: x.mean(1), x, name="judged.mean", by="gradient")


def test_a_permutation_is_free_along_its_axis_alone() -> None:
    register(
        "judged.flip", "input dim",
        lambda c: Account(
            (tuple(Chosen(k.source, k.size) if k.source.axis == c["dim"] else k
                   for k in c.tensor().all_kept()),)
        ),
    )  # fmt: skip
    judge(lambda x, dim: x.flip(dim), torch.zeros(3, 4), 1, name="judged.flip")
    with pytest.raises(AssertionError, match="arrived"):
        judge(lambda x, _: x.flip(0), torch.zeros(3, 4), 1, name="judged.flip")


def test_an_axis_of_another_operand_is_told_from_the_first() -> None:
    register(
        "judged.second", "input other",
        lambda c: Account(
            (tuple(Kept(c.tensor().axis(a), 3) for a in range(2)),),
            (Ended((c.tensor("other").axis(0), c.tensor("other").axis(1)), "unread"),),
        ),
    )  # fmt: skip
    with pytest.raises(AssertionError):
        judge(lambda _, y: y, torch.zeros(3, 3), torch.zeros(3, 3), name="judged.second")

"""Orders, batches, shares and splits: every picture exactly once, and the same everywhere."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.training.sampling import epoch_batches, every_fifth, share, split_validation


@given(st.integers(1, 300), st.integers(1, 80), st.integers(0, 9), st.integers(1, 50))
def test_an_epoch_has_every_index_once(count: int, size: int, seed: int, epoch: int) -> None:
    indices = torch.arange(count) * 3
    batches = epoch_batches(indices, size, seed, epoch)
    assert sorted(torch.cat(batches).tolist()) == indices.tolist()
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert 1 <= len(batches[-1]) <= size


@given(st.integers(1, 200), st.integers(1, 64), st.integers(1, 7))
def test_shares_are_the_batches_cut_up(count: int, size: int, world: int) -> None:
    batches = epoch_batches(torch.arange(count), size, seed=0, epoch=1)
    parts = [share(batches, rank, world) for rank in range(world)]
    for number, batch in enumerate(batches):
        together = torch.cat([part[number] for part in parts])
        assert together.tolist() == batch.tolist()
        sizes = [len(part[number]) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_orders_differ_between_epochs_and_seeds() -> None:
    orders = {
        tuple(torch.cat(epoch_batches(torch.arange(50), 8, seed, epoch)).tolist())
        for seed in range(3)
        for epoch in range(1, 4)
    }
    assert len(orders) == 9


def test_drawing_does_not_touch_the_global_generator() -> None:
    before = torch.get_rng_state()
    epoch_batches(torch.arange(50), 8, 0, 1)
    split_validation(torch.zeros(50, dtype=torch.int64), 0.1, 0)
    assert torch.equal(before, torch.get_rng_state())


@given(st.lists(st.integers(0, 4), min_size=2, max_size=200), st.floats(0, 0.9), st.integers(0, 5))
def test_validation_is_a_part_in_proportion(labels: list[int], part: float, seed: int) -> None:
    given_labels = torch.tensor(labels)
    train, validation = split_validation(given_labels, part, seed)
    assert sorted(train.tolist() + validation.tolist()) == list(range(len(labels)))
    assert len(train) >= 1
    if len(validation):
        # No class has more than its proportion, but for rounding.
        for label in set(labels):
            expected = labels.count(label) * len(validation) / len(labels)
            assert abs(int((given_labels[validation] == label).sum()) - expected) < 1.0001


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
def test_every_fifth_is_a_partition(labels: list[int]) -> None:
    train, test = every_fifth(torch.tensor(labels))
    assert sorted(train.tolist() + test.tolist()) == list(range(len(labels)))
    assert len(test) == -(-len(labels) // 5)

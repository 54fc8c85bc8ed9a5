"""How many at once, and what each may take."""

from __future__ import annotations

import pytest

from cnnshape.errors import UsageError
from cnnshape.sweeping.isolation import Limits
from cnnshape.sweeping.limits import Machine, Room, parse_memory, room

SMALL = Machine(cores=4, memory=10 * 10**9)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("4GB", 4 * 10**9), ("512mb", 512 * 10**6), ("2 GiB", 2**31), ("0.5T", 5 * 10**11)],
)
def test_amounts_of_memory(text, amount):
    assert parse_memory(text) == amount


@pytest.mark.parametrize("text", ["", "much", "4XB", "-1GB", "GB", "1e9", "4 G B"])
def test_what_is_no_amount(text):
    with pytest.raises(UsageError, match="is no amount of memory"):
        parse_memory(text)


def test_less_than_torch_takes():
    with pytest.raises(UsageError, match="too little"):
        parse_memory("100MB")


@pytest.mark.parametrize(
    ("jobs", "memory", "found", "note"),
    [
        (None, None, 4, ""),
        (2, None, 2, ""),
        (64, None, 4, "4 at once, not 64: one for each core"),
        (None, 2 * 10**9, 4, ""),
        (None, 4 * 10**9, 2, "2 at once, not 4: 4 GB each"),
        (None, 64 * 10**9, 1, "1 at once, not 4: 64 GB each"),
        (1, 64 * 10**9, 1, ""),
    ],
)
def test_cores_and_memory_have_room_for(jobs, memory, found, note):
    place = room(jobs, 60, memory, SMALL)
    assert place.jobs == found
    assert place.note.startswith(note)
    assert bool(place.note) == bool(note)


def test_an_equal_share_of_the_memory():
    assert room(2, None, None, SMALL) == Room(2, Limits(None, 4_500_000_000))
    assert room(2, None, None, Machine(4, None)) == Room(2, Limits(None, None))


@pytest.mark.parametrize(("jobs", "seconds"), [(0, 1), (-2, 1), (1, 0), (1, -3), (1, float("nan"))])
def test_numbers_that_make_no_sense(jobs, seconds):
    with pytest.raises(UsageError):
        room(jobs, seconds, None, SMALL)

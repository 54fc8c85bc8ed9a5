# ruff: noqa: PT012 - a block is what the interrupt arrives in
"""Signals wait in a held block, pass where they may, and the user's handlers come back."""

from __future__ import annotations

import signal
import threading

import pytest

from cnnshape.interrupts import held, let_through


@pytest.fixture
def heard():
    """What a handler of the user's heard, which raises nothing."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    yield heard
    signal.signal(signal.SIGINT, before)


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_held_interrupt_comes_after_the_block():
    reached = []
    with pytest.raises(KeyboardInterrupt), held():
        ctrl_c()
        ctrl_c()
        reached.append("the end")
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_noted_comes_as_soon_as_something_is_let_through():
    reached = []
    with pytest.raises(KeyboardInterrupt), held():
        ctrl_c()
        let_through(reached.append, "too far")
    assert reached == []


def test_everything_is_held_again_while_an_interrupt_travels_outwards():
    reached = []
    with pytest.raises(KeyboardInterrupt), held():
        try:
            let_through(ctrl_c)
        finally:
            ctrl_c()
            reached.append("put back")
    assert reached == ["put back"]


def test_blocks_within_blocks():
    reached = []

    def inner():
        with held():
            ctrl_c()
            reached.append("the inner end")

    with pytest.raises(KeyboardInterrupt), held():
        let_through(inner)
        reached.append("too far")
    assert reached == ["the inner end"]
    with pytest.raises(KeyboardInterrupt), held():
        inner()
        reached.append("held by the outer one")
    assert reached[1:] == ["the inner end", "held by the outer one"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_user_is_asked_and_comes_back(heard):
    mine = signal.getsignal(signal.SIGINT)
    with held():
        ctrl_c()
        assert heard == []
        let_through(ctrl_c)
        assert len(heard) == 2
        ctrl_c()
    assert len(heard) == 3
    assert signal.getsignal(signal.SIGINT) is mine


def test_a_handler_may_appoint_another_one():
    def second(_number, _frame):
        raise RuntimeError("the second Ctrl-C")

    def first(_number, _frame):
        signal.signal(signal.SIGINT, second)

    before = signal.signal(signal.SIGINT, first)
    try:
        with held():
            let_through(ctrl_c)
        assert signal.getsignal(signal.SIGINT) is second
        signal.signal(signal.SIGINT, first)
        with held():
            ctrl_c()
        assert signal.getsignal(signal.SIGINT) is second
        with pytest.raises(RuntimeError, match="second"), held():
            ctrl_c()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_the_inside_leaves_is_gone():
    with held():
        let_through(signal.signal, signal.SIGINT, lambda *_: None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with held():
            ctrl_c()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_in_c_is_left_alone(monkeypatch):
    monkeypatch.setattr(signal, "getsignal", lambda _number: None)
    with held():
        assert let_through(int, "3") == 3
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_lets_the_main_one_hold():
    """Signals arrive in the main thread; what runs beside it must not open its block."""
    with pytest.raises(KeyboardInterrupt), held():
        reached = []
        beside = threading.Thread(target=lambda: let_through(reached.append, 1))
        beside.start()
        beside.join()
        ctrl_c()
        reached.append(2)
        assert reached == [1, 2]


def test_an_alarm_that_raises_waits_as_well():
    def out_of_time(_number, _frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, out_of_time)
    reached = []
    try:
        with pytest.raises(TimeoutError), held():
            signal.raise_signal(signal.SIGALRM)
            reached.append("the end")
        assert reached == ["the end"]
        assert signal.getsignal(signal.SIGALRM) is out_of_time
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_error_inside_passes():
    with pytest.raises(ValueError, match="mine"), held():
        raise ValueError("mine")

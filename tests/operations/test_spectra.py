"""Fourier transforms, held against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnshape.formulas.algebra import letter
from cnnshape.operations import Operand, account, macs
from cnnshape.operations.spectra import SPECTRA
from tests.operations.draws import axes, axis, number, tensor
from tests.operations.judge import judge
from tests.operations.letters import judge_letters, lettered

ONE = [torch.fft.fft, torch.fft.ifft, torch.fft.rfft, torch.fft.irfft, torch.fft.hfft,
       torch.fft.ihfft]  # fmt: skip
TWO = [torch.fft.fft2, torch.fft.ifft2, torch.fft.rfft2, torch.fft.irfft2, torch.fft.hfft2,
       torch.fft.ihfft2]  # fmt: skip
MANY = [torch.fft.fftn, torch.fft.ifftn, torch.fft.rfftn, torch.fft.irfftn, torch.fft.hfftn,
        torch.fft.ihfftn]  # fmt: skip


def named(function: Any) -> str:
    return function.__name__


@pytest.mark.parametrize("function", ONE, ids=named)
@settings(max_examples=15)
@given(data=st.data())
def test_along_one_axis(function: Any, data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3), (2, 4))
    n = data.draw(st.sampled_from([None, 3, 6]))
    judge(function, x, by="sizes")
    judge(function, x, n, axis(data.draw, x.ndim), by="sizes")


@pytest.mark.parametrize("function", TWO + MANY, ids=named)
@settings(max_examples=15)
@given(data=st.data())
def test_along_several_axes(function: Any, data: st.DataObject) -> None:
    x = tensor(data.draw, (2, 4), (2, 4))
    judge(function, x, by="sizes")
    judge(function, x, (3, 5), by="sizes")
    judge(function, x, (-1, 5), (0, -1), by="sizes")
    dims = axes(data.draw, x.ndim, 1)
    if function in MANY:
        judge(function, x, dim=dims, by="sizes")


def test_every_frequency_has_seen_every_position() -> None:
    judge(lambda x: torch.fft.rfft(x).real, torch.zeros(2, 6), name="fft_rfft", by="gradient",
          exact=False)  # fmt: skip


@settings(max_examples=15)
@given(data=st.data())
def test_shifts(data: st.DataObject) -> None:
    x = tensor(data.draw, (1, 3))
    judge(torch.fft.fftshift, x)
    judge(torch.fft.ifftshift, x, axes(data.draw, x.ndim, 1))


@pytest.mark.filterwarnings("ignore")  # real numbers beside complex ones
@settings(max_examples=25)
@given(data=st.data())
def test_stft_and_back(data: st.DataObject) -> None:
    n, hop = number(data.draw, 4, 7), number(data.draw, 1, 3)
    x = torch.zeros(*data.draw(st.sampled_from([(), (2,)])), 8 * n)
    center, window = data.draw(st.booleans()), torch.ones(n)
    options = {"hop_length": hop, "center": center, "window": window}
    complex_ = {"return_complex": True, **options}
    judge(torch.stft, x, n, by="sizes", **complex_)
    judge(torch.stft, x, n, by="sizes", onesided=False, **complex_)
    judge(torch.stft, x, n, by="sizes", return_complex=False, **options)
    judge(torch.stft, x.to(torch.complex64), n, by="sizes", **complex_)
    options = {"hop_length": hop, "center": True, "window": window}
    spectrum = torch.stft(x, n, return_complex=True, **options)
    judge(torch.istft, spectrum, n, by="sizes", **options)
    judge(torch.istft, spectrum, n, by="sizes", length=7, **options)


def test_frames_are_windows() -> None:
    known = account("stft", (Operand.of(0, 400), 16), {"return_complex": True})
    frames = known.results[0][-1]
    assert (frames.rule, frames.size) == ("conv", 101)
    assert frames.arguments == {"kernel_size": 16, "stride": 4, "padding": 8}


def test_frequencies_in_pairs_of_numbers_are_not_understood() -> None:
    assert account("istft", (Operand.of(0, 9, 101, 2), 16)) is None


def test_the_cost_of_a_transform_is_unknown() -> None:
    assert {entry.macs for entry in SPECTRA if "shift" not in entry.name} == {None}
    assert macs("fft_rfft2", (Operand.of(0, 3, 8, 8),)) is None


H = letter("H")


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (torch.fft.rfft, (lettered("N", "H"),), {}),
        (torch.fft.irfft, (lettered("N", "H"),), {}),
        (torch.fft.rfft2, (lettered("N", 3, "H", "W"),), {}),
        (torch.stft, (lettered("N", 4 * H), 8), {"return_complex": True}),
    ],
)
@pytest.mark.filterwarnings("ignore:A window was not provided")
def test_sizes_in_letters(function: Any, args: Any, kwargs: Any) -> None:
    run, others = {"N": 2, "H": 14, "W": 20}, ({"N": 3, "H": 21, "W": 9},)
    judge_letters(function, *args, run=run, others=others, by_fakes=False, **kwargs)


def test_unknown_sizes_stay_unknown() -> None:
    x = Operand(0, (None,), (8,))
    assert account("fft_rfft", (x,)).sizes == account("fft_irfft", (x,)).sizes == ((None,),)

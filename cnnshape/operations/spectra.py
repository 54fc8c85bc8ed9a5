"""Fourier transforms: every frequency is a sum over all positions, or over those of a window.

Their cost is unknown to the papers' convention: no papers agree on how the products of a fast
transform are counted.

Source: https://docs.pytorch.org/docs/stable/fft.html and
https://docs.pytorch.org/docs/stable/generated/torch.stft.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.operations.axes import Account, Ended, Origin, Size, Written, over, total
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.moving import roll
from cnnshape.operations.table import Table
from cnnshape.operations.windows import along

SPECTRA = Table()

SPECTRA.add("fft_fftshift fft_ifftshift", "moving", "input dims|dim=None",
            source="torch.fft.fftshift")(roll)  # fmt: skip


def _half(n: Size) -> Size:
    """A real signal has as many different frequencies: ``n // 2 + 1``."""
    return total((over(n, 2), 1))


def _transformed(x: Operand, axes: Sequence[int], sizes: Sequence[Size]) -> Account:
    """Some axes as frequencies, each of which has seen all positions."""
    made = dict(zip(axes, sizes, strict=True))
    origins = tuple(Written(made[a]) if a in made else x.kept(a) for a in range(x.rank))
    ended = tuple(Ended((x.axis(axis),), "contracted", x.sizes[axis]) for axis in axes)
    return Account((origins,), ended)


def _asked(call: Call, x: Operand) -> tuple[tuple[int, ...], list[Size]]:
    """The axes that are transformed, and how many positions of each: those asked for, or all."""
    name = "n" if "n" in call.arguments else "s"
    sizes = None if call[name] is None else call.sizes(name)
    axes = call.axes("dim", x.rank)
    if not axes:  # the last ones, as many as there are sizes, or all
        axes = tuple(range(x.rank - len(sizes), x.rank)) if sizes else tuple(range(x.rank))
    if sizes is None:
        return axes, [x.sizes[axis] for axis in axes]
    return axes, [x.sizes[a] if n == -1 else n for a, n in zip(axes, sizes, strict=True)]


_ONE, _TWO, _MANY = "input n=None dim=-1", "input s=None dim=(-2,-1)", "input s=None dim=None"


@SPECTRA.add("fft_fft fft_ifft", "other", _ONE, macs=None, source="torch.fft.fft")
@SPECTRA.add("fft_fft2 fft_ifft2", "other", _TWO, macs=None, source="torch.fft.fft2")
@SPECTRA.add("fft_fftn fft_ifftn", "other", _MANY, macs=None, source="torch.fft.fftn")
def fft(call: Call) -> Account:
    """As many frequencies as positions."""
    x = call.tensor()
    return _transformed(x, *_asked(call, x))


@SPECTRA.add("fft_rfft fft_ihfft", "other", _ONE, macs=None, source="torch.fft.rfft")
@SPECTRA.add("fft_rfft2 fft_ihfft2", "other", _TWO, macs=None, source="torch.fft.rfft2")
@SPECTRA.add("fft_rfftn fft_ihfftn", "other", _MANY, macs=None, source="torch.fft.rfftn")
def rfft(call: Call) -> Account:
    """Of real numbers: half of the frequencies of the last axis tell the others."""
    x = call.tensor()
    axes, sizes = _asked(call, x)
    return _transformed(x, axes, [*sizes[:-1], _half(sizes[-1])])


@SPECTRA.add("fft_irfft fft_hfft", "other", _ONE, macs=None, source="torch.fft.irfft")
@SPECTRA.add("fft_irfft2 fft_hfft2", "other", _TWO, macs=None, source="torch.fft.irfft2")
@SPECTRA.add("fft_irfftn fft_hfftn", "other", _MANY, macs=None, source="torch.fft.irfftn")
def irfft(call: Call) -> Account:
    """Back to real numbers: an even number of them, unless another one is asked for."""
    x = call.tensor()
    axes, sizes = _asked(call, x)
    if call.arguments.get("n", call.arguments.get("s")) is None:
        half = sizes[-1]
        sizes[-1] = None if half is None else 2 * (half - 1)
    return _transformed(x, axes, sizes)


@SPECTRA.add("stft", "other",
             "input n_fft hop_length=None win_length=None window=None center=True "
             "pad_mode='reflect' normalized=False onesided=None return_complex=None",
             macs=None)  # fmt: skip
def stft(call: Call) -> Account:
    """The frequencies of every window along the last axis."""
    x, n = call.tensor(), call.size("n_fft")
    several = call["onesided"] is False or x.dtype.startswith("complex")
    frequencies = Written(n if several else _half(n))
    frames, needs = along("conv", x.axis(-1), x.sizes[-1], _window(call))
    pair = () if call["return_complex"] is not False else (Written(2),)
    return Account(((*x.all_kept(0, -1), frequencies, frames, *pair),), needs=needs)


def _window(call: Call) -> dict[str, Size]:
    n, hop = call.size("n_fft"), call["hop_length"]
    padding = over(n, 2) if call["center"] else 0
    return {"kernel_size": n, "stride": over(n, 4) if hop is None else hop, "padding": padding}


@SPECTRA.add("istft", "other",
             "input n_fft hop_length=None win_length=None window=None center=True "
             "normalized=False onesided=None length=None return_complex=False",
             macs=None)  # fmt: skip
def istft(call: Call) -> Account:
    """The signal of which these are the frequencies of every window."""
    x = call.tensor()
    if not x.dtype.startswith("complex"):
        raise Unfit("frequencies in pairs of numbers")
    signal, needs = along("conv_transpose", x.axis(-1), x.sizes[-1], _window(call))
    ended = Ended((x.axis(-2),), "contracted", x.sizes[-2])
    length: Origin = signal if call["length"] is None else Written(call.size("length"))
    return Account(((*x.all_kept(0, -2), length),), (ended,), needs)

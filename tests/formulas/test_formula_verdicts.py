"""Hand-derived formulas: each verdict confirmed by brute force against real torch layers.

A formula stands here twice: as somebody wrote it, which cnnshape reads and judges, and as a Python
function, which the tests hold against torch. The two share no code.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction as Q
from functools import cache
from itertools import product
from typing import NamedTuple

import pytest
import torch
from torch import nn

from cnnshape.errors import UsageError
from cnnshape.formulas.configurations import candidates
from cnnshape.formulas.formula_call import formula
from cnnshape.formulas.holds_when import Atom, weakest


class V(NamedTuple):
    """One configuration."""

    n: int
    k: int
    s: int
    p: int = 0
    d: int = 1
    a: int = 0


@cache
def real(kind: str, v: V, ceil: bool = False) -> int | None:
    """What torch gives on the CPU; None where it refuses."""
    x = torch.zeros(1, 1, v.n, dtype=torch.float64)
    try:
        if kind == "conv":
            layer = nn.Conv1d(1, 1, v.k, v.s, v.p, v.d, bias=False)
        elif kind == "conv_transpose":
            layer = nn.ConvTranspose1d(1, 1, v.k, v.s, v.p, v.a, bias=False, dilation=v.d)
        elif kind == "max_pool":
            layer = nn.MaxPool1d(v.k, v.s, v.p, v.d, ceil_mode=ceil)
        elif kind == "avg_pool":
            layer = nn.AvgPool1d(v.k, v.s, v.p, ceil_mode=ceil)
        elif kind == "lp_pool":
            layer = nn.LPPool1d(2, v.k, v.s, ceil_mode=ceil)
        else:
            raise AssertionError(kind)
        with torch.no_grad():
            return layer.double()(x).shape[-1]
    except (RuntimeError, ValueError):
        return None


HAS = {
    "conv": "nkspd",
    "conv_transpose": "nkspda",
    "max_pool": "nkspd",
    "avg_pool": "nksp",
    "lp_pool": "nks",
}


@cache
def grid(kind: str, ceil: bool = False) -> tuple[tuple[V, int], ...]:
    """Small configurations in lexicographic order, with torch's answer; refused ones left out."""
    has = HAS[kind]
    ranges = [
        (1, 2, 3, 4, 5, 7, 8, 13, 28),
        (1, 2, 3, 4, 5),
        (1, 2, 3, 4),
        (0, 1, 2) if "p" in has else (0,),
        (1, 2, 3) if "d" in has else (1,),
        (0, 1, 2) if "a" in has else (0,),
    ]
    found = ((V(*values), real(kind, V(*values), ceil)) for values in product(*ranges))
    return tuple((v, size) for v, size in found if size is not None)


#: Conditions as the verdicts name them.
CONDITIONS: dict[str, Callable[[V], bool]] = {
    "dilation=1": lambda v: v.d == 1,
    "padding=0": lambda v: v.p == 0,
    "stride=1": lambda v: v.s == 1,
    "stride=2": lambda v: v.s == 2,
    "kernel=2": lambda v: v.k == 2,
    "kernel=3": lambda v: v.k == 3,
    "kernel=5": lambda v: v.k == 5,
    "padding=2": lambda v: v.p == 2,
    "output_padding=0": lambda v: v.a == 0,
    "output_padding=stride - 1": lambda v: v.a == v.s - 1,
    "stride=kernel": lambda v: v.s == v.k,
    "padding=dilation*(kernel - 1)/2": lambda v: 2 * v.p == v.d * (v.k - 1),
    "stride + padding<=kernel": lambda v: v.s + v.p <= v.k,
    "stride<=kernel": lambda v: v.s <= v.k,
    "(input + 2*padding - kernel) divisible by stride": (
        lambda v: (v.n + 2 * v.p - v.k) % v.s == 0
    ),
    "(input + 2*padding - dilation*(kernel - 1) - 1) divisible by stride": (
        lambda v: (v.n + 2 * v.p - v.d * (v.k - 1) - 1) % v.s == 0
    ),
}


class Case(NamedTuple):
    kind: str
    text: str
    value: Callable[[V], Q | int]
    verdict: str
    needs_floor: bool
    holds_when: tuple[str, ...] = ()
    ceil: bool = False


def conv_exact(v: V) -> int:
    return (v.n + 2 * v.p - v.d * (v.k - 1) - 1) // v.s + 1


def simple(v: V) -> Q:
    return Q(v.n - v.k + 2 * v.p, v.s) + 1


def no_padding(v: V) -> Q:
    return Q(v.n - v.k, v.s) + 1


CASES = [
    # the seed pages, in their own LaTeX: two equations, brackets around them, a stray comma
    Case(
        "conv",
        r"$$ (W = \frac{W+2P-F}{S} + 1, H = \frac{H+2P-F}{S} + 1) $$",
        simple, "conditional", True, ("dilation=1",),
    ),
    Case(
        "max_pool",
        r"$$ W = \frac{W-F}{S} + 1, H = \frac{H-F}{S} + 1, $$",
        no_padding, "conditional", True, ("dilation=1", "padding=0"),
    ),
    # the same formula in the writings people use
    Case("conv", "(W - F + 2P)/S + 1", simple, "conditional", True, ("dilation=1",)),
    Case("conv", "N = (W−F+2P)÷S+1", simple, "conditional", True, ("dilation=1",)),
    Case("conv", "（W－F＋2P）／S＋1", simple, "conditional", True, ("dilation=1",)),
    Case(
        "conv", "output_size = (input_size - kernel_size + 2 * padding) / stride + 1",
        simple, "conditional", True, ("dilation=1",),
    ),
    Case("conv", "(W - F + 2P)/S + 1 = N", simple, "conditional", True, ("dilation=1",)),
    Case(
        "conv", "out = (in + 2*pad - kernel)//stride + 1",
        lambda v: math.floor(simple(v)), "conditional", False, ("dilation=1",),
    ),
    Case(
        "conv", "o = ⌊(i + 2p - k)/s⌋ + 1",
        lambda v: math.floor(simple(v)), "conditional", False, ("dilation=1",),
    ),
    Case(
        "conv", r"n_H^{[l]} = \lfloor \frac{n_H^{[l-1]} + 2p^{[l]} - f^{[l]}}{s^{[l]}} + 1 \rfloor",
        lambda v: math.floor(simple(v)), "conditional", False, ("dilation=1",),
    ),
    Case(
        "conv", "int((W - F + 2*P)/S) + 1",
        lambda v: math.floor(simple(v) - 1) + 1, "conditional", False, ("dilation=1",),
    ),
    Case("avg_pool", "(W - F + 2P)/S + 1", simple, "needs_floor", True),
    Case("lp_pool", "(W - F)/S + 1", no_padding, "needs_floor", True),
    # the framework's documentation, in its LaTeX and in its text
    Case(
        "conv",
        r"H_{out} = \left\lfloor\frac{H_{in}  + 2 \times \text{padding}[0] - \text{dilation}[0]"
        r" \times (\text{kernel\_size}[0] - 1) - 1}{\text{stride}[0]} + 1\right\rfloor",
        conv_exact, "exact", False,
    ),
    Case(
        "max_pool",
        r"L_{out} = \left\lfloor \frac{L_{in} + 2 \times \text{padding} - \text{dilation}"
        r" \times (\text{kernel\_size} - 1) - 1}{\text{stride}} + 1\right\rfloor",
        conv_exact, "exact", False,
    ),
    Case(
        "avg_pool",
        r"L_{out} = \left\lfloor \frac{L_{in} + 2 \times \text{padding} - \text{kernel\_size}}"
        r"{\text{stride}} + 1\right\rfloor",
        lambda v: math.floor(simple(v)), "exact", False,
    ),
    Case(
        "conv_transpose",
        "(H_in−1)×stride[0]−2×padding[0]+dilation[0]×(kernel_size[0]−1)+output_padding[0]+1",
        lambda v: (v.n - 1) * v.s - 2 * v.p + v.d * (v.k - 1) + v.a + 1, "exact", False,
    ),
    # Dumoulin and Visin 2016, relationships 6, 14 and the dilated one of section 5
    Case(
        "conv", "o = ⌊(i + 2p − k − (k − 1)(d − 1))/s⌋ + 1",
        lambda v: math.floor(Q(v.n + 2 * v.p - v.k - (v.k - 1) * (v.d - 1), v.s)) + 1,
        "exact", False,
    ),
    Case(
        "conv_transpose", "o = s(i − 1) + a + k − 2p",
        lambda v: v.s * (v.n - 1) + v.a + v.k - 2 * v.p, "conditional", False, ("dilation=1",),
    ),
    # the sign of the dilation term the wrong way round
    Case(
        "conv", "⌊(n + 2p + d(k − 1) − 1)/s⌋ + 1",
        lambda v: math.floor(Q(v.n + 2 * v.p + v.d * (v.k - 1) - 1, v.s)) + 1, "wrong", False,
    ),
    Case(
        "conv", "⌊(n + 2p − k + (k − 1)(d − 1))/s⌋ + 1",
        lambda v: math.floor(Q(v.n + 2 * v.p - v.k + (v.k - 1) * (v.d - 1), v.s)) + 1,
        "conditional", False, ("dilation=1",),
    ),
    # right but for the rounding
    Case(
        "conv", "(n + 2p − d(k−1) − 1)/s + 1",
        lambda v: Q(v.n + 2 * v.p - v.d * (v.k - 1) - 1, v.s) + 1, "needs_floor", True,
    ),
    Case(
        "conv", r"\frac{W + 2P - (D(F - 1) + 1)}{S} + 1",
        lambda v: Q(v.n + 2 * v.p - (v.d * (v.k - 1) + 1), v.s) + 1, "needs_floor", True,
    ),
    Case(
        "conv", "(W + 2P - DF + D - 1 + S)/S",
        lambda v: Q(v.n + 2 * v.p - v.d * v.k + v.d - 1 + v.s, v.s), "needs_floor", True,
    ),
    # rounded the wrong way
    Case(
        "conv", "ceil((W + 2P - D(F-1) - 1)/S) + 1",
        lambda v: math.ceil(Q(v.n + 2 * v.p - v.d * (v.k - 1) - 1, v.s)) + 1,
        "conditional", False,
        ("(input + 2*padding - dilation*(kernel - 1) - 1) divisible by stride",),
    ),
    Case(
        "avg_pool", "⌈(W - F + 2P)/S⌉ + 1", lambda v: math.ceil(simple(v) - 1) + 1,
        "conditional", False, ("(input + 2*padding - kernel) divisible by stride",),
    ),
    # things left out
    Case("conv", "W - F + 1", lambda v: v.n - v.k + 1, "conditional", False,
         ("dilation=1", "padding=0", "stride=1")),
    Case("conv", "W - F + 2P + 1", lambda v: v.n - v.k + 2 * v.p + 1, "conditional", False,
         ("dilation=1", "stride=1")),
    Case("conv", "(W - F)/S + 1", no_padding, "conditional", True, ("dilation=1", "padding=0")),
    Case("conv", "(W - F + P)/S + 1", lambda v: Q(v.n - v.k + v.p, v.s) + 1, "conditional", True,
         ("dilation=1", "padding=0")),
    Case("conv", "(W - F + 2P)/S", lambda v: Q(v.n - v.k + 2 * v.p, v.s), "wrong", True),
    Case("conv_transpose", "(n-1)s − 2p + k", lambda v: (v.n - 1) * v.s - 2 * v.p + v.k,
         "conditional", False, ("dilation=1", "output_padding=0")),
    Case("conv_transpose", "S(N-1) + K - 2P + OP", lambda v: v.s * (v.n - 1) + v.k - 2 * v.p + v.a,
         "conditional", False, ("dilation=1",)),
    # "padding = kernel // 2 keeps the size" and its relatives
    Case("conv", "W", lambda v: v.n, "conditional", False,
         ("stride=1", "padding=dilation*(kernel - 1)/2")),
    Case("conv", "⌈W/S⌉", lambda v: math.ceil(Q(v.n, v.s)), "conditional", False,
         ("padding=dilation*(kernel - 1)/2",)),
    Case("max_pool", "W/S", lambda v: Q(v.n, v.s), "conditional", True,
         ("dilation=1", "padding=0", "stride=kernel")),
    Case("max_pool", "W//2", lambda v: v.n // 2, "conditional", False,
         ("dilation=1", "padding=0", "stride=kernel", "kernel=2")),
    Case("avg_pool", "floor(W/F)", lambda v: v.n // v.k, "conditional", False,
         ("padding=0", "stride=kernel")),
    Case("conv_transpose", "2W", lambda v: 2 * v.n, "conditional", False,
         ("padding=dilation*(kernel - 1)/2", "output_padding=stride - 1", "stride=2")),
    # with somebody's own numbers in it
    Case("conv", "(W - 5)/2 + 1", lambda v: Q(v.n - 5, 2) + 1, "conditional", True,
         ("dilation=1", "padding=0", "kernel=5", "stride=2")),
    Case("conv", "W + 2*2 - 5 + 1", lambda v: v.n, "conditional", False,
         ("stride=1", "padding=dilation*(kernel - 1)/2")),
    # ceil_mode: what everybody writes misses the clamp
    Case("max_pool", "⌈(W - F + 2P)/S⌉ + 1", lambda v: math.ceil(simple(v) - 1) + 1, "conditional",
         False, ("dilation=1", "stride + padding<=kernel"), ceil=True),
    Case("max_pool", "(W - F + 2P)/S + 1", simple, "conditional",
         True, ("dilation=1", "stride + padding<=kernel"), ceil=True),
    Case(
        "avg_pool", "min(⌈(W − F + 2P)/S⌉, ⌊(W + P − 1)/S⌋) + 1",
        lambda v: min(math.ceil(simple(v) - 1), (v.n + v.p - 1) // v.s) + 1,
        "exact", False, ceil=True,
    ),
]  # fmt: skip


@cache
def judged(kind: str, text: str, ceil: bool):
    return formula(kind, text, ceil_mode=ceil)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.text[:40]}")
def test_verdict(case):
    for result in judged(case.kind, case.text, case.ceil):
        assert result.verdict == case.verdict
        assert result.needs_floor == case.needs_floor
        assert result.holds_when == case.holds_when


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.text[:40]}")
def test_verdict_is_confirmed_by_torch(case):
    rounding = math.ceil if case.ceil else math.floor

    def given_value(v: V) -> Q | int:
        return rounding(case.value(v)) if case.needs_floor else case.value(v)

    configurations = grid(case.kind, case.ceil)
    equal = {v for v, size in configurations if case.value(v) == size}
    rounded = {v for v, size in configurations if rounding(case.value(v)) == size}
    everything = {v for v, _ in configurations}
    holds = {v for v in everything if all(CONDITIONS[text](v) for text in case.holds_when)}
    if case.verdict == "exact":
        assert equal == everything
    elif case.verdict == "needs_floor":
        assert rounded == everything
        assert equal < everything
    elif case.verdict == "conditional":
        assert rounded < everything
        assert len(holds) >= 5
        assert holds <= (rounded if case.needs_floor else equal)
        # Rounding is asked for only where it is needed.
        assert not case.needs_floor or not holds <= equal
        # No condition can be left out.
        for text in case.holds_when:
            others = [other for other in case.holds_when if other != text]
            weaker = {v for v in everything if all(CONDITIONS[other](v) for other in others)}
            assert not weaker <= rounded, f"{text} is not needed"
    else:
        # What is wrong is wrong under every one and every pair of the conditions we name.
        for first, second in product(CONDITIONS.values(), repeat=2):
            held = {v for v in everything if first(v) and second(v)}
            kernels = {v.k for v in held}
            assert len(kernels) < 2 or not held <= rounded


def point(example: dict) -> V:
    return V(
        example["input"], example["kernel"], example["stride"], example.get("padding", 0),
        example.get("dilation", 1), example.get("output_padding", 0),
    )  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.verdict in ("conditional", "wrong")],
    ids=lambda case: f"{case.kind}: {case.text[:40]}",
)
def test_counterexample_is_real_and_the_smallest(case):
    rounding = math.ceil if case.ceil else math.floor
    result = judged(case.kind, case.text, case.ceil)[0]
    example = result.counterexample
    v = point(example)
    value = rounding(case.value(v)) if case.needs_floor else case.value(v)
    assert example["actual"] == real(case.kind, v, case.ceil)
    assert example["formula"] == pytest.approx(float(value))
    assert value != example["actual"]

    def differs(other: V, size: int) -> bool:
        found = rounding(case.value(other)) if case.needs_floor else case.value(other)
        return found != size

    def fits(other: V) -> bool:
        return case.kind == "conv_transpose" or other.d * (other.k - 1) + 1 <= other.n

    smaller = [
        other
        for other, size in grid(case.kind, case.ceil)
        if other < v and fits(other) and differs(other, size)
    ]
    assert not smaller


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.verdict != "exact"],
    ids=lambda case: f"{case.kind}: {case.text[:40]}",
)
def test_repaired_formula_is_exact(case):
    result = judged(case.kind, case.text, case.ceil)[0]
    again = formula(case.kind, result.repaired, ceil_mode=case.ceil)
    assert again.verdict == "exact"


def test_there_are_enough_formulas():
    assert len(CASES) >= 40


def test_the_contract_s_example():
    result = formula("conv", "(W - F + 2P)/S + 1").to_dict()
    wanted = {
        "kind": "conv",
        "verdict": "conditional",
        "needs_floor": True,
        "holds_when": ["dilation=1"],
        "counterexample": {
            "input": 3, "kernel": 2, "stride": 1, "padding": 0, "dilation": 2,
            "formula": 2, "actual": 1,
        },
        "repaired": "⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1",
    }  # fmt: skip
    assert {key: result[key] for key in wanted} == wanted


def test_repair_keeps_the_author_s_shape_where_only_rounding_lacks():
    result = formula("avg_pool", "out = (in + 2*pad - kernel)/stride + 1")
    assert result.repaired == "⌊(in + 2·pad − kernel)/stride⌋ + 1"
    assert formula("avg_pool", result.repaired).verdict == "exact"


def test_fractions_are_shown_where_rounding_lacks():
    example = formula("avg_pool", "(W - F + 2P)/S + 1")[0].rounding_example
    assert example == {
        "input": 2, "kernel": 1, "stride": 2, "padding": 0, "formula": 1.5, "actual": 1,
    }  # fmt: skip


def test_given_arguments_are_held_fixed():
    assert formula("conv", "(W - F + 2P)/S + 1", dilation=1).verdict == "needs_floor"
    assert formula("conv", "W - F + 1", dilation=1, stride=1, padding=0).verdict == "exact"
    assert formula("conv", "W/2", kernel=3, stride=2, padding=1, dilation=1).verdict == "wrong"
    assert formula("conv", "⌈W/2⌉", kernel=3, stride=2, padding=1, dilation=1).verdict == "exact"


def test_several_equations_are_judged_each():
    both = formula("avg_pool", "H = ⌊(H - F + 2P)/S⌋ + 1, W = (W - F)/S + 1")
    assert [each.verdict for each in both] == ["exact", "conditional"]
    assert [each.label for each in both] == ["H", "W"]
    assert both.verdict == "conditional"
    assert not both.ok
    assert [each["verdict"] for each in both.to_dict()] == ["exact", "conditional"]


def test_verdicts_that_say_the_same_are_told_once():
    both = formula("conv", "W = (W - F + 2P)/S + 1, H = (H - F + 2P)/S + 1")
    text = str(both)
    assert text.count("conditional:") == text.count("smallest counterexample") == 1
    assert text.splitlines()[:2] == [
        "W = (W − F + 2P)/S + 1   (conv)",
        "H = (H − F + 2P)/S + 1   (conv)",
    ]
    assert "right: W = ⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1" in text
    assert "       H = ⌊(H + 2P − D(F − 1) − 1)/S⌋ + 1" in text
    assert len(both.to_dict()) == 2
    other = str(formula("conv", "W = (W - F + 2P)/S + 1, H = (H - F)/S + 1"))
    assert other.count("conditional:") == 2


def test_exact_formulas_are_proved_as_algebra():
    for text in (
        "⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1",
        "⌊(W + 2P − DF + D − 1 + S)/S⌋",
        "⌊(W + 2P − D(F − 1) − 1)/S + 1⌋",
    ):
        result = formula("conv", text)[0]
        assert result.verdict == "exact"
        assert result.proved
    # Equal by number theory, not by algebra: compared only, and said so.
    result = formula("conv", "⌈(W + 2P − D(F − 1))/S⌉")[0]
    assert result.verdict == "exact"
    assert not result.proved
    assert result.compared > 10_000


def test_a_division_by_zero_counts_as_different():
    result = formula("conv", "(W - F + 2P)/(S - 1) + 1")[0]
    assert result.verdict == "wrong"
    assert result.counterexample["stride"] == 1
    assert result.counterexample["formula"] is None


@pytest.mark.parametrize(
    ("kind", "text", "verdict"),
    [
        ("pixel_shuffle", "r H", "exact"),
        ("pixel_unshuffle", "H / r", "exact"),
        ("pixel_unshuffle", "H // r", "exact"),
        ("upsample", "floor(H * scale)", "exact"),
        ("upsample", "H * scale", "needs_floor"),
        ("upsample", "2H", "conditional"),
        ("pad", "W + 2P", "exact"),
        ("pad", "W + left + right", "exact"),
        ("pad", "W + 2*left", "conditional"),
        ("max_unpool", "(n-1)s - 2p + k", "exact"),
        ("unfold", "(W + 2P - D(K-1) - 1)/S + 1", "needs_floor"),
        ("adaptive_pool", "O", "exact"),
        ("adaptive_pool", "W", "wrong"),
    ],
)
def test_other_kinds(kind, text, verdict):
    assert formula(kind, text).verdict == verdict


def test_near_misses_are_told_apart():
    """Off by one in one place, or right for small sizes only."""
    for text in (
        "⌊(W + 2P − D(F − 1) − 2)/S⌋ + 1",
        "⌊(W + 2P − D(F − 1))/S⌋ + 1",
        "⌊(W + 2P − D(F − 1) − 1)/S⌋",
        "⌊(W + 2P − D(F − 1) − 1)/(S + 1)⌋ + 1",
        "⌊(min(W, 200) + 2P − D(F − 1) − 1)/S⌋ + 1",
        "⌊(W + 2P − D(F − 1) − 1)/min(S, 4)⌋ + 1",
        "⌊(W + min(2P, 6) − D(F − 1) − 1)/S⌋ + 1",
        "⌊(W + 2P − min(D, 3)(F − 1) − 1)/S⌋ + 1",
        "round((W + 2P − D(F − 1) − 1)/S) + 1",
    ):
        assert formula("conv", text).verdict != "exact", text


def test_kinds_without_a_formula_along_one_axis_say_so():
    with pytest.raises(UsageError, match="no formula along one axis"):
        formula("linear", "W")


def test_five_conditions_together_are_tried():
    """Each of them excludes one of five wrong configurations that the others let pass."""
    right, wrong = 0b111, [1 << bit for bit in range(3, 8)]
    atoms = [Atom(f"a{number}", right | sum(wrong) - bad, 1) for number, bad in enumerate(wrong)]
    found = weakest(atoms, right, [0b1, 0b10, 0b100], [])
    assert found is not None
    assert (found[0], found[1]) == (tuple(atoms), right)
    assert weakest([*atoms[:4]], right, [0b1, 0b10, 0b100], []) is None


def test_what_is_tried_of_an_argument_alone():
    """Where somebody's formula goes wrong is most often beside an even size, or at a crop."""
    inputs, scales, crops = (
        {value for (value,) in candidates(kind, [role], {}, ())}
        for kind, role in [("conv", "input"), ("upsample", "factor"), ("pad", "before")]
    )
    assert {size + step for size in (28, 32, 64) for step in (-1, 0)} <= inputs
    assert {1 / 2, 3 / 2, 5 / 2, 2, 3} <= scales  # halves, which are rounded, and whole ones
    assert {-2, -1, 0, 1, 2} <= crops

"""Rules for padding, kernels, features and the like, each confirmed with real torch layers.

A rule stands here twice: as somebody wrote it, and as a Python function; torch says which values
of the argument reach the aim. The three share no code.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction as Q
from functools import cache
from itertools import product
from math import ceil
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from cnnshape.errors import FormulaSyntaxError, UsageError
from cnnshape.formulas.formula_call import formula

Row = dict[str, int]


@cache
def size(kind: str, n: int, k: int, s: int, p: int, d: int, a: int) -> int | None:
    """What torch gives on the CPU; None where it refuses."""
    try:
        if kind == "conv":
            layer: nn.Module = nn.Conv1d(1, 1, k, s, p, d, bias=False)
        elif kind == "conv_transpose":
            layer = nn.ConvTranspose1d(1, 1, k, s, p, a, bias=False, dilation=d)
        else:
            layer = nn.MaxPool1d(k, s, p, d)
        with torch.no_grad():
            return layer.double()(torch.zeros(1, 1, n, dtype=torch.float64)).shape[-1]
    except (RuntimeError, ValueError):
        return None


NAMES = ("input", "kernel", "stride", "padding", "dilation", "output_padding")
VALUES = ((2, 3, 5, 8), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2), (1, 2), (0, 1))


def outcome(kind: str, row: Row) -> int | None:
    return size(kind, *(row[name] for name in NAMES))


CONDITIONS: dict[str, Callable[..., bool]] = {
    "dilation=1": lambda r: r["dilation"] == 1,
    "stride=1": lambda r: r["stride"] == 1,
    "stride=2": lambda r: r["stride"] == 2,
    "padding=0": lambda r: r["padding"] == 0,
    "output_padding=0": lambda r: r["output_padding"] == 0,
    "kernel odd": lambda r: r["kernel"] % 2 == 1,
    "kernel=1": lambda r: r["kernel"] == 1,
    "kernel=3": lambda r: r["kernel"] == 3,
    "padding=1": lambda r: r["padding"] == 1,
    "formula whole": lambda r: r["formula"] == int(r["formula"]),
    "kernel>=2": lambda r: r["kernel"] >= 2,
    "kernel>=stride": lambda r: r["kernel"] >= r["stride"],
    "kernel - stride even": lambda r: (r["kernel"] - r["stride"]) % 2 == 0,
    "output>=2": lambda r: r["output"] >= 2,
    "input>=2": lambda r: r["input"] >= 2,
    "2*padding<kernel": lambda r: 2 * r["padding"] < r["kernel"],
    "padding=dilation*(kernel - 1)/2": (
        lambda r: 2 * r["padding"] == r["dilation"] * (r["kernel"] - 1)
    ),
    "padding=stride/2": lambda r: 2 * r["padding"] == r["stride"],
    "kernel=stride + 2*padding": lambda r: r["kernel"] == r["stride"] + 2 * r["padding"],
    "output_padding=stride - 1": lambda r: r["output_padding"] == r["stride"] - 1,
}


class Rule(NamedTuple):
    kind: str
    text: str
    value: Callable[[Row], Q | int]
    aim: Callable[[Row], int] | None
    verdict: str
    holds_when: tuple[str, ...] = ()


def keeps(r: Row) -> int:
    return r["input"]


def grows(r: Row) -> int:
    return r["input"] * r["stride"]


def strided(r: Row) -> int:
    return r["input"] // r["stride"]


ODD = ("dilation=1", "stride=1", "kernel odd")
RULES = [
    Rule("conv", "padding=kernel_size//2", lambda r: r["kernel"] // 2, keeps, "conditional", ODD),
    Rule("conv", "P = (F-1)/2", lambda r: Q(r["kernel"] - 1, 2), keeps, "conditional", ODD),
    Rule("conv", r"P = \frac{F-1}{2}", lambda r: Q(r["kernel"] - 1, 2), keeps, "conditional", ODD),
    Rule("conv", "(k - 1)//2 = p", lambda r: (r["kernel"] - 1) // 2, keeps, "conditional", ODD),
    Rule("conv", "pad = floor(k/2)", lambda r: r["kernel"] // 2, keeps, "conditional", ODD),
    Rule("conv", "padding = ceil((k-1)/2)", lambda r: r["kernel"] // 2, keeps, "conditional", ODD),
    Rule("conv", "P_same = ⌊F/2⌋", lambda r: r["kernel"] // 2, keeps, "conditional", ODD),
    Rule(
        "conv", "padding = dilation*(kernel_size-1)//2",
        lambda r: r["dilation"] * (r["kernel"] - 1) // 2,
        keeps, "conditional", ("stride=1", "kernel odd"),
    ),
    Rule("conv", "padding = 1", lambda r: 1, keeps, "conditional",
         ("dilation=1", "stride=1", "kernel=3")),
    Rule("conv", "padding = dilation", lambda r: r["dilation"], keeps, "conditional",
         ("stride=1", "kernel=3")),
    Rule("conv", "padding = kernel_size", lambda r: r["kernel"], keeps, "wrong"),
    Rule("conv", "padding = kernel_size - 1", lambda r: r["kernel"] - 1, keeps, "wrong"),
    Rule("conv", "P = (F + 1)//2", lambda r: (r["kernel"] + 1) // 2, keeps, "wrong"),
    Rule(
        "conv", "P = ceil(((S-1)*W - S + F)/2)",
        lambda r: ceil(Q((r["stride"] - 1) * r["input"] - r["stride"] + r["kernel"], 2)),
        keeps, "conditional", ("dilation=1", "kernel odd"),
    ),
    Rule(
        "conv", "padding = (kernel - stride)//2", lambda r: (r["kernel"] - r["stride"]) // 2,
        strided, "conditional", ("dilation=1", "kernel>=stride", "kernel - stride even"),
    ),
    Rule("conv", "kernel_size = 2*padding + 1", lambda r: 2 * r["padding"] + 1, keeps,
         "conditional", ("dilation=1", "stride=1")),
    Rule(
        "conv", "k = W - (O-1)*S + 2P",
        lambda r: r["input"] - (r["output"] - 1) * r["stride"] + 2 * r["padding"],
        None, "conditional", ("dilation=1",),
    ),
    Rule(
        "conv", "F = W - (N-1)S + 2P",
        lambda r: r["input"] - (r["output"] - 1) * r["stride"] + 2 * r["padding"],
        None, "conditional", ("dilation=1",),
    ),
    Rule(
        "conv", "kernel = floor((H + 2P - (H_out - 1)S - 1)/D) + 1",
        lambda r: (r["input"] + 2 * r["padding"] - (r["output"] - 1) * r["stride"] - 1)
        // r["dilation"] + 1,
        None, "exact",
    ),
    Rule("conv", "kernel_size = W - O + 1", lambda r: r["input"] - r["output"] + 1, None,
         "conditional", ("dilation=1", "padding=0", "stride=1")),
    Rule(
        "conv", "S = (W - F + 2P)//(O - 1)",
        lambda r: (r["input"] - r["kernel"] + 2 * r["padding"]) // (r["output"] - 1),
        None, "conditional", ("dilation=1", "output>=2"),
    ),
    Rule(
        "conv", "dilation = (W + 2P - (O-1)S - 1)//(K - 1)",
        lambda r: (r["input"] + 2 * r["padding"] - (r["output"] - 1) * r["stride"] - 1)
        // (r["kernel"] - 1),
        None, "conditional", ("kernel>=2",),
    ),
    Rule(
        "conv", "W = (O-1)S + F - 2P",
        lambda r: (r["output"] - 1) * r["stride"] + r["kernel"] - 2 * r["padding"],
        None, "conditional", ("dilation=1", "2*padding<kernel"),
    ),
    Rule("max_pool", "kernel_size = W", lambda r: r["input"], lambda r: 1, "conditional",
         ("dilation=1", "padding=0")),
    Rule("max_pool", "P = (F-1)/2", lambda r: Q(r["kernel"] - 1, 2), keeps, "conditional", ODD),
    Rule(
        "max_pool", "kernel = W - (O-1)*S",
        lambda r: r["input"] - (r["output"] - 1) * r["stride"],
        None, "conditional", ("dilation=1", "padding=0"),
    ),
    Rule("conv_transpose", "output_padding = stride - 1", lambda r: r["stride"] - 1, grows,
         "conditional", ("padding=dilation*(kernel - 1)/2",)),
    Rule(
        "conv_transpose", "A = S + 2P - D(K-1) - 1",
        lambda r: r["stride"] + 2 * r["padding"] - r["dilation"] * (r["kernel"] - 1) - 1,
        grows, "exact",
    ),
    Rule("conv_transpose", "op = s + 2p - k",
         lambda r: r["stride"] + 2 * r["padding"] - r["kernel"], grows, "conditional",
         ("dilation=1",)),
    Rule("conv_transpose", "A = (O + 2P - K) % S",
         lambda r: (r["output"] + 2 * r["padding"] - r["kernel"]) % r["stride"], None,
         "conditional", ("dilation=1",)),
    Rule("conv_transpose", "padding = (kernel_size - stride)//2",
         lambda r: (r["kernel"] - r["stride"]) // 2, grows, "conditional",
         ("dilation=1", "output_padding=0", "kernel - stride even")),
    Rule("conv_transpose", "padding = (kernel_size - 1)//2", lambda r: (r["kernel"] - 1) // 2,
         grows, "conditional", ("dilation=1", "kernel odd", "output_padding=stride - 1")),
    Rule("conv_transpose", "K = S + 2P", lambda r: r["stride"] + 2 * r["padding"], grows,
         "conditional", ("dilation=1", "output_padding=0")),
    Rule("conv_transpose", "kernel = 2*stride", lambda r: 2 * r["stride"], grows, "conditional",
         ("dilation=1", "output_padding=0", "padding=stride/2")),
    Rule(
        "conv", "padding = (kernel_size - 1) * dilation / 2",
        lambda r: Q((r["kernel"] - 1) * r["dilation"], 2), keeps, "conditional",
        ("stride=1", "kernel odd"),
    ),
    Rule(
        "conv", "P = (S(W-1) - W + F)/2",
        lambda r: Q(r["stride"] * (r["input"] - 1) - r["input"] + r["kernel"], 2), keeps,
        "conditional", ("dilation=1", "formula whole"),
    ),
    Rule("conv", "padding = (k+1)/2 - 1", lambda r: Q(r["kernel"] - 1, 2), keeps, "conditional",
         ODD),
    Rule("conv", "padding = 0", lambda r: 0, keeps, "conditional", ("stride=1", "kernel=1")),
    Rule("conv", "padding = (kernel_size - 1) * dilation",
         lambda r: (r["kernel"] - 1) * r["dilation"], keeps, "wrong"),
    Rule("conv", "F = 1", lambda r: 1, keeps, "conditional", ("padding=0", "stride=1")),
    Rule("conv", "kernel = 3", lambda r: 3, keeps, "conditional",
         ("dilation=1", "stride=1", "padding=1")),
    Rule("conv", "k = 2p", lambda r: 2 * r["padding"], keeps, "wrong"),
    Rule("conv", "S = (W-F)//(O-1)",
         lambda r: (r["input"] - r["kernel"]) // (r["output"] - 1), None, "conditional",
         ("dilation=1", "padding=0", "output>=2")),
    Rule("conv", "stride = W//O", lambda r: r["input"] // r["output"], None, "wrong"),
    Rule("conv", "W = O + F - 1 - 2P",
         lambda r: r["output"] + r["kernel"] - 1 - 2 * r["padding"], None, "conditional",
         ("dilation=1", "stride=1")),
    Rule("conv", "padding = (O - W + F - 1)/2",
         lambda r: Q(r["output"] - r["input"] + r["kernel"] - 1, 2), None, "conditional",
         ("dilation=1", "stride=1")),
    Rule("max_pool", "kernel = 2", lambda r: 2, strided, "conditional",
         ("dilation=1", "padding=0", "stride=2")),
    Rule("max_pool", "kernel_size = stride", lambda r: r["stride"], strided, "conditional",
         ("dilation=1", "padding=0")),
    Rule("conv_transpose", "padding = (K - S)/2", lambda r: Q(r["kernel"] - r["stride"], 2), grows,
         "conditional", ("dilation=1", "output_padding=0", "kernel - stride even")),
    Rule("conv_transpose", "kernel_size = stride", lambda r: r["stride"], grows, "conditional",
         ("dilation=1", "padding=0", "output_padding=0")),
    Rule("conv_transpose", "output_padding = O - (W-1)*S + 2P - K",
         lambda r: r["output"] - (r["input"] - 1) * r["stride"] + 2 * r["padding"] - r["kernel"],
         None, "conditional", ("dilation=1",)),
    Rule("conv_transpose", "output_padding = 1", lambda r: 1, grows, "conditional",
         ("padding=dilation*(kernel - 1)/2", "stride=2")),
]  # fmt: skip
IDS = [f"{rule.kind}: {rule.text}" for rule in RULES]


@cache
def judged(kind: str, text: str) -> Any:
    return formula(kind, text)[0]


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_verdict(rule):
    found = judged(rule.kind, rule.text)
    assert found.verdict == rule.verdict
    assert set(found.holds_when) == set(rule.holds_when)


def situations(rule: Rule, quantity: str) -> list[Row]:
    """Rows without the argument that the rule computes, with the output that is wanted."""
    names = [name for name in NAMES if name != quantity]
    extra = ("output_padding",) if rule.kind != "conv_transpose" else ()
    rows: list[Row] = []
    for values in product(*(VALUES[NAMES.index(name)] for name in names)):
        row = dict(zip(names, values, strict=True))
        if any(row[name] for name in extra):
            continue
        if rule.aim is not None:
            rows.append(row | {"output": rule.aim(row)})
            continue
        reached = {outcome(rule.kind, row | {quantity: value}) for value in range(6)}
        rows += [row | {"output": each} for each in reached - {None, 0}]
    return rows


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_rule_reaches_its_aim_wherever_it_is_said_to(rule):
    found = judged(rule.kind, rule.text)
    quantity = found.quantity
    tried = reached = 0
    for row in situations(rule, quantity):
        if "formula whole" in found.holds_when:
            row |= {"formula": rule.value(row)}
        if rule.verdict == "wrong" or not all(CONDITIONS[text](row) for text in found.holds_when):
            continue
        value = rule.value(row)
        outcomes = {v: outcome(rule.kind, row | {quantity: v}) for v in range(13)}
        if row["output"] not in outcomes.values() and outcomes.get(int(value)) is None:
            continue  # Nothing works, and the layer takes no such value.
        tried += 1
        reached += value == int(value) and (
            outcome(rule.kind, row | {quantity: int(value)}) == row["output"]
        )
    assert tried == reached
    assert tried >= (4 if rule.verdict != "wrong" else 0)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_the_counterexample_is_one(rule):
    found = judged(rule.kind, rule.text)
    if rule.verdict == "exact":
        assert found.counterexample is None
        return
    example = dict(found.counterexample)
    row = {"padding": 0, "output_padding": 0} | {
        name: int(value)
        for name, value in example.items()
        if value is not None and name not in ("formula", "actual")
    }
    row.setdefault("output", rule.aim(row) if rule.aim else 0)
    works = [
        value
        for value in range(40)
        if outcome(rule.kind, row | {found.quantity: value}) == row["output"]
    ]
    assert example["actual"] == (works[0] if works else None)
    assert example["formula"] not in works
    if example["formula"] is not None:
        assert example["formula"] == rule.value(row)


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_a_repaired_rule_is_right_more_widely(rule):
    found = judged(rule.kind, rule.text)
    if found.repaired is None:
        return
    again = judged(rule.kind, f"{found.label or found.quantity} = {found.repaired}")
    assert again.quantity == found.quantity
    assert again.verdict in ("exact", "conditional")
    assert (again.verdict == "exact") == (not found.repaired_when)
    assert again.repaired is None or again.verdict == "conditional"


def test_json_names_the_quantity_and_its_aim():
    found = formula("conv", "padding=kernel_size//2").to_dict()
    assert found["quantity"] == "padding"
    assert found["aim"] == "output = input"
    assert (
        found["note"] == "with any stride, output = ⌈input/stride⌉ when dilation=1 and kernel odd"
    )
    assert formula("conv", "(W - F)/S + 1").to_dict()["quantity"] == "output"
    assert formula("conv", "W = (W - F)/S + 1").to_dict()["quantity"] == "output"
    assert formula("conv", "in_features = C*H*W").to_dict()["quantity"] == "in_features"


def test_no_value_works_for_an_even_kernel():
    found = formula("conv", "P = (F-1)/2", kernel=4, stride=1, dilation=1)[0]
    assert found.verdict == "wrong"
    assert found.counterexample["actual"] is None
    assert found.counterexample["formula"] == 1.5
    assert found.repaired is None
    assert "no value works" in str(found)


def test_held_arguments_choose_the_aim():
    assert formula("conv", "P = (F-1)/2", kernel=5, stride=1, dilation=1).verdict == "exact"
    strided = formula("conv", "P = (F-1)/2", stride=2)[0]
    assert strided.aim == "output = ⌈input/stride⌉"
    wanted = formula("conv", "P = 3", input=28, kernel=7, stride=1, dilation=1, output=28)[0]
    assert (wanted.verdict, wanted.aim) == ("exact", "the given output")


class Features(NamedTuple):
    kind: str
    text: str
    value: Callable[..., Q | int]
    verdict: str
    holds_when: tuple[str, ...] = ()


# c, h, w are the axes, n the batch, f, s, p the arguments of the layer before.
FEATURES = [
    Features("linear", "in_features = channels*h*w", lambda c, h, w, **_: c * h * w, "exact"),
    Features("flatten", "C*H*W", lambda c, h, w, **_: c * h * w, "exact"),
    Features("conv", "in_features = C*H*W", lambda c, h, w, **_: c * h * w, "exact"),
    Features("linear", "in_features = C_out * H_out * W_out", lambda c, h, w, **_: c * h * w,
             "exact"),
    Features("linear", "num_flat_features = channels*size**2", lambda c, h, **_: c * h * h,
             "exact"),
    Features("linear", "in_features = C*O*O", lambda c, h, **_: c * h * h, "exact"),
    Features("conv", "in_features = C_out * O**2", lambda c, h, **_: c * h * h, "exact"),
    Features("linear", "in_features = C*L", lambda c, h, **_: c * h, "exact"),
    Features("linear", "in_features = C*D*H*W", lambda c, d, h, w, **_: c * d * h * w, "exact"),
    Features("linear", "in_features = H*W", lambda h, w, **_: h * w, "conditional",
             ("channels=1",)),
    Features("linear", "in_features = C*H", lambda c, h, **_: c * h, "conditional", ("width=1",)),
    Features("linear", "in_features = C*H**2", lambda c, h, **_: c * h * h, "conditional",
             ("height=width",)),
    Features("linear", "in_features = N*C*H*W", lambda c, h, w, n, **_: n * c * h * w,
             "conditional", ("batch=1",)),
    Features("linear", "in_features = 16*5*5", lambda **_: 400, "conditional",
             ("height=width", "channels=16", "height=5")),
    Features("linear", "in_features = 16*25", lambda **_: 400, "conditional",
             ("height=width", "channels=16", "height=5")),
    Features("linear", "in_features = C*25", lambda c, **_: c * 25, "conditional",
             ("height=width", "height=5")),
    Features("linear", "in_features = C*(H+W)", lambda c, h, w, **_: c * (h + w), "wrong"),
    Features("linear", "in_features = C*H*W + 1", lambda c, h, w, **_: c * h * w + 1, "wrong"),
    Features("linear", "in_features = C*(((H-4)/2-4)/2)**2",
             lambda c, h, **_: c * (Q(h - 4, 4) - 2) ** 2, "wrong"),
    Features("linear", "in_features = 16*(((H-4)//2-4)//2)*(((W-4)//2-4)//2)",
             lambda h, w, **_: 16 * (((h - 4) // 2 - 4) // 2) * (((w - 4) // 2 - 4) // 2),
             "wrong"),
    Features("conv", "in_features = C*(floor((H-F+2P)/S)+1)*(floor((W-F+2P)/S)+1)",
             lambda c, h, w, f, s, p, **_: c * ((h - f + 2*p)//s + 1) * ((w - f + 2*p)//s + 1),
             "conditional", ("dilation=1",)),
    Features("conv", "in_features = C*(H-F+1)*(W-F+1)",
             lambda c, h, w, f, **_: c * (h - f + 1) * (w - f + 1), "conditional",
             ("dilation=1", "padding=0", "stride=1")),
    Features("max_pool", "in_features = C*(H//2)*(W//2)",
             lambda c, h, w, **_: c * (h // 2) * (w // 2), "conditional",
             ("dilation=1", "padding=0", "stride=kernel", "kernel=2")),
    Features("max_pool", "in_features = C*(H/2)*(W/2)", lambda c, h, w, **_: Q(c * h * w, 4),
             "conditional", ("height even", "width even", "padding=dilation*(kernel - 1)/2",
                             "stride=2")),
    Features("max_pool", "in_features = 16*(size/2)**2", lambda h, **_: 4 * h * h, "conditional",
             ("input even", "channels=16", "padding=dilation*(kernel - 1)/2", "stride=2")),
    Features("max_pool", "in_features = C*(size//k)**2", lambda c, h, f, **_: c * (h // f) ** 2,
             "conditional", ("dilation=1", "padding=0", "stride=kernel")),
]  # fmt: skip
FEATURE_IDS = [f"{each.kind}: {each.text}" for each in FEATURES]


@pytest.mark.parametrize("rule", FEATURES, ids=FEATURE_IDS)
def test_features(rule):
    found = judged(rule.kind, rule.text)
    assert found.quantity == "in_features"
    assert found.verdict == rule.verdict
    assert set(found.holds_when) == set(rule.holds_when)
    assert (found.repaired is None) == (rule.verdict == "exact")


def holds(text: str, row: Row) -> bool:
    """Whether a condition holds, read from its text."""
    axis, _, parity = text.partition(" ")
    if parity in ("odd", "even"):
        return row[axis] % 2 == (parity == "odd")
    return eval(text.replace("=", "=="), {}, dict(row))


def maps(kind: str) -> list[tuple[Row, list[tuple[int, int]]]]:
    """Arguments of a layer, and each size with what torch makes of it; without a layer, itself."""
    sizes = (1, 2, 3, 4, 5, 8)
    if kind in ("linear", "flatten"):
        return [({}, [(n, n) for n in sizes])]
    names = ("kernel", "stride", "padding", "dilation")
    found: list[tuple[Row, list[tuple[int, int]]]] = []
    for row in product((1, 2, 3), (1, 2, 3), (0, 1), (1, 2)):
        after = [(n, size(kind, n, *row, 0)) for n in sizes]
        found.append((dict(zip(names, row, strict=True)), [pair for pair in after if pair[1]]))  # type: ignore[misc]
    return found


@pytest.mark.parametrize("rule", FEATURES, ids=FEATURE_IDS)
def test_features_are_those_that_torch_flattens_wherever_it_is_said(rule):
    square = any(word in rule.text for word in ("size", "O*", "L"))
    straight = rule.kind in ("linear", "flatten") or rule.verdict == "exact"
    told = differs = 0
    for arguments, sizes in maps("linear" if straight else rule.kind):
        letters = {letter: arguments.get(name, 0) for letter, name in zip(
            "fsp", ("kernel", "stride", "padding"), strict=True)}  # fmt: skip
        batches, depths = ((1, 2) if letter in rule.text else (1,) for letter in "ND")
        for (h, high), (w, wide), c, n, d in product(sizes, sizes, (1, 16), batches, depths):
            if square and h != w:
                continue
            row = {"channels": c, "height": h, "width": w, "input": h, "batch": n, **arguments}
            value = rule.value(c=c, h=h, w=w, n=n, d=d, **letters)
            actual = c * high * (1 if "L" in rule.text else wide) * (d if "D" in rule.text else 1)
            if all(holds(text, row) for text in rule.holds_when) and rule.verdict != "wrong":
                told += 1
                assert value == actual, row
            differs += value != actual
    assert (told > 0) is (rule.verdict != "wrong")
    assert (differs > 0) is (rule.verdict != "exact")


def test_the_features_of_a_counterexample_are_those_of_a_flatten():
    example = judged("linear", "in_features = C*(H+W)").counterexample
    x = torch.zeros(1, example["channels"], example["height"], example["width"])
    assert example["actual"] == nn.Flatten()(x).shape[1]


def test_what_cannot_be_judged_is_said():
    with pytest.raises(UsageError, match="needs the output that it shall give"):
        formula("conv", "stride = 2")
    with pytest.raises(UsageError, match="leave the one that is given away"):
        formula("conv", "padding = k//2", padding=1)
    with pytest.raises(UsageError, match="no formula along one axis"):
        formula("linear", "W")
    with pytest.raises(FormulaSyntaxError, match="a name alone"):
        formula("conv", "2P = K - 1")
    with pytest.raises(FormulaSyntaxError, match="pad_total is not judged for conv"):
        formula("conv", "pad_total = K - 1")
    with pytest.raises(FormulaSyntaxError, match="P is not judged for lp_pool"):
        formula("lp_pool", "P = K//2")
    with pytest.raises(FormulaSyntaxError, match="is the output"):
        formula("conv", "O = H_out + 1")

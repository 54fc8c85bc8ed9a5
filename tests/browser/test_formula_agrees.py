"""The modules of a formula's page find what Python finds: both are run over the same cases."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.convolution import CONV_SAME
from cnnshape.formulas.derivation import derive_axes
from cnnshape.formulas.exact_columns import column_of, evaluate
from cnnshape.formulas.expression import number_text, substitute, unicode
from cnnshape.formulas.reading.equations import OUTPUT, Equation, read
from cnnshape.formulas.roles import NamedRule, named_rule
from cnnshape.formulas.verdict import judge_all
from cnnshape.formulas.windows import axis_windows
from cnnshape.formulas.worked import shown
from cnnshape.rendering.formula_picture.roles import remarks, role_at
from cnnshape.rendering.page.formula_data import formula_data

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(
    NODE is None, reason="the page's modules run in Node, which is not installed"
)

_RANGES = {
    "input": (0, 40), "kernel": (0, 9), "stride": (0, 5), "padding": (0, 5), "dilation": (0, 4),
    "output_padding": (0, 4), "output": (0, 24),
}  # fmt: skip
_LARGE = {**_RANGES, "input": (0, 100_000), "kernel": (1, 300), "output": (0, 100_000)}


def in_node(tmp_path: Path, **cases: Any) -> dict[str, Any]:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"data": formula_data(), **cases}), encoding="utf-8")
    script = Path(__file__).with_name("agree.mjs")
    command = [str(NODE), str(script), str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def rules() -> dict[str, NamedRule]:
    found: dict[str, NamedRule] = {}
    for name in formula_data()["rules"]:
        kind, _, option = name.partition(" ")
        if option == "same":
            found[name] = NamedRule(kind, CONV_SAME)
        else:
            found[name] = named_rule(kind, ceil_mode=option == "ceil_mode")
    return found


def found_by_python(named: NamedRule, values: Mapping[str, int]) -> dict[str, Any]:
    row = named.values(values)
    axis = axis_windows(named, values)
    numbers = unicode(
        substitute(named.rule.expression, dict(zip(named.rule.names, row, strict=True)))
    )
    size = number_text(named.rule.size(*row))
    broken = named.rule.broken(*row)
    if broken is None:
        assert derive_axes(named.rule, [row])[0].substitution in (f"{numbers} = {size}", numbers)
    end = axis.row.stop
    if axis.count < 1 and not axis.adaptive and not axis.spreads:
        end = max(end, axis.span - axis.before)
    windows = [axis.window(index) for index in range(min(axis.count, 40))]
    return {
        "size": named.rule.size(*row),
        "broken": None if broken is None else broken.words,
        "substitution": numbers if numbers == size else f"{numbers} = {size}",
        "windows": [[window.start, window.stop, window.step] for window in windows],
        "left_over": len(axis.left_over),
        "roles": [role_at(axis, place) for place in range(axis.row.start, end)[:80]],
        "remarks": []
        if axis.count < 1 and not axis.adaptive and not axis.spreads
        else [list(each) for each in remarks(axis, named.kind, ceil_mode=named.ceil_mode)],
    }


def drawn(seed: int, count: int) -> list[tuple[str, dict[str, int]]]:
    """Configurations of every rule; a third of them is impossible, a tenth is large."""
    draw = random.Random(seed)
    every = rules()
    names = list(every)
    cases: list[tuple[str, dict[str, int]]] = []
    while len(cases) < count:
        name = names[len(cases) % len(names)]
        ranges = _LARGE if draw.random() < 0.1 else _RANGES
        values = {role: draw.randint(*ranges[role]) for role in every[name].roles}
        if (
            values.get("stride", 1) < 1
            or values.get("dilation", 1) < 1
            or values.get("kernel", 1) < 1
        ):
            continue  # refused before anything is computed
        cases.append((name, values))
    return cases


def test_ten_thousand_configurations(tmp_path):
    cases = drawn(20261129, 10_000)
    every = rules()
    answers = in_node(tmp_path, sizes=[{"rule": name, "values": values} for name, values in cases])
    possible = 0
    for (name, values), answer in zip(cases, answers["sizes"], strict=True):
        expected = found_by_python(every[name], values)
        assert answer == expected, (name, values)
        possible += expected["broken"] is None
    assert 4_000 < possible < 9_000


FORMULAS = {
    "conv": [
        "(W - F + 2P)/S + 1", "floor((W - F + 2P)/S) + 1", "W - F + 1", "ceil(W/S)", "28",
        "(W + 2P - D(K-1) - 1)//S + 1", "(W - 3 + 2P)/S + 1", "round((W - F + 2P)/S + 1)",
        "(W - F + 2P)/(S - 1) + 1", "N = (W - F + 2P)/S + 1, M = max(H - F, 0)/S + 1",
    ],
    "conv_transpose": ["S(W - 1) + K - 2P", "(H - 1)S - 2P + D(K - 1) + OP + 1", "2W"],
    "max_pool": ["(W - F)/S + 1", "W//2"],
    "max_pool ceil_mode": ["ceil((W - F)/S) + 1", "W/2"],
    "avg_pool": ["(W - F + 2P)/S + 1"],
    "lp_pool": ["(W - F)/S + 1"],
    "adaptive_pool": ["O", "W/O"],
    "max_unpool": ["S*W"],
}  # fmt: skip


def test_judgements_of_formulas_by_hand(tmp_path):
    every = rules()
    cases = [(name, text) for name, texts in FORMULAS.items() for text in texts]
    values = {
        name: {
            role: {"input": 9, "kernel": 4, "output": 5}.get(role, 2) for role in every[name].roles
        }
        for name in FORMULAS
    }
    answers = in_node(
        tmp_path,
        formulas=[{"rule": name, "text": text, "values": values[name]} for name, text in cases],
    )
    for (name, text), answer in zip(cases, answers["formulas"], strict=True):
        named = every[name]
        equations = read(text, named.kind, named.roles)
        judgements = judge_all(named.kind, text, ceil_mode=named.ceil_mode)
        expected = [
            {
                "verdict": each.verdict,
                "needs_floor": each.needs_floor,
                "holds_when": list(each.holds_when),
                "counterexample": sizes_of(each.counterexample),
                "rounding": sizes_of(each.rounding_example),
                "repaired": each.repaired,
                "repaired_when": list(each.repaired_when),
                "read_as": each.read_as,
                "label": each.label,
                "compared": each.compared,
                "value": value(equation, values[name]),
                "summary": re.sub(r" \((proved|equal) .*\)$", "", each.summary),
            }
            for each, equation in zip(judgements, equations, strict=True)
        ]
        assert answer == expected, (name, text)


def sizes_of(example: Mapping[str, float | None] | None) -> dict[str, float | None] | None:
    if example is None:
        return None
    return {role: size for role, size in example.items() if role not in ("formula", "actual")}


def value(equation: Equation, values: Mapping[str, int]) -> str | None:
    columns = {role: column_of([size]) for role, size in values.items()}
    column, undefined = evaluate(equation.expression, columns, 1)
    if undefined:
        return None
    exact = Fraction(column.above[0], column.denominators()[0])
    return shown(int(exact) if exact.denominator == 1 else exact)


TEXTS = [
    "(W − F + 2P) ÷ S + 1", "W_in - K_h + 1", "H_{in} + 2·pad", r"\frac{W - F}{S} + 1", r"\frac12W",
    r"\lfloor \tfrac{n_{H}^{[l-1]} + 2p - f}{s} \rfloor + 1", "N = W - F + 1", "W - F + 1 = N",
    "(N = W - F + 1, M = W/S)", "Hᵢₙ + 2P", "W² − 1", "W^{2}", "W**2", "2W", "DK + W", "W x 2",
    "0.5W + .25", "W - F,", "math.floor((W-F)/S)", "int((W-F)/S)+1", "ceil(W/S)", "max(W, F)",
    "W mod S", "W % S", "padding[0] + W", "（W－F＋2P）／S＋1", "W - F +\n 1", "W - F\nW + 1",
    "N = \nW", r"\text{kernel\_size} + W", r"H_{\text{in}} - \mathrm{kernel\_size}", "W − −F", "3",
    r"\left( W - F \right) / S", "out = W", "H_out = W - F", "W' = W - F", "padding = F // 2",
    "in_features = 16*5*5", "W = (W - F)/S + 1", "W/0", "(W - F)/(P - 2)", "round(W/2)",
    "123456789012W",
    # What cannot be read, and where.
    "", "  ", "(W - F", "W - F)", "W -", "W / SF", "W a F", "W ? F", "a = b = W", "W - q", "W^7",
    "W^F", "2^3^2", "W + H", "W,,F", "max(W)", "floor(W, F)", "foo(W)", "1234567890123", r"\foo W",
    "W_", "{W", "H_out + 1", "out_channels = W", "= W", "N =", "P = ", "[W", "floor W", r"\frac{W}",
    "W - F = 2P", "m_{x",
]  # fmt: skip


@pytest.mark.parametrize("name", ["conv", "conv_transpose", "max_pool", "adaptive_pool", "lp_pool"])
def test_both_read_a_formula_alike(tmp_path, name):
    named = rules()[name]
    values = {
        "input": 9,
        "kernel": 4,
        "stride": 2,
        "padding": 2,
        "dilation": 2,
        "output_padding": 1,
    }
    values = {role: {**values, "output": 3}[role] for role in named.roles}
    answers = in_node(
        tmp_path, texts=[{"rule": name, "text": text, "values": values} for text in TEXTS]
    )
    for text, answer in zip(TEXTS, answers["texts"], strict=True):
        try:
            expected: Any = [
                [each.label, unicode(each.expression), value(each, values)]
                if each.quantity == OUTPUT
                else [each.label, each.quantity]
                for each in read(text, named.kind, named.roles)
            ]
        except FormulaSyntaxError as error:
            expected = str(error).partition("\n")[0]
            assert isinstance(answer, str), (text, answer, expected)
            assert expected.startswith(answer.partition(": ")[2].partition(";")[0]), text
            continue
        assert answer == expected, text

"""Answers to questions about size formulas as plain text: solutions, verdicts, chains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnshape.formulas.evaluation_text import Paint, unpainted

if TYPE_CHECKING:
    from cnnshape.formulas.chain import Chain
    from cnnshape.formulas.judgements import Judgements
    from cnnshape.formulas.solve import Solutions
    from cnnshape.formulas.verdict import Judgement

#: Solutions beyond this many are counted, not listed.
MOST_LISTED = 40


def solutions_text(result: Solutions, paint: Paint = unpainted) -> str:
    """The answers, the usual ones first, and where they were looked for."""
    known = ", ".join(f"{role} {value}" for role, value in result.known.items())
    wanted = "the input's size" if result.output == "same" else str(result.output)
    asked = " and ".join(result.solve)
    lines = [
        f"{result.formula} = {wanted}   with {known}" if known else f"{result.formula} = {wanted}"
    ]
    lines.append("")
    listed = _listed(result)
    lines += ["  " + paint(text, "good") for text in listed[:MOST_LISTED]]
    if len(listed) > MOST_LISTED:
        lines.append(f"  … and {len(listed) - MOST_LISTED} more; -f json lists all")
    if result.substitution and len(result.solutions) == 1:
        lines.append(f"    {result.substitution}")
    ranges = ", ".join(f"{role} {low}…{high}" for role, (low, high) in result.range.items())
    if result.solutions:
        count = len(result.solutions)
        answers = "1 answer" if count == 1 else f"{count} answers"
        lines += ["", paint(f"  {answers} for {ranges}", "quiet")]
    else:
        lines.append(paint(f"  no {asked} gives {wanted}", "bad") + f"   (tried {ranges})")
    if result.note:
        from textwrap import wrap

        lines += wrap(result.note, 76, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def _listed(result: Solutions) -> list[str]:
    """One line for each answer; inputs, which lie side by side, as ranges."""
    if result.solve == ("input",) and result.solutions:
        sizes = [solution["input"] for solution in result.solutions]
        first, last = sizes[0], sizes[-1]
        return [f"input = {first}" if first == last else f"input = {first}…{last}"]
    return [
        "   ".join(f"{role} = {value}" for role, value in solution.items())
        for solution in result.solutions
    ]


def judgements_text(results: Judgements, paint: Paint = unpainted) -> str:
    """What was found about each formula."""
    return "\n\n".join(judgement_text(each, paint) for each in results)


_COLOURS = {"exact": "good", "needs_floor": "warn", "conditional": "warn", "wrong": "bad"}


def judgement_text(result: Judgement, paint: Paint = unpainted) -> str:
    """The verdict, when it holds, the smallest counterexample, and the repaired formula."""
    label = f"{result.label} = " if result.label else ""
    given = "".join(f", {role}={value}" for role, value in result.given.items())
    mode = ", ceil_mode" if result.ceil_mode else ""
    lines = [
        f"{label}{result.read_as}   {paint(f'({result.kind}{mode}{given})', 'quiet')}",
        "",
        f"{paint(result.verdict, _COLOURS[result.verdict])}: {_summary(result)}",
    ]
    if result.rounding_example is not None:
        lines += [
            "",
            "  a fraction, because nothing rounds it:",
            *_example(result.rounding_example),
        ]
    if result.counterexample is not None:
        lines += ["", "  smallest counterexample:", *_example(result.counterexample)]
    if result.repaired is not None:
        lines += ["", f"  right: {paint(label + result.repaired, 'strong')}"]
    if result.source:
        lines.append(paint(f"  {result.source}", "quiet"))
    return "\n".join(lines)


def _summary(result: Judgement) -> str:
    rounding = "up" if result.ceil_mode else "down"
    compared = f"all {result.compared:,} configurations compared"
    match result.verdict:
        case "exact":
            how = "proved by algebra" if result.proved else f"equal in {compared}"
            return f"this is what the layer gives ({how})"
        case "needs_floor":
            return f"right everywhere once it is rounded {rounding}, as the framework rounds"
        case "conditional":
            also = f", once it is rounded {rounding}" if result.needs_floor else ""
            return f"right when {_joined(result.holds_when)}{also}"
        case _:
            return "no simple condition makes it right"


def _joined(conditions: tuple[str, ...]) -> str:
    if len(conditions) < 2:
        return "".join(conditions)
    return f"{', '.join(conditions[:-1])} and {conditions[-1]}"


def _example(example: Mapping[str, float | None]) -> list[str]:
    sizes = {role: value for role, value in example.items() if role not in ("formula", "actual")}
    formula = example["formula"]
    shown = "is undefined (it divides by 0)" if formula is None else f"gives {_short(formula)}"
    return [
        "    " + ", ".join(f"{role} {_short(value)}" for role, value in sizes.items()),
        f"    the formula {shown}, the layer gives {example['actual']}",
    ]


def _short(value: float | None) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def chain_text(result: Chain, paint: Paint = unpainted) -> str:
    """The size after each layer."""
    rows = [("input", _size(result.input), "")]
    rows += [
        (link.layer, _size(link.output), link.substitution or "unchanged") for link in result.layers
    ]
    wide = max(len(name) for name, _, _ in rows)
    tall = max(len(size) for _, size, _ in rows)
    return "\n".join(
        f"{name:<{wide}}   {paint(f'{size:>{tall}}', 'good')}   {paint(how, 'quiet')}".rstrip()
        for name, size, how in rows
    )


def _size(size: int | tuple[int, ...]) -> str:
    return "×".join(map(str, size)) if isinstance(size, tuple) else str(size)

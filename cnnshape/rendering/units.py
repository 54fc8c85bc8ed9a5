"""Numbers, shapes and times as a person reads them.

>>> count(61706), short_count(4_089_184_256), byte_size(246_824), duration(0.0031)
('61,706', '4.09 G', '241 KiB', '3 ms')
>>> shape_text((6, 28, 28)), shape_text(("N", 16, "H//2 - 4"))
('6×28×28', 'N×16×(H//2 − 4)')
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.tracing.trace import Dim, Shape

_PREFIXES = ("", "k", "M", "G", "T", "P", "E")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def count(number: int) -> str:
    """Every digit, in groups of three.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,}"


def short_count(number: int) -> str:
    """Three significant digits and a prefix (k = 10³, M = 10⁶, G = 10⁹, …).

    >>> short_count(840), short_count(416_520), short_count(999_999)
    ('840', '417 k', '1.00 M')
    """
    return _scaled(number, 1000, _PREFIXES)


def byte_size(number: int) -> str:
    """Three significant digits and a binary unit (KiB = 1024 bytes).

    >>> byte_size(512), byte_size(102_228_128), byte_size(1_048_575)
    ('512 B', '97.5 MiB', '1.00 MiB')
    """
    return _scaled(number, 1024, _BINARY)


def _scaled(number: int, base: int, units: tuple[str, ...]) -> str:
    if abs(number) < base:
        return f"{number} {units[0]}".rstrip()
    value = float(number)
    for step, unit in enumerate(units):
        # Rounding can carry into the next unit: 999,999 is 1.00 M, not 1000 k.
        text = _three_digits(value)
        if float(text) < base or step == len(units) - 1:
            return f"{text} {unit}".rstrip()
        value /= base
    raise AssertionError("the last unit always fits")


def _three_digits(value: float) -> str:
    if abs(value) < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:.0f}"


def percent(part: float | None) -> str:
    """A part of 1 in percent; nothing for nothing, as in the column of what it is a part of.

    >>> percent(0.1234), percent(0.0001), percent(0), percent(None)
    ('12.3 %', '< 0.1 %', '', '?')
    """
    if part is None:
        return "?"
    return "" if part == 0 else f"{part:.1%}".replace("%", " %") if part >= 0.0005 else "< 0.1 %"


def duration(seconds: float) -> str:
    """A time in the unit that fits it.

    >>> duration(0.00004), duration(0.0125), duration(2.34), duration(125)
    ('40 µs', '12 ms', '2.3 s', '2 min 5 s')
    """
    if seconds < 0.0009995:
        return f"{max(round(seconds * 1e6), 1)} µs"
    if seconds < 0.9995:
        return f"{round(seconds * 1e3)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


def expression_text(expression: str) -> str:
    """An expression of sizes with the signs of printed mathematics.

    >>> expression_text("120*(H//4 - 6)*(W//4 - 6)"), expression_text("H//4 - 6 >= 1")
    ('120·(H//4 − 6)·(W//4 − 6)', 'H//4 − 6 ≥ 1')
    """
    pretty = expression.replace("*", "·").replace("-", "−")
    return pretty.replace(">=", "≥").replace("<=", "≤").replace("==", "=").replace("!=", "≠")


def per_axis(substitution: str) -> list[str]:
    """How a size was computed, a text per axis; axes that are computed alike are told once.

    >>> per_axis("28/2 = 14; 28/2 = 14; 30/2 = 15")
    ['28/2 = 14', '30/2 = 15']
    """
    parts = (part.strip() for part in substitution.split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def dim_text(dim: Dim) -> str:
    """One size by itself, whether a number or an expression."""
    return str(dim) if isinstance(dim, int) else expression_text(dim)


def amount_text(amount: Dim) -> str:
    """A count of things that may be an expression.

    >>> amount_text(117600), amount_text("150*H*W")
    ('117,600', '150·H·W')
    """
    return count(amount) if isinstance(amount, int) else expression_text(amount)


def shape_text(shape: Shape) -> str:
    """Sizes joined by ×; an expression that would run into its neighbours gets brackets.

    >>> shape_text(()), shape_text((10,)), shape_text(("120*(H//4 - 6)",))
    ('scalar', '10', '120·(H//4 − 6)')
    """
    if not shape:
        return "scalar"
    if len(shape) == 1:
        return dim_text(shape[0])
    return "×".join(size_in_shape(dim) for dim in shape)


def shapes_text(shapes: Sequence[Shape], hide_batch: bool) -> str:
    """The first shape, and how many stand behind it.

    >>> shapes_text([(1, 6, 28, 28)], True), shapes_text([(1, 197, 768)] * 3, True)
    ('6×28×28', '197×768 +2')
    >>> shapes_text([(1, 10)], False), shapes_text([(2,)], True), shapes_text([], True)
    ('1×10', 'scalar', '')
    """
    if not shapes:
        return ""
    first = shape_text(shapes[0][1:] if hide_batch else shapes[0])
    return first if len(shapes) == 1 else f"{first} +{len(shapes) - 1}"


def plain_shape(shape: Shape) -> str:
    """A shape in ASCII, as ``--input`` reads it back.

    >>> plain_shape((1, 6, 28, 28))
    '1x6x28x28'
    """
    return "x".join(str(dim) for dim in shape)


def size_in_shape(dim: Dim) -> str:
    """One size beside others: an expression in brackets, unless it is a letter alone."""
    text = dim_text(dim)
    simple = isinstance(dim, int) or dim.replace("_", "").isalnum()
    return text if simple else f"({text})"

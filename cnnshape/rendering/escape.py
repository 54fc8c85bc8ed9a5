r"""Text that comes from models (class names, paths, messages) made safe for each medium.

>>> visible("a\x1b[31mb\n"), markdown("a|b_c*"), latex("50% of $x_1$ & #{~}")
('a\\x1b[31mb\\n', 'a\\|b\\_c\\*', '50\\% of \\$x\\_1\\$ \\& \\#\\{\\textasciitilde{}\\}')
>>> spreadsheet("=HYPERLINK(1)"), spreadsheet("conv1")
("'=HYPERLINK(1)", 'conv1')
"""

from __future__ import annotations

import unicodedata

_GREEK = {
    "SMALL": "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau upsilon phi chi psi omega",
    "CAPITAL": "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
}
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "×": r"$\times$",
    "→": r"$\to$",
    "·": r"$\cdot$",
    "−": "$-$",
    "÷": r"$\div$",
    "⌊": r"$\lfloor$",
    "⌋": r"$\rfloor$",
    "⌈": r"$\lceil$",
    "⌉": r"$\rceil$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "≠": r"$\ne$",
    "…": r"\ldots{}",
    "✓": r"$\checkmark$",
    "✗": r"$\times$",
    "µ": r"$\mu$",
    "′": "$'$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    # Letters of variables in Python that pdflatex has as mathematics only.
    **{
        unicodedata.lookup(
            f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}"
        ): f"$\\{name}$"
        for size, names in _GREEK.items()
        for name in names.split()
    },
}
_MARKDOWN = frozenset("\\`*_{}[]<>#|~&$")
#: What makes a spreadsheet read a cell as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str) -> str:
    """Control and invisible formatting characters written as escapes.

    A class may be named anything; an escape sequence in its name must not reach a terminal.
    """
    if text.isprintable():
        return text
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def latex(text: str) -> str:
    """Text for LaTeX, with the signs used in tables as mathematics."""
    return "".join(_LATEX.get(character, character) for character in visible(text))


def markdown(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in visible(text))


def markdown_code(text: str) -> str:
    r"""Text as code in a cell of a Markdown table; bars must be escaped even there.

    >>> print(markdown_code("layer1.0"), markdown_code("a`b|c"), sep="   ")
    `layer1.0`   `` a`b\|c ``
    """
    shown = visible(text).replace("|", "\\|")
    if "`" not in shown:
        return f"`{shown}`" if shown.strip() else ""
    runs, longest = 0, 0
    for character in shown:
        runs = runs + 1 if character == "`" else 0
        longest = max(longest, runs)
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}"


def spreadsheet(text: str) -> str:
    """Text for CSV that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text

"""What the characters, words and LaTeX commands of a formula mean."""

from __future__ import annotations

#: One character → what it means; fullwidth forms come from Chinese and Japanese keyboards.
SAME = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "－": "-", "﹣": "-", "‐": "-", "‑": "-",
        "×": "*", "·": "*", "∙": "*", "⋅": "*", "∗": "*", "＊": "*", "•": "*", "✕": "*",
        "÷": "/", "∕": "/", "⁄": "/", "／": "/",
        "＋": "+", "＝": "=", "（": "(", "）": ")", "，": ",", "；": ";", "、": ",", "。": ".",
        "⎣": "⌊", "⎦": "⌋", "⎡": "⌈", "⎤": "⌉", "［": "[", "］": "]", "｛": "{", "｝": "}",
        "′": "'", "’": "'", "‘": "'", "´": "'", "`": "'",
    }
)  # fmt: skip
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789aehijklmnoprstuvx")
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
OPERATORS = "+-*/^%"
BRACKETS = {"(": ")", "[": "]", "{": "}", "⌊": "⌋", "⌈": "⌉"}
CLOSING = frozenset(BRACKETS.values())
ROUNDINGS = {
    "floor": "floor",
    "int": "floor",
    "trunc": "floor",
    "ceil": "ceil",
    "ceiling": "ceil",
    "round": "round",
}
FUNCTIONS = {**ROUNDINGS, "min": "min", "max": "max"}

#: LaTeX that only changes how a formula looks.
LATEX_LOOKS = frozenset(
    """left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr middle
    displaystyle textstyle scriptstyle quad qquad rm it bf tt sf mathstrut nonumber notag
    limits nolimits thinspace space""".split()
)
LATEX_WORDS = frozenset(
    """text mathrm mathit mathbf mathsf mathtt textrm textit textbf texttt textsf operatorname
    mbox hbox mathop boldsymbol""".split()
)
#: LaTeX with an argument that is no part of the formula.
LATEX_PLACES = frozenset({"begin", "end", "hspace", "vspace", "tag", "label"})
LATEX_SYMBOLS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "lfloor": "⌊", "rfloor": "⌋",
    "lceil": "⌈", "rceil": "⌉", "lbrack": "[", "rbrack": "]", "lbrace": "{", "rbrace": "}",
    "prime": "'", "colon": ":", "bmod": "%", "mod": "%",
}  # fmt: skip
LATEX_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac"})

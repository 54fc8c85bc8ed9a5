"""How an answer is styled: the answers know what matters in them, not how it looks."""

from __future__ import annotations

from collections.abc import Callable

#: (text, what it is: good, bad, warn, strong, quiet) → the text, coloured or not.
Style = Callable[[str, str], str]


def unstyled(text: str, what: str) -> str:
    """The text as it is."""
    del what
    return text

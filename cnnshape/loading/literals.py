"""Options of ``forward`` on a command line: ``mode="train"``, ``scale=2.5``, ``size=(16,16)``.

An input is a tensor, described by its shape. What is no input but an option is a Python literal
with its name, and reaches ``forward`` as it is. Literals are parsed, never evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from cnnshape.errors import ShapeSyntaxError
from cnnshape.messages import say

#: How a literal begins, where a shape would stand: a quote, a parenthesis, a brace, a list of
#: texts, a word of Python, or a number with a decimal point.
_LITERAL = re.compile(
    r"""["'({].* | \[\s*["'].* | (?:True|False|None)\b.* | [-+]?(?:[0-9]+\.|\.[0-9]).*""",
    re.DOTALL | re.VERBOSE,
)
#: What begins with a parenthesis and is a shape: a scalar, ``()``, and all that has a dtype.
_SHAPE = re.compile(r"\(\s*\) | \(.*\)\s*:[^)]*", re.DOTALL | re.VERBOSE)
#: Characters that are read; a longer literal is cut, and so is none.
_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Option:
    """An argument of ``forward`` that is handed over as it is, by its name."""

    name: str
    value: object


def read_option(name: str | None, body: str, text: str) -> Option | None:
    """The option that ``name=body`` gives; None if ``body`` is to be read as a shape.

    Args:
        name: what stands before the ``=``, None if nothing does.
        body: what stands behind it.
        text: the whole, for the sentence of an error.

    Raises:
        ShapeSyntaxError: it begins like a literal and is none, has no name, or is a bare word.

    >>> read_option("size", "(16,16)", "size=(16,16)")
    Option(name='size', value=(16, 16))
    >>> read_option("mask", "1,8", "mask=1,8") is None
    True
    """
    if name is None:
        return _refuse_without_a_name(body)
    if _LITERAL.fullmatch(body) is not None and _SHAPE.fullmatch(body) is None:
        return Option(name, _value(body, text))
    return _refuse_what_is_neither(name, body, text)


def _value(body: str, text: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\d" in a text
            return ast.literal_eval(body[:_LONGEST])
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ShapeSyntaxError(
            say(
                "cannot read {text!r}: give a shape, as in x=1,3,H,W, or a literal, as in "
                'mode="train", scale=2.5, flag=True or size=(16,16)',
                text=text[:60],
            )
        ) from None


def _refuse_without_a_name(body: str) -> None:
    if body.startswith(("'", '"', "{")) or body in {"True", "False", "None"}:
        raise ShapeSyntaxError(
            say(
                "{text} is no shape; an option of forward is given with its name, as in "
                "name={text}",
                text=body[:60],
            )
        )


def _refuse_what_is_neither(name: str, body: str, text: str) -> None:
    """A bare word, and a negative number: one letter is a symbolic size, digits are a shape."""
    if len(body) > 1 and body.isidentifier():
        raise ShapeSyntaxError(
            say(
                "{value!r} in {text!r} is a word, not a shape: for a text write "
                '{name}="{value}", for a symbolic size one letter, as in {name}=N',
                value=body,
                text=text,
                name=name,
            )
        )
    if re.fullmatch(r"-[0-9]+", body):
        raise ShapeSyntaxError(
            say(
                "the size {size} in {text!r} is negative; for the number write {name}=({size})",
                size=body,
                text=text,
                name=name,
            )
        )

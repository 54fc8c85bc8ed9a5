"""Reading SHAPE texts: ``1,1,28,28`` and its relatives become :class:`InputSpec`.

Grammar, spaces ignored::

    INPUT  = [NAME "="] (TENSOR | LIST) | NAME "=" LITERAL
    TENSOR = SIZES [":" DTYPE]            1,1,28,28   1x1x28x28   1,128:int64   (1,28)   ()
    LIST   = "[" TENSOR "]" ("," "[" TENSOR "]")* [":" DTYPE]
    SIZES  = sizes separated by "," (or by "x" or "×" where no comma stands)
    size   = a natural number, or a letter for a symbolic size

A ``LITERAL`` is an option of ``forward`` (:mod:`cnnshape.loading.literals`). ``NAME`` is a keyword
of the model's ``forward``; ``batch.image`` is the key ``image`` of a dictionary given as ``batch``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnnshape.errors import ShapeSyntaxError
from cnnshape.loading.dtypes import parse_dtype
from cnnshape.loading.literals import Option, read_option
from cnnshape.messages import say

Size = int | str
"""One size: a number, or a letter that stands for one."""

_LARGEST = 2**63 - 1
_NAME = re.compile(r"(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)\s*=(?P<rest>.*)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]+")
#: What a Chinese keyboard writes for them.
_FULL_WIDTH = str.maketrans("，：＝（）［］【】", ",:=()[][]")
_CROSS = re.compile(r"[x×]")
_TEXT_OF_TENSOR = re.compile(r"(?P<sizes>[^:]*)(?::\s*[^\W\d][\w.]*\s*)?")
_BRACKETS = re.compile(r"\[(?P<inner>[^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a model.

    Attributes:
        shape: sizes, letters as texts; empty for a scalar and for a list.
        dtype: a canonical dtype name, or None for the model's floating dtype.
        name: the keyword it is passed as, or None for a positional input.
        tensors: the members if the input is a list of tensors, otherwise None.
    """

    shape: tuple[Size, ...] = ()
    dtype: str | None = None
    name: str | None = None
    tensors: tuple[InputSpec, ...] | None = None

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters in the order they first appear.

        >>> parse_input("N,1,H,H").letters
        ('N', 'H')
        """
        sizes = [*self.shape, *(s for member in self.tensors or () for s in member.shape)]
        return tuple(dict.fromkeys(size for size in sizes if isinstance(size, str)))

    @property
    def has_letters(self) -> bool:
        """Whether any size is symbolic."""
        return bool(self.letters)

    def __str__(self) -> str:
        """The text that :func:`parse_input` reads back.

        >>> str(parse_input("mask = 1x128:bool")), str(parse_input("[3,96,96],[3,8,8]"))
        ('mask=1,128:bool', '[3,96,96],[3,8,8]')
        """
        if self.tensors is not None:
            body = ",".join(f"[{member}]" for member in self.tensors)
        else:
            body = ",".join(map(str, self.shape)) or "()"
        dtype = f":{self.dtype}" if self.dtype is not None else ""
        return f"{self.name}={body}{dtype}" if self.name is not None else f"{body}{dtype}"


def parse_inputs(texts: Sequence[str]) -> tuple[InputSpec | Option, ...]:
    """Read every ``--input`` of a command line, in order: shapes, and options of ``forward``.

    Raises:
        ShapeSyntaxError: a text cannot be read, or a keyword is given twice.

    >>> [given.name for given in parse_inputs(["1,3,8,8", "mask=1,8:bool", "scale=2.5"])]
    [None, 'mask', 'scale']
    """
    given = tuple(read_option(*_split_name(text), text) or parse_input(text) for text in texts)
    names = [each.name for each in given if each.name is not None]
    for name in names:
        if names.count(name) > 1:
            raise ShapeSyntaxError(say("the input {name!r} is given twice", name=name))
        parent = name.rpartition(".")[0]
        if parent in names:
            raise ShapeSyntaxError(
                say(
                    "{name!r} is given as a tensor and, by {path!r}, as a dictionary",
                    name=parent,
                    path=name,
                )
            )
    return given


def _split_name(text: str) -> tuple[str | None, str]:
    match = _NAME.fullmatch(text.strip())
    return (match["name"], match["rest"].strip()) if match else (None, text.strip())


def parse_input(text: str) -> InputSpec:
    """Read one SHAPE text.

    Raises:
        ShapeSyntaxError: with what was expected and an example.

    >>> parse_input("1,1,28,28").shape
    (1, 1, 28, 28)
    >>> parse_input("ids=1x128:int64")
    InputSpec(shape=(1, 128), dtype='int64', name='ids', tensors=None)
    >>> parse_input("N,1,H,W").shape
    ('N', 1, 'H', 'W')
    >>> [member.shape for member in parse_input("[3,96,96],[3,64,64]").tensors]
    [(3, 96, 96), (3, 64, 64)]
    """
    name, body = _split_name(text.translate(_FULL_WIDTH))
    if not body:
        raise ShapeSyntaxError(
            say(
                "the shape {text!r} is empty: give sizes, as in 1,1,28,28 (or () for a scalar)",
                text=text,
            )
        )
    if "[" in body or "]" in body:
        return _parse_list(body, name, text)
    return _parse_tensor(body, name, text)


def has_form_of_shape(text: str) -> bool:
    """Whether a text among Python values describes a tensor; any other is an argument as it is.

    Sizes are separated by commas or crosses. One of them at least is a number, or all are single
    capital letters; a bare word is not a shape.

    >>> [has_form_of_shape(text) for text in ("1,128:int64", "N,C,H,W", "[3,8,8],[3,9,9]", "()")]
    [True, True, True, True]
    >>> [has_form_of_shape(text) for text in ("train", "conv2d", "N", "yes, no", "2.5", "4x")]
    [False, False, False, False, False, False]
    """
    text = text.strip()
    members = [match["inner"] for match in _BRACKETS.finditer(text)]
    if members:
        around = _BRACKETS.sub("", text).partition(":")[0].replace(",", " ").strip()
        return not around and all(_is_tensor_text(member, least=1) for member in members)
    return _is_tensor_text(text, least=2)


def _is_tensor_text(text: str, least: int) -> bool:
    """``least``: how many capital letters are a shape without any number."""
    match = _TEXT_OF_TENSOR.fullmatch(text)
    if match is None:
        return False
    sizes = match["sizes"].strip()
    if sizes.startswith("(") and sizes.endswith(")"):
        sizes = sizes[1:-1].strip().removesuffix(",")
        if not sizes:
            return True
    if "," in sizes:
        # What is missing or negative was meant as a size: reading it says what is wrong.
        parts = [part.strip().removeprefix("-") for part in sizes.split(",")]
        sized = all(not part or _is_size(part) for part in parts)
    else:
        parts = [part.strip() for part in _split_crosses(sizes)]
        sized = all(map(_is_size, parts))
    numbers = [part for part in parts if _NUMBER.fullmatch(part)]
    lettered = all(map(is_letter, set(parts) - set(numbers)))
    if not numbers:
        return lettered and len(parts) >= least
    return sized and (lettered or not sizes.isidentifier())  # Nx1xHxW, but not conv2d


def _is_size(part: str) -> bool:
    return part.isidentifier() or _NUMBER.fullmatch(part) is not None


def is_letter(size: object) -> bool:
    """Whether this is a single capital letter: a size even where no number stands beside it."""
    return isinstance(size, str) and len(size) == 1 and size.isupper()


def _parse_tensor(body: str, name: str | None, text: str) -> InputSpec:
    sizes, colon, dtype = body.partition(":")
    if colon and not dtype.strip():
        raise ShapeSyntaxError(
            say("no dtype after the colon in {text!r}: write 1,128:int64", text=text)
        )
    return InputSpec(_sizes(sizes.strip(), text), parse_dtype(dtype) if colon else None, name)


def _parse_list(body: str, name: str | None, text: str) -> InputSpec:
    listed, _, tail = body.rpartition("]")
    dtype = tail.strip()
    if dtype and not dtype.startswith(":"):
        raise _unbalanced(text)
    default = parse_dtype(dtype[1:]) if dtype else None
    members: list[InputSpec] = []
    # Between the outermost brackets, `]` comma `[` parts one tensor from the next.
    if not listed.startswith("["):
        raise _unbalanced(text)
    for part in re.split(r"\]\s*,\s*\[", listed[1:]):
        if "[" in part or "]" in part or "=" in part or not part.strip():
            raise _unbalanced(text)
        member = _parse_tensor(part.strip(), None, text)
        members.append(InputSpec(member.shape, member.dtype or default))
    return InputSpec((), None, name, tuple(members))


def _unbalanced(text: str) -> ShapeSyntaxError:
    return ShapeSyntaxError(
        say(
            "cannot read the list of tensors in {text!r}: write [3,96,96] or [3,96,96],[3,64,64]",
            text=text,
        )
    )


def _sizes(body: str, text: str) -> tuple[Size, ...]:
    if body.startswith("(") and body.endswith(")"):
        body = body[1:-1].strip().removesuffix(",")
        if not body:
            return ()
    if not body:
        raise ShapeSyntaxError(
            say("no sizes in {text!r}: write 1,128:int64, or ():int64 for a scalar", text=text)
        )
    parts = body.split(",") if "," in body else _split_crosses(body)
    return tuple(_size(part.strip(), text) for part in parts)


def _split_crosses(body: str) -> list[str]:
    """Sizes of ``1x1x28x28``; a lone word such as ``batch`` or ``x`` is one letter."""
    return _CROSS.split(body) if re.search(r"[0-9×]", body) else [body]


def _size(part: str, text: str) -> Size:
    if _NUMBER.fullmatch(part):
        # Very long digit strings are refused before int() spends time on them.
        if len(part) > 19 or int(part) > _LARGEST:
            raise ShapeSyntaxError(
                say("the size {size}… in {text!r} is too large", size=part[:20], text=text[:60])
            )
        return int(part)
    if part.isidentifier():
        return part
    if not part:
        raise ShapeSyntaxError(say("a size is missing in {text!r}: write 1,1,28,28", text=text))
    if part.startswith(("-", "−")):
        raise ShapeSyntaxError(
            say(
                "the size {size} in {text!r} is negative: sizes are 0 or more", size=part, text=text
            )
        )
    raise ShapeSyntaxError(
        say(
            "cannot read the size {size!r} in {text!r}: give whole numbers or letters, as "
            "in 1,1,28,28 or N,1,H,W",
            size=part,
            text=text,
        )
    )

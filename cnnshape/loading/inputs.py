"""The inputs of a model, described: from SHAPE texts or Python values to arguments of forward.

A :class:`ModelInputs` holds what ``forward`` will be called with, where an
:class:`~cnnshape.loading.shapes.InputSpec` stands for each tensor that is yet to be made
(:func:`cnnshape.loading.tensors.make_tensors`). Importing this module does not import torch.

>>> inputs = from_texts(["1,3,8,8", "mask=1,8:bool"])
>>> inputs.args[0].shape, inputs.kwargs["mask"].dtype
((1, 3, 8, 8), 'bool')
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, cast

from cnnshape.errors import InputError
from cnnshape.loading.literals import Option
from cnnshape.loading.shapes import (
    InputSpec,
    Size,
    has_form_of_shape,
    is_letter,
    parse_input,
    parse_inputs,
)
from cnnshape.messages import say


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """The arguments of one forward pass, some of them still descriptions.

    Attributes:
        args: positional arguments: :class:`InputSpec`, ready values, or lists, tuples and
            dictionaries of them.
        kwargs: keyword arguments, likewise.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def specs(self) -> tuple[InputSpec, ...]:
        """Every description in the arguments, in order."""
        return tuple(leaf for leaf in _leaves((self.args, self.kwargs)) if _is_spec(leaf))

    @property
    def letters(self) -> tuple[str, ...]:
        """The symbolic sizes, in the order they first appear.

        >>> from_python((1, 1, "H", "W")).letters
        ('H', 'W')
        """
        return tuple(dict.fromkeys(letter for spec in self.specs for letter in spec.letters))

    @property
    def has_letters(self) -> bool:
        """Whether any size is symbolic."""
        return bool(self.letters)

    @property
    def elements(self) -> int:
        """Numbers in all tensors together; a letter counts as 1.

        >>> from_specs(parse_inputs(["1,3,8,8", "[3,2,2],[3,1,1]"])).elements
        207
        """
        ready = arrays_in((self.args, self.kwargs))
        return sum(map(_elements, self.specs)) + sum(map(_count, ready))

    @property
    def sizes_handed_over(self) -> tuple[Size, ...] | None:
        """The first argument that has the form of a shape and goes to ``forward`` as it is.

        >>> ModelInputs((), {"size": (16, 16)}).sizes_handed_over
        (16, 16)
        """
        for given in (*self.args, *self.kwargs.values()):
            if isinstance(given, (tuple, list)) and _is_shape(cast("Sequence[Any]", given)):
                return tuple(cast("Sequence[Size]", given))
        return None

    def map(self, change: Callable[[Any], Any]) -> ModelInputs:
        """The same arguments with every description and every ready value changed.

        >>> from_python([(1, 3), (1, 4)]).map(str).args
        (['1,3', '1,4'],)
        """
        return ModelInputs(_mapped(change, self.args), _mapped(change, dict(self.kwargs)))


def from_texts(texts: Sequence[str]) -> ModelInputs | None:
    """Arguments from every ``--input`` of a command line; None if there is none.

    Raises:
        ShapeSyntaxError: a text cannot be read, or a keyword is given twice.
    """
    return from_specs(parse_inputs(texts)) if texts else None


def from_specs(given: Sequence[InputSpec | Option]) -> ModelInputs:
    """Arguments from what was typed: names become keywords, dotted names dictionaries.

    >>> from_specs(parse_inputs(["batch.image=1,3,8,8", "batch.label='cat'"])).kwargs.keys()
    dict_keys(['batch'])
    """
    kwargs: dict[str, Any] = {}
    for each in given:
        if each.name is None:
            continue
        *parents, last = each.name.split(".")
        place = kwargs
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = each.value if isinstance(each, Option) else each
    return ModelInputs(tuple(each for each in given if each.name is None), kwargs)


def given_inputs(
    inputs: object = None,
    args: tuple[object, ...] | None = None,
    kwargs: Mapping[str, object] | None = None,
) -> ModelInputs | None:
    """Arguments from the three parameters of the public functions; None if nothing is given.

    Args:
        inputs: as :func:`from_python` reads them.
        args: positional arguments, handed over exactly as they are.
        kwargs: keyword arguments, likewise; also beside ``inputs``.

    Raises:
        InputError: both ``inputs`` and ``args``, no tuple, no mapping, or a name given twice.
        ShapeSyntaxError: a text of the form of a shape cannot be read.

    >>> given_inputs(args=((16, 16), "1,3")).args
    ((16, 16), '1,3')
    >>> given_inputs((1, 3, 8, 8), kwargs={"size": (16, 16)}).kwargs
    {'size': (16, 16)}
    """
    if args is not None and inputs is not None:
        raise InputError(
            say("inputs and args are both given: args= hands everything over as it is")
        )
    if args is not None and not isinstance(args, (tuple, list)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            say("args is a tuple, as in args=(x,), not {type}", type=type(args).__name__)
        )
    if kwargs is not None and not isinstance(kwargs, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f'kwargs is a dict, as in kwargs={{"x": x}}, not {type(kwargs).__name__}')
    if inputs is None and args is None and kwargs is None:
        return None
    given = from_python(inputs) if args is None else ModelInputs(tuple(args))
    options = dict(kwargs or {})
    twice = [name for name in options if name in given.kwargs]
    if twice:
        raise InputError(
            say("{name!r} is given twice, in inputs and in kwargs: give it once", name=twice[0])
        )
    return ModelInputs(given.args, {**given.kwargs, **options})


def from_python(inputs: object = (), kwargs: Mapping[str, object] | None = None) -> ModelInputs:
    """Arguments from what a Python caller hands in.

    What has the form of a shape in the place of an input is a shape; everything else goes to
    ``forward`` as it is.

    ==========================  ========================================================
    given                       means
    ==========================  ========================================================
    ``(1, 1, 28, 28)``          the shape of one tensor (letters allowed); so does a list
                                of ints or a ``torch.Size``. Beside a tensor or an array it
                                is no shape and goes as it is, unless it has a letter
    ``"1,128:int64"``           the same as a text, with a dtype; also beside a tensor
    a tensor, or anything else  itself; so does a text that is no shape, such as ``"train"``
    a tuple of these            several positional inputs
    a list of these             one input that is a list
    a dict of these             keyword inputs (inside another: one input that is a dict)
    ==========================  ========================================================

    Args:
        inputs: the above.
        kwargs: keyword inputs beside positional ones.

    Raises:
        InputError: a bare number, or a negative size.
        ShapeSyntaxError: a text of the form of a shape cannot be read.

    >>> from_python((1, 1, 28, 28)).args[0].shape
    (1, 1, 28, 28)
    >>> [spec.shape for spec in from_python(((1, 3, 8, 8), (1, 5))).args]
    [(1, 3, 8, 8), (1, 5)]
    >>> from_python({"ids": "1,128:int64", "mode": "train"}).kwargs["mode"]
    'train'
    """
    if isinstance(inputs, ModelInputs):
        return ModelInputs(inputs.args, {**inputs.kwargs, **from_python((), kwargs).kwargs})
    if isinstance(inputs, (int, float)):
        raise InputError(
            say(
                "the input is the number {number}: give a shape such as (1, {number}), or a tensor",
                number=inputs,
            )
        )
    # Sizes stand for tensors that are to be made: beside a ready one they are an option.
    shapes = not any(True for _ in arrays_in((inputs, kwargs)))
    named = {name: _from_value(value, shapes) for name, value in (kwargs or {}).items()}
    if inputs is None:
        return ModelInputs((), named)
    if isinstance(inputs, Mapping):
        given = cast("Mapping[str, object]", inputs)
        return ModelInputs((), {**{k: _from_value(v, shapes) for k, v in given.items()}, **named})
    _refuse_odd_sizes(inputs)
    if isinstance(inputs, tuple) and not _is_shape(cast("tuple[Any, ...]", inputs)):
        several = cast("tuple[object, ...]", inputs)
        if not hasattr(several, "_fields"):
            return ModelInputs(tuple(_from_value(value, shapes) for value in several), named)
    return ModelInputs((_from_value(inputs, shapes),), named)


def _from_value(value: object, shapes: bool) -> Any:
    """One argument: what describes a tensor becomes a spec, everything else stays what it is.

    ``shapes``: whether whole numbers alone describe a tensor.
    """
    if isinstance(value, str):
        return parse_input(value) if has_form_of_shape(value) else value
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        sizes = cast("list[Any] | tuple[Any, ...]", value)
        if _is_shape(sizes) and (shapes or _is_lettered(sizes)):
            return _shape(sizes)
    return _rebuilt(value, lambda item: _from_value(item, shapes))


def _is_shape(items: Sequence[Any]) -> bool:
    """Whether a tuple or list gives sizes: whole numbers and names, or capital letters alone."""
    numbers = [item for item in items if _is_whole(item) and item >= 0]
    names = [item for item in items if isinstance(item, str) and item.isidentifier()]
    if not items or len(numbers) + len(names) < len(items):
        return False
    return bool(numbers) or all(map(is_letter, names))


def _is_lettered(sizes: Sequence[Any]) -> bool:
    """Whether capital letters stand among numbers: sizes, and nothing else."""
    letters = [size for size in sizes if is_letter(size)]
    numbers = [size for size in sizes if _is_whole(size)]
    return bool(letters and numbers) and len(letters) + len(numbers) == len(sizes)


def _is_whole(item: object) -> bool:
    return not isinstance(item, bool) and isinstance(item, Integral)


def _refuse_odd_sizes(items: object) -> None:
    """Numbers that were meant as a shape: ``(1, 3, 32.0, 32.0)``, ``(1, -3)``."""
    if not isinstance(items, (list, tuple)) or hasattr(items, "_fields"):
        return
    sizes = cast("list[Any] | tuple[Any, ...]", items)
    negative = next((size for size in sizes if _is_whole(size) and size < 0), None)
    if negative is not None and all(_is_whole(size) or isinstance(size, str) for size in sizes):
        raise InputError(
            say(
                "the size {size} in {sizes} is negative: sizes are 0 or more",
                size=negative,
                sizes=sizes,
            )
        )
    odd = next((size for size in sizes if isinstance(size, (bool, float))), None)
    if odd is not None and all(isinstance(size, (Real, str)) for size in sizes):
        if any(isinstance(size, str) and not is_letter(size) for size in sizes):
            return  # a shape as a text, or a word, beside a number
        raise InputError(
            say(
                "the size {size} in {sizes} is no whole number: give sizes such as (1, 3, 32, "
                "32), and numbers that are no sizes with args=(…), or as tensors, "
                "torch.tensor(0.5)",
                size=odd,
                sizes=sizes,
            )
        )


def _shape(items: Sequence[Size]) -> InputSpec:
    return InputSpec(tuple(size if isinstance(size, str) else int(size) for size in items))


def _is_spec(leaf: object) -> bool:
    return isinstance(leaf, InputSpec)


def _leaves(tree: object) -> Iterator[Any]:
    if isinstance(tree, Mapping):
        for value in cast("Mapping[Any, Any]", tree).values():
            yield from _leaves(value)
    elif isinstance(tree, (list, tuple)) and not hasattr(tree, "_fields"):
        for value in cast("list[Any]", tree):
            yield from _leaves(value)
    else:
        yield tree


def _elements(spec: InputSpec) -> int:
    if spec.tensors is not None:
        return sum(map(_elements, spec.tensors))
    return math.prod(size for size in spec.shape if isinstance(size, int))


def _count(array: Any) -> int:
    try:
        return int(array.numel() if hasattr(array, "numel") else array.size)
    except (TypeError, ValueError, RuntimeError):  # an array of another kind, a lazy parameter
        return 0


def _mapped(change: Callable[[Any], Any], tree: Any) -> Any:
    if _is_container(tree):
        return _rebuilt(tree, lambda item: _mapped(change, item))
    return change(tree)


def _is_container(thing: object) -> bool:
    return isinstance(thing, Mapping) or (
        isinstance(thing, (list, tuple)) and not hasattr(thing, "_fields")
    )


def _rebuilt(thing: Any, change: Callable[[Any], Any]) -> Any:
    """A container with every item changed; itself, whatever its class, where none is."""
    if not _is_container(thing):
        return thing
    if isinstance(thing, Mapping):
        items = cast("Mapping[Any, Any]", thing)
        changed = {key: change(item) for key, item in items.items()}
        return changed if any(changed[key] is not items[key] for key in changed) else thing
    changed_items = [change(item) for item in thing]
    if all(new is old for new, old in zip(changed_items, thing, strict=True)):
        return thing
    return changed_items if isinstance(thing, list) else tuple(changed_items)


def arrays_in(thing: object, seen: set[int] | None = None) -> Iterator[Any]:
    """Every tensor and array in a value, in containers and in attributes of objects.

    They are told by their class: this module does not import torch.
    """
    if isinstance(thing, (str, bytes, int, float, type, type(None), InputSpec)):
        return
    if all(hasattr(type(thing), name) for name in ("shape", "dtype", "__len__")):
        yield thing
        return
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Mapping):
        inner = list(cast("Mapping[Any, object]", thing).values())
    elif isinstance(thing, (list, tuple)):
        inner = list(cast("list[object]", thing))
    else:
        inner = list(getattr(thing, "__dict__", {}).values())
    for item in inner:
        yield from arrays_in(item, seen)

"""The recording of one forward pass, as plain frozen data.

A :class:`Trace` is what every feature of cnnshape reads. It holds no tensor and no
module, only integers and strings, so it can be kept, compared, pickled and sent.

Three tables tell the whole story:

* ``modules`` — what the network *is*: every ``nn.Module`` in definition order;
* ``calls`` — what *ran*: every call of a module, in call order, as a tree;
* ``operations`` and ``values`` — how the data *flowed*: a graph whose nodes are the torch
  functions that ran and whose edges are the tensors between them.

A call knows the range of operations that ran inside it, an operation knows the call whose
forward ran it, and a value knows the operation that made it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias, Union

#: One size: a number, or an expression such as ``"H//2"`` after a symbolic run.
Dim: TypeAlias = int | str
Shape: TypeAlias = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for a tensor inside recorded arguments: an index into :attr:`Trace.values`."""

    value: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands for an argument that is neither plain nor a tensor; only its type is kept."""

    type: str


#: A recorded argument. Lists become tuples; dtypes and devices become strings.
Plain: TypeAlias = Union[  # noqa: UP007 - it names itself
    bool,
    int,
    float,
    complex,
    str,
    slice,
    Ref,
    Unknown,
    tuple["Plain", ...],
    dict[str, "Plain"],
    None,
]


#: The name of the operation that stands for a whole module of which nothing could be seen.
UNSEEN: Final = "opaque"


class Span(NamedTuple):
    """Where an expression stands in a file: lines from 1, columns in bytes, as ``ast`` has them."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A line of Python: the innermost one outside torch and cnnshape.

    ``span`` tells two calls on one line apart; None where it is not known (Python 3.10).
    ``code`` is the line itself, where a text shows it whose files are not to be opened.
    """

    file: str
    line: int
    function: str
    span: Span | None = field(default=None, compare=False)
    code: str | None = None

    def __str__(self) -> str:
        """``net.py:14``, as editors and error messages write it: the path as typed from here.

        In a notebook ``In[2]:14``: a cell's file has a name that says nobody anything.
        """
        if (cell := _cell(self.file)) is not None:
            return f"{cell}:{self.line}"
        try:
            relative = os.path.relpath(self.file)
        except ValueError:  # another drive
            relative = ".."
        return f"{self.file if relative.startswith('..') else relative}:{self.line}"


def _cell(file: str) -> str | None:
    """What the running notebook calls a file that is one of its cells: ``In[2]``."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    named: tuple[str, str] | None = shell and shell.compile.format_code_name(file)
    return named[1] if named else None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter or buffer, listed once however many modules share it.

    ``name`` is its first name in definition order, ``aliases`` the others. ``shape`` and
    ``count`` are None while a lazy parameter is uninitialised.
    """

    name: str
    owner: str
    shape: tuple[int, ...] | None
    dtype: str
    count: int | None
    bytes: int | None
    trainable: bool
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Module:
    """One ``nn.Module`` of the network, whether it ran or not.

    Attributes:
        path: its name in ``named_modules``; the root is ``""``. A module that hangs in
            several places is listed at the first, the other names are ``aliases``.
        type: its class name, as written by its author.
        kind: the nearest class of ``torch.nn`` it inherits from (``Conv2d`` for a subclass of
            it), else its own class name.
        builtin: its ``forward`` is that of ``kind``, not one of its author's.
        config: its plain public attributes (``kernel_size``, ``in_features``, …).
        parameters: names of the parameters it registers itself, also those owned elsewhere.
        unregistered: attributes that hold layers in a plain list or dict, of which torch knows
            nothing.
    """

    path: str
    type: str
    kind: str
    builtin: bool
    depth: int
    children: tuple[str, ...]
    config: Mapping[str, Plain]
    parameters: tuple[str, ...]
    buffers: tuple[str, ...]
    training: bool
    aliases: tuple[str, ...] = ()
    unregistered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor at one moment. An in-place operation makes a new value.

    Attributes:
        id: its index in :attr:`Trace.values`.
        origin: where it came from; ``constant`` is a tensor the model made or held itself.
        producer: index of the operation that made it, if ``origin`` is ``operation``.
        name: the input's or parameter's name.
        alias_of: the value whose memory it shares (a view, or the result of an in-place call).
        static: no input went into it: a parameter, a buffer, a constant, or something computed
            from these alone (a pruned or normalised weight).
        parameters: the parameters that a static value was computed from.
        sparse: it holds only some of its numbers (a sparse layout of torch).
    """

    id: int
    shape: Shape
    dtype: str
    bytes: int
    origin: Literal["input", "parameter", "buffer", "constant", "operation"]
    producer: int | None = None
    name: str | None = None
    alias_of: int | None = None
    static: bool = False
    parameters: tuple[str, ...] = ()
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A tensor found inside an argument or a result: ``x``, ``boxes[0]``, ``out.logits``."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Operation:
    """One torch function that ran on tensors: ``conv2d``, ``view``, ``add``.

    Attributes:
        index: its place in :attr:`Trace.operations`.
        name: the function's name without leading or trailing underscores (``add`` for
            ``add_``, ``__add__`` and ``torch.add``).
        call: index of the module call whose forward ran it.
        args, kwargs: its arguments; tensors are :class:`Ref`.
        inputs, outputs: the tensors among them, as value ids in order of appearance.
        parameters: names of the parameters it used, also through a reshaped or masked weight.
        inplace: it wrote into its first input.
        macs: multiply-accumulates measured while it ran, for code that the recorder cannot see
            into (TorchScript), and inside ``vmap``, where it sees one example; None elsewhere.
        failed: it raised; it then has no outputs.
        by_table: it did not run: the sizes of its results are what cnnshape knows of it.
    """

    index: int
    name: str
    call: int
    args: tuple[Plain, ...]
    kwargs: Mapping[str, Plain]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    parameters: tuple[str, ...]
    source: Source | None
    inplace: bool = False
    macs: int | None = None
    opaque: bool = False
    failed: bool = False
    by_table: bool = False

    @property
    def measured(self) -> bool:
        """Whether ``macs`` says what it cost; elsewhere the table of operations does."""
        return self.opaque or self.macs is not None


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of one module.

    Attributes:
        index: its place in :attr:`Trace.calls`; the root's call is 0.
        path: the module's path.
        call: 0 for the module's first call, 1 for its second, …
        parent: index of the call whose forward made this call; None for the root.
        args, kwargs: its arguments as they were *before* the call.
        inputs, outputs: the tensors found in arguments and result.
        operations: the half-open range of operations that ran inside, children included.
        finished: it returned; False for the calls that an exception went through.
    """

    index: int
    path: str
    call: int
    parent: int | None
    args: tuple[Plain, ...]
    kwargs: Mapping[str, Plain]
    inputs: tuple[NamedValue, ...]
    outputs: tuple[NamedValue, ...]
    operations: tuple[int, int]
    source: Source | None
    finished: bool = True
    result_type: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a ``forward``, without ``self``.

    ``instead_of_self`` is the first parameter where ``self`` was forgotten: ``forward(x)``.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    any_positional: bool = False
    any_keyword: bool = False
    instead_of_self: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A name that the model's code looked for in vain.

    Attributes:
        name: the name.
        owner: the class, or the Python module, that has nothing of that name; empty for a
            variable.
        near: what is spelled like it and exists, nearest first. A ``forward`` that is made
            inside a method and forgotten is ``__init__.forward``.
        defined: where the first of those is defined, if it is a method of the author's.
    """

    name: str
    owner: str
    near: tuple[str, ...] = ()
    defined: Source | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended the pass, with what is to be seen of it only while it happens.

    Attributes:
        type: the exception's class name.
        message: its text.
        call: the innermost module call that had begun; None if it failed before any.
        operation: the operation that raised, if a recorded one did.
        source: the innermost line outside torch and cnnshape.
        signature: of the ``forward`` of the innermost module whose call had begun.
        ranges: smallest and largest value of the whole numbers that the operation was given,
            by value id: they may be indices.
        absent: the name that was looked for in vain, if it was for that.
    """

    type: str
    message: str
    call: int | None
    operation: int | None
    source: Source | None
    signature: Signature | None = None
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    absent: Absent | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """How the pass was run.

    Attributes:
        device: ``cpu``, ``meta``, ``cuda:0``, … or ``fake``.
        mode: ``eval`` or ``train``.
        reason: why this device, for the reader (``61,706 parameters are cheap to run``).
        seconds: wall time of the forward pass.
    """

    device: str
    mode: Literal["eval", "train"]
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Option:
    """An argument of the pass that is no tensor.

    Attributes:
        name: what ``forward`` calls it, with the path inside a container.
        text: it in short, safe to print.
        shape, dtype: those of an array of another library; None for anything else.
    """

    name: str
    text: str
    shape: Shape | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward pass: complete, or up to the failing call if ``failure`` is set."""

    modules: tuple[Module, ...]
    parameters: tuple[Parameter, ...]
    buffers: tuple[Parameter, ...]
    calls: tuple[ModuleCall, ...]
    operations: tuple[Operation, ...]
    values: tuple[Value, ...]
    inputs: tuple[NamedValue, ...]
    outputs: tuple[NamedValue, ...]
    execution: Execution
    failure: Failure | None = None
    options: tuple[Option, ...] = ()
    _modules_by_path: dict[str, Module] = field(
        init=False, repr=False, compare=False, default_factory=dict[str, Module]
    )

    def __post_init__(self) -> None:
        self._modules_by_path.update({module.path: module for module in self.modules})

    def module(self, path: str) -> Module:
        """The module at ``path``; KeyError if there is none."""
        return self._modules_by_path[path]

    def shape(self, value: int) -> Shape:
        """The shape of a value by its id."""
        return self.values[value].shape

    def shapes(self, values: tuple[NamedValue, ...]) -> tuple[Shape, ...]:
        """The shapes of named values, in order."""
        return tuple(self.values[named.value].shape for named in values)

    def dtypes(self, values: Iterable[int]) -> tuple[str, ...]:
        """The dtypes of values by their ids, in order."""
        return tuple(self.values[value].dtype for value in values)

    def own_operations(self, call: int) -> Iterator[Operation]:
        """The operations that the call's own forward ran, without those of its children."""
        start, stop = self.calls[call].operations
        return (op for op in self.operations[start:stop] if op.call == call)

    def children(self, call: int) -> Iterator[ModuleCall]:
        """The calls that this call's forward made."""
        return (other for other in self.calls[call + 1 :] if other.parent == call)

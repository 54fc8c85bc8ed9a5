"""What cnnshape says about a model: the rows, the totals and the error, as frozen data.

:func:`cnnshape.analysis.build.build_report` gathers the readers of a trace into a
:class:`Report`; every table, page and file is written from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cnnshape.analysis.diagnose.edits import Edit
from cnnshape.analysis.memory import LayerMemory, MemoryTotals
from cnnshape.shown import Shown
from cnnshape.tracing.trace import Dim, Shape, Source, Trace

if TYPE_CHECKING:
    from cnnshape.analysis.patterns import PatternRow
    from cnnshape.analysis.receptive_field import Field
    from cnnshape.analysis.unread_fields import Fields

Extent = tuple[int | None, ...] | Literal["global"] | None


@dataclass(frozen=True, slots=True)
class Check:
    """One size, computed by its rule and compared with the one that came out.

    ``status`` is ``match`` or ``mismatch``. ``expected`` is None where the rule says that the
    layer cannot be applied at all; ``note`` then has the broken condition. ``by`` says what made
    the size that it is compared with: torch, or the table of operations, for a function that was
    not run on meta. That the two are equal says nothing then.
    """

    status: Literal["match", "mismatch"]
    rule: str
    expected: Shape | None
    formula: str
    substitution: str
    note: str = ""
    by: Literal["torch", "table"] = "torch"

    @property
    def mark(self) -> Literal["match", "mismatch", ""]:
        """What the check proves; empty where a size was held against itself."""
        return "" if self.by == "table" and self.status == "match" else self.status

    def to_dict(self) -> dict[str, Any]:
        """The ``check`` object of the JSON report."""
        data: dict[str, Any] = {
            "status": self.status,
            "rule": self.rule,
            "expected": None if self.expected is None else list(self.expected),
            "formula": self.formula,
            "substitution": self.substitution,
        }
        by = {"by": self.by} if self.by != "torch" else {}
        return data | ({"note": self.note} if self.note else {}) | by


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of the report: one call of one module, or a module that was never called.

    Attributes:
        path: the module's path, ``""`` for the root.
        type: its class name.
        kind: the class of ``torch.nn`` that it is or inherits from.
        depth: number of names in ``path``.
        call: 0 for the module's first call, 1 for the second; parameters count in the first.
        input_shapes, output_shapes: every tensor of the arguments and of the result.
        output_dtypes: of the tensors of the result.
        params, trainable_params: its own parameters, each tensor counted at its first owner;
            None while a lazy parameter is uninitialised.
        macs: multiply-accumulates of the operations its own forward ran; None if unknown.
        subtree_params, subtree_macs: with all modules below.
        backward_macs, subtree_backward_macs: the same for the gradients of what ran.
        parameter_bytes, activation_bytes: of its own parameters, and of the new tensors its own
            forward made (views and in-place results need none).
        time_ms, subtree_time_ms: milliseconds in its own forward, and with all modules below;
            None unless timed.
        memory: what it needs in serving and in training; None unless asked for.
        config: its settings (``kernel_size``, ``stride``, ``in_features``, …).
        fields: the receptive fields of all rows, which are worked out when one is read.
    """

    path: str
    type: str
    kind: str
    depth: int
    call: int
    called: bool
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    params: int | None
    trainable_params: int | None
    subtree_params: int | None
    macs: Dim | None
    subtree_macs: Dim | None
    parameter_bytes: int | None
    activation_bytes: int | None
    config: Mapping[str, Any]
    output_dtypes: tuple[str, ...] = ()
    fields: Fields | None = field(default=None, repr=False, compare=False)
    check: Check | None = None
    covered: bool = True
    backward_macs: Dim | None = 0
    subtree_backward_macs: Dim | None = 0
    time_ms: float | None = None
    subtree_time_ms: float | None = None
    memory: LayerMemory | None = None
    source: Source | None = None
    finished: bool = True
    index: int | None = None

    @property
    def receptive_field(self) -> Extent:
        """Pixels of the input per axis that one unit of its result depends on."""
        field = self._field
        return field.size if field else None

    @property
    def receptive_field_stride(self) -> Extent:
        """Pixels of the input between two neighbouring units."""
        field = self._field
        return field.stride if field else None

    @property
    def receptive_field_offset(self) -> Extent:
        """The first pixel of the first unit; negative in the padding."""
        field = self._field
        return field.offset if field else None

    @property
    def _field(self) -> Field | None:
        return None if self.fields is None or self.index is None else self.fields.of(self.index)

    def to_dict(self) -> dict[str, Any]:
        """The row as the JSON report has it."""
        return {
            "path": self.path,
            "type": self.type,
            "depth": self.depth,
            "call": self.call,
            "called": self.called,
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "output_dtypes": list(self.output_dtypes),
            "params": self.params,
            "trainable_params": self.trainable_params,
            "subtree_params": self.subtree_params,
            "macs": self.macs,
            "subtree_macs": self.subtree_macs,
            "backward_macs": self.backward_macs,
            "subtree_backward_macs": self.subtree_backward_macs,
            "parameter_bytes": self.parameter_bytes,
            "activation_bytes": self.activation_bytes,
            "time_ms": self.time_ms,
            "subtree_time_ms": self.subtree_time_ms,
            "memory": self.memory.to_dict() if self.memory else None,
            "receptive_field": _extent(self.receptive_field),
            "receptive_field_stride": _extent(self.receptive_field_stride),
            "receptive_field_offset": _extent(self.receptive_field_offset),
            "check": self.check.to_dict() if self.check else None,
        }


def _extent(extent: Extent) -> list[int | None] | str | None:
    return list(extent) if isinstance(extent, tuple) else extent


@dataclass(frozen=True, slots=True)
class OperationRow:
    """A functional call that changed a size or that a size rule covers.

    ``index`` is the operation's place in the trace and ``call`` the layer row's ``index`` that
    ran it, so that it can be shown between the layers where it happened.
    """

    op: str
    path: str
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    macs: Dim | None
    check: Check | None
    output_dtypes: tuple[str, ...] = ()
    source: Source | None = None
    index: int = 0
    call: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The row as the JSON report has it."""
        return {
            "op": self.op,
            "path": self.path,
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "output_dtypes": list(self.output_dtypes),
            "check": self.check.to_dict() if self.check else None,
            "source": str(self.source) if self.source else None,
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums under the table.

    ``uncovered`` counts leaf modules that changed the size and have no rule; ``time_ms`` is that of
    the whole forward, None unless timed; ``memory`` None unless asked for.
    """

    params: int | None
    trainable_params: int | None
    buffers: int
    macs: Dim | None
    parameter_bytes: int | None
    buffer_bytes: int
    activation_bytes: int | None
    match: int
    mismatch: int
    uncovered: int
    backward_macs: Dim | None = None
    time_ms: float | None = None
    memory: MemoryTotals | None = None

    def to_dict(self) -> dict[str, Any]:
        """The ``totals`` object of the JSON report."""
        return {
            "params": self.params,
            "trainable_params": self.trainable_params,
            "buffers": self.buffers,
            "macs": self.macs,
            "backward_macs": self.backward_macs,
            "parameter_bytes": self.parameter_bytes,
            "buffer_bytes": self.buffer_bytes,
            "activation_bytes": self.activation_bytes,
            "time_ms": self.time_ms,
            "memory": self.memory.to_dict() if self.memory else None,
            "checks": {
                "match": self.match,
                "mismatch": self.mismatch,
                "uncovered": self.uncovered,
            },
        }


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change that should let the model run.

    Rules propose it, a trial finds out whether it helps.

    Attributes:
        verified: it was carried out, and the pass then got beyond this point, for real or by the
            rules.
        runs: whether the whole model then ran; None where that was not found out.
        then: the changes that belong to it, such as those that the next errors made necessary.
        edits: how to carry it out, with all that belongs to it; without any it can only be told.
        otherwise: what to try where this does not help: ``reshape`` where ``view`` cannot.
        guess: nothing but the numbers speaks for it: it is told only if the whole model runs.
    """

    action: Literal[
        "set_argument", "set_input", "insert_before", "insert_after", "change_call", "change_source"
    ]
    text: str
    path: str
    argument: str | None = None
    from_: Any = None
    to: Any = None
    verified: bool = False
    runs: bool | None = None
    then: tuple[Suggestion, ...] = ()
    edits: tuple[Edit, ...] = field(default=(), repr=False)
    otherwise: Suggestion | None = field(default=None, repr=False)
    guess: bool = field(default=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The suggestion as the JSON report has it."""
        return {
            "action": self.action,
            "text": self.text,
            "path": self.path,
            "argument": self.argument,
            "from": self.from_,
            "to": self.to,
            "verified": self.verified,
            "runs": self.runs,
            "then": [suggestion.to_dict() for suggestion in self.then],
        }


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Where the model raised and what it said; ``kind`` and ``diagnosis`` where a rule knows why.

    ``path`` is the innermost module whose call had begun, ``call`` which of its calls it was.
    ``derivation`` tells step by step where the arriving size comes from; ``arguments`` are the
    tensors that the failing call was given, ``weight 10×100 float32``; ``built`` is the line of
    ``__init__`` that made the layer; ``patterns`` are the reshapes that made what it was given, in
    einops' notation, where they do more than flatten.
    """

    path: str
    type: str
    op: str | None
    message: str
    exception: str
    call: int = 0
    kind: str | None = None
    diagnosis: str | None = None
    source: Source | None = None
    suggestions: tuple[Suggestion, ...] = ()
    derivation: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    built: Source | None = None
    patterns: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The ``error`` object of the JSON report."""
        return {
            "path": self.path,
            "call": self.call,
            "type": self.type,
            "op": self.op,
            "message": self.message,
            "exception": self.exception,
            "kind": self.kind,
            "diagnosis": self.diagnosis,
            "source": str(self.source) if self.source else None,
            "built": str(self.built) if self.built else None,
            "derivation": list(self.derivation),
            "arguments": list(self.arguments),
            "patterns": list(self.patterns),
            "suggestions": [suggestion.to_dict() for suggestion in self.suggestions],
        }


@dataclass(frozen=True, slots=True)
class TensorRow:
    """An input or output of the whole model."""

    name: str
    shape: Shape
    dtype: str

    def to_dict(self) -> dict[str, Any]:
        """Name, shape and dtype."""
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}


@dataclass(frozen=True, slots=True)
class OptionRow:
    """An argument of the whole model that is no tensor.

    Attributes:
        name: what ``forward`` calls it, with the path inside a container.
        value: it in short, as Python shows it; the class of an array.
        shape, dtype: those of an array; None for anything else.
    """

    name: str
    value: str
    shape: Shape | None = None
    dtype: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Name, shape, dtype and value."""
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "shape": shape, "dtype": self.dtype, "value": self.value}


@dataclass(frozen=True)
class Report(Shown):
    """Everything about one model and one forward pass; shows itself: ``print(report)``.

    ``trace`` is the recording the rest was read from; diagrams follow its graph. ``inputs`` are the
    tensors that ``forward`` was given, ``options`` everything else. ``demanded_by`` are the
    operations that each of ``constraints`` comes from, by index in the trace, ``letters`` the sizes
    at which the expressions were found.
    """

    _written_by: ClassVar = "cnnshape.rendering.report"

    spec: str
    class_name: str
    device: str
    mode: Literal["eval", "train"]
    reason: str
    seconds: float
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    layers: tuple[Layer, ...]
    operations: tuple[OperationRow, ...]
    totals: Totals
    trace: Trace = field(repr=False)
    constraints: tuple[str, ...] = ()
    error: ErrorReport | None = None
    notes: tuple[str, ...] = ()
    exception: BaseException | None = field(default=None, repr=False, compare=False)
    options: tuple[OptionRow, ...] = ()
    demanded_by: tuple[int | None, ...] = ()
    letters: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def device_reason(self) -> str:
        """Why the pass ran where it did; the name that JSON uses for ``reason``."""
        return self.reason

    @property
    def patterns(self) -> tuple[PatternRow, ...]:
        """What each reshape, join, cut, sum and product does, in einops' notation.

        >>> import cnnshape
        >>> [row.pattern.einops for row in cnnshape.inspect("lenet").patterns][-1]
        'rearrange(x, "n c h w -> n (c h w)")'
        """
        from cnnshape.analysis.patterns import pattern_rows

        return pattern_rows(self.trace)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data: exactly what ``-f json`` prints."""
        return {
            "schema": 1,
            "model": {"spec": self.spec, "class": self.class_name},
            "device": self.device,
            "device_reason": self.reason,
            "mode": self.mode,
            "inputs": [row.to_dict() for row in (*self.inputs, *self.options)],
            "outputs": [row.to_dict() for row in self.outputs],
            "layers": [layer.to_dict() for layer in self.layers],
            "operations": [row.to_dict() for row in self.operations],
            "constraints": list(self.constraints),
            "totals": self.totals.to_dict(),
            "error": self.error.to_dict() if self.error else None,
            "notes": list(self.notes),
        }

    def raise_for_error(self) -> None:
        """Raise the model's own exception if it raised; do nothing otherwise."""
        if self.exception is not None:
            raise self.exception

    def layer(self, path: str, call: int = 0) -> Layer:
        """The row of one call of one module; KeyError if there is none."""
        for row in self.layers:
            if row.path == path and row.call == call:
                return row
        raise KeyError(path)

"""What is written into each box and frame, and onto each edge."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnnshape.analysis.report import Layer, ReportData
from cnnshape.rendering.diagram.draft import Box, Part
from cnnshape.rendering.diagram.group import MERGES, operation_name
from cnnshape.rendering.diagram.items import Frame
from cnnshape.rendering.diagram.options import Show
from cnnshape.rendering.diagram.view import View
from cnnshape.rendering.diagram.words import layer_words, operation_words, step_words
from cnnshape.rendering.palette import Kind, kind_of
from cnnshape.rendering.units import amount_text, count, ordinal, plural, shape_text
from cnnshape.tracing.trace import Dim, Operation, Shape

#: A strip's text longer than this is cut; what was cut stays in the tooltip.
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Strip:
    """One thin line below a layer."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of one box.

    Attributes:
        title: the name, in bold.
        aside: what stands quietly at the right: parameters.
        lines: details below the title.
        strips: the followers.
        kind: the colour.
        sign: the sign of a merge, which then is all that the box says besides its strips.
        tooltip: everything known about the box, in lines.
        failed: the box is where the model raised.
        pill: an input or output.
    """

    title: str
    aside: str = ""
    lines: tuple[str, ...] = ()
    strips: tuple[Strip, ...] = ()
    kind: Kind = "other"
    sign: str = ""
    tooltip: str = ""
    failed: bool = False
    pill: bool = False


class Captions:
    """Writes the words for the boxes of one view."""

    def __init__(
        self, view: View, report: ReportData, show: frozenset[Show], *, framed: bool = True
    ) -> None:
        self.view = view
        self.flow = view.draft.flow
        self.trace = self.flow.trace
        self.report = report
        self.show = show
        self.rows = {row.index: row for row in report.layers if row.index is not None}
        self.batch = _batch(report)
        #: Box → path of the innermost frame that is drawn around it.
        self.inside: dict[int, str] = {}
        root = self.trace.calls[self.flow.root].path if self.trace.calls else ""
        self._enter(view.root, root)
        if not framed:  # without frames around them, names tell where they belong
            self.inside = dict.fromkeys(self.inside, root)

    def _enter(self, frame: Frame, path: str) -> None:
        for item in frame.items:
            if isinstance(item, Frame):
                self._enter(item, self.inner_path(item, path))
            else:
                self.inside[item] = path

    def inner_path(self, frame: Frame, path: str) -> str:
        """The module that names inside ``frame`` are relative to; ``path`` is that around it."""
        return path if frame.group else self._path(self._telling(frame))

    # ---- names --------------------------------------------------------------------------

    def _path(self, call: int) -> str:
        return self.trace.calls[call].path

    def _name(self, path: str, within: str) -> str:
        """``path`` as seen from inside the module ``within``."""
        if within and path.startswith(within + "."):
            return path[len(within) + 1 :]
        return path or self.trace.module("").type

    def hide_batch(self, shape: Shape) -> Shape:
        """The shape without the batch, where that is the same everywhere."""
        if self.batch is not None and len(shape) > 1 and shape[0] == self.batch:
            return shape[1:]
        return shape

    # ---- boxes --------------------------------------------------------------------------

    def box(self, key: int) -> Caption:
        """The caption of one box."""
        box = self.view.draft.boxes[key]
        if box.role in ("input", "output"):
            return self._pill(box)
        strips = tuple(self._strip(parts, box, key) for parts in _gathered(box.parts[1:]))
        tooltip = self._tooltip(box)
        if box.merge:
            sign = MERGES[operation_name(self.flow, self.flow.nodes[box.head.nodes[0]])]
            return Caption("", strips=strips, kind="merge", sign=sign, tooltip=tooltip)
        title, first = self._title(box, key)
        lines = [first] if first else []
        lines += self._numbers(box)
        if box.failed:
            lines += self._failure()
        aside = self._aside(box)
        return Caption(
            title, aside, tuple(lines), strips, box.head.kind, "", tooltip, box.failed
        )

    def _pill(self, box: Box) -> Caption:
        node = self.flow.nodes[box.key]
        value = self.trace.values[node.values[0]]
        details = [shape_text(self.hide_batch(value.shape))] if "shapes" in self.show else []
        if not value.dtype.startswith(("float", "bfloat")):
            details.append(value.dtype)
        name = node.name
        if box.role == "output" and name.startswith(("[", ".")):
            name = f"output{name}"
        whole = f"{name}: {shape_text(value.shape)} {value.dtype}"
        return Caption(name, lines=(" ".join(details),), kind="io", tooltip=whole, pill=True)

    def _title(self, box: Box, key: int) -> tuple[str, str]:
        """The name and the line below it."""
        within = self.inside[key]
        head = box.head
        if box.wrappers:
            return self._name(self._path(box.wrappers[0]), within), self._words((head,))
        if head.call is not None:
            return self._name(self._path(head.call), within), self._words((head,))
        return operation_words(self.trace, [self._operation(head)], self.hide_batch)

    def _words(self, parts: Sequence[Part]) -> str:
        first = parts[0]
        if first.call is None:
            operations = [self._operation(part) for part in parts]
            return " ".join(operation_words(self.trace, operations, self.hide_batch)).strip()
        if first.container:
            return self._contents(first)
        return layer_words(self.trace.module(self._path(first.call)))

    def _operation(self, part: Part) -> Operation:
        index = self.flow.nodes[part.nodes[0]].operation
        assert index is not None
        return self.trace.operations[index]

    def _contents(self, part: Part) -> str:
        """``_DenseBlock, 6 × _DenseLayer``: the class of a folded-up module and what it holds."""
        assert part.call is not None
        module = self.trace.module(self._path(part.call))
        children = [self._path(child) for child in self.flow.children(part.call)]
        kinds = Counter(self.trace.module(path).type for path in children)
        words = [module.type]
        stride = module.config.get("stride")
        if isinstance(stride, int) and stride > 1:
            words.append(f"stride {stride}")
        if len(kinds) == 1 and len(children) > 1:
            ((name, times),) = kinds.items()
            words.append(f"{times} × {name}")
        else:
            nodes = [self.flow.nodes[node] for node in part.nodes]
            layers = Counter(
                kind_of(found.kind) for node in nodes if (found := self.flow.module(node))
            )
            for kind, word in (
                ("convolution", "conv"),
                ("linear", "linear"),
                ("pooling", "pool"),
            ):
                if layers[kind]:
                    words.append(f"{layers[kind]} {word}")
        return ", ".join(words)

    def step(self, box: Box) -> tuple[str, ...]:
        """What a box does, in one or two short lines."""
        head = box.head
        if head.call is None:
            name, details = operation_words(self.trace, [self._operation(head)], self.hide_batch)
            return (name,) if not details or "→" in details else (name, details)
        if not head.container:
            return step_words(self.trace.module(self._path(head.call)))
        first, *rest = self._contents(head).split(", ")
        if first == "Sequential" and rest:
            return rest[0], *([", ".join(rest[1:])] if rest[1:] else [])
        return (first, ", ".join(rest)) if rest else (first,)

    def _aside(self, box: Box) -> str:
        call = box.head.call
        words: list[str] = []
        if len(box.repeats) > 1:
            words.append(f"{len(box.repeats)} ×")
        if call is None:
            return " ".join(words)
        run = self.trace.calls[call].call
        if run > 0 and len(box.repeats) < 2:
            return f"{ordinal(run + 1)} call"
        row = self.rows.get(call)
        if row is not None and "params" in self.show:
            params = row.subtree_params if box.head.container else row.params
            if params:
                words.append(count(params))
        return " ".join(words)

    def _numbers(self, box: Box) -> list[str]:
        """The details that were asked for."""
        call = box.head.call
        row = None if call is None else self.rows.get(call)
        if row is None:
            return []
        lines: list[str] = []
        macs = row.subtree_macs if box.head.container else row.macs
        if "macs" in self.show and macs:
            lines.append(f"{amount_text(macs)} MACs")
        if "receptive-field" in self.show and row.receptive_field is not None:
            lines.append(f"receptive field {_extent(row)}")
        if "formula" in self.show and row.check is not None and row.check.substitution:
            lines += _substitutions(row.check.substitution)
        return lines

    def _failure(self) -> list[str]:
        error = self.report.error
        if error is None:
            return []
        return wrapped(f"✗ {error.diagnosis or error.message}")

    # ---- strips -------------------------------------------------------------------------

    def _strip(self, parts: Sequence[Part], box: Box, key: int) -> Strip:
        part = parts[0]
        words = self._words(parts)
        if part.call is not None:
            within = self._path(box.wrappers[0]) if box.wrappers else self.inside[key]
            name = self._name(self._path(part.call), within)
            if box.wrappers and name.replace(".", "").isdigit():
                name = ""
            words = f"{name} {words}".strip()
        if len(words) > _LONGEST:
            words = words[: _LONGEST - 1] + "…"
        return Strip(words, part.kind)

    # ---- frames -------------------------------------------------------------------------

    def frame(self, frame: Frame, within: str) -> tuple[str, str]:
        """A frame's name and what it is: ``layer1``, ``2 × BasicBlock``."""
        times = len(frame.repeats)
        if frame.group:
            kinds = [self._item_type(item) for item in frame.items]
            inside = " + ".join(dict.fromkeys(kinds))
            if len(set(kinds)) == 1:
                inside = f"{len(kinds)} {kinds[0]}"
            name = self._name(self._path(frame.wrappers[0]), within) if frame.wrappers else ""
            return name, f"{times} × ({inside})"
        module = self.trace.module(self._path(self._telling(frame)))
        words = module.type
        stride = module.config.get("stride")
        if isinstance(stride, int) and stride > 1:
            words += f", stride {stride}"
        if frame.wrappers:
            name = self._name(self._path(frame.wrappers[0]), within)
        else:
            name = self._run_name(frame, within)
        return name, f"{times} × {words}" if times > 1 else words

    def _telling(self, frame: Frame) -> int:
        """The call whose class says most about a frame: an author's one rather than a Sequential."""
        if len(frame.repeats) > 1:
            return frame.call
        calls = (*frame.wrappers, frame.call)
        own = [call for call in calls if not self.trace.module(self._path(call)).builtin]
        return own[0] if own else frame.call

    def _run_name(self, frame: Frame, within: str) -> str:
        paths = [self._path(call) for call in frame.repeats or [frame.call]]
        first, last = self._name(paths[0], within), self._name(paths[-1], within)
        if first == last:
            run = self.trace.calls[frame.call].call
            return first if run == 0 else f"{first} ({ordinal(run + 1)} call)"
        stem = first.rpartition(".")[0]
        return f"{first}–{last[len(stem) + 1 :] if stem and last.startswith(stem) else last}"

    def _item_type(self, item: int | Frame) -> str:
        if isinstance(item, Frame):
            return self.trace.module(self._path(item.call)).type
        head = self.view.draft.boxes[item].head
        if head.call is not None:
            return self.trace.module(self._path(head.call)).type
        return operation_name(self.flow, self.flow.nodes[head.nodes[0]])

    # ---- edges --------------------------------------------------------------------------

    def edge(self, tail: int, head: int, values: Iterable[int]) -> str:
        """The shape that flows, where it is another than what flowed into ``tail``."""
        draft = self.view.draft
        ends = draft.boxes[tail].role, draft.boxes[head].role
        if "shapes" not in self.show or ends[0] == "input" or ends[1] == "output":
            return ""  # the pills at the ends have their shapes inside
        entered = {self.trace.shape(v) for shapes in draft.before[tail].values() for v in shapes}
        shapes = list(dict.fromkeys(self.trace.shape(value) for value in values))
        new = [shape for shape in shapes if shape not in entered]
        if not new:
            return ""
        text = ", ".join(shape_text(self.hide_batch(shape)) for shape in new[:2])
        return text if len(new) < 3 else f"{text}, …"

    def about_edge(self, tail: int, head: int, values: Iterable[int]) -> str:
        """The whole shapes on an edge, and where they come from and go to."""
        shapes = dict.fromkeys(shape_text(self.trace.shape(value)) for value in values)
        ends = (self.box(key) for key in (tail, head))
        names = " → ".join(end.title or end.sign for end in ends)
        return f"{names}: {', '.join(shapes)}"

    # ---- tooltips -----------------------------------------------------------------------

    def _tooltip(self, box: Box) -> str:
        lines: list[str] = []
        for part in box.parts:
            lines += self._about(part)
        if len(box.repeats) > 1:
            lines.append(f"{len(box.repeats)} of these in a row")
        return "\n".join(lines)

    def _about(self, part: Part) -> list[str]:
        if part.call is None:
            op = self._operation(part)
            ins = [shape_text(self.trace.shape(v)) for v in op.inputs]
            outs = [shape_text(self.trace.shape(v)) for v in op.outputs]
            return [f"{op.name}: {', '.join(ins)} → {', '.join(outs)}"]
        path = self._path(part.call)
        lines = [f"{path or self.report.class_name}: {self._words((part,))}"]
        row = self.rows.get(part.call)
        return lines if row is None else lines + self._row(row, part.container)

    def _row(self, row: Layer, container: bool) -> list[str]:
        lines: list[str] = []
        if row.input_shapes and row.output_shapes:
            ins = ", ".join(shape_text(shape) for shape in row.input_shapes)
            outs = ", ".join(shape_text(shape) for shape in row.output_shapes)
            lines.append(f"  {ins} → {outs}")
        params = row.subtree_params if container else row.params
        macs: Dim | None = row.subtree_macs if container else row.macs
        numbers = [plural(params, "parameter")] if params else []
        numbers += [f"{amount_text(macs)} MACs"] if macs else []
        if row.receptive_field is not None:
            numbers.append(f"receptive field {_extent(row)}")
        if numbers:
            lines.append("  " + " · ".join(numbers))
        if row.check is not None and row.check.substitution:
            lines.append(f"  {row.check.formula}")
            lines += [f"  {text}" for text in _substitutions(row.check.substitution)]
        return lines


def _extent(row: Layer) -> str:
    field = row.receptive_field
    if isinstance(field, tuple):
        return "×".join("all" if size is None else str(size) for size in field)
    return "global" if field is not None else "unknown"


def _substitutions(text: str) -> list[str]:
    """One line per distinct axis; equal axes are written once."""
    return list(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _gathered(parts: Sequence[Part]) -> list[list[Part]]:
    """Neighbouring changes of shape belong on one strip: ``reshape · permute``."""
    result: list[list[Part]] = []
    for part in parts:
        shapes = part.call is None and part.kind == "shape"
        if shapes and result and result[-1][0].call is None and result[-1][0].kind == "shape":
            result[-1].append(part)
        else:
            result.append([part])
    return result


def wrapped(text: str) -> list[str]:
    """A message in a few short lines, so that it does not stretch its box."""
    lines = textwrap.wrap(" ".join(text.split()), 44)
    return lines if len(lines) <= 4 else [*lines[:4], "…"]


def _batch(report: ReportData) -> Dim | None:
    """The size that every input begins with, unless one came without a batch."""
    shapes = [row.shape for row in report.inputs]
    if not shapes or any(len(shape) < 2 for shape in shapes):
        return None
    batches = {shape[0] for shape in shapes}
    if len(batches) != 1 or any("[" in row.name for row in report.inputs):
        return None
    if any(_unbatched(layer) for layer in report.layers):
        return None
    return batches.pop()


def _unbatched(layer: Layer) -> bool:
    """A convolution or pooling whose input has no room for a batch."""
    if kind_of(layer.kind) not in ("convolution", "pooling") or not layer.input_shapes:
        return False
    axes = next((n for n in (1, 2, 3) if layer.kind.endswith(f"{n}d")), None)
    return axes is not None and len(layer.input_shapes[0]) < axes + 2

"""What is written into each box, and onto each edge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cnnshape.analysis.report import Layer, Report
from cnnshape.rendering.batch import Batch
from cnnshape.rendering.diagram.boxes import Box, Part
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.draw_options import Show
from cnnshape.rendering.diagram.labels import Caption, Strip, packed, wrapped
from cnnshape.rendering.diagram.naming import Naming
from cnnshape.rendering.repeats import series_name
from cnnshape.rendering.units import amount_text, count, per_axis, shape_text
from cnnshape.words import counted, ordinal

#: A strip's text longer than this is cut; what was cut stays in the tooltip.
_LONGEST = 60


class Captions:
    """Writes the words for the boxes of one view; ``naming`` has the names alone."""

    def __init__(
        self, view: View, report: Report, show: frozenset[Show], *, framed: bool = True
    ) -> None:
        self.view = view
        self.flow = view.graph.flow
        self.trace = self.flow.trace
        self.report = report
        self.show = show
        self.rows = {row.index: row for row in report.layers if row.index is not None}
        self.hide_batch = Batch.of(report).hidden
        self.naming = Naming(view, self.hide_batch, framed=framed)
        self._boxes: dict[int, Caption] = {}

    # ---- boxes --------------------------------------------------------------------------

    def box(self, key: int) -> Caption:
        """The caption of one box."""
        if key not in self._boxes:  # every edge asks for those at its ends
            self._boxes[key] = self._box(key)
        return self._boxes[key]

    def _box(self, key: int) -> Caption:
        box = self.view.graph.boxes[key]
        if box.role in ("input", "output"):
            return self._pill(box)
        strips = tuple(self._strip(parts, box, key) for parts in _gathered(box.parts[1:]))
        tooltip = self._tooltip(box)
        if box.sign:
            return Caption("", strips=strips, kind="merge", sign=box.sign, tooltip=tooltip)
        title, first = self.naming.title(box, key)
        lines = packed([*([first] if first else []), *self.naming.inside_of(box.head)])
        lines += ["side by side"] if box.beside else []
        lines += self._asked_for(box)
        if box.failed:
            lines += self._failure()
        aside = self._aside(box)
        return Caption(title, aside, tuple(lines), strips, box.head.kind, "", tooltip, box.failed)

    def _pill(self, box: Box) -> Caption:
        node = self.flow.nodes[box.key]
        value = self.trace.values[node.values[0]]
        details = [shape_text(self.hide_batch(value.shape))] if "shapes" in self.show else []
        if not value.dtype.startswith(("float", "bfloat")):
            details.append(value.dtype)
        name = series_name(box.names) if box.names else node.name
        if len(box.repeats) > 1:
            details.insert(0, f"{len(box.repeats)} ×")
        if box.role == "output" and name.startswith(("[", ".")):
            name = f"output{name}"
        whole = f"{name}: {shape_text(value.shape)} {value.dtype}"
        return Caption(name, lines=(" ".join(details),), kind="io", tooltip=whole, pill=True)

    def _aside(self, box: Box) -> str:
        call = self._named(box)
        words: list[str] = []
        if len(box.repeats) > 1:
            words.append(f"{len(box.repeats)} ×")
        if box.turns > 1:
            words.append(f"{box.turns} turns")
        if call is None:
            return " ".join(words)
        run = self.trace.calls[call].call
        if run > 0 and len(box.repeats) < 2:
            return f"{ordinal(run + 1)} call"
        row = self.rows.get(call)
        if row is not None and "params" in self.show and row.subtree_params:
            words.append(count(row.subtree_params))
        return (" · " if box.turns > 1 else " ").join(words)

    def _asked_for(self, box: Box) -> list[str]:
        """The details that were asked for: costs of what names the box, sizes of its layer."""
        lines: list[str] = []
        call = self._named(box)
        named = self.rows.get(call) if call is not None else None
        if named is not None and "macs" in self.show and named.subtree_macs:
            lines.append(f"{amount_text(named.subtree_macs)} MACs")
        row = self._row(box.head)
        if row is not None and "receptive-field" in self.show and row.receptive_field is not None:
            lines.append(f"receptive field {_extent(row)}")
        if row is not None and "formula" in self.show:
            lines += (
                per_axis(row.check.substitution) if row.check and row.check.substitution else []
            )
        return lines

    def _failure(self) -> list[str]:
        error = self.report.error
        if error is None:
            return []
        return wrapped(f"✗ {error.diagnosis or error.message}")

    # ---- strips -------------------------------------------------------------------------

    def _strip(self, parts: Sequence[Part], box: Box, key: int) -> Strip:
        part = parts[0]
        words = self.naming.words(parts)
        if part.call is not None:
            within = self.naming.path(box.wrappers[0]) if box.wrappers else self.naming.inside[key]
            name = self.naming.relative(self.naming.path(part.call), within)
            if box.wrappers and name.replace(".", "").isdigit():
                name = ""
            words = f"{name} {words}".strip()
        if len(words) > _LONGEST:
            words = words[: _LONGEST - 1] + "…"
        return Strip(words, part.kind)

    # ---- edges --------------------------------------------------------------------------

    def edges(self) -> Iterator[tuple[int, int, tuple[int, ...], str]]:
        """Tail, head, values and label of every edge; a shape that goes two ways is said once."""
        said: set[tuple[int, str]] = set()
        for tail, head, values in self.view.graph.edges():
            label = self._shapes(tail, head, values)
            yield tail, head, values, "" if (tail, label) in said else label
            said.add((tail, label))

    def _shapes(self, tail: int, head: int, values: Iterable[int]) -> str:
        """The shape that flows, where it is another than what flowed into ``tail``."""
        graph = self.view.graph
        ends = graph.boxes[tail].role, graph.boxes[head].role
        if "shapes" not in self.show or ends[0] == "input" or ends[1] == "output":
            return ""  # the pills at the ends have their shapes inside
        entered = {self.trace.shape(v) for shapes in graph.before[tail].values() for v in shapes}
        shapes = list(dict.fromkeys(self.trace.shape(value) for value in values))
        new = [shape for shape in shapes if shape not in entered]
        if not new:
            return ""
        text = ", ".join(shape_text(self.hide_batch(shape)) for shape in new[:2])
        return text if len(new) < 3 else f"{text}, …"

    def shape_of(self, values: Sequence[int]) -> str:
        """The shape of the first of the tensors, if shapes are shown."""
        if "shapes" not in self.show or not values:
            return ""
        return shape_text(self.hide_batch(self.trace.shape(values[0])))

    def about_edge(self, tail: int, head: int, values: Iterable[int]) -> str:
        """The whole shapes on an edge, and where they come from and go to."""
        shapes = dict.fromkeys(shape_text(self.trace.shape(value)) for value in values)
        ends = (self.box(key) for key in (tail, head))
        names = " → ".join(end.title or end.sign for end in ends)
        return f"{names}: {', '.join(shapes)}"

    # ---- tooltips -----------------------------------------------------------------------

    def _tooltip(self, box: Box) -> str:
        lines: list[str] = []
        named = self._named(box)
        if named is not None and named != box.head.call:
            lines += self._about_call(named)
        for part in box.parts:
            lines += self._about(part)
        if len(box.repeats) > 1:
            lines.append(
                f"{len(box.repeats)} of these {'side by side' if box.beside else 'in a row'}"
            )
        if box.turns > 1:
            lines.append(f"{box.turns} turns of a loop")
        return "\n".join(lines)

    def _about(self, part: Part) -> list[str]:
        if part.call is None and part.container:
            return [self.naming.words((part,))]
        if part.call is None:
            op = self.naming.operation(part)
            ins = [shape_text(self.trace.shape(v)) for v in op.inputs]
            outs = [shape_text(self.trace.shape(v)) for v in op.outputs]
            return [f"{op.name}: {', '.join(ins)} → {', '.join(outs)}"]
        return self._about_call(part.call, self.naming.words((part,)))

    def _about_call(self, call: int, words: str = "") -> list[str]:
        path, row = self.naming.path(call), self.rows.get(call)
        words = words or self.naming.module(call).type
        return [f"{path or self.report.class_name}: {words}", *(_everything(row) if row else ())]

    def _row(self, part: Part) -> Layer | None:
        return None if part.call is None else self.rows.get(part.call)

    def _named(self, box: Box) -> int | None:
        """The call whose name the box has: its figures are that module's, with all inside it.

        Of equal modules it is the first, not the container that holds nothing but them.
        """
        calls = [call for call in (*box.wrappers, box.head.call) if call is not None]
        if any(box.names):
            return next((one for one in calls if self.naming.path(one) == box.names[0]), None)
        return calls[0] if calls else None


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


# ---- what the report knows of a layer, in lines -----------------------------------------


def _everything(row: Layer) -> list[str]:
    """Sizes, counts with all that is inside, and the size formula, for a tooltip."""
    lines: list[str] = []
    if row.input_shapes and row.output_shapes:
        ins = ", ".join(shape_text(shape) for shape in row.input_shapes)
        outs = ", ".join(shape_text(shape) for shape in row.output_shapes)
        lines.append(f"  {ins} → {outs}")
    params, macs = row.subtree_params, row.subtree_macs
    numbers = [counted(params, "parameter")] if params else []
    numbers += [f"{amount_text(macs)} MACs"] if macs else []
    if row.receptive_field is not None:
        numbers.append(f"receptive field {_extent(row)}")
    if numbers:
        lines.append("  " + " · ".join(numbers))
    if row.check is not None and row.check.substitution:
        lines.append(f"  {row.check.formula}")
        lines += [f"  {text}" for text in per_axis(row.check.substitution)]
    return lines


def _extent(row: Layer) -> str:
    field = row.receptive_field
    if isinstance(field, tuple):
        return "×".join("all" if size is None else str(size) for size in field)
    return "global" if field is not None else "unknown"

"""What boxes and frames are called, and what they are, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from cnnshape.rendering.diagram.boxes import Box, Frame, Part
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.inner_words import attention_words
from cnnshape.rendering.diagram.labels import packed
from cnnshape.rendering.diagram.layer_words import layer_words, step_words
from cnnshape.rendering.diagram.operation_words import operation_words
from cnnshape.rendering.diagram.slices import slice_words
from cnnshape.rendering.palette import kind_of
from cnnshape.rendering.repeats import folded_label, series_name
from cnnshape.rendering.units import shape_text
from cnnshape.tracing.trace import Module, Operation, Shape
from cnnshape.words import ordinal

_COUNTED: dict[str, str] = {
    "embedding": "embedding",
    "attention": "attention",
    "recurrent": "recurrent",
    "convolution": "conv",
    "linear": "linear",
    "pooling": "pool",
}
#: How long a line of several phrases may become above an arrow between two feature maps.
_SHORT = 26


class Naming:
    """Names relative to the frame that stands around.

    Args:
        view: what is drawn.
        hide_batch: takes the batch off a shape.
        framed: frames are drawn; without them, names tell where they belong.
    """

    def __init__(
        self, view: View, hide_batch: Callable[[Shape], Shape], *, framed: bool = True
    ) -> None:
        self.view = view
        self.flow = view.graph.flow
        self.trace = self.flow.trace
        self.hide_batch = hide_batch
        #: Node of a loop's first turn → that of the last.
        self.in_last_turn = {
            first: last
            for turns in view.graph.turns
            for first, last in zip(turns.keys[0], turns.keys[-1], strict=True)
        }
        #: Box → path of the innermost frame around it.
        self.inside: dict[int, str] = {}
        #: Box → how often a folded frame around it runs, if one does.
        self.rounds: dict[int, int] = {}
        root = self.flow.path
        self._enter(view.root, root)
        if not framed:
            self.inside = dict.fromkeys(self.inside, root)

    def _enter(self, frame: Frame, path: str, rounds: int = 1) -> None:
        for item in frame.items:
            if isinstance(item, Frame):
                times = rounds * max(len(item.repeats), 1)
                self._enter(item, self.inner_path(item, path), times)
            else:
                self.inside[item], self.rounds[item] = path, rounds

    def inner_path(self, frame: Frame, path: str) -> str:
        """The module that names inside ``frame`` are relative to; ``path`` is that around it."""
        return path if frame.group else self.path(self._telling(frame))

    def path(self, call: int) -> str:
        """The module that a call was of."""
        return self.trace.calls[call].path

    def module(self, call: int) -> Module:
        """Its record."""
        return self.trace.module(self.path(call))

    def relative(self, path: str, within: str) -> str:
        """``path`` as seen from inside the module ``within``."""
        if within and path.startswith(within + "."):
            return path[len(within) + 1 :]
        return path or self.trace.module("").type

    def title(self, box: Box, key: int) -> tuple[str, str]:
        """The name and the line below it."""
        within = self.inside[key]
        head = box.head
        if any(box.names):
            labels = [self.relative(name, within) for name in box.names]
            return folded_label(labels), self.words((head,))
        if box.wrappers:
            return self.relative(self.path(box.wrappers[0]), within), self.words((head,))
        if head.call is not None:
            return self.relative(self.path(head.call), within), self.words((head,))
        if head.container:
            return f"{len(head.nodes)} operations", self._several(head)
        if len(head.nodes) > 1:
            return self._slices(head), self._joined(head)
        return self._operations((head,))

    def _slices(self, part: Part) -> str:
        """``every second row and column, 4 parts``: slices of a tensor that are joined again."""
        *slices, join = (self._ran(node) for node in part.nodes)
        told = slice_words(self.flow.accounts, slices, join)
        return told or f"concat of {len(slices)} slices"

    def _joined(self, part: Part) -> str:
        """``56×56×96 → 28×28×384``: what slices of a tensor were, and what they are together."""
        whole = self._ran(part.nodes[0]).inputs[0]
        shapes = (
            self.trace.shape(value) for value in (whole, self._ran(part.nodes[-1]).outputs[0])
        )
        return " → ".join(shape_text(self.hide_batch(shape)) for shape in shapes)

    def _several(self, part: Part) -> str:
        """The commonest of many operations: ``topk, gather, where, …``."""
        names = Counter(self.flow.operation_name(self.flow.nodes[node]) for node in part.nodes)
        shown = [name for name, _ in names.most_common(3)]
        return ", ".join(shown) + (", …" if len(names) > 3 else "")

    def words(self, parts: Sequence[Part]) -> str:
        """What a layer, or several operations in a row, are and do."""
        first = parts[0]
        if first.call is None and first.container:
            return f"{len(first.nodes)} operations: {self._several(first)}"
        if first.call is None:
            return " ".join(self._operations(parts)).strip()
        if first.container:
            return self.contents(first)
        words = layer_words(self.module(first.call))
        resized = first.kind == "shape" and " " not in words
        return f"{words} {self._resized(first.call)}".rstrip() if resized else words

    def _resized(self, call: int) -> str:
        """``16×5×5 → 400`` for a layer whose settings do not tell."""
        record = self.trace.calls[call]
        shapes = *self.trace.shapes(record.inputs)[:1], *self.trace.shapes(record.outputs)[:1]
        if len(set(shapes)) < 2:
            return ""
        return " → ".join(shape_text(self.hide_batch(shape)) for shape in shapes)

    def _operations(self, parts: Sequence[Part]) -> tuple[str, str]:
        """Name and details of operations in a row; in a loop ``[:, 0 … 19]`` for all turns."""
        nodes = [part.nodes[0] for part in parts]
        last = [self.in_last_turn.get(node, node) for node in nodes]
        (first, details), (end, _) = (
            operation_words(self.trace, [self._ran(node) for node in each], self.hide_batch)
            for each in (nodes, last)
        )
        if len(parts) == 1 and not details:
            details = ", ".join(attention_words(self.flow.accounts, [self._ran(nodes[0])]))
        return series_name([first, end]), details

    def operation(self, part: Part) -> Operation:
        """The operation that a part stands for."""
        return self._ran(part.nodes[0])

    def _ran(self, node: int) -> Operation:
        index = self.flow.nodes[node].operation
        assert index is not None
        return self.trace.operations[index]

    def contents(self, part: Part) -> str:
        """``_DenseBlock, 6 × _DenseLayer``: the class of a folded-up module and what it holds.

        That it is a Sequential goes without saying.
        """
        assert part.call is not None
        module = self.module(part.call)
        children = [self.path(child) for child in self.flow.children(part.call)]
        kinds = Counter(self.trace.module(path).type for path in children)
        words = [] if module.builtin and module.type == "Sequential" else [module.type]
        stride = module.config.get("stride")
        if isinstance(stride, int) and stride > 1:
            words.append(f"stride {stride}")
        if len(kinds) == 1 and len(children) > 1:
            ((name, times),) = kinds.items()
            words.append(f"{times} × {name}")
        else:
            layers = self._layers(part.call)
            words += [f"{layers[word]} {word}" for word in _COUNTED.values() if layers[word]]
        return ", ".join(words) or module.type

    def inside_of(self, part: Part) -> tuple[str, ...]:
        """Heads, windows and skips of a module that is not opened."""
        if part.call is None or not part.container:
            return ()
        return self.flow.inner_words.of(part.call)

    def _layers(self, call: int) -> Counter[str]:
        """What a module holds, in words; an attention counts as one whatever is inside it."""
        found: Counter[str] = Counter()
        for child in self.flow.children(call):
            module = self.module(child)
            plain = module.kind.removeprefix("Lazy")
            start, stop = self.trace.calls[child].operations
            if "attention" in module.type.lower():
                found["attention"] += start < stop  # one that hands on its input is none
            elif self.flow.children(child):
                found += self._layers(child)
            elif plain.startswith(("Embedding", "LSTM", "GRU", "RNN")):
                found["embedding" if plain.startswith("E") else "recurrent"] += 1
            elif kind_of(plain) in _COUNTED:
                found[_COUNTED[kind_of(plain)]] += 1
        return found

    def step(self, box: Box) -> tuple[str, ...]:
        """What a box does, in a few short lines."""
        head = box.head
        if head.call is None and head.container:
            return (f"{len(head.nodes)} operations",)
        if head.call is None:
            name, details = self._operations((head,))
            return (name,) if not details or "→" in details else (name, details)
        if not head.container:
            return step_words(self.module(head.call))
        first, *rest = self.contents(head).split(", ")
        inside = [word for phrase in self.inside_of(head) for word in phrase.split(", ")]
        return (first, *packed([*([", ".join(rest)] if rest else []), *inside], _SHORT))

    # ---- frames -------------------------------------------------------------------------

    def frame(self, frame: Frame, within: str) -> tuple[str, str]:
        """A frame's name and what it is: ``layer1``, ``2 × BasicBlock``."""
        times, beside = len(frame.repeats), ", side by side" if frame.beside else ""
        if frame.group and frame.turns > 1:
            return "", f"{frame.turns} turns"
        if frame.group:
            kinds = [self._item_type(item) for item in frame.items]
            inside = " + ".join(dict.fromkeys(kinds))
            if len(set(kinds)) == 1:
                inside = f"{len(kinds)} {kinds[0]}"
            name = self.relative(self.path(frame.wrappers[0]), within) if frame.wrappers else ""
            return name, f"{times} × ({inside}){beside}"
        module = self.module(self._telling(frame))
        # That a frame is a Sequential goes without saying.
        plain = module.builtin and module.kind == "Sequential" and times < 2
        words = "" if plain else module.type
        stride = module.config.get("stride")
        if isinstance(stride, int) and stride > 1:
            words += f", stride {stride}"
        if frame.wrappers:
            name = self.relative(self.path(frame.wrappers[0]), within)
        else:
            name = self.run_name(frame, within)
        if frame.turns > 1:
            words = f"{words}, {frame.turns} turns" if words else f"{frame.turns} turns"
        return name, f"{times} × {words}{beside}" if times > 1 else words

    def _telling(self, frame: Frame) -> int:
        """The call whose class says most: an author's own rather than a Sequential."""
        if len(frame.repeats) > 1:
            return frame.call
        calls = (*frame.wrappers, frame.call)
        own = [call for call in calls if not self.module(call).builtin]
        return own[0] if own else frame.call

    def run_name(self, frame: Frame, within: str) -> str:
        """What the blocks that a frame stands for are called together: ``0 … 5``."""
        labels = [self.relative(self.path(call), within) for call in frame.repeats]
        if len(set(labels)) > 1:
            return folded_label(labels)
        name = self.relative(self.path(frame.call), within)
        run = self.trace.calls[frame.call].call
        return name if run == 0 else f"{name} ({ordinal(run + 1)} call)"

    def _item_type(self, item: int | Frame) -> str:
        if isinstance(item, Frame):
            return self.module(item.call).type
        box = self.view.graph.boxes[item]
        head = box.head
        if head.call is not None:
            return self.module(head.call).type
        if head.container:
            return f"{len(head.nodes)} operations"
        return self.view.graph.operation_name(box)

"""The hierarchy of modules as a tree from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.fitting import fill_page, on_page
from cnnshape.rendering.diagram.graphviz_process import lay_out, new_graph
from cnnshape.rendering.diagram.identifiers import Names
from cnnshape.rendering.diagram.labels import Caption, box_label, escaped, wrapped
from cnnshape.rendering.diagram.layer_words import layer_words
from cnnshape.rendering.diagram.legend import Entry, tree_legend
from cnnshape.rendering.diagram.legend_label import NODE, LegendNode, legend_node
from cnnshape.rendering.diagram.mermaid import (
    SETUP,
    flowchart_box,
    flowchart_styles,
    legend_lines,
)
from cnnshape.rendering.diagram.painting import painted
from cnnshape.rendering.diagram.paper import LEAST_SCALE, page_of, too_small
from cnnshape.rendering.diagram.placement import (
    Placement,
    corners,
    in_columns,
    position,
    read_placement,
    route,
)
from cnnshape.rendering.diagram.svg import Widths, measured_widths
from cnnshape.rendering.fonts import FONT
from cnnshape.rendering.module_tree import Node, build_tree
from cnnshape.rendering.palette import THEMES, Kind, Theme, kind_of
from cnnshape.rendering.repeats import Folder, folded_label
from cnnshape.rendering.units import amount_text, count
from cnnshape.tracing.trace import Module
from cnnshape.words import counted

#: Levels are added as long as there are no more boxes than this.
_READABLE = 60
#: How wide a legend is where the width of the picture is not known.
_LEGEND = 480.0
_SHOWN = ("call", "container", "weights", "uncalled")


@dataclass
class Branch:
    """A module in the tree, or a run of equal ones."""

    node: Node
    labels: tuple[str, ...]
    children: list[Branch] = field(default_factory=list["Branch"])
    hidden: int = 0

    @property
    def times(self) -> int:
        """How many modules it stands for."""
        return len(self.labels)

    def count(self) -> int:
        """How many boxes it takes to draw it."""
        return 1 + sum(child.count() for child in self.children)


def tree_picture(report: Report, options: DrawOptions) -> TreePicture:
    """The tree, folded and as deep as stays readable, on a page if one is named.

    Raises:
        UsageError: the page is too small; the message says which would do.
    """
    picture = TreePicture(report, options, hierarchy(report, options))
    if not options.fit:
        return picture
    page, scale = page_of(options.fit), picture.scale
    for depth in range(0 if options.depth is not None else _height(picture.root) - 1, -1, -1):
        if picture.scale >= LEAST_SCALE:
            return picture
        if depth:
            shallow = hierarchy(report, replace(options, depth=depth))
            picture = TreePicture(report, options, shallow)
            scale = max(scale, picture.scale)
    raise too_small(page, scale, report)


def hierarchy(report: Report, options: DrawOptions) -> Branch:
    """The tree that will be drawn: folded, and as deep as stays readable."""
    root = build_tree(report)
    if options.only:
        root = next(node for node in _nodes(root) if node.path == options.only)
    folder = None if options.expand else Folder(report.trace)
    deepest = _depth(root)
    if options.depth is not None or options.expand:
        return _branch(root, folder, options, options.depth or deepest)
    branch = _branch(root, folder, options, deepest)
    for depth in range(deepest - 1, 0, -1):
        if branch.count() <= _READABLE:
            break
        branch = _branch(root, folder, options, depth)
    return branch


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _modules(node: Node) -> list[Node]:
    """The modules below a node, each once however often it ran."""
    found: dict[str, Node] = {}
    for child in node.children:
        if child.role in _SHOWN:
            found.setdefault(child.path, child)
    return list(found.values())


def _height(branch: Branch) -> int:
    return max((1 + _height(child) for child in branch.children), default=0)


def _depth(node: Node) -> int:
    return max((1 + _depth(child) for child in _modules(node)), default=0)


def _branch(
    node: Node,
    folder: Folder | None,
    options: DrawOptions,
    depth: int,
    labels: tuple[str, ...] = ("",),
) -> Branch:
    branch = Branch(node, labels)
    below = _modules(node)
    closed = any(node.path == p or fnmatchcase(node.path, p) for p in options.collapse)
    if below and (depth == 0 or closed):
        branch.hidden = sum(1 for child in below for _ in _inner(child))
        return branch
    runs = (
        [(child, (child.label,)) for child in below]
        if folder is None
        else [(fold.node, fold.labels) for fold in folder.fold(below)]
    )
    branch.children = [_branch(child, folder, options, depth - 1, names) for child, names in runs]
    return branch


def _inner(node: Node) -> Iterator[Node]:
    yield node
    for child in _modules(node):
        yield from _inner(child)


@dataclass
class TreePicture:
    """Modules and what they contain."""

    report: Report
    options: DrawOptions
    root: Branch

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether levels are missing."""
        hidden = sum(branch.hidden for branch in _walk(self.root))
        if hidden and self.options.depth is None:
            return (
                f"{counted(hidden, 'module')} below not drawn; --depth N or --expand opens more",
            )
        return ()

    @property
    def flat(self) -> bool:
        """From left to right, which suits long names and many siblings."""
        return (self.options.direction or "LR") == "LR"

    def digraph(self) -> graphviz.Digraph:
        """It as DOT."""
        return self._write(None)

    def _write(self, placement: Placement | None) -> graphviz.Digraph:
        theme = THEMES[self.options.theme]
        graph = new_graph(self.report.class_name)
        graph.attr(
            "graph",
            rankdir=self.options.direction or "LR",
            bgcolor=theme.page,
            pad="0.2",
            nodesep="0.14",
            ranksep="0.55",
            fontname=FONT,
            tooltip=escaped(self.report.class_name),
            **({} if placement is None else {"bb": corners(placement.page)}),
        )
        graph.attr(
            "node", shape="box", style="rounded,filled", margin="0.1,0.05", penwidth="1.1",
            height="0.1", width="0.1", fontname=FONT, fontsize="12",
        )  # fmt: skip
        graph.attr("edge", color=theme.edge, arrowhead="none", penwidth="1.1")
        names = Names()
        root = self._add(graph, self.root, names, theme, placement)
        if self.options.legend:
            legend = self._legend if placement else self._explained(_LEGEND)
            legend.add(graph, **position(placement, NODE))
            if placement is None:
                graph.edge(root, NODE, style="invis", weight="0")
        return graph

    def _explained(self, width: float) -> LegendNode:
        return legend_node(self._entries, THEMES[self.options.theme], width)

    @cached_property
    def _entries(self) -> tuple[Entry, ...]:
        branches = list(_walk(self.root))
        modules = (self._module(branch.node) for branch in branches)
        layers = [one.kind for one in modules if one is not None and kind_of(one.kind) == "linear"]
        return tree_legend([*map(self.caption, branches)], layers, flat=self.flat)

    @cached_property
    def _legend(self) -> LegendNode:
        return self._explained(self._tree.page.width)

    def _add(
        self,
        graph: graphviz.Digraph,
        branch: Branch,
        names: Names,
        theme: Theme,
        placement: Placement | None,
    ) -> str:
        caption = self.caption(branch)
        identity = names.unique(branch.node.path or self.report.class_name)
        style = theme.failing if caption.failed else theme.style(caption.kind)
        never = {"style": "rounded,dashed"} if branch.node.role == "uncalled" else {}
        graph.node(
            identity, id=identity, label=box_label(caption, theme), fillcolor=style.fill,
            color=style.line, tooltip=escaped(caption.tooltip), **never,
            **position(placement, identity),
            **{"class": caption.kind},
        )  # fmt: skip
        ports = ("e", "w") if self.flat else ("s", "n")
        for child in branch.children:
            below = self._add(graph, child, names, theme, placement)
            graph.edge(
                identity, below, id=f"edge/{identity}/{below}", tailport=ports[0],
                headport=ports[1], **route(placement, (identity, below)),
            )  # fmt: skip
        return identity

    def paint(self, format: str) -> bytes:
        """It as a picture."""
        placement, page = self._placed, None
        if self.options.fit:
            page = page_of(self.options.fit)
            placement = on_page(placement, page, self.scale)
        graph = self._write(placement)
        if page is not None:
            fill_page(graph, page, placement)
        modules = sum(1 for module in self.report.trace.modules if module.path)
        title = f"Modules of {self.report.class_name}"
        words = f"{self.report.class_name} has {counted(modules, 'module')}."
        widths: Widths = measured_widths(self._layout)
        if self.options.legend:
            widths = {**widths, **self._legend.texts}
        return painted(graph, format, (title, words), widths, page)

    @property
    def scale(self) -> float:
        """How large the picture is on its page."""
        page, placed = page_of(self.options.fit), self._placed.page
        return page.scale_of(placed.width, placed.height)

    @cached_property
    def _layout(self) -> Mapping[str, Any]:
        bare = TreePicture(self.report, replace(self.options, legend=False), self.root)
        return lay_out(bare.digraph().source)

    @cached_property
    def _tree(self) -> Placement:
        placement = read_placement(self._layout)
        return in_columns(placement) if self.flat else placement

    @cached_property
    def _placed(self) -> Placement:
        return self._legend.below(self._tree) if self.options.legend else self._tree

    def mermaid(self) -> str:
        """It as a Mermaid flowchart."""
        lines = [f"flowchart {self.options.direction or 'LR'}".replace("TB", "TD"), SETUP]
        kinds: dict[Kind, list[str]] = {}
        names = Names()

        def add(branch: Branch) -> str:
            caption = self.caption(branch)
            identity, text = flowchart_box(branch.node.path or "model", caption, names)
            kinds.setdefault(caption.kind, []).append(identity)
            lines.append(f"  {text}")
            for child in branch.children:
                below = add(child)
                lines.append(f"  {identity} --- {below}")
            return identity

        add(self.root)
        if self.options.legend:
            lines += legend_lines(self._entries, kinds, names)
        return "\n".join([*lines, *flowchart_styles(kinds, THEMES[self.options.theme])]) + "\n"

    def caption(self, branch: Branch) -> Caption:
        """The words of one module's box."""
        node = branch.node
        module = self._module(node)
        name = folded_label(branch.labels) or node.path or self.report.class_name
        what = layer_words(module) if module is not None else ""
        if node.path == "" and not self.options.only:
            what = ""
        if branch.times > 1:
            what = f"{branch.times} × {what}"
        lines = [what] if what and what != name else []
        lines += self._numbers(node)
        if branch.hidden:
            lines.append(f"{counted(branch.hidden, 'module')} below")
        if node.role == "uncalled":
            lines.append("never called")
        if node.failed and self.report.error is not None:
            lines += wrapped(f"✗ {self.report.error.diagnosis or self.report.error.message}")
        kind: Kind = "container" if module is None else kind_of(module.kind)
        torch_layer = module is not None and (module.builtin or module.kind != module.type)
        if (branch.children or branch.hidden) and not torch_layer:
            kind = "container"  # whatever its name sounds like: `BertPooler`
        aside = self._params(branch)
        tooltip = "\n".join(filter(None, [node.path or self.report.class_name, what, aside]))
        return Caption(name, aside, tuple(lines), kind=kind, tooltip=tooltip, failed=node.failed)

    def _module(self, node: Node) -> Module | None:
        return next((m for m in self.report.trace.modules if m.path == node.path), None)

    def _params(self, branch: Branch) -> str:
        layer = branch.node.layer
        if layer is None or "params" not in self.options.show or not layer.subtree_params:
            return ""
        times = f"{branch.times} × " if branch.times > 1 else ""
        return f"{times}{count(layer.subtree_params)}"

    def _numbers(self, node: Node) -> Sequence[str]:
        macs = node.layer.subtree_macs if node.layer is not None else None
        return [f"{amount_text(macs)} MACs"] if macs and "macs" in self.options.show else []


def _walk(branch: Branch) -> Iterator[Branch]:
    yield branch
    for child in branch.children:
        yield from _walk(child)

"""A model that could not be built, as the rules look at it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnshape.tracing.trace import Absent, Source


@dataclass(frozen=True)
class Building:
    """The constructor that raised, and the line of the author's that it came from.

    Attributes:
        owner: the class that was to be built.
        layer: the class that the line builds, ``nn.Conv2d``; empty where it builds none.
        arguments: what that class was given, by name, defaults included.
        parameters: its parameters in order; those that take whole numbers are in ``whole``.
        required: its parameters without a default.
        exception, message: what was raised.
        source: the author's line.
        node: the call of the layer on that line, where it can be read.
        line: the statement on that line.
        plain: the numbers, texts and shapes of tensors among the line's variables.
        absent: a name that was looked for in vain.
        initialised: ``super().__init__()`` had run.
    """

    owner: str
    exception: str
    message: str
    layer: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: tuple[str, ...] = ()
    whole: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    source: Source | None = None
    node: ast.Call | None = None
    line: ast.stmt | None = None
    plain: Mapping[str, Any] = field(default_factory=dict[str, Any])
    absent: Absent | None = None
    initialised: bool = True

    def argument_node(self, name: str) -> ast.expr | None:
        """How an argument of the layer is written."""
        place = None if self.node is None else self.place_of(name)
        if self.node is None or place is None:
            return None
        return self.node.args[place] if isinstance(place, int) else place.value

    def place_of(self, name: str) -> int | ast.keyword | None:
        """Where the line gives an argument: by its position, or by its keyword."""
        if self.node is None:
            return None
        for keyword in self.node.keywords:
            if keyword.arg == name:
                return keyword
        place = self.parameters.index(name) if name in self.parameters else -1
        return place if 0 <= place < len(self.node.args) else None

    def written(self, changes: Mapping[str, ast.expr] | None = None) -> str:
        """The call as its author wrote it, some arguments changed: ``nn.Conv2d(3, 10, 3)``.

        Where the line cannot be read, the arguments stand with their names.
        """
        changes = changes or {}
        if self.node is None:
            given = {name: ast.Constant(value) for name, value in self.arguments.items()}
            both = {**given, **changes}
            inside = (f"{name}={ast.unparse(value)}" for name, value in both.items())
            return f"{self.layer}({', '.join(inside)})"
        args, keywords = list(self.node.args), list(self.node.keywords)
        for name, value in changes.items():
            place = self.place_of(name)
            if isinstance(place, int):
                args[place] = value
            elif place is not None:
                keywords[keywords.index(place)] = ast.keyword(name, value)
            else:
                keywords.append(ast.keyword(name, value))
        return ast.unparse(ast.Call(self.node.func, args, keywords))

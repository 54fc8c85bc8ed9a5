"""Names for nodes that are unique, stable and safe in DOT, SVG and Mermaid."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

#: Everything but letters and digits of any script, and what else may stay.
_OTHER = re.compile(r"[^\w.\-/@]")


@dataclass
class Names:
    """Hands out each name once; a name asked for again gets a number.

    >>> names = Names()
    >>> [names.unique("add"), names.unique("add"), names.unique("add")]
    ['add', 'add.2', 'add.3']
    """

    taken: set[str] = field(default_factory=set[str])
    last: dict[str, int] = field(default_factory=dict[str, int])

    def unique(self, name: str) -> str:
        """``name``, or ``name`` and the first number that is free."""
        safe = identifier(name)
        candidate = safe
        number = self.last.get(safe, 1)
        while candidate in self.taken:
            number += 1
            candidate = f"{safe}.{number}"
        self.last[safe] = number
        self.taken.add(candidate)
        return candidate


def identifier(name: str) -> str:
    """``name`` with everything but letters, digits and ``_ . - / @`` written as its code point.

    Letters of any script stay, so that the ids of a model with Chinese names can be read.

    >>> identifier("layer1.0.conv1"), identifier("卷积/add"), identifier('say "hi"')
    ('layer1.0.conv1', '卷积/add', 'say__hi_')
    >>> identifier("a:b") != identifier("a;b")
    True
    """
    if name.isidentifier():
        return name
    return _OTHER.sub(_safe, name) or "_"


def _safe(found: re.Match[str]) -> str:
    character = found[0]
    return "_" if character in " \"'" else f"_{ord(character):x}_"

"""One page as one file: a template, styles, modules, data, and the layout engine where it is used.

Nothing is fetched: the modules stand in an import map as ``data:`` URLs, which a browser follows
from ``file://`` too, and a content security policy forbids every request.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

from cnnshape.rendering.json_ import plain
from cnnshape.rendering.page.colors import theme_css

if TYPE_CHECKING:
    from jinja2 import Environment

_ASSETS = resources.files("cnnshape.rendering.page") / "assets"
#: What a module's import of another one looks like: ``from "page/dom.js"``.
_IMPORT = re.compile(r'\bfrom "page/([\w./-]+)"')
#: What may not stand inside a script element, and line ends that JavaScript once had of its own.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

PageTheme = Literal["light", "dark", ""]


@dataclass(frozen=True)
class Page:
    """What a page is made of.

    Attributes:
        template: its file in ``templates``; it extends ``base.html``.
        title: what the window is called.
        entry: the module that starts it, in ``assets/js``; what that imports is carried along.
        styles: files in ``assets/css``, beside ``base.css``.
        data: what the modules read, by the id of its element, as JSON.
        values: what the template writes itself.
        engine: whether the layout engine is carried.
        theme: ``light`` or ``dark`` to begin with; empty for the system's.
    """

    template: str
    title: str
    entry: str
    styles: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    engine: bool = False
    theme: PageTheme = ""

    def html(self) -> str:
        """The whole file."""
        from markupsafe import Markup

        imports = {f"page/{name}": _data_url(name) for name in modules(self.entry)}
        return (
            _environment()
            .get_template(self.template)
            .render(
                **self.values,
                title=self.title,
                theme=self.theme,
                entry=f"page/{self.entry}",
                styles=Markup(  # noqa: S704 - the package's own files
                    "\n".join([theme_css(), *map(_style, ("base.css", *self.styles))])
                ),
                imports=Markup(script_json({"imports": imports})),  # noqa: S704 - escaped there
                islands={name: Markup(script_json(data)) for name, data in self.data.items()},  # noqa: S704
                engine=Markup(_engine()) if self.engine else "",  # noqa: S704 - base64
            )
        )


def script_json(data: object) -> str:
    r"""JSON that can stand inside a script element, whatever is in it.

    >>> script_json({"a</script>": "<!--"})
    '{"a\\u003c/script\\u003e":"\\u003c!--"}'
    """
    text = json.dumps(plain(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: _UNSAFE[found[0]], text)


def modules(entry: str) -> tuple[str, ...]:
    """The module and all that it imports, each once.

    >>> "dom.js" in modules("theme.js")
    True
    """
    found: dict[str, None] = {}
    todo = [entry]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += _imported(name)
    return tuple(sorted(found))


def _imported(name: str) -> Iterator[str]:
    yield from _IMPORT.findall(_asset(f"js/{name}"))


def _data_url(name: str) -> str:
    text = f"{_asset(f'js/{name}')}//# sourceURL=page/{name}\n"
    return "data:text/javascript;base64," + base64.b64encode(text.encode()).decode()


def _style(name: str) -> str:
    return _asset(f"css/{name}")


@lru_cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _engine() -> str:
    packed = _ASSETS / "vendor" / "viz.js.gz"
    return base64.b64encode(packed.read_bytes()).decode()


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("cnnshape.rendering.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

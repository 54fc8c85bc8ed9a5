"""The palette as CSS: variables by kind, for both themes, and pictures that follow them."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.rendering.palette import THEMES, Theme


def theme_css() -> str:
    """Variables such as ``--convolution-line``, and rules that repaint a picture in light colours.

    A page follows the system unless ``data-theme`` on its root says otherwise; paper is light.
    """
    light, dark = (_block(dict(_variables(THEMES[name]))) for name in ("light", "dark"))
    scheme = "color-scheme: {};".format
    return "\n".join(
        [
            f":root {{ {scheme('light')} {light} }}",
            "@media screen and (prefers-color-scheme: dark) {",
            f"  :root:not([data-theme=light]) {{ {scheme('dark')} {dark} }}",
            "}",
            f"@media screen {{ :root[data-theme=dark] {{ {scheme('dark')} {dark} }} }}",
            *_repainted(),
        ]
    )


def drawn_in() -> dict[str, str]:
    """The colours that a page draws a picture in, by their names: those of the light theme."""
    return dict(_variables(THEMES["light"]))


def _variables(theme: Theme) -> Iterator[tuple[str, str]]:
    """Every colour of a theme by its name."""
    for kind, style in [*theme.kinds.items(), ("failing", theme.failing)]:
        yield f"{kind}-fill", style.fill
        yield f"{kind}-line", style.line
        yield f"{kind}-text", style.text
    yield "ground", theme.page
    yield "edge", theme.edge
    yield "muted", theme.edge_text


def _block(variables: dict[str, str]) -> str:
    return " ".join(f"--{name}: {color};" for name, color in variables.items())


def _repainted() -> Iterator[str]:
    """A rule per colour of the light pictures: what is drawn in it gets that of the theme."""
    names: dict[str, str] = {}
    for name, color in _variables(THEMES["light"]):
        names.setdefault(color, name)
    for color, name in names.items():
        for attribute in ("fill", "stroke"):
            yield f'.picture [{attribute}="{color}"] {{ {attribute}: var(--{name}); }}'

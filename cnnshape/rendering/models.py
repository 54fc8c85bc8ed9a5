"""What ``cnnshape models`` shows."""

from __future__ import annotations

from cnnshape.loading.listing import ListedModel, Listing
from cnnshape.messages import say
from cnnshape.rendering import escape
from cnnshape.rendering.json_ import dump
from cnnshape.rendering.styled_text import EMPTY, Line, Span, draw_grid, span, wrap
from cnnshape.rendering.units import count
from cnnshape.rendering.writer import Writer, csv_text

_OWN = (
    ("package.module:Name", say("the working directory is importable")),
    (
        "path/to/file.py:Name",
        say("a class, a function that returns a module, or a module"),
    ),
    ("file.py:Net(width=0.5)", say("any of these with literal keyword arguments")),
    ("RUN", say("a folder that cnnshape train has written")),
)


def _lines(listing: Listing, width: int | None) -> list[Line]:
    return _overview(listing, width) if listing.pattern is None else _found(listing)


def _found(listing: Listing) -> list[Line]:
    """A name per line, ready to be copied."""
    rows = [
        [
            (span(model.name, "name"),),
            (span(model.family or model.description, "dim"),),
        ]
        for model in listing.models
    ]
    lines = draw_grid(("", ""), ("left", "left"), rows, indent="")[1:] if rows else []
    return [*lines, *((span(problem, "bad"),) for problem in listing.problems)]


def _overview(listing: Listing, room: int | None) -> list[Line]:
    """The bundled networks with what is known of them, the others by family, the forms."""
    lines: list[Line] = [(span(say("Bundled"), "title-name"),)]
    rows = [_bundled_row(model) for model in listing.of("bundled")]
    lines += draw_grid(("name", "input", "params", ""), ("left", "left", "right", "left"), rows)
    lines += [EMPTY, (Span("torchvision:NAME", "title-name"),)]
    families: dict[str, list[str]] = {}
    for model in listing.of("torchvision"):
        families.setdefault(model.family, []).append(model.name.partition(":")[2])
    for family, names in families.items():
        lines.append((Span("  "), Span(f"{family}, {len(names)}", "dim")))
        room_or_so = 100 if room is None else room
        lines += wrap([(span(name),) for name in names], room_or_so, "  ", "    ")
    lines += [(Span("  "), span(problem, "bad")) for problem in listing.problems]
    lines += [EMPTY, (Span("timm:NAME", "title-name"),)]
    hint = say("cnnshape models timm: lists them") if listing.timm_installed else _INSTALL_TIMM
    lines += [(Span("  "), span(hint, "dim")), EMPTY, (span(say("Your own"), "title-name"),)]
    own = [[(Span(form),), (span(meaning, "dim"),)] for form, meaning in _OWN]
    return [*lines, *draw_grid(("", ""), ("left", "left"), own)[1:]]


_INSTALL_TIMM = say("not installed: pip install timm")


def _bundled_row(model: ListedModel) -> list[Line]:
    shape = ",".join(str(size) for size in model.input or ())
    params = "" if model.params is None else count(model.params)
    return [
        (span(model.name, "convolution"),),
        (span(shape),),
        (Span(params),),
        (span(model.description, "dim"),),
    ]


def _json(listing: Listing) -> str:
    models = [model.to_dict() for model in listing.models]
    return dump({"models": models, "problems": list(listing.problems)})


def _csv(listing: Listing) -> str:
    return csv_text(
        ["name", "catalog", "family", "description", "input", "params"],
        map(_csv_row, listing.models),
    )


def _csv_row(model: ListedModel) -> list[object]:
    shape = "x".join(str(size) for size in model.input or ())
    cells = [model.name, model.catalog, model.family, model.description, shape]
    return [*map(escape.spreadsheet, cells), model.params]


def _markdown(listing: Listing) -> str:
    lines = ["| name | kind | description |", "| :--- | :--- | :--- |"]
    for model in listing.models:
        kind = model.family or model.catalog
        name, words = escape.markdown_code(model.name), escape.markdown(model.description)
        lines.append(f"| {name} | {kind} | {words} |")
    return "\n".join(lines)


WRITER: Writer[Listing] = Writer(_lines, {"json": _json, "csv": _csv, "markdown": _markdown})

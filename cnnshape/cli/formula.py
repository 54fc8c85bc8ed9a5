"""``cnnshape formula``: evaluate, solve, or test a size formula, without torch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cnnshape.cli.output import emit, language_of
from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formats import choose_format
from cnnshape.messages import say, translated

if TYPE_CHECKING:
    from cnnshape.rendering.palette import ThemeName

_FORMATS = ("table", "json", "csv", "latex")
_PICTURES = ("svg", "png", "pdf", "html")
_THEMES = ("light", "dark", "mono")
_SIZES = ("input", "kernel", "stride", "padding", "dilation", "output_padding", "before", "after")


@click.command(
    context_settings={"ignore_unknown_options": False, "help_option_names": ["-h", "--help"]}
)
@click.argument("kind", required=False)
@click.argument("expression", required=False)
@click.option("--input", "input_", metavar="N", help="Size of the input; 28x32 for two axes.")
@click.option("--kernel", metavar="N", help="Size of the kernel; 5x3 for two axes.")
@click.option("--stride", metavar="N", help="1 unless given; the kernel for pooling.")
@click.option("--padding", metavar="N", help="0 unless given; 'same' for a convolution.")
@click.option("--dilation", metavar="N", help="1 unless given.")
@click.option("--output-padding", metavar="N", help="0 unless given.")
@click.option("--output", "wanted", metavar="N", help="The size to solve for, or to give.")
@click.option("--factor", "--scale", metavar="X", help="For upsample and pixel_shuffle.")
@click.option("--before", metavar="N", help="For pad: what is added before.")
@click.option("--after", metavar="N", help="For pad: what is added after.")
@click.option("--groups", metavar="N", help="For channel_shuffle.")
@click.option("--mode", metavar="NAME", help="For pad: constant, reflect, replicate, circular.")
@click.option("--ceil-mode", is_flag=True, help="For pooling: its ceil_mode.")
@click.option("--solve", metavar="NAME[,NAME]", help="Find one or two arguments.")
@click.option("--range", "ranges", multiple=True, metavar="[NAME=]A:B", help="Where to look.")
@click.option("--matrix", metavar="ROWS", help="Apply the layer to '1 2; 3 4' or a CSV file.")
@click.option("--weights", metavar="ROWS", help="The kernel of a convolution, for --matrix.")
@click.option("--steps", is_flag=True, help="Each window, product and sum, for --matrix.")
@click.option("--layers", metavar="CHAIN", help="Follow a chain of layers instead of one KIND.")
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(_FORMATS),
    help="How to print; a table by default.",
)
@click.option("-o", "file", type=click.Path(dir_okay=False), help="Write to this file.")
@click.option(
    "--theme",
    type=click.Choice(_THEMES),
    default="light",
    show_default=True,
    help="Colours of a picture or page (-o conv.svg, .png, .pdf, .html).",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing; the exit code tells.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def command(
    kind: str | None,
    expression: str | None,
    wanted: str | None,
    factor: str | None,
    groups: str | None,
    mode: str | None,
    ceil_mode: bool,
    solve: str | None,
    ranges: tuple[str, ...],
    layers: str | None,
    matrix: str | None,
    weights: str | None,
    steps: bool,
    format_: str | None,
    file: str | None,
    theme: ThemeName,
    quiet: bool,
    **sizes: str | None,
) -> int:
    """Evaluate, solve, or test a size formula; needs no torch.

    \b
    evaluate   cnnshape formula conv --input 28 --kernel 5 --padding 2
    solve      cnnshape formula conv --input 28 --kernel 5 --output 28 --solve padding
    test       cnnshape formula conv "(W - F + 2P)/S + 1"
               cnnshape formula conv "padding = kernel_size // 2"
    by hand    cnnshape formula conv --matrix "1 2; 3 4" --weights "1 0; 0 1" --steps
    picture    cnnshape formula conv --input 8 --kernel 3 --stride 2 -o conv.svg
    page       cnnshape formula conv -o conv.html
    chain      cnnshape formula --layers "conv k5 p2, pool 2, conv k5" --input 28
    the rule   cnnshape formula conv

    KIND is conv, conv_transpose, max_pool (pool), avg_pool, lp_pool, adaptive_pool,
    fractional_pool, max_unpool, unfold, fold, upsample, pixel_shuffle, pixel_unshuffle, pad,
    flatten, unflatten, linear, bilinear, embedding, channel_shuffle or glu.

    EXPRESSION is plain text, unicode or LaTeX. Names: W H L N n i in (input), F K k f (kernel),
    P p pad, S s stride, D d dilation, OP A a (output_padding). An argument on its left side
    (padding = …, in_features = …) makes it a rule for that argument.
    The exit code is 0 for an exact formula, an answer, a possible size, and 1 otherwise.
    """
    from cnnshape.formulas.formula_call import formula

    suffix = "" if file is None else file.rpartition(".")[2].lower()
    picture = suffix in _PICTURES
    chosen = "table" if picture else choose_format(file, format_, _FORMATS)
    if file is not None:
        from cnnshape.files import check_target

        check_target(file)
    given: dict[str, Any] = {
        role: _sizes(role, sizes["input_" if role == "input" else role]) for role in _SIZES
    }
    given["output"] = "same" if wanted == "same" else _sizes("output", wanted)
    given["factor"] = _factor(factor)
    given["groups"] = _sizes("groups", groups)
    options: dict[str, Any] = {
        **{role: value for role, value in given.items() if value is not None},
        **({"mode": mode} if mode else {}),
        **({"ceil_mode": True} if ceil_mode else {}),
        **({"solve": solve} if solve else {}),
        **({"ranges": _ranges(ranges, solve)} if ranges else {}),
        **({"layers": layers} if layers is not None else {}),
        **({"matrix": matrix} if matrix is not None else {}),
        **({"weights": weights} if weights is not None else {}),
        **({"steps": True} if steps else {}),
    }
    if picture and matrix is None:
        return _draw_windows(kind, expression, options, str(file), theme, quiet=quiet)
    if kind is not None and expression is None and not set(options) - {"ceil_mode"}:
        from cnnshape.formulas.description import describe

        result: Any = describe(kind, ceil_mode=ceil_mode)
    else:
        untyped: Any = formula
        result = untyped(kind, expression, **options)
    if picture:
        _draw(result, str(file), theme, quiet=quiet)
    elif not quiet:
        with language_of(file):
            emit(_text(result, chosen), file)
    return 0 if getattr(result, "ok", True) else 1


def _text(result: Any, format_: str) -> str:
    if format_ == "json":
        import json

        return json.dumps(result.to_dict(), ensure_ascii=False, indent=2)
    if format_ == "latex":
        name = type(result).__name__
        if name == "Description":
            return str(result.latex)
        if name == "Evaluation":
            return str(result.latex())
        if name == "Worked":
            return str(result.latex())
        raise UsageError(say("latex writes a formula and its numbers; use table or json here"))
    if format_ == "csv":
        if type(result).__name__ != "Worked":
            raise UsageError(say("csv writes the output of --matrix; use table or json here"))
        return str(result.csv())
    return str(result.text(_styled) if _in_colour() else result.text())


def _draw(result: Any, file: str, theme: ThemeName, *, quiet: bool) -> None:
    """The matrices as a picture, of the format that the file's suffix names."""
    from cnnshape.rendering.matrix_picture import matrix_picture

    if file.lower().endswith(".html"):
        raise UsageError(say("--matrix is drawn as .svg, .png or .pdf, not as a page"))
    picture = matrix_picture(result, theme).render(file.rpartition(".")[2].lower())
    _write(picture, file, quiet=quiet)


def _draw_windows(
    kind: str | None,
    expression: str | None,
    options: dict[str, Any],
    file: str,
    theme: ThemeName,
    *,
    quiet: bool,
) -> int:
    """The windows of a layer as a picture; one of an impossible size shows why it is."""
    from cnnshape.rendering.formula_picture.asked import asked

    sizes = {role: value for role, value in options.items() if role != "ceil_mode"}
    for other in ("layers", "solve", "weights", "steps", "mode"):
        if other in sizes:
            raise UsageError(
                say(
                    "--{other} has no picture; a picture shows one layer and its sizes", other=other
                )
            )
    if kind is None:
        raise UsageError(
            say("which kind of layer shall be drawn? As in cnnshape formula conv -o c.svg")
        )
    drawn = asked(kind, expression, sizes, ceil_mode="ceil_mode" in options)
    picture = drawn.picture(theme)
    suffix = file.rpartition(".")[2].lower()
    if suffix == "html":
        from cnnshape.rendering.page.formula_page import formula_page

        _write(formula_page(drawn, theme), file, quiet=quiet)
    else:
        _write(picture.render(suffix), file, quiet=quiet)
    if picture.reason:
        raise ImpossibleSizeError(picture.reason)
    return 0 if drawn.ok else 1


def _write(picture: bytes | str, file: str, *, quiet: bool) -> None:
    from cnnshape.files import write_atomic

    path = write_atomic(file, picture)
    if not quiet:
        click.echo(translated(say("wrote {path}", path=path)), err=True)


def _in_colour() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _styled(text: str, what: str) -> str:
    """Colours that read well on light and on dark terminals."""
    styles: dict[str, dict[str, Any]] = {
        "good": {"fg": "green", "bold": True},
        "bad": {"fg": "red", "bold": True},
        "warn": {"fg": "yellow", "bold": True},
        "strong": {"bold": True},
        "quiet": {"dim": True},
    }
    return click.style(text, **styles[what])


def _sizes(role: str, text: str | None) -> int | str | tuple[int, ...] | None:
    """``28``, ``28x32`` or ``28,32``; ``same`` and ``valid`` for a padding."""
    if text is None:
        return None
    if role == "padding" and text in ("same", "valid"):
        return text
    parts = text.replace("×", "x").replace(",", "x").split("x")
    return (
        tuple(_whole(role, part, text) for part in parts)
        if len(parts) > 1
        else _whole(role, text, text)
    )


def _whole(role: str, part: str, text: str) -> int:
    flag = f"--{role.replace('_', '-')}"
    digits = part.strip().lstrip("+-")
    if not digits.isdecimal():
        raise UsageError(
            say(
                "{flag} must be a whole number, or one per axis as in 28x32, not {text}",
                flag=flag,
                text=repr(text),
            )
        )
    if len(digits) > 12:
        raise UsageError(say("{flag} {part} is no size", flag=flag, part=part))
    number = int(part)
    if number < 0 and role not in ("padding", "before", "after"):
        raise UsageError(say("{flag} cannot be negative: {number}", flag=flag, number=number))
    return number


def _factor(text: str | None) -> float | int | tuple[float | int, ...] | None:
    if text is None:
        return None
    values: list[float | int] = []
    for part in text.replace("×", "x").replace(",", "x").split("x"):
        try:
            value = float(part)
        except ValueError:
            raise UsageError(
                say("--factor must be a number such as 2 or 1.5, not {text}", text=repr(text))
            ) from None
        if not abs(value) < 1e9:
            raise UsageError(say("--factor {text} is no factor", text=text))
        values.append(int(value) if value.is_integer() else value)
    return values[0] if len(values) == 1 else tuple(values)


def _ranges(texts: tuple[str, ...], solve: str | None) -> dict[str, tuple[int, int]]:
    """``padding=0:10``, or ``0:10`` for everything that is solved for."""
    unknowns = [name.strip().replace("-", "_") for name in (solve or "").split(",") if name.strip()]
    if not unknowns:
        raise UsageError(say("--range says where --solve looks; give --solve as well"))
    found: dict[str, tuple[int, int]] = {}
    for text in texts:
        name, equals, bounds = text.rpartition("=")
        low, colon, high = bounds.partition(":")
        if not colon or not low.strip().isdecimal() or not high.strip().isdecimal():
            raise UsageError(
                say("--range is written as padding=0:10 or 0:10, not {text}", text=repr(text))
            )
        for role in [name.strip()] if equals else unknowns:
            if role not in unknowns:
                raise UsageError(
                    say(
                        "--range {role}: --solve asks for {unknowns}",
                        role=role,
                        unknowns=", ".join(unknowns),
                    )
                )
            found[role] = int(low), int(high)
    return found

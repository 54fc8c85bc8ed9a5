"""Writes the pages in docs/reference from the code: commands, Python, size rules, JSON.

    python docs/make_reference.py            write them, and draw the rules' pictures
    python docs/make_reference.py --check    fail if a page or a picture says something else

What stands in help texts, docstrings, rules and schema is told there, and only put together here.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import re
import shlex
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import griffe
from make_gallery import said
from pictures import draw

from cnnshape import formulas
from cnnshape.cli.grouped import GroupedCommand
from cnnshape.cli.main import COMMANDS, cli, run
from cnnshape.formulas.registry import WHOLE_SHAPES
from cnnshape.messages import looked_up
from cnnshape.rendering.json_ import inspect_schema

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "rules"
WRITTEN = (
    "<!-- Written by `python docs/make_reference.py`: what is changed here by hand is lost. -->"
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a line break in a cell becomes a space."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[" ".join(cell.replace("|", "\\|").split()) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


# Commands ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """What is written around the help texts, in one language."""

    title: str
    languages: str
    streams: str
    exit_codes: Sequence[Sequence[str]]
    columns: Sequence[str]


WORDS = {
    "en": Words(
        "Commands",
        "English | [中文](../zh/reference/commands.md)",
        "Results go to stdout, everything else to stderr.",
        (
            ("exit code", "means"),
            ("0", "fine"),
            (
                "1",
                "the model failed, a check did not hold, a size is impossible, nothing was found",
            ),
            ("2", "wrong usage: a flag, a shape, the name of a model or file, a formula"),
            ("130", "interrupted"),
        ),
        ("option", "meaning", "default"),
    ),
    "zh": Words(
        "命令",
        "[English](../../reference/commands.md) | 中文",
        "结果写到 stdout，其余的写到 stderr。",
        (
            ("退出码", "意思"),
            ("0", "正常"),
            ("1", "模型报错，检查不成立，尺寸不可能，或什么也没找到"),
            ("2", "用法不对：选项、形状、模型或文件的名字、公式"),
            ("130", "被中断"),
        ),
        ("选项", "意思", "默认"),
    ),
}


def commands(language: str = "en") -> str:
    """Every command with its help text, arguments and options, from the tree of Click."""
    words = WORDS[language]
    context = click.Context(cli, info_name="cnnshape")
    head, *rows = words.exit_codes
    parts = [
        "\n\n".join(
            (f"# {words.title}", words.languages, WRITTEN, words.streams, table(head, rows))
        ),
        _command(cli, context, language),
    ]
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        below = click.Context(command, context, info_name=name)
        parts.append(_command(command, below, language))
    return "\n".join(parts)


def _command(command: click.Command, context: click.Context, language: str) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [
        f"## {context.info_name}",
        f"```text\n{usage}\n```",
        *_help(looked_up(inspect.cleandoc(command.help or ""), language)),
    ]
    for heading, options in _grouped(command, context, language).items():
        parts += [f"**{looked_up(heading, language)}**", table(WORDS[language].columns, options)]
    return "\n\n".join(parts) + "\n"


def _help(text: str) -> Iterator[str]:
    """The paragraphs of a help text; those that Click prints as they stand are blocks here."""
    for paragraph in text.split("\n\n"):
        if "\b" in paragraph:
            yield f"```text\n{textwrap.dedent(paragraph.partition(chr(8))[2]).strip(chr(10))}\n```"
        else:
            yield re.sub(r"([*_<|])", r"\\\1", " ".join(paragraph.split()))


def _grouped(
    command: click.Command, context: click.Context, language: str
) -> dict[str, list[list[str]]]:
    groups = command.groups if isinstance(command, GroupedCommand) else {}
    heading_of = {name: heading for heading, names in groups.items() for name in names}
    found: dict[str, list[list[str]]] = {heading: [] for heading in groups}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            words, _, rest = record[1].partition("  [")
            told = looked_up(words, language)
            if told == words:  # a text that tells its default itself
                told = looked_up(record[1], language).partition("  [")[0]
            settings = [
                each
                for each in re.split(r"; |\]  \[", rest.rstrip("]"))
                if each not in ("", "x>=0")
            ]
            default = [each for each in settings if each.startswith("default: ")]
            others = [f"[{each}]" for each in settings if each not in default]
            heading = heading_of.get(parameter.name or "", "Options")
            cells = " ".join([told, *others]), "".join(default).removeprefix("default: ")
            row = [f"`{record[0]}`", *map(_escaped, cells)]
            found.setdefault(heading, []).append(row)
    return {heading: rows for heading, rows in found.items() if rows}


def _escaped(text: str) -> str:
    return re.sub(r"([*_<])", r"\\\1", text)


# Python -----------------------------------------------------------------------------------------


#: What is public beside ``cnnshape.__all__``, and where it is defined.
FURTHER = {
    "cnnshape.formulas": ("derive", "axis_size", "inputs_giving"),
    "cnnshape.operations": ("register",),
    "cnnshape.training": ("configure", "train", "resume", "evaluate", "predict"),
}


def python() -> str:
    """The public functions and classes, from their signatures and docstrings."""
    root = griffe.load("cnnshape", search_paths=[str(DOCS.parent)], docstring_parser="google")
    names = [name for name in root.exports or () if str(name) != "__version__"]
    parts = [
        f"""\
# Python

{WRITTEN}

`import cnnshape` is light: torch is imported on first use. What is handed in is afterwards as it
was. Misuse raises subclasses of `cnnshape.CnnshapeError`. The layers, operations and totals of a
report have the keys of [the JSON report](json.md) as attributes.
"""
    ]
    for name in sorted(map(str, names), key=lambda name: (name[0].isupper(), name)):
        parts += _object(f"cnnshape.{name}", root[name], level=2)
    for module, functions in FURTHER.items():
        parts.append(f"## {module}\n")
        inside = root[module.partition(".")[2]]
        for name in functions:
            parts += _object(f"{module}.{name}", inside[name], level=3)
    return "\n".join(parts)


def _object(path: str, found: Any, level: int) -> Iterator[str]:
    """An object with its signature, what its docstring says, and its public members."""
    while found.is_alias:
        found = found.final_target
    if found.is_module:
        yield f"{'#' * level} {path}\n\n{_text(found.docstring.value)}\n"
        return
    yield f"{'#' * level} {path}\n"
    signatures = (
        [each.signature() for each in found.overloads or [found]] if found.is_function else []
    )
    if signatures:
        yield f"```python\n{chr(10).join(map(_folded, signatures))}\n```\n"
    yield from _docstring(found.docstring)
    if found.is_class:
        every = {**found.inherited_members, **found.members}
        members = [each for each in every.values() if _is_public(each)]
        if rows := [_attribute(each) for each in members if each.is_attribute]:
            yield table(("attribute", "type", ""), rows)
        for each in members:
            if each.is_function:
                yield from _object(f"{found.name}.{each.name}", each, level + 1)


def _is_public(member: Any) -> bool:
    told = member.docstring is not None or (member.is_attribute and member.annotation is not None)
    return not member.name.startswith("_") and told


def _attribute(member: Any) -> list[str]:
    told = _text(member.docstring.value).split("\n\n")[0] if member.docstring else ""
    return [f"`{member.name}`", f"`{member.annotation}`" if member.annotation else "", told]


def _folded(signature: str) -> str:
    """A signature with one argument a line, where it would be long otherwise."""
    if len(signature) <= 90:
        return signature
    name, inside, end = re.fullmatch(r"([^(]*)\((.*)\)( -> .*)?", signature, re.DOTALL).groups()  # type: ignore[union-attr]
    pieces: list[str] = [""]
    for piece in re.split(r"(, )", inside):
        if piece == ", " and not sum(
            pieces[-1].count(a) - pieces[-1].count(b) for a, b in ("[]", "()")
        ):
            pieces.append("")
        else:
            pieces[-1] += piece
    return f"{name}(\n" + "".join(f"    {piece},\n" for piece in pieces) + f"){end or ''}"


def _docstring(docstring: Any) -> Iterator[str]:
    for section in docstring.parsed if docstring else ():
        kind, value = section.kind.value, section.value
        if kind == "text":
            yield _text(value) + "\n"
        elif kind in ("parameters", "attributes"):
            alike = groupby(value, lambda each: each.description)
            rows = [
                (", ".join(f"`{each.name}`" for each in group), _text(text))
                for text, group in alike
            ]
            yield table(("argument" if kind == "parameters" else "attribute", ""), rows)
        elif kind in ("returns", "yields"):
            told = " ".join(_text(each.description) for each in value)
            yield f"Returns: {told}\n"
        elif kind == "raises":
            rows = [(f"`{each.annotation}`", _text(each.description)) for each in value]
            yield table(("raises", "when"), rows)
        elif kind == "examples":
            yield "\n\n".join(_text(text) for _, text in value) + "\n"


def _text(text: str) -> str:
    """A docstring's text as Markdown: roles and double backticks, and examples as blocks."""
    text = re.sub(r":\w+:`[~.]?([^`]+)`", r"`\1`", text).replace("``", "`")
    text = re.sub(r"  # doctest: .*", "", text)
    text = re.sub(r"::\n\n((?:(?: {4}.*)?\n)+)", _code, text + "\n")
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    blocks: list[str] = []
    for paragraph in paragraphs:
        is_example = paragraph.lstrip().startswith(">>>")
        blocks.append(f"```pycon\n{paragraph}\n```" if is_example else paragraph)
    return "\n\n".join(blocks).replace("\n```\n\n```pycon\n", "\n\n")


def _code(match: re.Match[str]) -> str:
    return f":\n\n```python\n{textwrap.dedent(match[1]).strip()}\n```\n\n"


# Size rules -------------------------------------------------------------------------------------


#: The kinds that have ceil_mode.
CEILING = ("max_pool", "avg_pool", "lp_pool")


_TORCH = "https://docs.pytorch.org/docs/stable/generated/"


@dataclass(frozen=True)
class Rule:
    """What is told of a rule beside its formula: why, and an example, which is drawn as well.

    A rule without windows has a ``layer`` of torch, whose maps are drawn for its ``inputs``.
    """

    why: str
    example: str
    layer: str = ""
    inputs: str = ""

    def picture(self, kind: str) -> str:
        """The command that draws it."""
        if self.layer:
            return f"draw 'torch.nn:{self.layer}' {self.inputs} --style blocks"
        return f"formula {kind} {self.example}"


RULES: dict[str, Rule] = {
    "conv": Rule(
        "With padding the axis has H + 2P cells. A kernel of K taps, D apart, spans D(K − 1) "
        "+ 1 of them, so that there are H + 2P − D(K − 1) places to stand at. Every S-th of "
        "them is used, beginning with the first: one, and as many more as S goes into what "
        "lies behind it.",
        "--input 8 --kernel 3 --stride 2 --padding 1",
    ),
    "conv_transpose": Rule(
        "The convolution the other way round: each input is laid down as K numbers, D apart, "
        "S after the one before. The last begins at (H − 1)S and reaches D(K − 1) + 1 "
        "further. P are cut away at both ends, and A are added at the last one, since S sizes "
        "lead to the same input.",
        "--input 4 --kernel 3 --stride 2 --padding 1 --output-padding 1",
    ),
    "max_pool": Rule(
        "The places of a kernel, as for a convolution; the stride is the kernel unless given. "
        "With ceil_mode a last window may hang over the end, if it begins within the input or "
        "the padding before it.",
        "--input 7 --kernel 2",
    ),
    "avg_pool": Rule(
        "As max_pool, without dilation.",
        "--input 8 --kernel 3 --stride 2 --padding 1",
    ),
    "lp_pool": Rule("As avg_pool, without padding.", "--input 7 --kernel 3 --stride 2"),
    "adaptive_pool": Rule(
        "The output is what was asked for; the windows follow from it. Window i begins at "
        "⌊i·H/O⌋ and ends before ⌈(i + 1)·H/O⌉, so that they may overlap and differ by one.",
        "--input 7 --output 3",
    ),
    "fractional_pool": Rule(
        "The output is what was asked for; windows of K begin at steps that are drawn at random.",
        "--input 10 --output 4 --kernel 2",
        layer="FractionalMaxPool2d(kernel_size=2,output_size=(4,4))",
        inputs="-i 1,3,10,10",
    ),
    "max_unpool": Rule(
        "The size that a max pooling of these arguments usually came from: its formula, "
        "turned around.",
        "--input 4 --kernel 2",
    ),
    "unfold": Rule(
        "The places of a kernel, as for a convolution; those of both axes are counted in one.",
        "--input 6 --kernel 3 --stride 3",
    ),
    "fold": Rule(
        "The patches that `unfold` takes, put back. There must be as many of them as the "
        "kernel has places in the output: H is what is made, and the formula counts its "
        "patches.",
        "--output 8 --kernel 2 --stride 2",
    ),
    "upsample": Rule(
        "The size times the factor, rounded down.",
        "--input 7 --factor 2.5",
        layer="Upsample(scale_factor=2.5)",
        inputs="-i 1,3,7,7",
    ),
    "pixel_shuffle": Rule(
        "Of every r·r channels one is made, r times as high and as wide.",
        "--input 7 --factor 2",
        layer="PixelShuffle(upscale_factor=2)",
        inputs="-i 1,8,7,7",
    ),
    "pixel_unshuffle": Rule(
        "The other way round: squares of r by r pixels become channels.",
        "--input 8 --factor 2",
        layer="PixelUnshuffle(downscale_factor=2)",
        inputs="-i 1,2,8,8",
    ),
    "pad": Rule(
        "What is added before and after. With `reflect` no more than the input less one can "
        "be added.",
        "--input 28 --before 2 --after 1",
        layer="ZeroPad2d(padding=(2,1,2,1))",
        inputs="-i 1,3,28,28",
    ),
    "flatten": Rule(
        "The product of the flattened sizes.",
        "--input 16x5x5",
        layer="Flatten()",
        inputs="-i 1,16,5,5",
    ),
    "unflatten": Rule(
        "One axis as several whose product it is.",
        "--input 400 --output 16x5x5",
        layer="Unflatten(dim=1,unflattened_size=(16,5,5))",
        inputs="-i 1,400",
    ),
    "linear": Rule(
        "The last size becomes out_features.",
        "--input 400 --output 120",
        layer="Linear(in_features=400,out_features=120)",
        inputs="-i 1,400",
    ),
    "bilinear": Rule(
        "Two inputs, one output of out_features.",
        "--input 20x30 --output 40",
        layer="Bilinear(in1_features=20,in2_features=30,out_features=40)",
        inputs="-i 1,20 -i 1,30",
    ),
    "embedding": Rule(
        "Every number becomes a vector: an axis is added.",
        "--input 7 --output 16",
        layer="Embedding(num_embeddings=1000,embedding_dim=16)",
        inputs="-i 1,7:int64",
    ),
    "channel_shuffle": Rule(
        "The order changes, the sizes do not.",
        "--input 8x5x5 --groups 2",
        layer="ChannelShuffle(groups=2)",
        inputs="-i 1,8,5,5",
    ),
    "glu": Rule(
        "One half gates the other: the axis is halved.",
        "--input 20",
        layer="GLU(dim=1)",
        inputs="-i 1,20",
    ),
}


def size_rules() -> str:
    """Every rule: formula in three writings, letters, conditions, source, an example, a picture."""
    assert set(RULES) == set(formulas.KINDS)
    parts = [
        f"""\
# Size rules

{WRITTEN}

Each rule is held against the real layers of torch over many random configurations: the same size,
and accepted exactly where the layer accepts. [Size formulas](../formulas.md) tells how to evaluate,
solve and judge them. A picture shows the windows of a rule, where it has some, or else a layer's
feature maps before and after.
"""
    ]
    for kind, rule in RULES.items():
        parts.append(f"## {kind}\n\n{rule.why}\n")
        if kind in WHOLE_SHAPES:
            layer = rule.layer.partition("(")[0]
            parts.append(f"- source: <{_TORCH}torch.nn.{layer}.html>\n")
        else:
            parts.append(_rule(kind))
        command = f"formula {kind} {rule.example}"
        parts.append(f"```console\n$ cnnshape {command}\n{_printed(command)}```\n")
        picture = f"../images/rules/{kind}.svg"
        shown = rule.picture(kind)
        parts.append(f"[![cnnshape {shown}]({picture})]({picture})\n")
    return "\n".join(parts)


def _rule(kind: str) -> str:
    rule = formulas.describe(kind)
    rows = [
        ("formula", f"`{rule.formula}`"),
        *((("with ceil_mode", f"`{_with_ceil_mode(kind)}`"),) if kind in CEILING else ()),
        ("plain", f"`{rule.plain}`"),
        ("LaTeX", f"`{rule.latex}`"),
        ("letters", ", ".join(f"`{letter}` {name}" for letter, name in rule.names.items())),
        ("source", f"<{rule.source}>"),
    ]
    told = "".join(f"- {name}: {text}\n" for name, text in rows)
    return f"{told}- holds when\n" + "".join(f"    - {each}\n" for each in rule.conditions)


def _with_ceil_mode(kind: str) -> str:
    return formulas.describe(kind, ceil_mode=True).formula


def _printed(command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run(shlex.split(command))
    assert code == 0, command
    return out.getvalue()


# JSON -------------------------------------------------------------------------------------------


def json_report() -> str:
    """Every key of the report, from its schema."""
    schema = inspect_schema()
    parts = [
        f"""\
# The JSON report

{WRITTEN}

{schema["description"]}

`cnnshape.rendering.json_.inspect_schema()` gives the JSON Schema. What cannot be known is `null`,
never 0. Sizes and counts are numbers; after a pass with letters in the input, expressions that
Python parses. Bytes, elements and multiply-accumulates are counted in ones, times in milliseconds.
""",
        "## The report\n",
        table(("key", "type", "meaning"), list(_keys(schema, ""))),
    ]
    for name, part in schema["$defs"].items():
        rows = list(_keys(part, ""))
        parts += [f"## {name}\n", part["description"] + "\n"]
        parts.append(table(("key", "type", "meaning"), rows) if rows else f"Type: {_type(part)}\n")
    return "\n".join(parts)


def _keys(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    for part in (schema, *schema.get("anyOf", ())):
        for key, value in part.get("properties", {}).items():
            optional = "" if key in part.get("required", ()) else " Not always there."
            yield f"`{prefix}{key}`", _type(value), value.get("description", "") + optional
            yield from _keys(value, f"{prefix}{key}.")


def _type(schema: dict[str, Any]) -> str:
    """``[layer](#layer)``, integer or null, list of text, one of …"""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(each)}`" for each in schema["enum"])
    kinds = schema.get("type", "anything")
    words = [kinds] if isinstance(kinds, str) else kinds
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    return " or ".join({"string": "text"}.get(word, word) for word in words)


PAGES = {
    "commands.md": commands,
    "../zh/reference/commands.md": partial(commands, "zh"),
    "python.md": python,
    "size-rules.md": size_rules,
    "json.md": json_report,
}


def drawn_rules(folder: Path) -> Iterator[Path]:
    """Draw every rule."""
    for kind, rule in RULES.items():
        yield draw(rule.picture(kind), folder / f"{kind}.svg")


def main() -> int:
    """Write or check everything; 1 if something differs."""
    os.environ |= {"COLUMNS": "96", "NO_COLOR": "1", "CNNSHAPE_LANG": "en"}
    folder = DOCS / "reference"
    if "--check" not in sys.argv[1:]:
        for made in (folder, PICTURES):
            made.mkdir(exist_ok=True)
        for name, page in PAGES.items():
            (folder / name).write_text(page(), encoding="utf-8", newline="\n")
        for picture in drawn_rules(PICTURES):
            print(picture)
        return 0
    different = [
        name for name, page in PAGES.items() if (folder / name).read_text("utf-8") != page()
    ]
    with tempfile.TemporaryDirectory() as drawn:
        for picture in drawn_rules(Path(drawn)):
            kept = PICTURES / picture.name
            if not kept.exists() or said(picture) != said(kept):
                different.append(kept.name)
    for name in different:
        print(f"{name} is not what the code says; run python docs/make_reference.py")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

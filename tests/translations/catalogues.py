"""The catalogues of other languages, held against the source.

    python -m tests.translations.catalogues              add what is new, drop what is gone, compile
    python -m tests.translations.catalogues --compile    compile alone

Templates are the literals given to ``say`` and to the words that count (``plural``, ``counted``),
and the help of every command. A language has a ``.po`` file per room, so that a translator finds
what belongs together; all of them make its one ``.mo``, which the program reads. Both are
committed.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import io
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import click
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cnnshape.cli.grouped import GroupedCommand
from cnnshape.cli.main import COMMANDS, cli
from cnnshape.messages import DOMAIN, TRANSLATIONS

PACKAGE = TRANSLATIONS.parent
LANGUAGES = ("zh",)
#: Room of the source → its file; what stands in several rooms belongs to the first one.
ROOMS = {"formulas": "formulas", "analysis": "diagnoses", "experiments": "diagnoses"}
FILES = ("formulas", "diagnoses", "output", "help")
#: Function → which of its arguments are words.
_WORDS = dict.fromkeys(("say", "click_says", "worded"), (0,))
_WORDS |= dict.fromkeys(("plural", "counted", "Said"), (1,)) | {"Row": (2,)}
_NEVER = datetime(2000, 1, 1, tzinfo=timezone.utc)


def templates() -> dict[str, dict[str, set[str]]]:
    """File → template → the places where it stands."""
    found: dict[str, dict[str, set[str]]] = {name: {} for name in FILES}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE.parent).as_posix()
        file = ROOMS.get(path.relative_to(PACKAGE).parts[0], "output")
        for template in _literals(ast.parse(path.read_text(encoding="utf-8"))):
            found[file].setdefault(template, set()).add(place)
    for template, place in _help():
        found["help"].setdefault(template, set()).add(place)
    seen: set[str] = set()
    for file in FILES:
        for template in seen & found[file].keys():
            del found[file][template]
        seen |= found[file].keys()
    return found


def _literals(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        for place in _WORDS.get(name, ()):
            argument = call.args[place] if len(call.args) > place else None
            for part in ast.walk(argument) if argument else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                    yield part.value


def _help() -> Iterator[tuple[str, str]]:
    """Each text of the help, as Click has it: whole."""
    context = click.Context(cli)
    for summary in ("", *COMMANDS):
        command = cli.get_command(context, summary) if summary else cli
        assert command is not None
        place = f"cnnshape/cli/{summary or 'main'}.py"
        if summary:
            yield COMMANDS[summary][1], "cnnshape/cli/main.py"
        if command.help:
            yield inspect.cleandoc(command.help), place
        yield from ((heading, place) for heading in ("Options", "Commands"))
        if isinstance(command, GroupedCommand):
            yield from ((heading, place) for heading in command.groups)
        for parameter in command.get_params(context):
            text = getattr(parameter, "help", None)
            if text and not getattr(parameter, "hidden", False):
                yield text, place


def read(language: str, file: str) -> Catalog:
    """What is translated by now."""
    path = po_file(language, file)
    text = path.read_bytes() if path.exists() else b""
    return read_po(io.BytesIO(text), locale=language)


def po_file(language: str, file: str) -> Path:
    """Where the translations of a room stand."""
    return TRANSLATIONS / language / f"{file}.po"


def mo_file(language: str) -> Path:
    """What the program reads."""
    return TRANSLATIONS / language / "LC_MESSAGES" / f"{DOMAIN}.mo"


def update(language: str) -> None:
    """Templates that are new stand in the files without a translation, others are gone."""
    every = {
        message.id: message.string
        for file in FILES
        for message in read(language, file)
        if message.id
    }
    for file, found in templates().items():
        catalog = _empty(language)
        for template, places in found.items():
            where = [(place, 0) for place in sorted(places)]
            catalog.add(template, every.get(template, ""), locations=where)
        text = io.BytesIO()
        write_po(text, catalog, width=100, sort_output=True, include_lineno=False)
        po_file(language, file).write_bytes(text.getvalue())


def compiled(language: str) -> bytes:
    """One catalogue of all rooms, as gettext reads it."""
    whole = _empty(language)
    for file in FILES:
        for message in read(language, file):
            if message.id and message.string:
                whole.add(message.id, message.string)
    text = io.BytesIO()
    write_mo(text, whole)
    return text.getvalue()


def _empty(language: str) -> Catalog:
    """Without a date, so that a file differs only where its words do."""
    return Catalog(
        locale=language, project=DOMAIN, version="", copyright_holder="The cnnshape authors",
        header_comment=f"# {DOMAIN} in {language}; made by python -m tests.translations.catalogues",
        creation_date=_NEVER, revision_date=_NEVER, last_translator="", fuzzy=False,
    )  # fmt: skip


def main() -> None:
    """Update and compile every language; say what is not translated yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true", help="compile alone")
    only_compile = parser.parse_args().compile
    for language in LANGUAGES:
        if not only_compile:
            update(language)
        mo_file(language).parent.mkdir(parents=True, exist_ok=True)
        mo_file(language).write_bytes(compiled(language))
        for file in FILES:
            left = [m.id for m in read(language, file) if m.id and not m.string]
            print(
                f"{po_file(language, file).relative_to(PACKAGE.parent)}: {len(left)} to translate"
            )


if __name__ == "__main__":
    main()

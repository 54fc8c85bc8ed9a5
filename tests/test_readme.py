"""The pages show what the commands print: README, everything in docs, and the pages beside them.

Chinese pages have the blocks of the English ones (``test_chinese_docs.py``).

Every block that shows commands or Python is run, in the order of its page, in one folder that has
the page's files as they stand by then; so is every command within a sentence that lacks nothing.

* ``console``: commands behind ``$``, with what they print. A line ``…`` leaves lines out.
* ``sh``, ``yaml``: commands that end well, or as ``<!-- exit code 1 -->`` above the block says.
* ``python``: run with the names of ``tests/data/pages/names.py``; a value in a comment behind an
  expression is what it gives.
* ``<!-- file: NAME -->`` above a block writes it. Files that pages take for granted (``net.py``, a
  photo) are in ``tests/data/pages``.
* ``<!-- not run: REASON -->`` above a block, or before a command in a sentence, leaves it out.

After a change that is meant, ``python -m tests.test_readme [PAGE...]`` writes the outputs anew.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import os
import re
import runpy
import shlex
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
from PIL import Image

from cnnshape.cli.main import COMMANDS, cli, run

ROOT = Path(__file__).parents[1]
GIVEN = ROOT / "tests" / "data" / "pages"
#: Not run: pages that a script writes, which runs their commands; those of single errors, which
#: have a test beside ``diagnose``; the Chinese ones; and a changelog, which tells of what was.
LEFT_OUT = re.compile(
    r"docs/(gallery|examples|benchmarks|zoo)\.md|docs/errors/(?!index)|docs/reference/(?!conv)|docs/zh/|\.zh-CN|CHANGELOG"
)
PAGES = {
    name: page
    for pattern in ("*.md", "examples/*.md", "docs/**/*.md")
    for page in sorted(ROOT.glob(pattern))
    if not LEFT_OUT.search(name := page.relative_to(ROOT).as_posix())
}
#: Pages that train.
SLOW = {"docs/live.md", "docs/training.md"}
WIDTH = 96
PICTURES = ["photo.jpg", "dog.jpg", "seven.png", "picture.png", "scans/1.png"]
PICTURES += [f"pets/{kind}/{number}.png" for kind in ("cat", "dog", "owl") for number in range(12)]

PART = re.compile(
    r"(?:^ *<!-- (?P<mark>[^\n]*?) -->\n+)?"
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)(?P=fence)$"
    r"|(?:<!-- (?P<reason>not run: [^\n]*?) -->\s*)?(?<!`)`(?P<inline>cnnshape [^`]+)`(?!`)",
    re.DOTALL | re.MULTILINE,
)
COMMAND = re.compile(r"^(?:\w+=\S* )*cnnshape( |$)")
#: What a block is marked with that another test reads.
READ_ELSEWHERE = re.compile(r"command: \w+|shown|snapshot")


@dataclass
class Page:
    """A page that is being run: what it says, and where it is not so."""

    path: Path
    names: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def run(self) -> str:
        """Run everything, in the current folder; the page with the outputs of now."""
        pieces: list[str] = []
        place = 0
        for part in PART.finditer(self.text):
            if part["inline"]:
                if not part["reason"]:
                    self._within_a_sentence(" ".join(part["inline"].split()))
                continue
            body = self._block(part["mark"] or "", part["language"], part["body"])
            pieces += [self.text[place : part.start("body")], body]
            place = part.end("body")
        return "".join([*pieces, self.text[place:]])

    def _block(self, mark: str, language: str, body: str) -> str:
        if mark.startswith("file: "):
            Path(mark.removeprefix("file: ")).write_text(body, encoding="utf-8")
        elif mark.startswith("not run: ") or READ_ELSEWHERE.fullmatch(mark):
            pass
        elif language == "console":
            return self._console(body)
        elif language == "sh":
            code = int(mark.removeprefix("exit code ")) if mark.startswith("exit code ") else 0
            for line in body.replace("\\\n", "").splitlines():
                self._ends_well(line, code)
        elif language == "yaml":
            for line in re.findall(r"^[ -]*(?:run: |script: )?(cnnshape .*)", body, re.MULTILINE):
                self._ends_well(line)
        elif language == "python":
            self._python(body)
        elif any(COMMAND.match(line.removeprefix("$ ")) for line in body.splitlines()):
            self.wrong.append(f"a block with commands is `console` or `sh`:\n{body}")
        return body

    def _console(self, body: str) -> str:
        new: list[str] = []
        for command, shown in re.findall(r"^\$ (.*\n)((?:(?!\$ ).*\n)*)", body, re.MULTILINE):
            if not can_run(command):
                new.append(f"$ {command}{shown}")
                continue
            if not COMMAND.match(command):
                self.wrong.append(f"nothing runs this; say <!-- not run: REASON -->: {command}")
                continue
            printed, code = outcome(command)
            left_out = any(line.strip() == "…" for line in shown.splitlines())
            if changed := not same(shown, printed):
                self.wrong.append(f"$ {command}{printed}--- but the page shows\n{shown}")
                if code == 2 and "error: " not in shown:
                    self.wrong.append("(wrong usage)")
            new.append(f"$ {command}{printed if changed and not left_out else shown}")
        return "".join(new)

    def _ends_well(self, line: str, expected: int = 0) -> None:
        words = shlex.split(line, comments=True)
        if not words or not can_run(line):
            return
        if not COMMAND.match(line) or {"|", ">", ">>", "||", "&&"} & set(words):
            self.wrong.append(f"nothing runs this; say <!-- not run: REASON -->: {line}")
            return
        printed, code = outcome(line)
        if code != expected:
            self.wrong.append(f"exit code {code}: {line}\n{printed}")

    def _within_a_sentence(self, line: str) -> None:
        words = shlex.split(line)[1:]
        if words[0].startswith("-") or "--help" in words:
            self._ends_well(line)
        elif words[0] not in COMMANDS:
            self.wrong.append(f"no such command: {line}")
        elif is_whole(words, self):
            printed, code = outcome(line)
            if code == 2:
                self.wrong.append(f"wrong usage: {line}\n{printed}")

    def _python(self, body: str) -> None:
        if not self.names:
            self.names |= runpy.run_path(str(GIVEN / "names.py"))
        lines = [line.encode() for line in body.splitlines()]
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                for node in ast.parse(body).body:
                    if not isinstance(node, ast.Expr):
                        exec(compile(ast.Module([node], []), self.path.name, "exec"), self.names)
                        continue
                    value = eval(
                        compile(ast.Expression(node.value), self.path.name, "eval"), self.names
                    )
                    comment = lines[node.end_lineno - 1][node.end_col_offset :].decode().strip(" #")
                    if is_value(comment) and repr(value) != comment:
                        told = ast.unparse(node)
                        self.wrong.append(f"{told} is {value!r}, and the page says {comment}")
        except Exception:
            self.wrong.append(f"{body}\n{traceback.format_exc(limit=-1)}")


def outcome(command: str) -> tuple[str, int]:
    """What a command prints in the current folder, as a terminal shows it, and its exit code."""
    out = io.StringIO()
    words = shlex.split(command, comments=True)
    settings = {"COLUMNS": str(WIDTH)}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        settings[name] = value
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    hook, sys.excepthook = sys.excepthook, sys.__excepthook__
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = run(words[1:])
    finally:
        sys.excepthook = hook
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    text = out.getvalue().replace(f"{ROOT}/", "").strip("\n")
    return "\n".join(line.rstrip() for line in text.split("\n")) + "\n" if text else "", code


def can_run(command: str) -> bool:
    """Whether the package that a command names is installed: not every environment has timm."""
    named = {"timm:": "timm", "hf:": "transformers"}
    return all(
        prefix not in command or importlib.util.find_spec(package)
        for prefix, package in named.items()
    )


def is_whole(words: list[str], page: Page) -> bool:
    """Whether a command within a sentence says everything; if not, only its flags are looked at."""
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None
    if re.search(r"(?<![\w,.=])[A-Z]{2,}\b|…", " ".join(words[1:])):
        words = [word for word in words if not re.search(r"[A-Z]{2,}", word)]
    try:
        command.make_context(words[0], words[1:])
    except click.MissingParameter:
        return False
    except click.UsageError as error:
        page.wrong.append(f"cnnshape {' '.join(words)}: {error.format_message()}")
        return False
    return len(words) > 1


def is_value(comment: str) -> bool:
    """Whether a comment is a value, and not a remark: ``(24, 30)``, but not ``typed``."""
    try:
        nodes = list(ast.walk(ast.parse(comment, mode="eval")))
    except SyntaxError:
        return False
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return all(id(node) in called for node in nodes if isinstance(node, ast.Name))


def same(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed, with lines left out where it says ``…``."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line + "\n")
        for line in comparable(shown).splitlines()
    )
    return bool(re.fullmatch(pattern, comparable(printed)))


def comparable(text: str) -> str:
    """Times and training differ from run to run, torch's own words from version to version."""
    text = re.sub(r"\d+(\.\d+)? m?s\b", "N ms", text)
    text = re.sub(r"^ +\d+/\d+ .*", "N/N …", text, flags=re.MULTILINE)
    text = re.sub(r"\d+\.\d\d % \(\d+/\d+\)", "N % (N/N)", text)
    return re.sub(r"RuntimeError: .*", "RuntimeError: …", text)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder with the files that pages take for granted."""
    shutil.copytree(GIVEN, folder, dirs_exist_ok=True)
    for place in (folder, folder / "docs"):
        place.mkdir(exist_ok=True)
        shutil.copy(ROOT / "docs" / "gallery_models.py", place)
    for picture in (folder / name for name in PICTURES):
        picture.parent.mkdir(parents=True, exist_ok=True)
        size = (400, 300) if picture.name == "photo.jpg" else (48, 48)
        Image.effect_noise(size, 60).convert("RGB").save(picture)
    here = Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        os.chdir(here)
        sys.path.remove(str(folder))
        sys.modules.pop("net", None)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, page in PAGES.items()
    ],
)
def test_the_page_shows_what_is_so(page: Path, tmp_path: Path) -> None:
    with inside(tmp_path):
        shown = Page(page)
        shown.run()
    assert not shown.wrong, "\n\n".join(shown.wrong)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_help_texts_can_be_typed(name: str, tmp_path: Path) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    lines = re.findall(r"(?:^|  )(cnnshape \w.*)", command.help or "", re.MULTILINE)
    assert lines
    shown = Page(tmp_path)
    for line in lines:
        typed = re.split(r" [|<>]|  ", line)[0]
        is_whole(shlex.split(typed, comments=True)[1:], shown)
    assert not shown.wrong


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```console\n$ cnnshape formula conv --input 28 --kernel 5\n25\n```\n", "= 24"),
        ("```console\n$ cnnshape formula conv --input 28 --kernel 5\n…\n  = 24\n```\n", ""),
        ("```sh\npip install cnnshape\n```\n", "nothing runs this"),
        ("<!-- not run: it installs -->\n```sh\npip install cnnshape\n```\n", ""),
        ("```sh\ncnnshape formula conv --input 5 --kernel 7\n```\n", "exit code 1"),
        ("```\ncnnshape formula conv\n```\n", "`console` or `sh`"),
        ("```python\n1 + 1  # 3\n1 + 1  # the sum\n```\n", "1 + 1 is 2"),
        ("`cnnshape formula conv --inputs 28` tells", "No such option"),
        ("`cnnshape formula conv --input 28 --kernel 99` tells", ""),
        ("`cnnshape inspect nothing` tells", "wrong usage"),
        ("`cnnshape inspect MODEL --depht 2` tells", "No such option"),
        ("<!-- not run: no such model --> `cnnshape inspect nothing` tells", ""),
    ],
)
def test_what_is_not_so_is_found(text: str, found: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    shown = Page(page)
    with inside(tmp_path):
        shown.run()
    assert len(shown.wrong) == bool(found)
    assert found in "".join(shown.wrong)


def main(names: list[str]) -> None:
    """Write the outputs of these pages anew, of all where none is named."""
    for page in [PAGES[name] for name in names] or PAGES.values():
        shown = Page(page)
        with tempfile.TemporaryDirectory() as folder, inside(Path(folder)):
            text = shown.run()
        page.write_text(text, encoding="utf-8")
        for wrong in shown.wrong:
            print(f"{page.name}: {wrong}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

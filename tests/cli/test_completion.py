"""Tab, in the shells themselves where they are installed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnshape.cli.main import run

NET = """
from torch import nn
raise SystemExit("Tab must not run this")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 2, 3)
        self.fc1 = nn.Linear(3, 4)

class Options:
    pass

def make(): return Net()
def other(width): return Net()
tiny = Net()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of code, `cnnshape` on the path, and a cache of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "cnnshape"
    root = Path(__file__).parents[2]
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m cnnshape "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    work = tmp_path / "work"
    work.mkdir()
    (work / "net.py").write_text(NET)
    monkeypatch.chdir(work)
    return work


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["completion", shell]) == 0
    return capsys.readouterr().out


def in_bash(source: str, line: str) -> list[str]:
    """What bash is offered, as it is when it takes a colon for the end of a word."""
    ask = f"""
{source}
compopt() {{ :; }}
COMP_LINE={_quoted(line)}
COMP_POINT=${{#COMP_LINE}}
_cnnshape_completion cnnshape
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.split()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_in_bash(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = script("bash", capsys)
    assert in_bash(source, "cnnshape insp") == ["inspect"]
    assert in_bash(source, "cnnshape inspect lenet-") == ["lenet-d2l", "lenet-nopad"]
    assert "torchvision:" in in_bash(source, "cnnshape draw ")
    assert in_bash(source, "cnnshape inspect net.py:") == ["Net", "make", "tiny"]
    assert in_bash(source, "cnnshape check net.py:Net --expect c") == ["conv1="]
    assert in_bash(source, "cnnshape inspect lenet --dev") == ["--device"]


def test_names_of_a_catalog_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = folder.parent / "cache" / "cnnshape"
    kept.mkdir(parents=True)
    from importlib.metadata import version

    file = kept / f"torchvision-{version('torchvision')}.json"
    file.write_text('["resnet18", "resnet34", "vgg16"]')
    source = script("bash", capsys)
    offered = in_bash(source, "cnnshape inspect torchvision:resnet")
    assert offered == ["resnet18", "resnet34"]


def test_layers_of_a_bundled_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = script("bash", capsys)
    line = "cnnshape draw lenet --only C"
    assert in_bash(source, line) == ["C1", "C2", "C3"]
    (file,) = (folder.parent / "cache" / "cnnshape").iterdir()
    file.write_text('["C7"]')  # a list that is there serves
    assert in_bash(source, line) == ["C7"]
    file.write_text("damaged")
    assert in_bash(source, line) == ["C1", "C2", "C3"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_in_fish(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "it.fish").write_text(script("fish", capsys))

    def offered(line: str) -> list[str]:
        ask = f"source it.fish; complete -C {_quoted(line)}"
        done = subprocess.run(["fish", "-c", ask], capture_output=True, text=True, check=True)
        return [one.split("\t")[0] for one in done.stdout.splitlines()]

    assert offered("cnnshape insp") == ["inspect"]
    assert offered("cnnshape inspect lenet-") == ["lenet-d2l", "lenet-nopad"]
    assert offered("cnnshape inspect net.py:N") == ["net.py:Net"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_in_zsh(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "it.zsh").write_text(script("zsh", capsys))
    typed = [
        "PS1='> '; autoload -Uz compinit; compinit -u -D; source ./it.zsh\n",
        "cnnshape inspect lenet-n\t",
        "\x15cnnshape inspect net.py:N\t",
        "\x15exit\n",
    ]
    shown = _in_terminal(["zsh", "-f", "-i"], typed, ["lenet-nopad", "net.py:Net"])
    assert "lenet-nopad" in shown
    assert "net.py:Net" in shown


def _in_terminal(command: list[str], typed: list[str], awaited: list[str]) -> str:
    """What a shell shows on a terminal of its own while this is typed."""
    child, descriptor = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    shown = ""
    try:
        _read(descriptor, lambda text: ">" in text or "%" in text)
        for number, keys in enumerate(typed):
            os.write(descriptor, keys.encode())
            word = awaited[number - 1] if 0 < number <= len(awaited) else "\0"
            last = number == len(typed) - 1
            shown += _read(descriptor, lambda text, word=word: word in text, 0.5 if last else 8)
    finally:
        os.close(descriptor)
        os.waitpid(child, 0)
    return shown


def _read(descriptor: int, enough: Callable[[str], bool], seconds: float = 8) -> str:
    """What comes until it is enough, or until nothing has come for a second after a prompt."""
    text, until = "", time.monotonic() + seconds
    while time.monotonic() < until and not enough(text):
        if not select.select([descriptor], [], [], 1)[0]:
            if text:
                break
            continue
        try:
            text += os.read(descriptor, 4096).decode(errors="replace")
        except OSError:  # the shell has gone
            break
    return text


def test_the_script_for_powershell(capsys: pytest.CaptureFixture[str]) -> None:
    from click.shell_completion import get_completion_class

    if get_completion_class("powershell") is None:
        assert run(["completion", "powershell"]) == 2
        assert "pip install --upgrade click" in capsys.readouterr().err
    else:
        assert "Register-ArgumentCompleter -Native -CommandName cnnshape" in script(
            "powershell", capsys
        )


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "tcsh"]) == 2
    assert "'bash', 'zsh', 'fish', 'powershell'" in capsys.readouterr().err


def test_no_shell_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1
    assert "bash, zsh, fish, powershell" in " ".join(said.split())

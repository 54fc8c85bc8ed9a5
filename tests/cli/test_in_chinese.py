"""With ``CNNSHAPE_LANG=zh`` what people read is Chinese; what scripts read stays as it is."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata

import pytest

from cnnshape.cli.main import COMMANDS, run

#: Of an English sentence; none of them is the name of something.
ENGLISH = re.compile(
    r"\b(The|This|With|the|of|are|is|has|have|which|that|this|these|its|with|and|instead|where|when|what|how|"
    r"every|given|does|not|was|were|from|unless|by)\b"
)
HELP = [[], *([name] for name in COMMANDS)]


@pytest.fixture
def zh(capsys, monkeypatch):
    def call(*arguments: str, language: str = "zh") -> tuple[int, str, str]:
        monkeypatch.setenv("CNNSHAPE_LANG", language)
        code = run(list(arguments))
        return code, *capsys.readouterr()

    return call


def cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def prose(text: str) -> str:
    """The lines that are no examples of commands."""
    return "\n".join(line for line in text.splitlines() if not re.search(r"cnnshape \w", line))


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help_is_chinese(zh, command):
    code, out, _ = zh(*command, "--help")
    assert code == 0
    assert not ENGLISH.search(prose(out))
    assert "显示这段说明，然后退出。" in out


@pytest.mark.parametrize("command", HELP, ids=" ".join)
def test_help_has_every_flag_and_every_command_line_of_the_english(zh, command):
    chinese = zh(*command, "--help")[1]
    english = zh(*command, "--help", language="en")[1]
    flags = re.compile(r"(?<![\w-])--?[a-z][\w-]*|^ +cnnshape \w[^\[\n]*?(?=  |\[|$)", re.MULTILINE)
    found = [{code.strip() for code in flags.findall(text)} for text in (english, chinese)]
    assert found[0] == found[1]


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("command", ["formula", "train", "inspect"])
def test_help_fits_and_its_columns_stand_below_each_other(zh, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = zh(command, "--help")[1]
    room = min(columns, 100) - 2
    told = [line for line in prose(out).splitlines() if re.search("(?!列)[一-鿿]", line)]
    assert all(cells(line) <= room for line in told)
    for section in out.split("\n\n")[1:]:
        beside = re.finditer(r"^  (?:-\w, )?--\S+.*?  +(?=[一-鿿])", section, re.MULTILINE)
        assert len({cells(found[0]) for found in beside}) <= 1


def test_the_default_that_click_adds_is_chinese_as_well(zh):
    assert "[默认：auto]" in zh("inspect", "--help")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["inspct"], "错误：没有命令 'inspct'；是不是想写 inspect？（见 cnnshape --help）"),
        (["inspect"], "错误：缺少参数 'MODEL'（见 cnnshape inspect --help）"),
        (["inspect", "lenet", "--nope"], "错误：没有选项 '--nope'"),
        (["inspect", "lenet", "-d", "x"], "错误：'-d' / '--depth' 的值不对：'x' 不是整数"),
        (["formula", "conv", "--input"], "错误：选项 '--input' 后面要有一个值"),
        (["completion", "ksh"], "的值不对：'ksh' 不在可选的值里：'bash', 'zsh'"),
    ],
)
def test_usage_errors(zh, arguments, sentence):
    code, out, err = zh(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err


def test_an_unknown_language_is_english(zh):
    assert zh("--help", language="tlh") == zh("--help", language="en")
    assert "Usage: cnnshape" in zh("--help", language="tlh")[1]


SYSTEM = {"LANG": "zh_CN.UTF-8", "CNNSHAPE_LANG": "", "LC_ALL": "", "LC_MESSAGES": ""}


def test_the_language_of_the_system_does_not_reach_a_pipe(monkeypatch):
    for name, value in SYSTEM.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "cnnshape", "formula", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout.startswith("Usage: ")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_the_language_of_the_system_counts_on_a_terminal(monkeypatch):
    import os
    import pty

    for name, value in SYSTEM.items():
        monkeypatch.setenv(name, value)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "cnnshape", "formula", "--help"]
    with subprocess.Popen(command, stdout=slave, stderr=slave) as process:
        os.close(slave)
        said = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            said += part
    os.close(master)
    assert process.returncode == 0
    assert said.decode().startswith("用法：cnnshape formula [选项]")

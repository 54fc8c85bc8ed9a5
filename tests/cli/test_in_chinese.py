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


@pytest.mark.parametrize(
    ("formula", "code", "verdict"),
    [
        ("(W - D*(F - 1) - 1 + 2P)//S + 1", 0, "正确：这正是这一层给出的尺寸（已用代数证明）"),
        ("(W - D*(F - 1) - 1 + 2P)/S + 1", 1, "需要取整：向下取整后处处正确，框架也是这样取整的"),
        ("(W - F + 2P)/S + 1", 1, "有条件：当 dilation=1 时，向下取整后正确"),
        ("W*F", 1, "错误：没有简单的条件能使它正确"),
    ],
)
def test_each_verdict(zh, formula, code, verdict):
    found, out, _ = zh("formula", "conv", formula)
    assert (found, out.splitlines()[2]) == (code, verdict)
    assert not ENGLISH.search(out)


def test_a_counterexample(zh):
    out = zh("formula", "conv", "W - F + 1")[1]
    assert "最小的反例：" in out
    assert "公式给出 1，这一层给出 3" in out  # 1 + 2·1 − 0 by the rule
    assert "正确的：⌊(W + 2P" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("conv --input 3 --kernel 5", "错误：kernel 5 放不进 3 + 2·0\n"),
        ("conv --input 3x9 --kernel 5", "错误：高方向：kernel 5 放不进 3 + 2·0\n"),
        ("pad --input 3 --before 4 --after 0 --mode reflect",
         "错误：反射填充 4 放不进 3：它必须小于输入\n"),
        ("glu --input 5", "错误：glu 把一个维度减半，而 5 是奇数\n"),
    ],
)  # fmt: skip
def test_why_a_size_is_impossible(zh, arguments, sentence):
    assert zh("formula", *arguments.split()) == (1, "", sentence)


def test_answers(zh):
    solve = ("formula", "conv", "--input", "28", "--output", "28", "--solve", "padding")
    assert "在 padding 0…64 中有 1 个解" in zh(*solve, "--kernel", "5")[1]
    code, out, _ = zh(*solve, "--kernel", "4")
    assert code == 1
    assert "没有 padding 能给出 28" in out
    assert "kernel 4 一共要补 3，是奇数" in out


CHECK = ("check", "lenet", "--expect", "C1=1,6,24,24", "--max-params", "70k")


def test_the_words_that_scripts_read_are_those_of_english(zh):
    code, out, _ = zh(*CHECK)
    same, english, _ = zh(*CHECK, language="en")
    assert code == same == 1
    columns = [[line.split()[:3] for line in text.splitlines()[:-1]] for text in (out, english)]
    assert [row for row in columns[0] if row[0] != "info"] == [
        row for row in columns[1] if row[0] != "info"
    ]
    assert "1×6×28×28，期望的是 1×6×24×24" in out
    assert "61,706，不超过 70,000" in out
    assert out.endswith(" ok，1 条失败\n")


def test_the_footer_of_a_table(zh):
    code, out, err = zh("inspect", "lenet")
    assert (code, err) == (0, "")
    assert "61,706 个参数（241 KiB） · 416,520 次乘加 · 7 个尺寸中有 7 个与公式相符" in out
    assert not ENGLISH.search(out)


@pytest.mark.parametrize(
    "arguments",
    [
        "formula conv (W-F+2P)/S+1 -f json",
        "check lenet --expect C1=1,6,24,24 -f json",
        "check lenet --expect C1=1,6,24,24 -f github",
        "compare lenet lenet-nopad -f json",
        "compare lenet lenet-nopad -f markdown",
        "inspect lenet -f csv",
        "inspect lenet -f markdown",
        "params lenet -f markdown",
    ],
)
def test_data_are_the_same_in_every_language(zh, arguments):
    def told(language):
        code, out, _ = zh(*arguments.split(), language=language)
        return code, re.sub(r'"(seconds|created|time_ms)": [^,\n]+|[\d.]+ m?s ', "", out)

    assert told("zh") == told("en")


def test_what_is_written_to_a_file_is_english(zh, tmp_path):
    texts = []
    for language in ("zh", "en"):
        zh("formula", "conv", "W - F + 1", "-o", str(tmp_path / "conv.txt"), language=language)
        zh(*CHECK, "-o", str(tmp_path / "check.txt"), "-f", "table", language=language)
        texts.append([(tmp_path / name).read_text() for name in ("conv.txt", "check.txt")])
    assert texts[0] == texts[1]
    assert "the layer gives" in texts[0][0]


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

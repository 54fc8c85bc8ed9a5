"""``cnnshape sizes`` and ``inspect`` with letters, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cnnshape.cli.main import run


def cnnshape(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_lenet_in_words(capsys: pytest.CaptureFixture[str]):
    code, out, err = cnnshape(capsys, "sizes", "lenet", "-i", "1,1,H,W", "--range", "1:64")
    assert code == 0
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "LeNet   input 1×1×H×W"
    assert "  H: 28…31" in lines
    assert "  W: 28…31" in lines
    assert "tested: every size of H and of W from 1 to 64" in out


def test_tied_sizes_in_words(capsys: pytest.CaptureFixture[str]):
    _, out, _ = cnnshape(capsys, "sizes", "lenet-nopad", "-i", "1,1,H,W", "--range", "1:100")
    assert "  together: 16·(H//4 − 3)·(W//4 − 3) = 256" in out.splitlines()
    assert "for example H = 28, W = 28; H = 16, W = 76" in out


def test_json(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    file = tmp_path / "sizes.json"
    code, out, err = cnnshape(
        capsys, "sizes", "lenet", "-i", "1,1,H,28", "--range", "20:40", "-o", str(file)
    )
    assert (code, out) == (0, "")
    assert f"wrote {file}" in err
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["letters"] == {"H": {"ranges": [[28, 31]], "multiple_of": 1}}
    assert (data["joint"], data["tested"]) == (None, [20, 40])


def test_why(capsys: pytest.CaptureFixture[str]):
    _, out, _ = cnnshape(capsys, "sizes", "lenet", "-i", "1,1,H,28", "--range", "20:40", "--why")
    assert "✗ H = 27 is refused by C3 (Conv2d)" in out
    assert "✗ H = 32 is refused by F4 (Linear)" in out
    assert "lenet.py:57  x = self.R3(self.C3(x))" in out


def test_fit(capsys: pytest.CaptureFixture[str]):
    code, out, _ = cnnshape(
        capsys, "sizes", "lenet", "-i", "1,1,H,W", "--range", "26:33", "--fit", "64x64"
    )
    assert code == 0
    assert "✗ H = 64, W = 64 is not accepted" in out
    assert "· F4 = nn.Linear(in_features=12000, out_features=84)" in out


#: More digits than Python reads as a number.
NINES = "9" * 5000


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("lenet",), 2, "sizes needs an input with letters for what may vary: -i 1,1,H,W"),
        (("lenet", "-i", "1,1,28,28"), 2, "sizes needs letters for what may vary"),
        (("lenet", "-i", "1,1,H,W", "--range", "1-256"), 2, "--range 1-256: give LOW:HIGH"),
        (("lenet", "-i", "1,1,H,W", "--range", "9:3"), 2, "the range 9:3 is empty"),
        (("lenet", "-i", "1,1,H,W", "--range", "50:60"), 1, "accepts no H and W from 50 to 60"),
        (("lenet", "-i", "1,1,H,W", "-o", "x.csv"), 2, "csv"),
        (
            ("lenet", "-i", "1,1,H,W", "--range", f"1:{NINES}"),
            2,
            f"--range 1:{'9' * 38}…: sizes have at most 18 digits",
        ),
        (("lenet", "-i", "1,1,H,W", "--range", "1:200000"), 2, "at most 100,000 sizes"),
        (("lenet", "-i", "1,1,H,W", "--fit", NINES), 2, "of up to nine digits"),
        (("lenet", "-i", "9223372036854775807,1,H,W"), 2, "more bytes than torch can count"),
        (("nope", "-i", "1,1,H,W"), 2, "unknown model 'nope'"),
    ],
)
def test_bad_requests(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
):
    got, out, err = cnnshape(capsys, "sizes", *arguments)
    assert got == code
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_inspect_with_letters(capsys: pytest.CaptureFixture[str]):
    code, out, _ = cnnshape(capsys, "inspect", "lenet", "-i", "N,1,H,W")
    assert code == 0
    assert "120×(H//4 − 6)×(W//4 − 6)" in out
    assert "needs 120·(H//4 − 6)·(W//4 − 6) = 120" in out


def test_inspect_in_latex(capsys: pytest.CaptureFixture[str]):
    _, out, _ = cnnshape(capsys, "inspect", "lenet", "-i", "N,1,H,W", "-f", "latex")
    assert r"\lfloor H/2 \rfloor - 4" in out


def test_inspect_refuses_a_letter_for_the_channels(capsys: pytest.CaptureFixture[str]):
    code, _, err = cnnshape(capsys, "inspect", "lenet", "-i", "N,C,H,W")
    assert code == 2
    assert "C can only be 1: C1 (Conv2d) takes 1 channel; write -i N,1,H,W" in err


def test_measured_receptive_fields(capsys: pytest.CaptureFixture[str]):
    code, out, _ = cnnshape(capsys, "inspect", "lenet", "--receptive-field", "measured")
    assert code == 0
    assert "receptive fields measured by gradients: 5 equal, 0 different, 1 inconclusive" in out


def test_a_field_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    file = tmp_path / "field.svg"
    code, _, err = cnnshape(capsys, "draw", "lenet", "--field", "C2[4,4]", "-o", str(file))
    assert code == 0
    assert "C2[4, 4] depends on 14×14 pixels: rows 6…19, columns 6…19" in err
    assert "<svg" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--field", "C2[4,4]"), "--field is drawn into a file"),
        (("--field", "C2[4,4]", "-o", "x.mmd"), "use .svg, .png or .pdf"),
        (("--field", "C2", "-o", "x.png"), "give a layer and a unit, as in C2[4,4]"),
        (
            ("--field", "C2[4,4]", "-o", "x.png", "--theme", "dark"),
            "--theme shapes a diagram: leave it out beside --field",
        ),
        (("--image", __file__, "-o", "x.png"), "--image goes with --field"),
        (("--field", "C2[4,4]", "--image", __file__, "-o", "x.png"), "is not a picture"),
    ],
)
def test_fields_that_cannot_be_drawn(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
):
    code, _, err = cnnshape(capsys, "draw", "lenet", *arguments)
    assert code == 2
    assert words in err

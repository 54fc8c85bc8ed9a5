"""The page about the zoos, from lines that were written by hand."""

from __future__ import annotations

from tests.zoo.report import page
from tests.zoo.summary import summary

KNOWN = {"package": "timm 1.0", "torch": "2.14", "seconds": 0.5, "error": None, "ok": True}
JUDGED = {"params_exact": True, "columns_add_up": True, "match": 1500, "mismatch": 0}
LINES = [
    {
        **KNOWN,
        **JUDGED,
        "name": "a",
        "way": "eval",
        "macs": 7,
        "macs_counted": 7,
        "date": "2026-01-02",
    },
    {
        **KNOWN,
        **JUDGED,
        "name": "b",
        "way": "eval",
        "macs": 7,
        "macs_counted": 8,
        "date": "2026-01-05",
    },
    {
        **KNOWN,
        **JUDGED,
        "name": "c",
        "way": "eval",
        "macs": None,
        "macs_counted": None,
        "columns_add_up": None,
    },
    {
        **KNOWN,
        **JUDGED,
        "name": "d",
        "way": "eval",
        "macs": 7,
        "macs_counted": None,
        "params_exact": False,
    },
    {
        **KNOWN,
        "name": "e",
        "way": "eval",
        "ok": False,
        "error": "took longer\nthan 5 s | *",
        "seconds": None,
    },
    {**KNOWN, "name": "a", "way": "letters", "mismatch": 1, "wrong": ["fc (H), 3"]},
    {**KNOWN, "name": "b", "way": "letters", "mismatch": 0},
    {"name": "f", "way": "svg", "package": "other 2.0", "ok": True, "seconds": 1.0, "error": None},
]


def test_what_is_right_of_how_many():
    text = page(LINES)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[2:5] == [
        "| other 2.0 | – | – | – | 1 of 1 | 0 | – | – |",
        "| timm 1.0 | 3 of 5 | – | 1 of 2 | – | 6,000 | 2.14 | 2026-01-02 to 2026-01-05 |",
        "| **together** | 3 of 5 | – | 1 of 2 | 1 of 1 | 6,000 | 2.14 | 2026-01-02 to 2026-01-05 |",
    ]
    assert rows[7:] == [
        "| `a` | sizes in letters | fc (H), 3 |",
        "| `d` | eval | parameters |",
        "| `e` | eval | took longer than 5 s \\| \\* |",
    ]
    assert "Of the 4 models that run in eval mode" in text
    assert [
        line[:6] for line in text.splitlines() if line.startswith("* ") and line[2].isdigit()
    ] == [
        "* 1 eq",
        "* 1 di",
        "* 1 ar",
        "* 1 ar",
    ]


def test_a_later_line_counts():
    again = {**LINES[4], "ok": True, "error": None, **JUDGED, "macs": 1, "macs_counted": 1}
    assert "| timm 1.0 | 4 of 5 |" in page([*LINES, again])


def test_a_line_that_was_lost_is_summed_up():
    assert "failed: 1\n  e: None s took longer" in summary(LINES)

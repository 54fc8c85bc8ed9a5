"""Sentences that are English for programs and whatever the reader speaks for readers."""

from __future__ import annotations

import copy
import io
import json
import pickle
import sys

import pytest

from cnnshape.messages import Said, joined, readers_language, say, translated
from cnnshape.words import counted, listed, ordinal, plural, with_article


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def no_language(monkeypatch):
    for name in ("CNNSHAPE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "c"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "CNNSHAPE_LANG": "en"}, "en"),
        ({"CNNSHAPE_LANG": "ZH-hans"}, "zh"),
    ],
)
def test_on_a_terminal_the_system_speaks(no_language, asked, language):
    for name, value in asked.items():
        no_language.setenv(name, value)
    no_language.setattr(sys, "stdout", Terminal())
    assert readers_language() == language


def test_in_a_pipe_only_what_is_asked_for_counts(no_language):
    no_language.setenv("LANG", "zh_CN.UTF-8")
    no_language.setattr(sys, "stdout", io.StringIO())
    assert readers_language() == "en"
    no_language.setenv("CNNSHAPE_LANG", "zh")
    assert readers_language() == "zh"


def test_no_standard_output_is_no_terminal(no_language):
    no_language.setenv("LANG", "zh_CN.UTF-8")
    no_language.setattr(sys, "stdout", None)
    assert readers_language() == "en"


@pytest.mark.parametrize("language", ["en", "c", "tlh", "../zh", "de"])
def test_an_unknown_language_is_english(language):
    assert translated(plural(2, "channel"), language) == "2 channels"


def test_words_are_translated_with_what_is_inside():
    two = joined("; ", ("conv1", plural(2, "channel"), say("{nth} call", nth=ordinal(3))))
    assert two == "conv1; 2 channels; 3rd call"
    assert translated(two, "zh") == "conv1; 2 个通道; 第 3 次调用"
    assert translated("in " + counted(1200, "dimension"), "zh") == "in 1,200 个维度"
    assert translated(listed(["a", "b", "c"], "or"), "zh") == "a、b 或 c"
    assert translated(with_article("LSTM"), "zh") == "LSTM"


def test_chinese_has_no_spaces_between_words_and_beside_marks():
    call = say("{name} ({nth} call)", name="pool", nth=ordinal(2))
    assert translated(joined(" ", (call, "24/2 = 12")), "zh") == "pool（第 2 次调用）24/2 = 12"
    sides = listed([say("height"), say("width")])
    assert translated(say("{nth} call", nth=sides), "zh") == "第高和宽次调用"


def test_values_are_no_templates():
    sentence = say("{nth} call", nth="{0} {x} {")
    assert sentence == "{0} {x} { call"
    assert translated(sentence, "zh") == "第 {0} {x} { 次调用"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda said: pickle.loads(pickle.dumps(said))])
def test_a_copy_speaks_too(again):
    said = again("no " + say("{nth} call", nth=ordinal(2)))
    assert isinstance(said, Said)
    assert translated(said, "zh") == "no 第 2 次调用"


def test_programs_read_english(monkeypatch):
    monkeypatch.setenv("CNNSHAPE_LANG", "zh")
    assert json.dumps({"said": plural(2, "channel")}) == '{"said": "2 channels"}'
    assert f"{plural(2, 'channel')}" == str(plural(2, "channel")) == "2 channels"

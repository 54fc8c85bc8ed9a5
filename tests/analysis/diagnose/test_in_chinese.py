"""Every diagnosis in Chinese: no English between the names, and nothing of what it says is lost."""

from __future__ import annotations

import copy
import json
import re

import pytest
import torch

import cnnshape
from cnnshape.analysis.diagnose.diagnosis import KINDS
from cnnshape.analysis.report import ErrorReport
from cnnshape.messages import Said, say, translated
from cnnshape.rendering import failure
from cnnshape.words import plural
from tests.analysis.diagnose import (  # noqa: F401 - they register their cases
    calls,
    intentions,
    layers,
    names,
    operations,
    pictures,
    questions,
    sequences,
)
from tests.analysis.diagnose.case import CASES
from tests.analysis.diagnose.test_building import LAYERS, built
from tests.analysis.diagnose.test_docs import BLOCK, page, printed
from tests.analysis.diagnose.test_every_operation import SHAPES, error_of
from tests.analysis.diagnose.test_names import CORRECTED
from tests.analysis.diagnose.test_names import error_of as named

#: English words that are neither in Python nor names in code.
_ENGLISH = re.compile(
    r"(?<![\w.'\"])(the|of|an|are|has|have|had|gives?|gets|takes|expects|needs|wants|but|which|"
    r"that|its|it|their|them|they|there|was|were|be|been|by|on|into|than|then|when|so|"
    r"since|instead|only|both|either|each|every|no|more|another|also|does|do|did|must|cannot|"
    r"arrives?|comes?|fits?|differ|work|works|make|makes|here|after|before|without|"
    r"dimensions?|channels?|tensors?|numbers?|arguments?|columns?|height|depth)"
    r"(?![\w.(\[='\"])"
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: What stands in quotation marks or in brackets of code is somebody's own.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
#: Sizes, numbers and names that can be told from English words.
_FACTS = re.compile(
    r"\d+(?:×\d+)*|\b[A-Za-z]+(?:×[A-Za-z0-9]+)+|\b\w*[a-z][._]\w+|\b[A-Z]\w*[A-Z]\w*"
)


def texts(error):
    """All that is said about an error, but what torch and the model say themselves."""
    yield failure.headline(error, error.type)
    yield from error.derivation
    for suggestion in error.suggestions:
        yield failure.correction(suggestion)
        yield from failure.further_changes(suggestion)


def english(text):
    """The English words in a text that are neither code nor names."""
    return [word[0] for word in _ENGLISH.finditer(_QUOTED.sub("", text))]


def wrong(error):
    """What is not as it should be in Chinese."""
    for text in texts(error):
        chinese = translated(text, "zh")
        bare = _QUOTED.sub("", _without_message(chinese, error.message))
        yield from (f"{word[0]!r} in {chinese}" for word in _ENGLISH.finditer(bare))
        if _ENGLISH.search(_QUOTED.sub("", text)) and not _CHINESE.search(bare):
            yield f"no Chinese in {chinese}"
        facts = set(_FACTS.findall(re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text)))
        yield from (f"{fact} is not in {chinese}" for fact in facts if fact not in chinese)


def _without_message(chinese, message):
    """What torch or the model says comes last, shortened maybe."""
    before, colon, last = chinese.rpartition("：")
    quoted = bool(colon) and last[:20].lower() in message.lower()
    return before if quoted else chinese.replace(message, "")


def judge(error):
    assert error is not None
    found = list(wrong(error))
    assert not found, found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_broken_model(case, monkeypatch):
    said = {}
    for language in ("en", "zh"):
        monkeypatch.setenv("CNNSHAPE_LANG", language)
        torch.manual_seed(0)
        model, inputs = case.build().train(case.mode == "train"), copy.deepcopy(case.inputs)
        error = cnnshape.explain_error(model, *inputs, **case.keywords).error
        judge(error)
        said[language] = json.dumps(error.to_dict())
    assert said["en"] == said["zh"]


@pytest.mark.parametrize("kind", KINDS)
def test_page(kind, tmp_path, monkeypatch):
    shown, error_lines = [], failure.error_lines

    def watched(error, *rest):
        shown.append(error)
        return error_lines(error, *rest)

    _, example, _ = BLOCK.findall(page("en", kind))
    if "from PIL" in example:
        pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(failure, "error_lines", watched)
    printed(example.removeprefix("```python\n").removesuffix("```\n"))
    assert shown
    for error in shown:
        judge(error)


@pytest.mark.parametrize(("function", "inputs", "kind", "said"), SHAPES)
def test_operation(function, inputs, kind, said):
    judge(error_of(function, *inputs))


@pytest.mark.parametrize(("build", "kind", "said"), CORRECTED, ids=lambda item: str(item)[:30])
def test_name(build, kind, said):
    judge(named(build(), torch.zeros(2, 8)))


@pytest.mark.parametrize(("make", "kind", "said", "lines"), LAYERS)
def test_model_that_cannot_be_built(make, kind, said, lines):
    judge(built(make))


def test_the_judge_sees_english():
    def found(diagnosis):
        return list(wrong(ErrorReport("fc", "Linear", None, "", "ValueError", diagnosis=diagnosis)))

    assert found("fc expects 4 features") == [
        "'expects' in fc expects 4 features",
        "no Chinese in fc expects 4 features",
    ]
    assert not found(say("{name} gives {made}", name="fc", made=plural(4, "feature")))
    lost = Said("fc gives 4 features", "{name} gives {made}", {"name": "fc", "made": "x"})
    assert found(lost) == ["4 is not in fc 给出 x"]

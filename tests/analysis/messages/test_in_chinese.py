"""What is read from a pasted message in Chinese: no English left, and no number lost."""

from __future__ import annotations

import re

import pytest

from cnnshape.analysis.messages.explain_text import ROWS, explain_text
from tests.analysis.diagnose.test_in_chinese import wrong
from tests.analysis.messages.test_provoked import CALLS
from tests.analysis.messages.test_words import DOCS

_FENCE = re.compile(r"```text\n(.+?)```", re.DOTALL)
PAGES = sorted({row.kind for row in ROWS})


@pytest.mark.parametrize("kind", PAGES)
def test_the_wordings_of_the_pages(kind):
    page = (DOCS / f"{kind}.md").read_text(encoding="utf-8")
    for wording in _FENCE.search(page)[1].splitlines():
        found = explain_text(wording)
        if found is not None:
            assert not list(wrong(found))


@pytest.mark.parametrize(("kind", "said", "call"), CALLS)
def test_a_message_of_torch(kind, said, call):
    with pytest.raises(Exception) as raised:  # whatever torch raises
        call()
    error = raised.value
    found = explain_text(f"{type(error).__name__}: {error}")
    assert found is None or not list(wrong(found))

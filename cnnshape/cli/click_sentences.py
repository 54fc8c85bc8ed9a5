"""Click's own sentences, which remember how they were made.

Click asks the gettext of the whole process for another language, which is not ours to change; so
its English is read again.

>>> from cnnshape.messages import translated
>>> translated(remembered("missing argument 'MODEL'"), "zh")
"缺少参数 'MODEL'"
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import Formatter

from cnnshape.messages import Said

_Sentence = tuple[re.Pattern[str], str]


def click_says(templates: Iterable[str]) -> tuple[_Sentence, ...]:
    """Templates, each with what recognises a text that was made of it."""
    return tuple((re.compile(_pattern(template), re.DOTALL), template) for template in templates)


def _pattern(template: str) -> str:
    return "".join(
        re.escape(text) + (f"(?P<{place}>.+)" if place else "")
        for text, place, _, _ in Formatter().parse(template)
    )


#: As Click 8.1 to 8.5 say them, the first letter small, without the last full stop.
_SENTENCES = click_says(
    (
        "no such option {option}. Did you mean {other}?",
        "no such option {option} Did you mean {other}?",
        "no such option {option}. (Did you mean one of: {others}?)",
        "no such option {option} (Possible options: {others})",
        "no such option: {option} Did you mean {other}?",
        "no such option: {option} (Possible options: {others})",
        "no such option: {option}",
        "no such option {option}",
        "option {option} does not take a value",
        "option {option} requires an argument",
        "option {option} requires {number} arguments",
        "missing argument {argument}. Choose from: {choices}",
        "missing argument {argument}",
        "missing option {option}. Choose from: {choices}",
        "missing option {option}",
        "missing command",
        "got unexpected extra argument ({argument})",
        "got unexpected extra arguments ({arguments})",
        "invalid value for {argument}: {reason}",
        "invalid value: {reason}",
        "{value} is not one of {choices}",
        "{value} is not a valid integer range",
        "{value} is not a valid integer",
        "{value} is not a valid float range",
        "{value} is not a valid float",
        "{value} is not in the range {range}",
        "File {file} does not exist",
        "File {file} is a directory",
        "File {file} is not readable",
        "File {file} is not writable",
        "Directory {file} does not exist",
        "Directory {file} is a file",
        "Path {file} does not exist",
        "could not open file {file}: {reason}",
        "default: {default}",
        "required",
    )
)


def remembered(text: str) -> str:
    """A sentence of Click with its template and values; any other text as it is."""
    if isinstance(text, Said):
        return text
    for pattern, template in _SENTENCES:
        found = pattern.fullmatch(text)
        if found:
            values = {name: remembered(value) for name, value in found.groupdict().items()}
            return Said(text, template, values)
    return text

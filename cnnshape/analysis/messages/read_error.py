"""Errors in a text: exception, message, and the lines of code that it came through.

Reads what Python, IPython and Jupyter (old and new), pytest and rich write, also behind the
prefixes of a log, in colours, and with the line ends of Windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of code that an exception passed through.

    Attributes:
        code: the line as the text shows it; empty where it does not.
        marked: the part of it that carets mark.
    """

    file: str
    line: int
    function: str = ""
    code: str = ""
    marked: str = ""


@dataclass(frozen=True, slots=True)
class ToldError:
    """An exception as a text tells of it, with its frames, outermost first.

    ``rest`` are the lines below the message's first: it may go on there.
    """

    exception: str
    message: str
    frames: tuple[Frame, ...] = ()
    rest: tuple[str, ...] = ()


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
#: No line that matters is longer.
_LONGEST = 2_000
_MOST_FRAMES = 1_000
_MOST_REST = 6

_FILE = r"(?P<file>[^\s:|│][^:|│]*?)"
_FUNCTION = r"(?P<function>[\w.]+|<[\w ]+>)"
#: A line that names a file and a line, by who writes it so.
_HEADINGS = tuple(
    re.compile(pattern)
    for pattern in (
        # Python, with whatever a log puts before it
        r'^(?P<prefix>.*?)\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$',
        # Jupyter
        r"^(?P<file>Cell In ?\[\d+\]), line (?P<line>\d+)(?:, in " + _FUNCTION + r"\(.*)?$",
        r"^(?:File )?(?P<file>Input In \[\d+\]|\S.*?):?(?P<line>\d+)?, in " + _FUNCTION + r"\(.*$",
        # Jupyter in former years, and Colab
        r"^(?P<file>\S+) in " + _FUNCTION + r"\(.*\)$",
        # pytest, between the calls
        r"^(?P<file>\S+\.py):(?P<line>\d+): in " + _FUNCTION + r"$",
        # rich, whose box is taken off before
        r"^(?P<file>\S+\.py):(?P<line>\d+) in(?: " + _FUNCTION + r")?$",
    )
)
#: The line below the code of a call in pytest's long form; the last one names the exception.
_PYTEST_BELOW = re.compile(r"^(?P<file>\S+\.py):(?P<line>\d+): ?(?P<exception>[\w.]*)$")
#: `---> 12 code`, `❱ 12 │ code`.
_ARROW = re.compile(r"^\s*(?:-+>|❱)\s*(?P<line>\d+)\s?(?:│\s?)?(?P<code>.*)$")
_PYTEST_CODE = re.compile(r"^>\s+(?P<code>.+)$")
_DEF = re.compile(r"^\s+def (?P<function>\w+)\(")
_CARETS = re.compile(r"^\s*[~^]+\s*$")
_WORD = re.compile(r"^(?:\w+|<[\w ]+>)$")
_NAME = r"(?P<exception>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt))"
_EXCEPTION = re.compile(rf"^{_NAME}(?::\s*(?P<message>.*))?$")
#: In the midst of a line of a log; `except ValueError: …` is code and no exception.
_LOGGED = re.compile(rf"(?<!except )(?<!raise )(?<![\w.('\"]){_NAME}: (?P<message>\S.*)$")
#: Where a traceback begins. (Jupyter's heading also names the exception.)
_BEGINNING = re.compile(r"Traceback \(most recent call last\)")
#: Above the lines of the model, below an error of ``torch.compile``.
_USER_CODE = "from user code:"
_INNER = re.compile(r"\bgot (?P<exception>\w+)\((?P<quote>['\"])(?P<message>.*?)(?P=quote)\)")
#: What our own pytest plugin says below a test: it tells the error once more, in other words.
_OURS = re.compile(r"^-+ cnnshape explain -+\n(?:(?![-=]{3,}).*\n?)*", re.MULTILINE)
_PYTEST_SUMMARY = re.compile(r"^(FAILED|ERROR) \S+")


def clean(text: str) -> str:
    r"""The text without colours, boxes' corners and foreign line ends.

    >>> clean("\x1b[31mRuntimeError\x1b[0m: x\r\n")
    'RuntimeError: x\n'
    """
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.replace("\0", "").replace("\ufeff", "")


def errors_in(text: str) -> list[ToldError]:
    r"""Every exception that a text tells of, in its order.

    >>> [found] = errors_in(
    ...     'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    g(x)\n'
    ...     "ValueError: no\n"
    ... )
    >>> found.exception, found.message, found.frames[0].code
    ('ValueError', 'no', 'g(x)')
    """
    reader = _Reader()
    for line in _OURS.sub("", clean(text)).split("\n"):
        reader.read(_unboxed(line[:_LONGEST].rstrip()))
    reader.read("")
    return reader.errors


def _unboxed(line: str) -> str:
    """A line inside the box that rich draws around a traceback."""
    if line.startswith(("│", "|")) and line.endswith(("│", "|")) and len(line) > 1:
        return line[1:-1].strip()
    return line


class _Reader:
    """Goes through the lines once, and remembers what the lines before were."""

    def __init__(self) -> None:
        self.errors: list[ToldError] = []
        self._frames: list[Frame] = []
        self._prefix = ""
        self._expects_code = False
        self._code_line = ""
        self._marked = ""
        self._function = ""
        self._open = False
        self._compiled: ToldError | None = None

    def read(self, line: str) -> None:
        """One line more."""
        line = self._unprefixed(line)
        if self._compiled is not None and not line.strip():
            self.errors.append(_of_compiled(self._compiled, tuple(self._frames)))
            self._frames, self._compiled = [], None
        elif line.strip() == _USER_CODE and self.errors:
            # What the compiler's own frames are good for, these are better.
            self._compiled, self._frames, self._open = self.errors.pop(), [], False
        elif _BEGINNING.search(line):
            self._begin(line)
        elif not (self._heading(line) or self._code(line) or self._exception(line)):
            self._further(line)

    def _unprefixed(self, line: str) -> str:
        """Without what a log puts before every line of the traceback: ``[rank0]: ``, a time."""
        length = len(self._prefix)
        alike = length and _digitless(line[:length]) == _digitless(self._prefix)
        return line[length:] if alike else line

    def _begin(self, line: str) -> None:
        before = _BEGINNING.split(line)[0]
        jupyter = re.match(r"^[\w.]+\s+$", before)  # it names the exception there
        prefix = "" if jupyter or before.strip() in ("", "Original", "+", "|") else before
        self._prefix = prefix or self._prefix if before.strip() == "" else prefix
        self._frames, self._expects_code, self._open = [], False, False

    def _heading(self, line: str) -> bool:
        below = _PYTEST_BELOW.match(line)
        if below is not None:
            self._pytest_frame(below)
            return True
        for style, pattern in enumerate(_HEADINGS):
            found = pattern.match(line)
            if found is None or (style == 2 and not _looks_like_a_file(found)):
                continue
            named = found.groupdict()
            if named.get("prefix"):
                self._prefix = named["prefix"] + " "
            line_number = int(named.get("line") or 0)
            self._add(Frame(named["file"], line_number, named.get("function") or ""))
            self._expects_code = style in (0, 4)
            return True
        # rich breaks the line before the function where it is long.
        if self._frames and not self._frames[-1].function and _WORD.match(line):
            self._frames[-1] = replace(self._frames[-1], function=line)
            return True
        return False

    def _add(self, frame: Frame) -> None:
        if self._open:
            self._frames, self._open = [], False
        del self._frames[: -_MOST_FRAMES + 1]
        self._frames.append(frame)

    def _pytest_frame(self, found: re.Match[str]) -> None:
        """In the long form the place stands below the code, the last one below the message."""
        place = found["file"], int(found["line"])
        frame = Frame(*place, self._function, self._code_line.strip(), self._marked)
        last = self.errors[-1] if self.errors else None
        if found["exception"] and last is not None and self._open:
            self.errors[-1] = replace(last, frames=(*last.frames, frame))
        else:
            self._add(frame)
        self._code_line = self._marked = ""

    def _code(self, line: str) -> bool:
        if self._expects_code and self._frames and line.strip() and not _EXCEPTION.match(line):
            self._expects_code = False
            self._frames[-1] = replace(self._frames[-1], code=line.strip())
            self._code_line = line
            return True
        self._expects_code = False
        arrow = _ARROW.match(line)
        if arrow is not None and self._frames:
            code = arrow["code"].strip("│ ")
            self._frames[-1] = replace(self._frames[-1], line=int(arrow["line"]), code=code)
            return True
        pytest = _PYTEST_CODE.match(line)
        if pytest is not None:
            self._code_line, self._marked = f" {line[1:]}", ""
            return True
        if _CARETS.match(line) and self._code_line:
            self._mark(line)
            return True
        begun = _DEF.match(line)
        if begun is not None:
            self._function = begun["function"]
        return False

    def _mark(self, carets: str) -> None:
        first = len(carets) - len(carets.lstrip())
        marked = self._code_line[first : len(carets.rstrip())].strip()
        self._marked = marked
        if self._frames and self._frames[-1].code == self._code_line.strip():
            self._frames[-1] = replace(self._frames[-1], marked=marked)

    def _exception(self, line: str) -> bool:
        if _PYTEST_SUMMARY.match(line):
            return True
        pytest = line.startswith("E  ")
        text = line[1:].strip() if pytest else line
        found = _EXCEPTION.match(text.strip() if self._frames and not pytest else text)
        found = found or _LOGGED.search(text)
        if found is None:
            return False
        name = found["exception"].rpartition(".")[2]
        frames = () if self._open else tuple(self._frames)
        self.errors.append(ToldError(name, (found["message"] or "").strip(), frames))
        self._frames, self._expects_code, self._open = [], False, True
        return True

    def _further(self, line: str) -> None:
        """Perhaps the message goes on."""
        text = line[1:].strip() if line.startswith("E  ") else line.strip()
        if not text or not self._open or not self.errors:
            return
        last = self.errors[-1]
        if len(last.rest) < _MOST_REST:
            self.errors[-1] = replace(last, rest=(*last.rest, text))


def _of_compiled(error: ToldError, frames: tuple[Frame, ...]) -> ToldError:
    """What the model failed on, in the compiler's account of it."""
    inner = _INNER.search(" ".join((error.message, *error.rest)))
    if inner is None:
        return replace(error, frames=frames)
    return ToldError(inner["exception"], inner["message"], frames)


def _looks_like_a_file(found: re.Match[str]) -> bool:
    return found["file"].startswith("Input In") or bool(found["line"])


def _digitless(text: str) -> str:
    return re.sub(r"\d", "0", text)


def readings(error: ToldError) -> Iterator[str]:
    """The message as far as it may go: its first line, then with more and more of the next."""
    said = " ".join(error.message.split())
    yield said
    for line in error.rest:
        said = f"{said} {' '.join(line.split())}".strip()
        yield said

"""A formula's text as tokens, whatever it was written in; each knows where it stood."""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.reading.tables import (
    BRACKETS,
    CLOSING,
    FUNCTIONS,
    LATEX_FRACTIONS,
    LATEX_LOOKS,
    LATEX_PLACES,
    LATEX_SYMBOLS,
    LATEX_WORDS,
    OPERATORS,
    SAME,
    SUBSCRIPTS,
    SUPERSCRIPTS,
)
from cnnshape.messages import say

#: Longer formulas are refused before anything is read.
LONGEST = 2000
#: More digits than any size has.
MOST_DIGITS = 12


class Token(NamedTuple):
    """``kind`` is number, name, function, frac, operator, open, close, comma, equals or end."""

    kind: str
    text: str
    start: int
    end: int


def refuse(text: str, position: int, problem: str) -> NoReturn:
    """Raise the error that shows the formula with a caret under one character.

    Raises:
        FormulaSyntaxError: Always.
    """
    line_start = text.rfind("\n", 0, position) + 1
    line_end = text.find("\n", position)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    column = position - line_start
    # A long line is shown around the caret only.
    first = max(0, column - 60)
    shown = line[first : column + 20].replace("\t", " ")
    caret = " " * sum(_width(character) for character in shown[: column - first])
    raise FormulaSyntaxError(
        say("{problem}\n  {shown}\n  {caret}^", problem=problem, shown=shown, caret=caret)
    )


def _width(character: str) -> int:
    """How many columns a terminal gives to a character."""
    import unicodedata

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def tokens(text: str) -> list[Token]:
    """The tokens of a formula, an ``end`` token last.

    Raises:
        FormulaSyntaxError: The text is too long or holds a character that no formula has.
    """
    if len(text) > LONGEST:
        raise FormulaSyntaxError(
            say(
                "a formula of {text} characters is too long; at most {longest} are read",
                text=len(text),
                longest=LONGEST,
            )
        )
    return _Lexer(text).run()


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = text.translate(SAME)
        self.position = 0
        self.found: list[Token] = []

    def run(self) -> list[Token]:
        while self.position < len(self.plain):
            self._next()
        self._add("end", "", self.position)
        return self.found

    def _add(self, kind: str, text: str, start: int) -> None:
        self.found.append(Token(kind, text, start, max(self.position, start)))

    def _next(self) -> None:
        start = self.position
        character = self.plain[start]
        if character == "\\":
            self._command()
        elif character.isdecimal() or (character == "." and self._peek(1).isdecimal()):
            self._number()
        elif character.isalpha() and character not in "ªº":
            self._name()
        elif character.translate(SUPERSCRIPTS) != character:
            self._superscript()
        elif character.isspace() or character in "$&~'":
            # An apostrophe that follows no name, and what only places a formula on a page.
            self.position += 1
            if character == "\n":
                self._add("comma", "\n", start)
        else:
            self._punctuation(character, start)

    def _punctuation(self, character: str, start: int) -> None:
        self.position += 1
        following = self._peek(0)
        if character in ":≔" and (character == "≔" or following == "="):
            self.position += character == ":"
            self._add("equals", "=", start)
        elif character == "=":
            self.position += following == "="
            self._add("equals", "=", start)
        elif character in OPERATORS:
            pair = character + following
            if pair in ("//", "**"):
                self.position += 1
            self._add("operator", {"//": "//", "**": "^"}.get(pair, character), start)
        elif character in BRACKETS:
            self._add("open", character, start)
        elif character in CLOSING:
            self._add("close", character, start)
        elif character in ",;":
            self._add("comma", character, start)
        elif character == "." and not self.plain[self.position :].strip(" .$\n"):
            pass  # the full stop of a sentence
        else:
            refuse(
                self.text,
                start,
                say("no formula has the character {text}", text=repr(self.text[start])),
            )

    def _peek(self, ahead: int) -> str:
        position = self.position + ahead
        return self.plain[position] if position < len(self.plain) else ""

    def _number(self) -> None:
        start = self.position
        seen_point = False
        while self._peek(0).isdecimal() or (
            self._peek(0) == "." and not seen_point and self._peek(1).isdecimal()
        ):
            seen_point = seen_point or self._peek(0) == "."
            self.position += 1
        digits = self.plain[start : self.position]
        if len(digits) > MOST_DIGITS:
            refuse(
                self.text, start, say("a number of {digits} digits is no size", digits=len(digits))
            )
        self._add("number", digits, start)

    def _superscript(self) -> None:
        start = self.position
        while self._peek(0) and self._peek(0).translate(SUPERSCRIPTS) != self._peek(0):
            self.position += 1
        self._add("operator", "^", start)
        self._add("number", self.plain[start : self.position].translate(SUPERSCRIPTS), start)

    def _name(self) -> None:
        start = self.position
        while self._peek(0).isalnum() or (
            self._peek(0) == "_" and self._peek(1) not in ("{", "\\")
        ):
            if self._peek(0).translate(SUPERSCRIPTS) != self._peek(0):
                break
            self.position += 1
            # math.floor, torch.floor
            if self._peek(0) == "." and self._peek(1).isalpha():
                self.position += 1
        name = self.plain[start : self.position]
        self._finish_name(name.rpartition(".")[2], start)

    def _finish_name(self, name: str, start: int) -> None:
        """Add what hangs on a name: subscripts, primes, and superscripts such as ^{[l-1]}."""
        name = _lowered(name)
        while True:
            following = self._peek(0)
            if following == "_":
                self.position += 1
                name += "_" + self._script()
            elif following == "'":
                self.position += 1
                name += "'"
            elif following == "^" and self._is_decoration():
                self.position += 1
                name += "'" if "prime" in self._script() else ""
            else:
                break
        function = FUNCTIONS.get(name.lower())
        if name == "mod" and self._after_operand():
            self._add("operator", "%", start)
        elif function is not None:
            self._add("function", function, start)
        elif name in ("x", "X") and self._after_operand():
            self._add("operator", "*", start)
        else:
            self._add("name", name, start)

    def _after_operand(self) -> bool:
        """Whether the last token ends an operand, so that an ``x`` here multiplies."""
        return bool(self.found) and (
            self.found[-1].kind in ("number", "name") or self.found[-1].kind == "close"
        )

    def _is_decoration(self) -> bool:
        """Whether the superscript here marks a layer, as in n^{[l-1]}, rather than a power."""
        rest = self.plain[self.position + 1 :].lstrip("{ ")
        if rest.startswith("("):
            return not rest[1:].partition(")")[0].strip().isdigit()
        return rest.startswith(("[", "'", "\\prime", "\\text"))

    def _script(self) -> str:
        """What stands behind _ or ^: a group in braces, a command, or one word."""
        start = self.position
        here = self._peek(0)
        if here == "{":
            return self._braces()
        if here == "\\":
            self.position += 1
            self._letters()
            return self._script() if self._peek(0) == "{" else self.plain[start + 1 : self.position]
        if here in ("[", "("):
            end = self.plain.find(BRACKETS[here], start)
            if end >= 0:
                self.position = end + 1
                return self.plain[start + 1 : end]
        while self._peek(0).isalnum():
            self.position += 1
        if self.position == start:
            refuse(self.text, start, say("a subscript is missing here"))
        return self.plain[start : self.position]

    def _braces(self) -> str:
        """The word in a group of braces."""
        start = self.position
        depth = 0
        while self.position < len(self.plain):
            depth += {"{": 1, "}": -1}.get(self._peek(0), 0)
            self.position += 1
            if not depth:
                return _word(self.plain[start + 1 : self.position - 1])
        refuse(self.text, start, say("this brace is never closed"))

    def _letters(self) -> None:
        while self._peek(0).isalpha():
            self.position += 1

    def _command(self) -> None:
        start = self.position
        self.position += 1
        self._letters()
        command = self.plain[start + 1 : self.position]
        if not command:
            self._one_character_command(start)
        elif command in LATEX_FRACTIONS:
            self._add("frac", command, start)
        elif command in LATEX_SYMBOLS:
            self._symbol(LATEX_SYMBOLS[command], start)
        elif command in FUNCTIONS:
            self._add("function", FUNCTIONS[command], start)
        elif command in LATEX_WORDS or command in LATEX_PLACES:
            while self._peek(0) == " ":
                self.position += 1
            word = self._braces() if self._peek(0) == "{" else ""
            if word and command in LATEX_WORDS:
                self._finish_name(word, start)
        elif command not in LATEX_LOOKS:
            refuse(
                self.text,
                start,
                say("the LaTeX command \\{command} is not understood", command=command),
            )

    def _symbol(self, character: str, start: int) -> None:
        if character in BRACKETS:
            self._add("open", character, start)
        elif character in CLOSING:
            self._add("close", character, start)
        elif character in OPERATORS:
            self._add("operator", character, start)

    def _one_character_command(self, start: int) -> None:
        character = self._peek(0)
        self.position += 1
        if character == "\\":
            self._add("comma", "\\\\", start)
        elif character in ("{", "}"):
            self._symbol(character, start)
        elif character == "_":
            self._add("name", "_", start)
        elif character not in ",;:!> []()|%":
            refuse(
                self.text,
                start,
                say("the LaTeX command \\{character} is not understood", character=character),
            )


def _lowered(name: str) -> str:
    """Unicode subscripts as an ordinary one: Hᵢₙ is H_in."""
    low = name.translate(SUBSCRIPTS)
    if low == name:
        return name
    first = next(index for index in range(len(name)) if low[index] != name[index])
    return f"{low[:first]}_{low[first:]}"


def _word(text: str) -> str:
    r"""The content of braces as a name: ``\text{kernel\_size}`` is kernel_size."""
    word = text
    for command in (*LATEX_WORDS, "rm", "it"):
        word = word.replace(f"\\{command}", "")
    word = word.replace("\\_", "_").replace("\\", "").strip(" {}$")
    return "_".join(word.replace("{", " ").replace("}", " ").split())

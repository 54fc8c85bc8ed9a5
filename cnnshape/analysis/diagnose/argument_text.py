"""The failing call's arguments in the reader's words: as they are written, and with their sizes."""

from __future__ import annotations

from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.report import Suggestion
from cnnshape.words import times

#: The longest piece of source that a sentence quotes.
_QUOTED = 30


class Arguments:
    """How the arguments of the failing call are called."""

    def __init__(self, failing: Failing) -> None:
        self._failing = failing
        self._call = CallText(failing)

    def name(self, argument: str) -> str:
        """What stands for the argument in the line, where that is short; else its own name.

        Args:
            argument: its name in the table of operations.
        """
        text = self._written(argument)
        return text if text is not None and len(text) <= _QUOTED else argument

    def sized(self, argument: str) -> str:
        """The same with its shape: ``label[:, None] 4×1×1``."""
        shape = self._failing.shape(self._failing.argument(argument))
        return self.name(argument) if shape is None else f"{self.name(argument)} {times(shape)}"

    def on(self, argument: str, template: str) -> Suggestion:
        """The call with one tensor, ``{x}`` in the template, written differently."""
        found, place = self._call.found, self._place(argument)
        new = template.format(x=self._written(argument) or argument)
        if found is None or place is None:
            return self._call.candidate(new)
        return self._call.candidate(found.with_operand(place, new))

    def _written(self, argument: str) -> str | None:
        place, found = self._place(argument), self._call.found
        return None if place is None or found is None else found.operands[place]

    def _place(self, argument: str) -> int | None:
        """Which piece of the written call the argument is."""
        found, given = self._call.found, self._call.operation.args
        place = self._failing.place_of(argument)
        if found is None or found.gathered:
            return None
        if isinstance(place, str):
            keywords = [text.partition("=")[0] for text in found.arguments if "=" in text]
            names = [name for name in keywords if name.isidentifier()]
            if place not in names:
                return None
            place = len(found.operands) - len(names) + names.index(place)
        # The items of a list are pieces of their own.
        spread = any(isinstance(item, tuple) for item in given[:place])
        return None if spread or place >= len(found.operands) else place

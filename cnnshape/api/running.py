"""A script run as Python runs it, and what a model in it raises explained."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnshape.loading.script import as_main, leave_as_python_does, read_script

if TYPE_CHECKING:
    from cnnshape.api.explaining import Explanation


@dataclass(frozen=True)
class ScriptRun:
    """How a script ended.

    Attributes:
        status: the exit status; 1 if a model raised.
        explanation: of what a model in it raised; None if none did.
    """

    status: int
    explanation: Explanation | None = None


def explain_script(file: str, arguments: Sequence[str] = ()) -> ScriptRun:
    """Run ``file`` as ``python file arguments`` would, and explain what a model in it raises.

    The traceback is printed as Python prints it, without a line of cnnshape in it.

    Raises:
        UsageError: there is no such file, or it is no Python.
    """
    path, code = read_script(file)
    with as_main(path, [file, *arguments]) as names:
        try:
            exec(code, names)  # noqa: S102 - what running a script is
        except BaseException as error:  # noqa: BLE001 - however the script ends
            first = error.__traceback__  # it is the frame of this function
            error.__traceback__ = None if first is None else first.tb_next
            status = leave_as_python_does(error)
            explanation = None if isinstance(error, KeyboardInterrupt) else _explained(error)
            # `sys.exit` in a script is its own affair, in a model it is not.
            found = None if explanation is None else explanation.error
            left = found is not None and found.kind == "raised.exit"
            return ScriptRun(1 if left else status, explanation)
    return ScriptRun(0)


def _explained(error: BaseException) -> Explanation | None:
    """The explanation, unless there is none, or ``with explain()`` in the script has given it."""
    notes = getattr(error, "__notes__", ())
    if "torch" not in sys.modules or any(str(note).startswith("cnnshape: ") for note in notes):
        return None
    from cnnshape.api.explaining import explain_exception

    return explain_exception(error)

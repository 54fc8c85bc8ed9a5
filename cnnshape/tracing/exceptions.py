"""Reading an exception of the model without trusting it."""

from __future__ import annotations


def caused_by(error: BaseException | None, cause: BaseException) -> bool:
    """Whether ``error`` is ``cause`` or was raised from it.

    >>> inner = KeyError("x")
    >>> outer = ValueError("y")
    >>> outer.__cause__ = inner
    >>> caused_by(outer, inner), caused_by(inner, outer)
    (True, False)
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if error is cause:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def message_of(error: BaseException) -> str:
    """The exception's text; a user's exception may even fail to print itself.

    >>> message_of(ValueError("3 channels"))
    '3 channels'
    """
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever its __str__ raises
        return f"({type(error).__name__} that cannot be printed)"

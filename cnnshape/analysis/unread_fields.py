"""Receptive fields that nobody has asked for yet: most readers of a report never do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnshape.analysis.accounts import Accounts
from cnnshape.garbage import uncollected
from cnnshape.tracing.trace import Trace

if TYPE_CHECKING:
    from cnnshape.analysis.receptive_field import Field


class Fields:
    """The receptive fields of a recording's calls, worked out when the first of them is read.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> trace = record(torch.nn.Conv2d(1, 6, 5), Inputs((torch.zeros(1, 1, 28, 28),))).trace
    >>> Fields(trace).of(0).size
    (5, 5)
    """

    __slots__ = ("_accounts", "_found", "_trace")

    def __init__(self, trace: Trace, accounts: Accounts | None = None) -> None:
        self._trace = trace
        self._accounts = accounts
        self._found: Mapping[int, Field] | None = None

    def of(self, call: int) -> Field | None:
        """The field of one call's result; None where it depends on no picture, or nobody knows."""
        if self._found is None:
            from cnnshape.analysis.receptive_field import receptive_fields

            self._found = uncollected(receptive_fields, self._trace, accounts=self._accounts)
            self._accounts = None  # needed no more, and large
        return self._found.get(call)

    def __reduce__(self) -> tuple[type[Fields], tuple[Trace]]:
        """Copied and pickled without what was worked out."""
        return Fields, (self._trace,)

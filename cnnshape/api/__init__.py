"""The public functions: what ``import cnnshape`` offers and what the commands call."""

from __future__ import annotations

from cnnshape.analysis.report import Report
from cnnshape.api.inspecting import Mode, inspect, inspect_spec

__all__ = ["Mode", "Report", "inspect", "inspect_spec"]

"""The public functions: what ``import cnnshape`` offers and what the commands call."""

from __future__ import annotations

from cnnshape.api.inspecting import Mode, inspect, inspect_spec
from cnnshape.api.report import Report

__all__ = ["Mode", "Report", "inspect", "inspect_spec"]

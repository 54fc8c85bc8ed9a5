"""Architecture diagrams of a recorded pass: data flow, feature maps as boxes, module tree."""

from __future__ import annotations

from cnnshape.rendering.diagram.draw_options import DrawOptions, draw_options
from cnnshape.rendering.diagram.drawing import Drawing, draw_report

__all__ = ["DrawOptions", "Drawing", "draw_options", "draw_report"]

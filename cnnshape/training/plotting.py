"""The look of every picture here: matplotlib without global state, the palette by kind of layer."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Generator
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from cnnshape.errors import MissingDependencyError, OutputError
from cnnshape.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONVOLUTION = "#2b5f94"
POOLING = "#a65a12"
LINEAR = "#5b3f8c"
NORM = "#2f6f44"
ACTIVATION = "#77776f"
RESHAPE = "#8a6d1b"
FAILING = "#b3261e"
INK = "#2e3440"
GREY = "#555b66"
LIGHT = "#b8bec9"
FAINT = "#e4e7ec"
PAPER = "#ffffff"

FORMATS = ("png", "svg", "pdf")
"""What a picture can be written as, by its suffix."""

_RC = MappingProxyType(
    {
        "font.family": [
            "Helvetica",
            "Arial",
            "Liberation Sans",
            "DejaVu Sans",
            # Classes may have Chinese, Japanese or Korean names: what the systems bring for them.
            "PingFang SC",
            "Hiragino Sans",
            "Apple SD Gothic Neo",
            "Microsoft YaHei",
            "Yu Gothic",
            "Malgun Gothic",
            "Noto Sans CJK SC",
            "Noto Sans CJK JP",
            "WenQuanYi Zen Hei",
        ],
        "font.size": 10,
        "text.color": INK,
        "axes.edgecolor": LIGHT,
        "axes.labelcolor": GREY,
        "axes.linewidth": 0.8,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        # A class may be called $x$.
        "text.parse_math": False,
        # Text stays text, and the same figure gives the same bytes.
        "svg.fonttype": "none",
        "svg.hashsalt": "cnnshape",
    }
)


def have_matplotlib() -> bool:
    """Whether pictures can be drawn."""
    import importlib.util

    return importlib.util.find_spec("matplotlib") is not None


@contextlib.contextmanager
def figure(width: float, height: float) -> Generator[Figure]:
    """An empty figure, in inches; matplotlib's own settings are as before afterwards.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError(
            "pictures are drawn with matplotlib, which is not installed: "
            'pip install "cnnshape[train]"'
        ) from error
    import logging

    # A missing Helvetica is no news: the next family of the list is used.
    fonts = logging.getLogger("matplotlib.font_manager")
    level = fonts.level
    fonts.setLevel(logging.ERROR)
    try:
        with mpl.rc_context(cast("Any", dict(_RC))):
            drawing = Figure(figsize=(width, height))
            FigureCanvasAgg(drawing)
            yield drawing
    finally:
        fonts.setLevel(level)


def save_figure(drawing: Figure, path: Path) -> Path:
    """Write the figure, its format from the suffix; call it inside :func:`figure`.

    Raises:
        OutputError: the suffix is not known, or the file cannot be written.
    """
    kind = picture_format(path)
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
    if kind == "pdf":
        metadata = {"CreationDate": None}
    with warnings.catch_warnings():
        # A sign that no font has is a box in the picture, and no news either.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        drawing.savefig(buffer, format=kind, dpi=200, metadata=metadata)
    return write_atomic(path, buffer.getvalue())


def picture_format(path: Path) -> str:
    """``png``, ``svg`` or ``pdf``, by the suffix.

    Raises:
        OutputError: it is another one.

    >>> picture_format(Path("features.PNG"))
    'png'
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise OutputError(f"cannot draw {str(path)!r}: the suffix must be one of {known}")
    return kind

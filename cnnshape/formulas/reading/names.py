"""What the letters and words of a formula stand for."""

from __future__ import annotations

from collections.abc import Collection

#: argument → the names that are understood for it.
NAMES: dict[str, tuple[str, ...]] = {
    "input": (
        "W", "H", "L", "N", "I", "n", "i", "w", "h", "l", "in", "input", "input_size", "in_size",
        "width", "height", "length", "in_width", "in_height", "input_width", "input_height",
        "image_size", "old_size",
    ),
    "kernel": (
        "F", "K", "k", "f", "kernel", "kernel_size", "filter", "filter_size", "pool", "pool_size",
        "kernel_width", "kernel_height", "filter_width", "filter_height", "window", "ksize",
        "window_size",
    ),
    "padding": ("P", "p", "pad", "padding", "pad_size", "padding_size"),
    "stride": ("S", "s", "stride", "strides"),
    "dilation": ("D", "d", "dilation", "dilation_rate", "dilations"),
    "output_padding": ("OP", "op", "A", "a", "output_padding", "out_padding", "adj"),
    "output": ("O", "o", "output", "output_size", "out", "size"),
    "factor": (
        "r", "R", "S", "s", "f", "F", "k", "scale", "scale_factor", "factor", "upscale_factor",
        "downscale_factor", "upscale", "downscale",
    ),
    "before": ("before", "left", "top", "front", "L_pad", "pad_left", "pad_top", "left_pad"),
    "after": ("after", "right", "bottom", "back", "R_pad", "pad_right", "pad_bottom", "right_pad"),
}  # fmt: skip

#: Letters that name an input axis only together with "in": D_in is a depth, D a dilation.
_INPUT_AXES = frozenset("DdTtCc")
_INPUT_MARKS = frozenset({"in", "input", "old", "prev", "i", "I", "orig", "src"})
_OUTPUT_MARKS = frozenset({"out", "output", "new", "o", "O", "next"})
_AXIS_MARKS = frozenset("h w d l t x y z H W D L X Y 0 1 2 height width depth length".split())


def role_of(name: str, roles: Collection[str]) -> str | None:
    """The argument that a name stands for, out of those a kind has; None if it is unknown.

    >>> role_of("H_in", ("input", "kernel")), role_of("K_h", ("input", "kernel"))
    ('input', 'kernel')
    """
    exact = _lookup(name, roles)
    if exact is not None:
        return exact
    base, _, mark = name.partition("_")
    base = base.rstrip("0123456789") or base
    mark = mark.strip("_")
    if mark in _INPUT_MARKS and "input" in roles:
        if base in _INPUT_AXES or _lookup(base, roles) == "input":
            return "input"
        return None
    if mark in _AXIS_MARKS or mark.isdigit() or not mark:
        return _lookup(base, roles)
    first, _, last = mark.rpartition("_")
    if last in _AXIS_MARKS:
        return role_of(f"{base}_{first}" if first else base, roles)
    return None


def is_output(name: str) -> bool:
    """Whether a name is marked as the output: H_out, n', W_new."""
    return name.endswith("'") or name.partition("_")[2] in _OUTPUT_MARKS


def understood(roles: Collection[str]) -> str:
    """What a formula of a kind may name, for an error message."""
    shown = {
        "input": "W H L N n i in",
        "kernel": "F K k f kernel",
        "padding": "P p pad",
        "stride": "S s stride",
        "dilation": "D d dilation",
        "output_padding": "OP A a output_padding",
        "output": "O o output_size",
        "factor": "r scale factor",
        "before": "left before",
        "after": "right after",
    }
    return ", ".join(f"{shown[role]} ({role})" for role in roles)


def _lookup(name: str, roles: Collection[str]) -> str | None:
    for role in roles:
        names = NAMES[role]
        if name in names or (len(name) > 1 and name.lower() in names):
            return role
    return None

"""When a padding keeps the size, in words: the case of ``padding = kernel // 2``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnnshape.formulas.subjects import Subject


def same_note(
    about: Subject,
    unknowns: Sequence[str],
    filled: Mapping[str, int],
    output: int | str,
    found: bool,
) -> str | None:
    """What to know where padding is solved so that the output equals the input; else None."""
    if tuple(unknowns) != ("padding",) or about.kind not in ("conv", "max_pool", "avg_pool"):
        return None
    if output not in ("same", filled.get("input")):
        return None
    kernel, dilation = filled["kernel"], filled.get("dilation", 1)
    stride = filled.get("stride", 1)
    span = dilation * (kernel - 1)
    if stride != 1:
        return (
            f"with stride {stride} no padding keeps every size"
            + (": the one found is for this input alone" if found else "")
            + "; padding = kernel // 2 then gives ⌈H/S⌉ for an odd kernel and dilation 1"
        )
    if span % 2:
        dilated = f" with dilation {dilation}" if dilation > 1 else ""
        torch = "; padding='same' adds the odd one after" if about.kind == "conv" else ""
        return (
            f"kernel {kernel}{dilated} needs {span} in all, an odd number, and padding adds the "
            f"same at both ends: none keeps the size{torch}"
        )
    if not found and about.kind != "conv":
        return f"{span // 2} would keep the size, but padding is at most half of the kernel"
    if dilation == 1:
        return (
            f"padding = kernel // 2 = {kernel // 2} keeps every size, because the kernel is odd "
            "and stride and dilation are 1"
        )
    return (
        f"padding = dilation·(kernel − 1)/2 = {span // 2} keeps every size; "
        f"kernel // 2 = {kernel // 2} does so with dilation 1 only"
        if kernel // 2 != span // 2
        else f"padding = {span // 2} keeps every size"
    )

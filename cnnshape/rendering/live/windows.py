"""Windows over maps: convolution and pooling, their sizes in pairs, rows first."""

from __future__ import annotations

from typing import Any

from cnnshape.rendering.live.call import Found, Given, Reader, Refused


def _pair(value: Any) -> list[int]:
    """Rows and columns: one number is both."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        return [int(item) for item in (items if len(items) == 2 else items * 2)]
    return [int(value), int(value)]


def _picture(given: Given) -> None:
    if len(given.input) != 3:
        raise Refused("takes no channels×height×width, which is what a page can show as maps")


def conv(given: Given) -> Found:
    """The window of every filter."""
    _picture(given)
    shape = given.accounts.trace.shape(given["weight"].value)
    kernel, dilation = [int(size) for size in shape[2:]], _pair(given["dilation"])
    return Found(
        "conv",
        {
            "kernel": kernel,
            "stride": _pair(given["stride"]),
            "padding": _conv_padding(given["padding"], kernel, dilation),
            "dilation": dilation,
            "groups": int(given["groups"]),
        },
        given.weights("weight", "bias"),
    )


def _conv_padding(padding: Any, kernel: list[int], dilation: list[int]) -> list[int]:
    """Rows above and columns left of the picture; what stands beyond the other ends follows."""
    if padding == "same":  # the odd one more stands at the end
        return [step * (size - 1) // 2 for size, step in zip(kernel, dilation, strict=True)]
    return [0, 0] if padding == "valid" else _pair(padding)


def _pool_window(given: Given) -> dict[str, Any]:
    _picture(given)
    kernel, stride = given["kernel_size"], given["stride"]
    return {
        "kernel": _pair(kernel),
        "stride": _pair(kernel if stride is None or stride == () else stride),
        "padding": _pair(given["padding"]),
        "dilation": _pair(given.arguments.get("dilation", 1)),
    }


def max_pool(given: Given) -> Found:
    """The largest number of each window; none of the padding."""
    return Found("max_pool", _pool_window(given))


def avg_pool(given: Given) -> Found:
    """The mean of each window, and what it divides by."""
    divisor = given["divisor_override"]
    return Found(
        "avg_pool",
        {
            **_pool_window(given),
            "count_include_pad": bool(given["count_include_pad"]),
            "divisor": None if divisor is None else int(divisor),
        },
    )


def adaptive(kind: str) -> Reader:
    """Windows that the sizes of input and output say."""

    def reader(given: Given) -> Found:
        _picture(given)
        return Found(kind)

    return reader


def over_axes(kind: str) -> Reader:
    """A mean or a maximum over both spatial axes: a window of the whole map."""

    def reader(given: Given) -> Found:
        _picture(given)
        axes = given["dim"]
        chosen = axes if isinstance(axes, tuple) else (axes,)
        if axes is None or sorted(given.axis(int(axis)) for axis in chosen) != [1, 2]:
            raise Refused("is taken over other axes than height and width")
        return Found(kind)

    return reader

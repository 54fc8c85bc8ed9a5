"""Operations that read a picture at places which another tensor names.

Source: https://docs.pytorch.org/docs/stable/nn.functional.html#vision-functions and
https://docs.pytorch.org/vision/stable/ops.html.
"""

from __future__ import annotations

from dataclasses import replace

from cnnshape.operations.axes import (
    Account,
    Chosen,
    Ended,
    Origin,
    Part,
    Unknown,
    Written,
    over,
    times,
)  # fmt: skip
from cnnshape.operations.broadcasting import lines, overlaid
from cnnshape.operations.call import Call
from cnnshape.operations.table import Table

SAMPLING = Table()
_FUNCTIONAL = "torch.nn.functional."


@SAMPLING.add("grid_sample grid_sampler grid_sampler_2d grid_sampler_3d", "resizing",
              "input grid", dtypes="floating", source=_FUNCTIONAL + "grid_sample")  # fmt: skip
def grid_sample(call: Call) -> Account:
    """As many positions as the grid has, each read where the grid says."""
    x, grid = call.tensor(), call.tensor("grid")
    batch, needs = overlaid((*lines(x, 0, 1), *lines(grid, 0, 1)))
    space = (Chosen(x.axis(a), grid.sizes[a - 1], grid.axis(a - 1)) for a in range(2, x.rank))
    place = Ended((grid.axis(-1),), "reduced", grid.sizes[-1])
    return Account(((batch, x.kept(1), *space),), (place,), needs)


@SAMPLING.add("affine_grid affine_grid_generator", "making", "theta size",
              source=_FUNCTIONAL + "affine_grid")  # fmt: skip
def affine_grid(call: Call) -> Account:
    """The places to read at, for every position of a picture of this size."""
    theta = call.tensor("theta")
    _, _, *space = call.sizes("size")
    seen = Ended((theta.axis(2),), "reduced", theta.sizes[2])
    return Account(((theta.kept(0), *map(Written, space), theta.kept(1)),), (seen,))


# ---- boxes --------------------------------------------------------------------------------

_BOXES = "input boxes|rois spatial_scale output_height|pooled_height output_width|pooled_width"


def _pooled(call: Call, channels: Origin) -> Account:
    """So many positions of each box, whichever picture of the batch it is from."""
    x, boxes = call.tensor(), call.optional("boxes")
    space = (Written(call.size(f"output_{side}")) for side in ("height", "width"))
    read = tuple(Ended((x.axis(axis),), "picked", x.sizes[axis]) for axis in (0, 2, 3))
    if boxes is None:  # a list, one tensor for each picture
        return Account(((Unknown(), channels, *space),), read)
    place = Ended((boxes.axis(1),), "reduced", boxes.sizes[1])
    return Account(((boxes.kept(0), channels, *space),), (*read, place))


@SAMPLING.add("roi_align", "pooling", _BOXES, source="torchvision.ops.roi_align")
def roi_align(call: Call) -> Account:
    """A grid of positions in each box."""
    return _pooled(call, call.tensor().kept(1))


@SAMPLING.add("roi_pool", "pooling", _BOXES, source="torchvision.ops.roi_pool")
def roi_pool(call: Call) -> Account:
    """The largest numbers of each box, and where they stood."""
    account = roi_align(call)
    return replace(account, results=account.results * 2)


@SAMPLING.add("ps_roi_align ps_roi_pool", "pooling", _BOXES, source="torchvision.ops.ps_roi_align")
def ps_roi_align(call: Call) -> Account:
    """Every position of a box has channels of its own, and says which."""
    x = call.tensor()
    positions = times((call.size("output_height"), call.size("output_width")))
    channels = Part(x.axis(1), over(x.sizes[1], positions), positions)
    account = _pooled(call, channels)
    return replace(account, results=account.results * 2)

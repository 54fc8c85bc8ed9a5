"""The tools that are compared: what each is asked, and the parameters and MACs that it answers.

Each is called as its own documentation calls it, in eval mode, for all that it tells as data.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor, nn


class Figures(NamedTuple):
    """What a tool says about a model; None where it says nothing."""

    params: int | None = None
    macs: int | None = None


Tool = Callable[["nn.Module", "Tensor"], Figures]


def bare(model: nn.Module, x: Tensor) -> Figures:
    """The forward pass alone, which nobody can avoid."""
    import torch

    with torch.no_grad():
        model(x)
    return Figures()


def cnnshape(model: nn.Module, x: Tensor) -> Figures:
    """Everything: inspected, as a dictionary, as JSON."""
    from cnnshape import inspect

    report = inspect(model, x, device=x.device.type)
    if report.error is not None:
        raise RuntimeError(report.error.message)
    json.dumps(report.to_dict())
    return Figures(report.totals.params, report.totals.macs)


def cnnshape_text(model: nn.Module, x: Tensor) -> Figures:
    """Inspected and printed as a table."""
    from cnnshape import inspect

    report = inspect(model, x, device=x.device.type)
    str(report)
    return Figures(report.totals.params, report.totals.macs)


def torchinfo(model: nn.Module, x: Tensor) -> Figures:
    """Its summary as data."""
    from torchinfo import summary

    found = summary(model, input_data=x, device=x.device, verbose=0)
    return Figures(found.total_params, found.total_mult_adds)


def torchinfo_text(model: nn.Module, x: Tensor) -> Figures:
    """Its summary as a table."""
    from torchinfo import summary

    found = summary(model, input_data=x, device=x.device, verbose=0)
    str(found)
    return Figures(found.total_params, found.total_mult_adds)


def torchview(model: nn.Module, x: Tensor) -> Figures:
    """The graph, not laid out."""
    from torchview import draw_graph

    draw_graph(model, input_data=x, device=x.device)
    return Figures()


def torchlens(model: nn.Module, x: Tensor) -> Figures:
    """Its trace of every operation."""
    from torchlens import trace

    found = trace(model, x)
    macs = found.total_macs_forward
    return Figures(found.num_params, None if macs is None else int(macs))


def torchscan(model: nn.Module, x: Tensor) -> Figures:
    """Its report as data; its FLOPs are twice the MACs, or partial."""
    from torchscan import crawl_module

    found = crawl_module(model, args=(x,))
    return Figures(
        found["totals"]["parameters"]["value"], found["operator_flops"]["total"]["known_value"] // 2
    )


def fvcore(model: nn.Module, x: Tensor) -> Figures:
    """Its count over the traced graph; what it calls a flop is one multiply-accumulate."""
    import logging

    from fvcore.nn import FlopCountAnalysis, parameter_count

    logging.disable(logging.WARNING)
    return Figures(parameter_count(model)[""], int(FlopCountAnalysis(model, x).total()))


def ptflops(model: nn.Module, x: Tensor) -> Figures:
    """Its count by hooks and patched functions."""
    from ptflops import get_model_complexity_info

    macs, params = get_model_complexity_info(
        model,
        tuple(x.shape[1:]),
        input_constructor=lambda _: x,
        as_strings=False,
        print_per_layer_stat=False,
        ost=io.StringIO(),
    )
    if macs is None:
        raise RuntimeError("no answer")
    return Figures(int(params), int(macs))


def calflops(model: nn.Module, x: Tensor) -> Figures:
    """Its count by patched functions."""
    from calflops import calculate_flops

    _, macs, params = calculate_flops(model, args=[x], print_results=False, output_as_string=False)
    return Figures(int(params), int(macs))


def flop_counter(model: nn.Module, x: Tensor) -> Figures:
    """Torch's own counter; two FLOPs are one MAC."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    return Figures(None, counter.get_total_flops() // 2)


#: As data.
TOOLS: dict[str, Tool] = {
    "cnnshape": cnnshape,
    "torchinfo": torchinfo,
    "torchview": torchview,
    "torchlens": torchlens,
    "torchscan": torchscan,
    "fvcore": fvcore,
    "ptflops": ptflops,
    "calflops": calflops,
    "flop_counter": flop_counter,
}
#: As a table for people.
PRINTED: dict[str, Tool] = {
    "cnnshape, printed": cnnshape_text,
    "torchinfo, printed": torchinfo_text,
}

"""Whether a correction is the inverse of the break, as good as it, or wrong.

The correction is carried out by its text alone, by code that shares nothing with cnnshape.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from tests.analysis.diagnose.as_told import corrected
from tests.benchmarks.breaking.broken import Broken
from tests.benchmarks.breaking.layer_breaks import remade, with_module
from tests.benchmarks.breaking.networks import Network
from tests.benchmarks.breaking.sources import replaced, source_of, with_source

#: Two sizes of a batch that no layer of the networks has for a width.
BATCHES = (2, 5)
#: How far results may be apart that are the same but for the order of additions.
_TOLERANCE = 1e-4
_RIGHT = ("inverse", "equivalent")


@dataclass(frozen=True)
class Whole:
    """A working network and what it says to each batch."""

    network: Network
    model: nn.Module
    outputs: dict[int, list[torch.Tensor]]

    @classmethod
    def of(cls, network: Network) -> Whole:
        model = network.whole()
        return cls(network, model, {n: run(model, network.pictures(n)) for n in BATCHES})


@dataclass(frozen=True)
class Verdict:
    """What came of carrying out a correction.

    ``word`` is ``inverse``, ``equivalent``, ``several`` changes where one was wrong, ``otherwise``
    (it runs and does something else), ``fails``, or ``untold`` (its text cannot be carried out).
    """

    word: str
    why: str = ""

    @property
    def right(self) -> bool:
        return self.word in _RIGHT


class _UntoldError(Exception):
    """The text of a correction says too little to be carried out by a machine."""


def run(model: nn.Module, *args: Any, **kwargs: Any) -> list[torch.Tensor]:
    """All tensors that the model gives."""
    with torch.no_grad():
        given = model(*args, **kwargs)
    return [leaf for leaf in pytree.tree_leaves(given) if isinstance(leaf, torch.Tensor)]


def judged(broken: Broken, whole: Whole, suggestion: dict[str, Any], line: int) -> Verdict:
    """What comes of the suggestion; ``line`` is where the broken network failed."""
    same = True
    for batch in BATCHES:
        pictures = broken.given(whole.network.pictures(batch))
        if batch != BATCHES[0] and _of_written_shape(suggestion):
            continue
        try:
            model, args, kwargs = carried_out(broken.model, pictures, suggestion, line)
        except (_UntoldError, AssertionError) as error:
            return Verdict("untold", str(error)[:200])
        except Exception as error:
            return Verdict("fails", f"carried out: {type(error).__name__}: {str(error)[:200]}")
        try:
            outputs = run(model, *args, **kwargs)
        except Exception as error:
            return Verdict("fails", f"batch {batch}: {type(error).__name__}: {str(error)[:200]}")
        expected = [broken.left(output) for output in whole.outputs[batch]]
        shapes = [[tuple(t.shape) for t in some] for some in (outputs, expected)]
        if shapes[0] != shapes[1]:
            return Verdict("fails", f"batch {batch}: gives {shapes[0]} instead of {shapes[1]}")
        same = same and all(map(_close, outputs, expected))
        if (
            broken.where == "layer"
            and _layers(model) == _layers(whole.model)
            and (not _changes_lines(suggestion))
        ):
            return Verdict("inverse")
    return Verdict("inverse") if same else _of_another(broken, suggestion)


def _of_another(broken: Broken, suggestion: dict[str, Any]) -> Verdict:
    """It runs and is not the inverse."""
    changes = [suggestion, *suggestion["then"]]
    layers = {c["path"] for c in changes if c["action"] == "set_argument"}
    only_layers = all(c["action"] == "set_argument" for c in changes)
    if broken.where == "layer" and only_layers:
        return (
            Verdict("equivalent") if len(layers) == 1 else Verdict("several", str(sorted(layers)))
        )
    fits_input = suggestion["action"] == "set_input" or only_layers
    if broken.where == "input" and fits_input and len(changes) == 1:
        # Pictures of another size, or a layer made for these: nobody can know which was meant.
        return Verdict("equivalent")
    if broken.kind == "shortcut removed" and len(changes) == 1:
        return Verdict("equivalent")
    return Verdict("otherwise", "; ".join(c["text"] for c in changes))


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    most = other.abs().max().item() or 1.0
    return bool((one - other).abs().max().item() <= _TOLERANCE * most)


def _layers(model: nn.Module) -> dict[str, str]:
    """Every module by path, as it would be written, and the shapes of its parameters."""
    return {
        path: f"{type(module).__name__}({module.extra_repr()}) "
        + str([tuple(p.shape) for p in module.parameters(recurse=False)])
        for path, module in model.named_modules()
    }


# ---- carrying out -------------------------------------------------------------------------


def carried_out(
    model: nn.Module, pictures: torch.Tensor, suggestion: dict[str, Any], line: int
) -> tuple[nn.Module, tuple[Any, ...], dict[str, Any]]:
    """A copy of the model with the suggestion and all that belongs to it, and its inputs."""
    model, args, kwargs = copy.deepcopy(model), (pictures,), {}
    changes = [suggestion, *suggestion["then"]]
    done: set[tuple[str, str]] = set()
    for number, change in enumerate(changes):
        if _changes_lines({**change, "then": []}):
            if (change["from"], change["to"]) not in done:  # a class is written once
                model = _with_line(model, change, None if number else line)
            done.add((change["from"], change["to"]))
        elif "…" in change["text"] and change["action"] == "set_argument":
            layer = remade(model.get_submodule(change["path"]), _named(change["text"]))
            if layer is None:
                raise _UntoldError(change["text"])
            model = with_module(model, change["path"], layer)
        else:
            held = model
            alone = {**change, "then": []}
            model, args, kwargs = corrected(lambda held=held: held, args, kwargs, alone)
    return model.eval(), args, kwargs


def _changes_lines(suggestion: dict[str, Any]) -> bool:
    changes = [suggestion, *suggestion["then"]]
    rewrites = ("change_call", "change_source")
    return any(c["action"] in rewrites and isinstance(c["from"], str) for c in changes)


def _of_written_shape(suggestion: dict[str, Any]) -> bool:
    """``x of 2×3×64×64 instead of …`` names the batch itself."""
    changes = [suggestion, *suggestion["then"]]
    return any(c["action"] == "set_input" and " instead of " in c["text"] for c in changes)


def _named(text: str) -> dict[str, Any]:
    call = ast.parse(text.replace("…, ", "").replace("…", "")).body[0].value  # type: ignore[attr-defined]
    return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}


def _with_line(model: nn.Module, change: dict[str, Any], line: int | None) -> nn.Module:
    """The call written as the suggestion has it, in the class of the module or of one around it."""
    path = change["path"]
    around = [path, *(path.rsplit(".", n)[0] for n in range(1, path.count(".") + 1)), ""]
    for cls in dict.fromkeys(type(model.get_submodule(outer)) for outer in around):
        text = source_of(cls)
        if text is None:
            continue
        places = [node for node in _nodes(text) if _written(text, node) == change["from"]]
        if line is not None and len(places) > 1:
            places = [n for n in places if _covers(cls, n, line)] or places
        if places:
            new, _, extra = change["to"].partition(" with self.")
            changed = with_source(model, cls, replaced(text, places[0], new))
            if extra:
                name, _, layer = extra.partition(" = ")
                made = eval(layer, {"nn": nn, "torch": torch})
                owner = changed.get_submodule(path)
                for module in changed.modules():
                    if type(module) is type(owner):
                        setattr(module, name, made if module is owner else nn.Identity())
            return changed
    raise _UntoldError(f"{change['from']!r} does not stand in a class around {path}")


def _nodes(text: str) -> Sequence[ast.AST]:
    kinds = ast.expr | ast.stmt
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


def _written(text: str, node: ast.AST) -> str:
    segment = (ast.get_source_segment(text, node) or "").replace("\\\n", " ")
    return re.sub(r"\s+", " ", segment).strip()


def _covers(cls: type, node: ast.AST, line: int) -> bool:
    import inspect

    first = inspect.getsourcelines(cls)[1]
    begin = first - 1 + node.lineno  # type: ignore[attr-defined]
    end = first - 1 + node.end_lineno  # type: ignore[attr-defined]
    return begin <= line <= end

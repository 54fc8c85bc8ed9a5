"""Doing what a suggestion says, the way its reader would: by pasting its text.

Nothing of cnnshape is used here. A layer's text is evaluated and put into the model, a line's
text replaces the old line in the class's source, an input's text is evaluated with the inputs.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

NAMES = {"nn": nn, "torch": torch, "F": F}


def corrected(build, inputs, keywords, suggestion) -> tuple[nn.Module, tuple, dict]:
    """A new model and inputs with the suggestion, and all that belongs to it, carried out."""
    changes = [suggestion, *suggestion["then"]]
    rewrites = [c for c in changes if _is_rewrite(c)]
    model = _rewritten(build, rewrites) if rewrites else build()
    for change in changes:
        if change not in rewrites:
            model, inputs, keywords = _carry_out(model, inputs, keywords, change)
    return model, inputs, keywords


def _is_rewrite(change: dict[str, Any]) -> bool:
    return change["action"] in ("change_call", "change_source") and isinstance(change["from"], str)


def _rewritten(build, changes) -> nn.Module:
    source = textwrap.dedent(inspect.getsource(build))
    source = source[source.index("class ") :]
    added = []
    for change in changes:
        new, _, extra = change["to"].partition(" with self.")
        assert source.count(change["from"]) == 1, (change["from"], source)
        source = source.replace(change["from"], new)
        added += [extra] if extra else []
    namespace = {**vars(inspect.getmodule(build))}
    exec(compile(source, "<corrected>", "exec"), namespace)
    model = namespace[build.__name__]()
    for line in added:
        name, _, layer = line.partition(" = ")
        setattr(model, name, eval(layer, NAMES))
    return model


def _carry_out(model, inputs, keywords, change):
    text, path, action = change["text"], change["path"], change["action"]
    if action == "set_input":
        return model, *_with_input(model, inputs, keywords, change)
    if action == "set_argument" and " instead of " in text:
        owner = model.get_submodule(path)
        assert list(owner.get_buffer(change["argument"]).shape) == change["from"]
        owner.register_buffer(change["argument"], torch.zeros(change["to"]))
    elif action == "set_argument" and " = nn.Parameter(" in text:
        name, _, value = text.partition(" = ")
        owner = model.get_submodule(path)
        setattr(owner, name, eval(value, NAMES))
        nn.init.normal_(getattr(owner, name))
    elif action == "set_argument":
        listed = {path.rpartition(".")[2]: model.get_submodule(path)}
        layer = eval(text, {**NAMES, **listed})
        assert change["argument"] == "type" or hasattr(layer, change["argument"])
        model = _with_layer(model, path, layer)
    elif action == "insert_before":
        layer = model.get_submodule(path)
        layer.register_forward_pre_hook(_before(layer, change), with_kwargs=True)
    elif action == "insert_after":
        taken = re.search(r"\[(.+?)\]$", text)
        key = eval(taken[1]) if taken else 0
        model.get_submodule(path).register_forward_hook(lambda _m, _args, result: result[key])
    elif text.startswith("another layer for the "):
        number, layer = re.match(r"another layer for the (\d+).. call: (.+)", text).groups()
        model = _with_layer(
            model, path, Second(model.get_submodule(path), int(number), eval(layer, NAMES))
        )
    elif text == "model.eval() before the call":
        model.eval()
    elif re.match(r".*\(x, output_size=", text):
        size = eval(text[text.index("=") + 1 : -1])
        old = model.get_submodule(path).forward
        model.get_submodule(path).forward = lambda x, output_size=None: old(x, size)
    elif "without" in text or text.startswith("the call with its first"):
        old = model.get_submodule(path).forward
        model.get_submodule(path).forward = lambda x, *rest, **more: old(x)
    else:
        raise AssertionError(f"nobody could carry this out: {text}")
    return model, inputs, keywords


def _before(layer, change):
    """What is done to one argument: the named one, or whichever the text begins with."""
    names = list(inspect.signature(layer.forward).parameters)
    text = change["text"].split(" = ")[-1]  # `h = (h, …)`
    begins = next(
        word for word in re.findall(r"\w+", text) if word not in dir(torch) and word not in NAMES
    )
    name = change["argument"] or (begins if begins in names else names[0])

    def hook(_layer, args, kwargs):
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        given[name] = eval(text, {**NAMES, begins: given[name]})
        kept = names[: len(args)]
        return tuple(given[n] for n in kept), {k: given[k] for k in kwargs}

    return hook


def _with_layer(model, path, layer):
    if not path:
        return layer
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    owner._modules[name] = layer.train(model.training)
    return model


class Second(nn.Module):
    """Two layers, one of them for the ``number``-th call."""

    def __init__(self, first, number, other):
        super().__init__()
        self.first, self.number, self.other, self.calls = first, number, other, 0

    def forward(self, *args):
        self.calls += 1
        return (self.other if self.calls == self.number else self.first)(*args)


def _with_input(model, inputs, keywords, change):
    text, before, after = change["text"], change["from"], change["to"]
    names = [p for p in inspect.signature(model.forward).parameters]
    named = {**dict(zip(names, inputs, strict=False)), **keywords}
    if text.startswith("the call without "):
        keywords = {k: v for k, v in keywords.items() if f"without {k}=" not in text}
        return inputs, keywords
    if text.startswith("the call with its first"):
        return inputs[: int(re.search(r"first (\d+)", text)[1])], keywords
    if text.startswith("pass ") and "under the name" in text:
        return (
            {**{k: v for k, v in inputs[0].items() if k != before}, after: inputs[0][before]},
        ), {}
    if text.startswith("pass "):
        return inputs, {**keywords, change["argument"]: torch.randn(after)}
    if " instead of " in text:
        old = named[change["argument"]]
        assert list(old.shape) == before
        named[change["argument"]] = torch.randn(after).to(old.dtype)
    else:
        place = change["argument"] if change["argument"] in named else names[0]
        values = {**named, "x": named[names[0]], change["argument"]: named[place]}
        named[place] = eval(text, {**NAMES, **values})
    new = tuple(named[n] for n in names[: len(inputs)])
    return new, {k: named[k] for k in keywords}

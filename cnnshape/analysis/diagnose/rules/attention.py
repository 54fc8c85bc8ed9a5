"""Attention: its width, its keys, its masks, and which dimension is the batch."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import BeforeCall, Rewrite, Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText, call_at, written
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    change_input,
    combined,
    present,
    set_arguments,
    set_buffer,
)
from cnnshape.analysis.diagnose.wording import arrive, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import plural, times

_LAYER = frozenset({"MultiheadAttention"})
#: So many tokens are put in front of a sequence, and forgotten in its mask.
_TOKENS = 2


def multi_head_attention(failing: Failing) -> Diagnosis | None:
    """``embed_dim``, and masks of the wrong size."""
    query, expected = failing.operand("query"), failing.argument("embed_dim_to_check")
    if query is None or not query.shape or not isinstance(expected, int):
        return None
    name = who(failing.path, failing.module.type)
    width = query.shape[-1]
    if width != expected:
        sentence = say(
            "{layer} works on {expected} features (embed_dim), but {arriving} {arrive}",
            layer=name,
            expected=expected,
            arriving=width,
            arrive=arrive(width),
        )
        earlier = other_inputs(failing, query.value, query.rank - 1, expected)
        item = story(failing.trace, query.value.id, query.rank - 1)
        derivation = (*start_line(failing.trace, [item]), *lines([item]))
        found = present((_as_wide(failing, width), *earlier))
        return Diagnosis("mha.embed_dim", sentence, derivation, found)
    return _masks(failing, name, query.shape) or _keys(failing, name, expected)


def _as_wide(failing: Failing, width: int) -> Suggestion | None:
    layer = failing.layer(_LAYER)
    heads = None if layer is None else layer.config.get("num_heads")
    if layer is None or not isinstance(heads, int) or width % heads:
        return None
    return set_arguments(layer, {"embed_dim": width})


def _keys(failing: Failing, name: str, expected: int) -> Diagnosis | None:
    key = failing.shape(failing.argument("key"))
    separate = failing.argument("use_separate_proj_weight")
    if not key or separate is True or key[-1] == expected:
        return None
    width, layer = key[-1], failing.layer(_LAYER)
    sentence = say(
        "{layer} expects keys of {expected} features, but {arriving} {arrive}: "
        "kdim and vdim say so if they differ",
        layer=name,
        expected=expected,
        arriving=width,
        arrive=arrive(width),
    )
    remade = None if layer is None else set_arguments(layer, {"kdim": width, "vdim": width})
    return Diagnosis("mha.embed_dim", sentence, (), present([remade]))


def _masks(failing: Failing, name: str, query: Sizes) -> Diagnosis | None:
    """``attn_mask`` is L×S, ``key_padding_mask`` N×S; inside, the length comes first."""
    key = failing.shape(failing.argument("key"))
    if key is None or len(query) != 3 or len(key) != 3 or failing.call is None:
        return None
    length, batch, source = query[0], query[1], key[0]
    heads = failing.argument("num_heads")
    padding = failing.shape(failing.argument("key_padding_mask"))
    if padding is not None and padding != (batch, source):
        sentence = say(
            "{layer}'s key_padding_mask must be {wanted} (batch × key length), but {arriving} "
            "arrives",
            layer=name,
            wanted=times((batch, source)),
            arriving=times(padding),
        )
        found: list[Suggestion | None] = []
        if padding == (source, batch):
            # The mask counts the batch first; so may the data, and the layer does not.
            found.append(_batch_first(failing))
            found.append(_on_mask(failing, "key_padding_mask"))
        found.append(_padded_mask(failing, padding, batch, source))
        return Diagnosis("mha.mask", sentence, (), present(found))
    mask = failing.shape(failing.argument("attn_mask"))
    allowed = [(length, source)]
    if isinstance(heads, int):
        allowed.append((batch * heads, length, source))  # type: ignore[arg-type]
    if mask is not None and mask not in allowed:
        sentence = say(
            "{layer}'s attn_mask must be {wanted} (query length × key length), but {arriving} "
            "arrives",
            layer=name,
            wanted=times((length, source)),
            arriving=times(mask),
        )
        found = [_on_mask(failing, "attn_mask")] if mask == (source, length) else []
        if mask == (batch, source):
            found.append(_as_padding(failing))
        if mask in ((batch, batch), (batch, source)) and length == source:
            found.append(_batch_first(failing))
        elif len(mask) == 2 and mask[0] == mask[1] and length == source:
            found += _longer_mask(failing, mask, length)
        return Diagnosis("mha.mask", sentence, (), present(found))
    return None


def _padded_mask(failing: Failing, mask: Sizes, batch: int, source: int) -> Suggestion | None:
    """A place in the mask for what was put in front of the sequence, as a class token is."""
    value = failing.value(failing.argument("key_padding_mask"))
    missing = source - mask[-1] if len(mask) == 2 and mask[0] == batch else 0
    while value is not None and value.origin != "input" and value.producer is not None:
        value = main_input(failing.trace, failing.trace.operations[value.producer])
    if value is None or not value.name or value.origin != "input" or not 0 < missing <= _TOKENS:
        return None
    steps = (Step("pad", ((missing, 0),)),)
    change = (list(mask), [batch, source])
    return change_input(value.name, f"F.pad({{x}}, ({missing}, 0))", steps, change)


def _as_padding(failing: Failing) -> Suggestion | None:
    """The mask given as what it is by its shape: one row per example."""
    found = None if failing.call is None else call_at(failing.call.source)
    if found is None or failing.call is None or failing.call.source is None:
        return None
    if "attn_mask=" not in found.text or "key_padding_mask=" in found.text:
        return None
    text = found.text.replace("attn_mask=", "key_padding_mask=")
    return Suggestion(
        action="change_call",
        text=text,
        path=failing.path,
        argument="key_padding_mask",
        from_=found.text,
        to=text,
        edits=(Rewrite(failing.call.source, found.place, text),),
    )


def _batch_first(failing: Failing) -> Suggestion | None:
    """``batch_first=True``, where the author built the layer and not a layer of torch around it."""
    parent = failing.path.rpartition(".")[0]
    inside = failing.trace.module(parent).kind.startswith("Transformer")
    if inside or failing.module.config.get("batch_first") is True:
        return None
    return set_arguments(failing.module, {"batch_first": True})


def _longer_mask(failing: Failing, mask: Sizes, length: int) -> Iterator[Suggestion | None]:
    """A causal mask that was made once for another length: made again, or as long an input."""
    held = failing.value(failing.argument("attn_mask"))
    while held is not None and held.producer is not None:
        inputs = failing.trace.operations[held.producer].inputs
        held = failing.trace.values[inputs[0]] if inputs else None
    if held is not None and held.origin == "buffer" and held.shape == mask:
        yield set_buffer(held, (length, length))
    first = failing.value(failing.argument("query"))
    if first is not None:
        yield from other_inputs(failing, first, 0, mask[0])


def _on_mask(failing: Failing, keyword: str) -> Suggestion:
    found = written(failing.failure.source, failing.path.rpartition(".")[2])
    passed = (
        [a.partition("=")[2] for a in found.arguments if a.startswith(keyword)] if found else []
    )
    name = passed[0] if passed and passed[0].isidentifier() else keyword
    return Suggestion(
        action="insert_before",
        text=f"{name}.T",
        path=failing.path,
        argument=keyword,
        edits=(BeforeCall(failing.path, (Step("transpose", (0, 1)),), argument=keyword),),
    )


def transformer(failing: Failing) -> Diagnosis | None:
    """``nn.Transformer`` asked to work on sources and targets of different number."""
    if failing.module.kind != "Transformer" or failing.operation is not None:
        return None
    source, target = failing.shape(failing.given(0, "src")), failing.shape(failing.given(1, "tgt"))
    if source is None or target is None or len(source) != 3 or len(target) != 3:
        return None
    axis = 0 if failing.module.config.get("batch_first") is True else 1
    if source[axis] == target[axis]:
        return None
    name = who(failing.path, failing.module.type)
    sentence = say(
        "{layer} takes {axes}, so src {source} is {sequences} and tgt {target} is {number}",
        layer=name,
        axes="N×L×E" if axis == 0 else "L×N×E",
        source=times(source),
        sequences=plural(source[axis], "sequence"),
        target=times(target),
        number=target[axis],
    )
    found: list[Suggestion] = []
    if source[1 - axis] == target[1 - axis]:
        sentence += say(
            ": the {shared} they share stands in dimension {axis}",
            shared=source[1 - axis],
            axis=1 - axis,
        )
        turn = (Step("transpose", (0, 1)),)
        made = [
            before_call(failing, f"{word}.transpose(0, 1)", turn, argument=number)
            for number, word in enumerate(("src", "tgt"))
        ]
        both = combined(made)
        found += [both] if both else []
    return Diagnosis("mha.batch", sentence, (), tuple(found))


# ---- attention by hand ------------------------------------------------------------------


def attention(failing: Failing) -> Diagnosis | None:
    """``scaled_dot_product_attention``: query and key alike in width, key and value in length."""
    shapes = [failing.shape(failing.argument(name)) for name in ("query", "key", "value")]
    query, key, value = shapes
    if not query or not key or not value or min(map(len, (query, key, value))) < 2:
        return None
    if query[-1] != key[-1]:
        sentence = say(
            "query {query} and key {key} must agree in their last dimension: {one} and {other}",
            query=times(query),
            key=times(key),
            one=query[-1],
            other=key[-1],
        )
        return Diagnosis("attention.width", sentence)
    if key[-2] != value[-2]:
        sentence = say(
            "key {key} and value {value} must be equally long: {one} and {other}",
            key=times(key),
            value=times(value),
            one=key[-2],
            other=value[-2],
        )
        return Diagnosis("attention.length", sentence)
    mask = failing.shape(failing.argument("attn_mask"))
    scores = (*query[:-1], key[-2])
    if mask is not None and any(
        m not in (1, s) for m, s in zip(reversed(mask), reversed(scores), strict=False)
    ):
        sentence = say(
            "the attention mask {mask} does not fit the scores {scores} "
            "(… × query length × key length)",
            mask=times(mask),
            scores=times(scores),
        )
        found: tuple[Suggestion, ...] = ()
        if mask == (scores[0], scores[-1]) and len(scores) > 2:
            missing = len(scores) - 2
            place = min(3, len(failing.tensors) - 1)
            template = f"{{x}}[:, {'None, ' * missing}:]"
            found = (CallText(failing).on(place, template),)
        return Diagnosis("attention.mask", sentence, (), found)
    return None

"""Recurrent layers and attention."""

from __future__ import annotations

from cnnshape.analysis.messages.table import Fix, Row, shape_group, worded
from cnnshape.messages import say

SEQUENCES = (
    Row(
        "rnn.input_size",
        r"input\.size\(-1\) must be equal to input_size\. Expected (?P<n>\d+), got (?P<k>\d+)",
        "{who} expects {n:feature} per step (input_size), but {k:arrive}",
        (Fix(worded("input_size={k} instead of {n}"), "input_size", "n", "k"),),
        layer=say("recurrent layer"),
    ),
    Row(
        "rnn.input_size",
        r"input has inconsistent input_size: got (?P<k>\d+) expected (?P<n>\d+)",
        "{who} expects {n:feature} per step (input_size), but {k:arrive}",
        (Fix(worded("input_size={k} instead of {n}"), "input_size", "n", "k"),),
        layer=say("recurrent cell"),
    ),
    Row(
        "rnn.rank",
        r"(?P<kind>\w+): Expected input to be (?P<a>\d)D or (?P<b>\d)D, got (?P<k>\d)D instead",
        "{who} takes {b} dimensions, or {a} without the batch, but {k:arrive}",
        layer=say("recurrent layer"),
    ),
    Row(
        "rnn.rank",
        r"input must have (?P<n>\d+) dimensions, got (?P<k>\d+)",
        "{who} takes {n:dims}, but {k:arrive}",
        layer=say("recurrent layer"),
    ),
    Row(
        "rnn.hidden_size",
        rf"Expected hidden(?:\[(?P<part>\d)\])? size {shape_group('n')}, got {shape_group('k')}",
        "{who} needs an initial state of {n} (layers × directions, batch, hidden size), but {k} "
        "arrives",
        layer=say("recurrent layer"),
    ),
    Row(
        "rnn.hidden_size",
        r"For (?P<how>un)?batched (?P<n>\d)-D input, hx (?:and cx )?should also be (?P<h>\d)-D "
        r"but got "
        r"\(?(?P<k>\d)-D",
        "{who} takes an initial state of {h:dims} with an input of {n}, but one of {k} arrives",
        layer=say("recurrent layer"),
    ),
    Row(
        "rnn.hidden_size",
        r"hidden\d has inconsistent hidden_size: got (?P<k>\d+),? expected (?P<n>\d+)",
        "{who} needs an initial state of {n:feature} (hidden_size), but {k:arrive}",
        layer=say("recurrent cell"),
    ),
    Row(
        "attention.length",
        rf"key shape {shape_group('k')} does not match value shape {shape_group('v')}",
        "{who} gets keys of {k} and values of {v}: each key needs a value",
        layer="MultiheadAttention",
    ),
    Row(
        "mha.embed_dim",
        r"the feature number of src and tgt must be equal to d_model",
        "{who} works on d_model features, and gets another number in src or tgt",
        layer="Transformer",
    ),
    Row(
        "mha.embed_dim",
        r"was expecting embedding dimension of (?P<n>\d+), but got (?P<k>\d+)",
        "{who} works on {n:feature} (embed_dim), but {k:arrive}",
        (Fix(worded("embed_dim={k} instead of {n}"), "embed_dim", "n", "k"),),
        layer="MultiheadAttention",
    ),
    Row(
        "mha.embed_dim",
        r"passed-in embed_dim (?P<n>\d+) didn't match last dim of query (?P<k>\d+)",
        "{who} works on {n:feature} (embed_dim), but {k:arrive}",
        layer="MultiheadAttention",
    ),
    Row(
        "mha.mask",
        r"shape '\[(?:1, 1, )?(?P<n>[\d, ]+)\]' is invalid for input of size (?P<k>\d+)",
        "a mask of {who} must be {n}, but one of {k:number} arrives",
        layer="MultiheadAttention",
        when=lambda _found, place: place.operation == "multi_head_attention_forward",
    ),
    Row(
        "mha.mask",
        rf"The shape of the (?P<d>\d)D attn_mask is {shape_group('k')}, but should be "
        rf"{shape_group('n')}",
        "the attn_mask of {who} must be {n}, but {k} arrives",
        layer="MultiheadAttention",
    ),
    Row(
        "mha.mask",
        rf"expecting key_padding_mask shape of {shape_group('n')}, but got {shape_group('k')}",
        "the key_padding_mask of {who} must be {n} (batch × key length), but {k} arrives",
        layer="MultiheadAttention",
    ),
    Row(
        "mha.mask",
        r"Expected key_padded_mask\.shape\[(?P<d>\d)\] to be (?P<n>\d+), but got (?P<k>\d+)",
        "the key_padding_mask of {who} must have {n} in dimension {d} (batch × key length), but "
        "has {k}",
        layer="MultiheadAttention",
    ),
    Row(
        "mha.batch",
        r"the batch number of src and tgt must be equal",
        "{who} gets sources and targets of different number (batch_first=False takes the second "
        "dimension for the batch)",
        layer="Transformer",
    ),
)

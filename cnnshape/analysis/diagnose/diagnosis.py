"""What a rule says about a failure, and every kind of error that it may name."""

from __future__ import annotations

from dataclasses import dataclass

from cnnshape.analysis.report import Suggestion


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a model failed.

    Attributes:
        kind: a stable name, ``family.reason``; ``docs/errors`` has a page for each.
        sentence: the reason in the reader's own numbers.
        derivation: where the arriving size comes from, oldest step first.
        suggestions: changes that may help, most likely first; none of them is tried yet.
    """

    kind: str
    sentence: str
    derivation: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


#: Kind → title of its page in ``docs/errors``, in the order in which a learner meets them.
KINDS: dict[str, str] = {
    "linear.in_features": "A linear layer gets another number of features",
    "linear.missing_flatten": "A picture goes into a linear layer without being flattened",
    "input.missing_batch": "One picture without a batch dimension",
    "input.missing_channel": "Pictures without a channel dimension",
    "input.channels_last": "A picture with its channels last",
    "input.rank": "The code takes a shape apart that has other dimensions",
    "input.numpy": "A NumPy array where a tensor belongs",
    "input.picture": "A PIL picture where a tensor belongs",
    "input.list": "A list of tensors where a tensor belongs",
    "input.type": "Something that is no tensor",
    "input.missing_key": "The dict that was passed has no such key",
    "module.missing_key": "A ModuleDict has no such module",
    "module.missing_attribute": "forward uses a layer that __init__ did not make",
    "module.no_forward": "The module has no forward",
    "attribute.misspelt": "A method, an attribute or a function of torch is misspelt",
    "name.undefined": "forward uses a variable that is not defined",
    "call.misused": "Brackets that are missing, superfluous or of the wrong kind",
    "module.unregistered": "Layers in a plain list or dict",
    "call.arguments": "A function of torch gets arguments that it does not take",
    "call.whole": "A float where a function takes whole numbers",
    "forward.arguments": "forward() is called with the wrong arguments",
    "output.tuple": "A module returns a tuple, and the next one wants a tensor",
    "output.several": "An operation gives several tensors, and one is wanted",
    "output.none": "A module returns nothing",
    "conv.in_channels": "A convolution gets another number of channels",
    "conv.rank": "A convolution gets too many dimensions, or too few",
    "conv.kernel_too_large": "The kernel is larger than the picture",
    "conv_transpose.output_size": "A transposed convolution cannot make that size",
    "conv_transpose.output_padding": "output_padding is too large",
    "pool.too_small": "Nothing is left to pool",
    "pool.padding": "A pooling pads by more than half of its kernel",
    "pool.rank": "A pooling gets too many dimensions, or too few",
    "unpool.indices": "An unpooling gets indices of another shape",
    "batch_norm.num_features": "A batch norm gets another number of channels",
    "batch_norm.rank": "A norm layer for other dimensions",
    "batch_norm.single_value": "Batch norm in training with one value per channel",
    "instance_norm.single_value": "Instance norm with one value per channel",
    "layer_norm.normalized_shape": "A layer norm gets another width",
    "group_norm.num_channels": "A group norm gets another number of channels",
    "group_norm.num_groups": "The groups of a group norm do not divide the channels",
    "broadcast": "Two tensors that do not fit are added or multiplied",
    "broadcast.in_place": "An in-place operation cannot enlarge its tensor",
    "cat.sizes": "Tensors of different size are concatenated",
    "cat.rank": "Tensors with different numbers of dimensions are concatenated",
    "stack.sizes": "Tensors of different size are stacked",
    "view.size": "view or reshape with the wrong numbers",
    "view.stride": "view of a tensor that was transposed or cropped",
    "view.batch": "view(-1, n) changed the size of the batch",
    "squeeze.batch": "squeeze() dropped the batch of one",
    "unflatten.size": "A dimension cannot be split like that",
    "expand.size": "expand of a dimension that is not 1",
    "expand.rank": "expand with too few numbers",
    "repeat.rank": "repeat with too few numbers",
    "permute.rank": "permute names other dimensions than there are",
    "dim.out_of_range": "A dimension that is not there",
    "pixel_shuffle.channels": "The channels do not suffice for a pixel shuffle",
    "pixel_unshuffle.size": "A picture cannot be divided for a pixel unshuffle",
    "matmul.sizes": "Matrices that cannot be multiplied",
    "matmul.rank": "A product for other dimensions",
    "matmul.batch": "Stacks of different height are multiplied",
    "einsum.sizes": "A letter of einsum has two sizes",
    "einsum.rank": "einsum has another number of letters than dimensions",
    "bilinear.in_features": "A bilinear layer gets another number of features",
    "bilinear.sizes": "The inputs of a bilinear layer differ before the last dimension",
    "attention.width": "Query and key of different width",
    "attention.length": "Keys and values of different length",
    "attention.mask": "An attention mask of the wrong size",
    "rnn.input_size": "A recurrent layer gets another number of features",
    "rnn.rank": "A recurrent layer gets too many dimensions, or too few",
    "rnn.hidden_size": "The initial state has the wrong size",
    "mha.embed_dim": "Attention gets another width",
    "mha.mask": "A mask of multi-head attention has the wrong size",
    "mha.batch": "nn.Transformer gets sources and targets of different number",
    "dtype.mismatch": "Data and weights of different dtype",
    "dtype.integer": "Integers where numbers with a fraction are needed",
    "dtype.index": "Numbers with a fraction where indices are needed",
    "dtype.mask": "A mask that is not of bool",
    "dtype.target": "Targets of the wrong dtype",
    "embedding.index": "An index beyond the embedding",
    "index.out_of_range": "An index beyond the size",
    "index.rank": "More indices than dimensions",
    "index.shape": "Indices of another shape than what they pick from",
    "assign.sizes": "What is assigned does not fit into the part of the tensor",
    "index.mask": "A mask of another size than the tensor",
    "split.sizes": "The pieces of a split do not add up",
    "unpack.count": "Another number of results than names",
    "interpolate.mode": "An interpolation mode for other dimensions",
    "interpolate.size": "Too many sizes for an interpolation",
    "interpolate.empty": "Scaled down to nothing",
    "pad.size": "Padding that reaches too far",
    "pad.numbers": "F.pad with the wrong count of numbers",
    "prelu.num_parameters": "PReLU with another number of slopes than channels",
    "glu.size": "A gated linear unit halves an odd size",
    "fold.size": "fold gets another number of windows",
    "loss.target_shape": "Targets of the wrong shape for a classification",
    "loss.batch": "Predictions and targets of different number",
    "loss.target_range": "A class number beyond the scores",
    "loss.shapes": "Predictions and targets of different shape",
    "operation.shapes": "An operation takes other shapes",
    "operation.arguments": "An operation refuses its arguments",
    "device.mismatch": "Model and data on different devices",
    "raised.own": "The model's own check, or a line of its own, failed",
    "raised.recursion": "A module calls itself without end",
    "raised.exit": "The model ends the program",
    "init.arguments": "A layer is built with arguments missing or unknown",
    "init.division": "Groups or heads that do not divide the channels",
    "init.whole": "A size that is no whole number",
    "init.size": "A size below 1",
    "init.padding": "padding='same' with a stride",
    "init.super": "Layers before super().__init__()",
    "raised.init": "The model could not be built",
}

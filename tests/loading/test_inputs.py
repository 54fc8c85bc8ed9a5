"""SHAPE texts and Python values, and the tensors made of them."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnnshape.errors import InputError, ShapeSyntaxError
from cnnshape.loading.inputs import from_python, from_specs, from_texts, given_inputs
from cnnshape.loading.shapes import InputSpec, parse_input, parse_inputs
from cnnshape.loading.tensors import make_tensors, model_dtype


@pytest.mark.parametrize(
    ("text", "shape", "dtype", "name"),
    [
        ("1,1,28,28", (1, 1, 28, 28), None, None),
        ("1x1x28x28", (1, 1, 28, 28), None, None),
        ("1×1×28×28", (1, 1, 28, 28), None, None),
        (" 1, 1 ,28,28 ", (1, 1, 28, 28), None, None),
        ("1，1，28，28", (1, 1, 28, 28), None, None),
        ("ids＝（1，128）：int64", (1, 128), "int64", "ids"),
        ("(1, 1, 28, 28)", (1, 1, 28, 28), None, None),
        ("(5,)", (5,), None, None),
        ("7", (7,), None, None),
        ("0,3", (0, 3), None, None),
        ("1,128:int64", (1, 128), "int64", None),
        ("1,128:long", (1, 128), "int64", None),
        ("1,128 : torch.float16", (1, 128), "float16", None),
        ("mask=1,128:bool", (1, 128), "bool", "mask"),
        ("mask = 1x128 : bool", (1, 128), "bool", "mask"),
        ("batch.image=1,3,8,8", (1, 3, 8, 8), None, "batch.image"),
        ("()", (), None, None),
        ("step=():int64", (), "int64", "step"),
        ("N,1,H,W", ("N", 1, "H", "W"), None, None),
        ("N×1×H×W", ("N", 1, "H", "W"), None, None),
        ("Nx1xHxW", ("N", 1, "H", "W"), None, None),
        ("1,x,3", (1, "x", 3), None, None),
        ("batch", ("batch",), None, None),
        ("1,3,H,224", (1, 3, "H", 224), None, None),
    ],
)
def test_one_tensor(text: str, shape: object, dtype: str | None, name: str | None) -> None:
    assert parse_input(text) == InputSpec(shape, dtype, name)


@pytest.mark.parametrize(
    ("text", "members", "name"),
    [
        ("[3,96,96]", [((3, 96, 96), None)], None),
        ("[3,96,96],[3,64,64]", [((3, 96, 96), None), ((3, 64, 64), None)], None),
        ("[3x8x8] , [1:int64]", [((3, 8, 8), None), ((1,), "int64")], None),
        ("images=[3,96,96]:float16", [((3, 96, 96), "float16")], "images"),
        ("[3,H,W]", [((3, "H", "W"), None)], None),
        ("[()]", [((), None)], None),
    ],
)
def test_lists_of_tensors(text: str, members: list[object], name: str | None) -> None:
    spec = parse_input(text)
    assert spec.name == name
    assert [(member.shape, member.dtype) for member in spec.tensors or ()] == members


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty: give sizes, as in 1,1,28,28"),
        ("mask=", "is empty"),
        ("1,,28", "a size is missing in '1,,28': write 1,1,28,28"),
        ("1,1,28,", "a size is missing"),
        ("1,-1,28", "the size -1 in '1,-1,28' is negative: sizes are 0 or more"),
        ("1,2.5", "cannot read the size '2.5'"),
        ("1,1,H/2", "cannot read the size 'H/2'"),
        ("1 1 28 28", "cannot read the size '1 1 28 28'"),
        ("1,128:int46", "unknown dtype 'int46'; did you mean int64"),
        ("1,128:banana", "unknown dtype 'banana'; use float32"),
        ("1,128:", "no dtype after the colon in '1,128:'"),
        (":int64", "no sizes in ':int64': write 1,128:int64, or ():int64 for a scalar"),
        ("[3,96,96", "cannot read the list of tensors in '[3,96,96'"),
        ("3,96,96]", "cannot read the list of tensors"),
        ("[[3,96]]", "cannot read the list of tensors"),
        ("[]", "cannot read the list of tensors"),
        ("[3,96],", "cannot read the list of tensors"),
        ("[3,96]x[3]", "cannot read the list of tensors"),
        ("[a=3]", "cannot read the list of tensors"),
        ("1," + "9" * 400, "is too large"),
        ("9223372036854775808", "is too large"),
        ("a=b=3", "cannot read the size 'b=3'"),
        ("0x1F", "cannot read the size '1F'"),
        ("1,²", "cannot read the size '²'"),
    ],
)
def test_what_is_said_of_a_bad_shape(text: str, words: str) -> None:
    with pytest.raises(ShapeSyntaxError) as error:
        parse_input(text)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_names_given_twice() -> None:
    with pytest.raises(ShapeSyntaxError, match="the input 'a' is given twice"):
        parse_inputs(["a=1", "a=2"])
    with pytest.raises(ShapeSyntaxError, match=r"as a tensor and, by 'a\.b', as a dictionary"):
        parse_inputs(["a=1", "a.b=2"])


@given(st.text(alphabet="0123456789,x×[]():=NHW.-abfloint64 ", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        spec = parse_input(text)
    except ShapeSyntaxError:
        return
    assert parse_input(str(spec)) == spec


class Pair(NamedTuple):
    a: int
    b: int


sizes = st.lists(st.integers(0, 50) | st.sampled_from("NCHW"), max_size=5).map(tuple)


@given(st.builds(InputSpec, sizes, st.sampled_from([None, "int64", "bool"]),
                 st.sampled_from([None, "x", "a.b"])))  # fmt: skip
def test_every_spec_is_read_back(spec: InputSpec) -> None:
    assert parse_input(str(spec)) == spec


class TestFromPython:
    def test_a_shape(self) -> None:
        for given_ in [(1, 1, 28, 28), [1, 1, 28, 28], torch.Size([1, 1, 28, 28]), "1,1,28,28"]:
            assert from_python(given_).args == (InputSpec((1, 1, 28, 28)),)
        assert from_python((1, 1, "H", "W")).letters == ("H", "W")
        assert from_python(("N", "C")).args == (InputSpec(("N", "C")),)

    def test_a_tensor_is_itself(self) -> None:
        x = torch.zeros(2)
        assert from_python(x).args[0] is x
        assert from_python((x, "1,5")).args == (x, InputSpec((1, 5)))

    def test_several_texts(self) -> None:
        args = from_python(("1,3,8,8", "1,5:int64")).args
        assert args == (InputSpec((1, 3, 8, 8)), InputSpec((1, 5), "int64"))

    def test_a_list_is_one_input(self) -> None:
        x, y = torch.zeros(3, 8, 8), torch.zeros(3, 9, 9)
        assert from_python([x, y]).args == ([x, y],)
        assert from_python([(3, 8, 8)]).args == ([InputSpec((3, 8, 8))],)
        assert from_python(([(3, 8, 8)], (1, 2))).args == (
            [InputSpec((3, 8, 8))],
            InputSpec((1, 2)),
        )

    def test_a_dict_is_keywords(self) -> None:
        x = torch.zeros(2)
        inputs = from_python({"ids": "1,8", "mask": x, "cache": None, "return_dict": False})
        assert inputs.args == ()
        assert inputs.kwargs == {
            "ids": InputSpec((1, 8)), "mask": x, "cache": None, "return_dict": False
        }  # fmt: skip
        both = from_python((1, 3), {"mask": "1,3:bool"})
        assert both.args == (InputSpec((1, 3)),)
        assert both.kwargs == {"mask": InputSpec((1, 3), "bool")}

    def test_beside_a_tensor_sizes_are_an_option(self) -> None:
        x, size = torch.zeros(2), torch.Size((16, 16))
        for ready in (x, np.zeros(2), [x], {"a": x}, SimpleNamespace(x=x)):
            assert from_python((ready, (16, 16))).args[1] == (16, 16)
        assert from_python({"x": x, "size": size}).kwargs["size"] is size
        assert from_python((x, ("H", "W"), [1, 2])).args[1:] == (("H", "W"), [1, 2])
        assert from_python({"x": ("N", "T", 4), "y": x}).kwargs["x"] == InputSpec(("N", "T", 4))
        assert from_python((x, ("cat", 5))).args[1] == ("cat", 5)
        # A number, even numpy's, is no input that is ready.
        assert from_python(((1, 5), np.float32(2.5), None)).args[0] == InputSpec((1, 5))

    @pytest.mark.parametrize("value", [
        "train", "conv2d", "a=1", "yes, no", ["a b c", "d"], ["yes", "no"], ("cat", "dog"),
        (-2, -1), (1.5, 2), [True, False], 2.5, 16, True, b"1,3", range(3), {1, 2}, torch.float16,
    ])  # fmt: skip
    def test_what_is_no_shape_is_itself(self, value: object) -> None:
        assert from_python(((1, 3), value)).args[1] is value
        assert from_python({"x": (1, 3), "y": value}).kwargs == {"x": InputSpec((1, 3)), "y": value}
        nested = from_python({"x": {"y": value, "z": (1, 3)}}).kwargs["x"]
        assert nested == {"y": value, "z": InputSpec((1, 3))}

    def test_a_container_without_shapes_keeps_its_class(self) -> None:
        ordered = OrderedDict(a=1.5, b="c")
        assert from_python((ordered,)).args[0] is ordered
        assert from_python((ordered,)).map(lambda leaf: leaf).args[0] is ordered
        assert from_python("one word").args == ("one word",)

    def test_a_dict_as_one_input(self) -> None:
        assert from_python(({"a": (1, 2)},)).args == ({"a": InputSpec((1, 2))},)

    def test_nothing(self) -> None:
        assert from_python(()).args == ()
        assert from_python(None).args == ()

    def test_named_tuples_and_objects_pass(self) -> None:
        pair = Pair(1, 2)
        assert from_python(pair).args == (pair,)
        assert from_python((pair,)).args == (pair,)

    @pytest.mark.parametrize(("value", "words"), [
        (5, "the input is the number 5: give a shape such as"),
        ((1, -2), "the size -2 in"),
    ])  # fmt: skip
    def test_refused(self, value: object, words: str) -> None:
        with pytest.raises(InputError, match=words):
            from_python(value)


class TestGivenInputs:
    def test_args_and_kwargs_are_handed_over_as_they_are(self) -> None:
        size = torch.Size((16, 16))
        given = given_inputs(args=("1,3,8,8", size, "N"), kwargs={"ids": (1, 8)})
        assert given is not None
        assert given.args == ("1,3,8,8", (16, 16), "N")
        assert given.args[1] is size
        assert given.kwargs == {"ids": (1, 8)}
        assert not given.specs

    def test_kwargs_beside_shapes(self) -> None:
        given = given_inputs((1, 3, 8, 8), kwargs={"size": (16, 16)})
        assert given is not None
        assert (given.args, given.kwargs) == ((InputSpec((1, 3, 8, 8)),), {"size": (16, 16)})

    def test_nothing(self) -> None:
        assert given_inputs() is None
        assert given_inputs(args=()) == from_python(())

    @pytest.mark.parametrize(("given_", "words"), [
        ({"inputs": (1, 3), "args": ()}, "inputs and args are both given"),
        ({"args": torch.zeros(2)}, r"args is a tuple, as in args=\(x,\), not Tensor"),
        ({"kwargs": [1]}, "kwargs is a dict"),
        ({"inputs": {"x": (1, 3)}, "kwargs": {"x": 1}}, "'x' is given twice"),
    ])  # fmt: skip
    def test_refused(self, given_: dict[str, object], words: str) -> None:
        with pytest.raises(InputError, match=words):
            given_inputs(**given_)  # type: ignore[arg-type]


class TestMakeTensors:
    def test_the_same_each_time_and_the_process_generator_untouched(self) -> None:
        specs = from_texts(["1,3,8,8", "y=2,2"])
        before = torch.get_rng_state()
        (first,), kwargs = make_tensors(specs)
        torch.manual_seed(99)
        (second,), _ = make_tensors(specs)
        assert torch.equal(first, second)
        torch.set_rng_state(before)
        make_tensors(specs)
        assert torch.equal(before, torch.get_rng_state())
        assert not torch.equal(first, make_tensors(specs, seed=1)[0][0])
        assert kwargs["y"].shape == (2, 2)
        assert abs(make_tensors(from_texts(["10000"]))[0][0].mean()) < 0.05

    def test_integers_fit_an_embedding(self) -> None:
        for dtype in ("int64", "int32"):
            (ids,), _ = make_tensors(from_texts([f"4,7:{dtype}"]))
            assert nn.Embedding(2, 3)(ids).shape == (4, 7, 3)

    def test_integers_fit_lengths_for_packing(self) -> None:
        (x, lengths), _ = make_tensors(from_texts(["5,3,4", "3:int64"]))
        assert nn.utils.rnn.pack_padded_sequence(x, lengths).batch_sizes.tolist() == [3]

    def test_dtypes(self) -> None:
        texts = ["2:float16", "2:bfloat16", "2:float64", "2:bool", "200:uint8", "2:complex64", "2"]
        args, _ = make_tensors(from_texts(texts), dtype="float64")
        assert [str(a.dtype).removeprefix("torch.") for a in args] == [
            "float16", "bfloat16", "float64", "bool", "uint8", "complex64", "float64"
        ]  # fmt: skip
        assert args[3].all()
        assert args[4].max() > 128
        (x,), _ = make_tensors(from_texts(["2,3"]), dtype=torch.bfloat16)
        assert x.dtype is torch.bfloat16

    def test_meta_takes_no_memory(self) -> None:
        (x,), _ = make_tensors(from_texts([f"{10**6},{10**6}"]), device="meta")
        assert x.is_meta

    def test_lists_dicts_and_scalars(self) -> None:
        args, kwargs = make_tensors(from_texts(["[3,8,8],[3,4,4]", "b.x=1,2", "b.y=()"]))
        assert [tuple(t.shape) for t in args[0]] == [(3, 8, 8), (3, 4, 4)]
        assert kwargs["b"]["x"].shape == (1, 2)
        assert kwargs["b"]["y"].shape == ()

    def test_given_tensors_are_moved_only_where_needed(self) -> None:
        x = torch.zeros(2, 3)
        args, kwargs = make_tensors(from_python((x,), {"flag": True, "x": [x]}))
        assert args[0] is x
        assert kwargs == {"flag": True, "x": [x]}
        args, _ = make_tensors(from_python(x), device="meta")
        assert args[0].is_meta
        assert not x.is_meta

    def test_default_device_of_the_process_does_not_matter(self) -> None:
        torch.set_default_device("meta")
        try:
            (x, n), _ = make_tensors(from_texts(["2,3", "2:int64"]))
        finally:
            torch.set_default_device(None)
        assert x.device.type == n.device.type == "cpu"

    def test_letters_have_no_tensor(self) -> None:
        with pytest.raises(InputError, match="the size N, H and W has no number"):
            make_tensors(from_texts(["N,1,H,W"]))

    def test_elements(self) -> None:
        assert from_python(("1,3,8,8", [torch.zeros(5)]), {"m": "2,2"}).elements == 192 + 5 + 4
        assert from_specs(parse_inputs(["N,3"])).elements == 3


def test_model_dtype() -> None:
    assert model_dtype(nn.Linear(2, 2).half()) == "float16"
    assert model_dtype(nn.Embedding(2, 2)) == "float32"
    assert model_dtype(nn.Flatten()) == "float32"

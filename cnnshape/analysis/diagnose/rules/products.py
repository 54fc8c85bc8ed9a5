"""Matrix products: ``matmul``, ``bmm``, ``mm``, ``einsum``, ``bilinear``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes, sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import present, set_arguments, set_parameter
from cnnshape.analysis.diagnose.wording import arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import listed, plural, times

#: The ranks that the strict products take.
_RANKS = {"bmm": (3, 3), "mm": (2, 2), "mv": (2, 1), "dot": (1, 1)}


def matmul(failing: Failing) -> Diagnosis | None:
    """The columns of the first must be the rows of the second, and batches must broadcast."""
    operands = failing.operands[-2:]
    if len(operands) != 2 or len(failing.operands) != len(failing.tensors):
        return None
    left, right = operands
    a, b = left.shape, right.shape
    call = CallText(failing)
    first, second = (
        f"{name} {times(one.shape)}"
        for name, one in zip(_names(failing, call), operands, strict=True)
    )
    ranks = _RANKS.get(failing.name)
    if ranks is not None and (left.rank, right.rank) != ranks:
        sentence = say(
            "{function} takes tensors of {rank} and {other_dims}, but {first} has "
            "{first_rank} and {second} has {second_rank}",
            function=failing.name,
            rank=ranks[0],
            other_dims=dims(ranks[1]),
            first=first,
            first_rank=left.rank,
            second=second,
            second_rank=right.rank,
        )
        return Diagnosis("matmul.rank", sentence, (), tuple(_general(call, a, b)))
    if not a or not b:
        return None
    if a[-1] != _rows(b):
        sentence = say(
            "{first} times {second} does not fit: each row of the first has {columns} "
            "numbers, each column of the second {rows}",
            first=first,
            second=second,
            columns=a[-1],
            rows=_rows(b),
        )
        stories = [story(failing.trace, left.value.id, left.rank - 1)]
        stories.append(story(failing.trace, right.value.id, max(right.rank - 2, 0)))
        derivation = (*start_line(failing.trace, stories), *lines(stories))
        return Diagnosis("matmul.sizes", sentence, derivation, tuple(_turned(call, left, right)))
    for x, y in zip(reversed(a[:-2]), reversed(b[:-2]), strict=False):
        strict = failing.name in ("bmm", "baddbmm")
        if x != y and (strict or 1 not in (x, y)):
            sentence = say(
                "{first} and {second} are stacks of {matrices} and {other_matrices} matrices, "
                "which do not match",
                first=first,
                second=second,
                matrices=x,
                other_matrices=y,
            )
            found = (*_repeated(call, left, right), *_general(call, a, b))
            return Diagnosis("matmul.batch", sentence, (), found)
    return None


def _rows(matrix: Sizes) -> int:
    """The rows of a matrix, or the numbers of a vector."""
    return matrix[-2:][0]


def _names(failing: Failing, call: CallText) -> tuple[str, str]:
    if failing.name == "addmm":
        return "a", "b"
    names = (call.operand(0), call.operand(1))
    if names[0] == names[1] or any(len(name) > 30 for name in names):
        return "a", "b"
    return names


def _general(call: CallText, a: Sizes, b: Sizes) -> Iterator[Suggestion]:
    """``matmul``, which broadcasts, for the products that do not."""
    if call.failing.name not in _RANKS:
        return
    left, right = call.operand(0), call.operand(1)
    if len(a) > 1 and len(b) > 1 and a[-1] == b[-2]:
        yield call.with_function("torch.matmul")
    elif len(a) == len(b) == 2 and call.failing.name == "dot" and a == b:
        yield call.candidate(f"({left} * {right}).sum(dim=-1)")


def _turned(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """The two exchanged, one of them transposed, or made by its layer in another size."""
    if min(left.rank, right.rank) > 1 and right.shape[-1] == _rows(left.shape):
        yield from _exchanged(call, left, right)
    turned = "{x}.transpose(-2, -1)"
    inner, columns = left.shape[-1], right.shape[-1]
    if right.rank > 1 and inner == columns:
        # Rows against rows, as queries and keys; columns against columns where those are first.
        yield call.on(1, turned)
        if left.shape == right.shape:
            yield call.on(0, turned)
        return
    if min(left.rank, right.rank) > 1 and _rows(left.shape) == _rows(right.shape):
        yield call.on(0, turned)
    if right.value.origin == "parameter" and right.rank == 2:
        yield from present([set_parameter(right.value, (inner, columns))])
    failing = call.failing
    yield from other_inputs(failing, left.value, left.rank - 1, _rows(right.shape))
    if right.rank >= 2:
        yield from other_inputs(failing, right.value, right.rank - 2, inner)


def _repeated(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """Keys that several heads of queries share, once for each of them."""
    if left.rank != right.rank:
        return
    for axis in range(1, left.rank - 2):
        few, many = sorted((left, right), key=lambda one: one.shape[axis])
        times_, rest = divmod(many.shape[axis], few.shape[axis])
        if times_ > 1 and not rest:
            yield call.on(few.place, f"{{x}}.repeat_interleave({times_}, dim={axis})")


def _exchanged(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """``x @ adjacency`` where the nodes are the last axis of x."""
    found = call.found
    if left.rank == right.rank or found is None or len(found.operands) != 2:
        return
    a, b = found.operands
    if found.function == "@":
        yield call.candidate(f"{b} @ {a}")
    elif found.receiver is None:
        yield call.candidate(f"{found.function}({b}, {a})")


def einsum(failing: Failing) -> Diagnosis | None:
    """Each letter must have one size, and each tensor a letter per dimension."""
    equation = failing.argument("equation")
    if not isinstance(equation, str) or "." in equation:
        return None
    shapes = [sizes(value) for value in failing.tensors]
    terms = equation.replace(" ", "").split("->")[0].split(",")
    if len(terms) != len(shapes) or None in shapes:
        return None
    call = CallText(failing)
    known: dict[str, tuple[int, int]] = {}
    for index, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        assert shape is not None
        if len(term) != len(shape):
            sentence = say(
                "einsum's {term!r} has {letters}, but tensor {number} {shape} has {dims}",
                term=term,
                letters=plural(len(term), "letter"),
                number=index + 1,
                shape=times(shape),
                dims=dims(len(shape)),
            )
            return Diagnosis(
                "einsum.rank", sentence, (), tuple(_einsum_rank(call, index, term, shape))
            )
        for letter, size in zip(term, shape, strict=True):
            if letter in known and known[letter][0] != size and 1 not in (size, known[letter][0]):
                before, where = known[letter]
                first = say(
                    "tensor {number} {shape}", number=where + 1, shape=times(shapes[where] or ())
                )
                sentence = say(
                    "einsum's {letter!r} is {size} in {first} and {other_size} in tensor {number} "
                    "{shape}",
                    letter=letter,
                    size=before,
                    first=first,
                    other_size=size,
                    number=index + 1,
                    shape=times(shape),
                )
                return Diagnosis(
                    "einsum.sizes",
                    sentence,
                    (),
                    tuple(_einsum_sizes(failing, call, equation, index)),
                )
            known.setdefault(letter, (size, index))
    return None


def _einsum_rank(call: CallText, index: int, term: str, shape: Sizes) -> Iterator[Suggestion]:
    if len(term) == len(shape) + 1:
        # The equation is the first operand in the source.
        new = f"{call.operand(index + 1)}.unsqueeze(0)"
        text = call.with_operand(
            index + 1,
            new,
            say("tensor {number} of einsum unsqueezed", number=index + 1),
        )
        yield call.candidate(text)


def _einsum_sizes(
    failing: Failing, call: CallText, equation: str, index: int
) -> Iterator[Suggestion]:
    """The letters of one tensor in the order in which they fit."""
    from itertools import permutations

    left, arrow, out = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    shapes = [sizes(value) or () for value in failing.tensors]
    for order in permutations(terms[index]):
        better = [*terms[:index], "".join(order), *terms[index + 1 :]]
        if better != terms and _consistent(better, shapes):
            text = ",".join(better) + arrow + out
            written = call.with_operand(0, f'"{text}"', f'torch.einsum("{text}", …)')
            yield call.candidate(written)
            return


def _consistent(terms: list[str], shapes: list[Sizes]) -> bool:
    known: dict[str, int] = {}
    pairs = chain.from_iterable(zip(t, s, strict=True) for t, s in zip(terms, shapes, strict=True))
    return all(known.setdefault(letter, size) == size for letter, size in pairs)


def bilinear(failing: Failing) -> Diagnosis | None:
    """Both inputs must have their number of features."""
    first, second = failing.operand(), failing.operand("input2")
    weight = failing.shape(failing.argument("weight"))
    if not first or not second or weight is None or len(weight) != 3:
        return None
    layer = failing.layer({"Bilinear"}, failing.argument("weight"))
    name = who(failing.path, failing.module.type)
    for number, (x, expected) in enumerate(((first, weight[1]), (second, weight[2])), 1):
        if not x.shape or x.shape[-1] == expected:
            continue
        arriving = x.shape[-1]
        sentence = say(
            "{layer} expects {expected} features in its {which} input, but {arriving} {arrive}",
            layer=name,
            expected=expected,
            which=say("first") if number == 1 else say("second"),
            arriving=arriving,
            arrive=arrive(arriving),
        )
        changes = {f"in{number}_features": arriving}
        found = present([set_arguments(layer, changes) if layer else None])
        return Diagnosis("bilinear.in_features", sentence, (), found)
    if first.shape[:-1] != second.shape[:-1]:
        both = listed((times(first.shape), times(second.shape)))
        sentence = say("bilinear's inputs {inputs} differ before the last dimension", inputs=both)
        return Diagnosis("bilinear.sizes", sentence)
    return None

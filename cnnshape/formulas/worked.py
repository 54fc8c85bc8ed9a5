"""A convolution or a pooling worked out on a matrix: every window, product and sum, exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from cnnshape.errors import UsageError
from cnnshape.formulas.derivation import Derivation
from cnnshape.formulas.layer_arguments import per_axis
from cnnshape.formulas.reading.matrices import Matrix, Number, read_matrix
from cnnshape.formulas.registry import canonical, derive
from cnnshape.formulas.text_style import Style, unstyled
from cnnshape.messages import say, translated
from cnnshape.shown import told
from cnnshape.words import times

#: The kinds that can be worked out, and those that have weights.
KINDS = ("conv", "conv_transpose", "max_pool", "avg_pool")
_WEIGHTED = ("conv", "conv_transpose")
#: More steps than this are counted, not printed.
MOST_SHOWN = 400
_WIDEST = 80

#: A window with None where nothing of the input lies.
Window = tuple[tuple[Number | None, ...], ...]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Step:
    """How one number of the output comes about."""

    row: int
    column: int
    #: What of the input meets each weight; a padding is 0, or None where it counts for nothing.
    window: Window
    #: Each product with its weight; None for a pooling.
    products: Window | None
    #: By how much the sum is divided; 1 but for an average.
    divisor: int
    value: Number

    def to_dict(self) -> dict[str, Any]:
        """JSON values; rows and columns count from 0."""
        return {
            "row": self.row,
            "column": self.column,
            "window": numbers(self.window),
            "products": None if self.products is None else numbers(self.products),
            "divisor": self.divisor,
            "value": json_number(self.value),
        }


class _Layer(NamedTuple):
    """A layer's arguments for rows and columns."""

    kernel: Pair
    stride: Pair
    before: Pair
    after: Pair
    dilation: Pair


@dataclass(frozen=True)
class Worked:
    """A layer applied to a matrix by hand."""

    kind: str
    input: Matrix
    weights: Matrix | None
    kernel: Pair
    stride: Pair
    #: What is added before the first row and column, and after the last ones.
    padding: tuple[Pair, Pair]
    dilation: Pair
    output: Matrix
    steps: tuple[Step, ...]
    formula: str
    substitution: str
    #: Whether the text and JSON show the steps.
    with_steps: bool = False

    def __str__(self) -> str:
        return self.text()

    @property
    def caption(self) -> str:
        """The layer in one line: ``conv, kernel 3×3, padding 1``."""
        parts = [self.kind, f"kernel {times(self.kernel)}"]
        parts += [f"stride {_pair(self.stride)}"] if self.stride != (1, 1) else []
        before, after = self.padding
        if (before, after) != ((0, 0), (0, 0)):
            both = (
                _pair(before)
                if before == after
                else say("{before} before, {after} after", before=_pair(before), after=_pair(after))
            )
            parts.append(f"padding {both}")
        parts += [f"dilation {_pair(self.dilation)}"] if self.dilation != (1, 1) else []
        return ", ".join(parts)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter."""
        return told(self.text)

    def text(self, style: Style = unstyled) -> str:
        """The matrices side by side, or one below the other where they are wide, and the steps."""
        sizes = f"{_size(self.input)} → {_size(self.output)}"
        blocks = [("input", self.input), ("weights", self.weights), ("output", self.output)]
        named = [(name, table(matrix)) for name, matrix in blocks if matrix is not None]
        lines = [f"{style(self.caption, 'strong')}   {sizes}", ""]
        wide = sum(max(len(name), len(rows[0])) + 4 for name, rows in named)
        if wide <= _WIDEST:
            lines += _beside(named)
        else:
            for name, rows in named:
                lines += [f"  {name}", *(f"  {row}" for row in rows), ""]
        lines += ["", style(f"  {self.formula}", "quiet"), style(f"  {self.substitution}", "quiet")]
        if self.with_steps:
            for step in self.steps[:MOST_SHOWN]:
                lines += ["", *self._explained(step, style)]
            if len(self.steps) > MOST_SHOWN:
                left = len(self.steps) - MOST_SHOWN
                lines += ["", translated(say("  … and {left} more; -f json has all", left=left))]
        return "\n".join(lines)

    def _explained(self, step: Step, style: Style) -> list[str]:
        """The window, row by row, with its products and their sum."""
        head = style(f"output[{step.row}, {step.column}]", "strong") + f" = {shown(step.value)}"
        window = table(step.window)
        if step.products is None:
            return [
                head,
                *(f"  {row}" for row in window[:-1]),
                f"  {window[-1]}{self._pooled(step)}",
            ]
        assert self.weights is not None
        sums = [
            shown(sum(met)) if (met := [each for each in row if each is not None]) else ""
            for row in step.products
        ]
        several = [_factor(each) for each in sums if each]
        if len(several) > 1:
            head = head.replace(" = ", f" = {' + '.join(several)} = ", 1)
        lines = [head]
        wide = max(map(len, sums))
        terms = [
            " + ".join(
                f"{_factor(value)}·{_factor(weight)}"
                for value, weight in zip(row, weights, strict=True)
                if value is not None
            )
            for row, weights in zip(step.window, self.weights, strict=True)
        ]
        longest = max(map(len, terms))
        for row, products, total in zip(window, terms, sums, strict=True):
            equals = f"{products:<{longest}} = {total:>{wide}}" if products else ""
            lines.append(f"  {row}   {equals}".rstrip())
        return lines

    def _pooled(self, step: Step) -> str:
        values = [each for row in step.window for each in row if each is not None]
        if self.kind == "max_pool":
            return f"   max = {shown(step.value)}"
        return f"   {shown(sum(values))}/{step.divisor} = {shown(step.value)}"

    def csv(self) -> str:
        """The output, a row in each line."""
        return "\n".join(",".join(shown(value) for value in row) for row in self.output)

    def latex(self) -> str:
        """The matrices as they stand in a paper."""
        parts = [_latex(self.input)]
        if self.weights is not None:
            parts += [r"\ast", _latex(self.weights)]
        return " ".join(
            [*parts, "=" if self.weights is not None else r"\mapsto", _latex(self.output)]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        before, after = self.padding
        found: dict[str, Any] = {
            "kind": self.kind,
            "input": numbers(self.input),
            "weights": None if self.weights is None else numbers(self.weights),
            "kernel": list(self.kernel),
            "stride": list(self.stride),
            "padding": {"before": list(before), "after": list(after)},
            "dilation": list(self.dilation),
            "output": numbers(self.output),
            "formula": self.formula,
            "substitution": self.substitution,
        }
        if self.with_steps:
            found["steps"] = [step.to_dict() for step in self.steps]
        return found


def work_out(
    kind: str,
    matrix: str | Sequence[object],
    weights: str | Sequence[object] | None = None,
    *,
    arguments: dict[str, Any],
    ceil_mode: bool = False,
    with_steps: bool = False,
) -> Worked:
    """A layer applied to a matrix, as torch applies it: the weights are not turned around.

    A matrix of one row, with weights of one row, is a sequence: nothing is padded above and below.

    Args:
        kind: ``conv``, ``conv_transpose``, ``max_pool`` or ``avg_pool``.
        matrix: The input; see :func:`cnnshape.formulas.reading.matrices.read_matrix`.
        weights: The kernel of a convolution; nothing for a pooling.
        arguments: kernel, stride, padding, dilation, output_padding, each a number or one per axis.
        ceil_mode: For a pooling.
        with_steps: Show how each number comes about.

    >>> work_out("conv", "1 2 3; 4 5 6; 7 8 9", "1 0; 0 1", arguments={}).output
    ((6, 8), (12, 14))

    Raises:
        UsageError: A matrix cannot be read, or an argument is missing or too much.
        ImpossibleSizeError: The layer cannot be applied to this matrix.
    """
    name = canonical(kind)
    if name not in KINDS:
        raise UsageError(f"{name} is not worked out on a matrix; {', '.join(KINDS)} are")
    values = read_matrix(matrix, "matrix")
    kernel = _kernel(name, values, weights, arguments)
    sequence = len(values) == 1 and kernel.size[0] == 1
    given = {key: value for key, value in arguments.items() if key != "kernel"}
    layer, derived = _layer(name, values, kernel.size, given, sequence, ceil_mode)
    shape = derived.output[-2:]
    stepped = _transposed if name == "conv_transpose" else _windowed
    steps = stepped(name, values, kernel.weights, layer, (shape[0], shape[1]))
    rows = [steps[start : start + shape[1]] for start in range(0, len(steps), shape[1])]
    return Worked(
        name,
        values,
        kernel.weights,
        kernel.size,
        layer.stride,
        (layer.before, layer.after),
        layer.dilation,
        tuple(tuple(step.value for step in row) for row in rows),
        tuple(steps),
        derived.formula,
        derived.substitution.rpartition("; ")[2] if sequence else derived.substitution,
        with_steps,
    )


class _Kernel(NamedTuple):
    size: Pair
    weights: Matrix | None


def _kernel(
    kind: str,
    values: Matrix,
    weights: str | Sequence[object] | None,
    arguments: dict[str, Any],
) -> _Kernel:
    """The size of the kernel, from its weights or as it is given."""
    given = arguments.get("kernel")
    if kind in _WEIGHTED:
        if weights is None:
            raise UsageError(f"{kind} needs weights, as in --weights '1 0 -1; 2 0 -2; 1 0 -1'")
        if given is not None:
            raise UsageError("the weights say how large the kernel is; leave kernel away")
        read = read_matrix(weights, "weights")
        return _Kernel((len(read), len(read[0])), read)
    if weights is not None:
        raise UsageError(f"{kind} has no weights; give its kernel")
    if given is None:
        raise UsageError(f"{kind} needs kernel: give --kernel 2")
    if isinstance(given, int) and len(values) == 1:
        return _Kernel((1, given), None)
    height, width = per_axis("kernel", given, 2)
    return _Kernel((height, width), None)


def _layer(
    kind: str,
    values: Matrix,
    kernel: Pair,
    given: dict[str, Any],
    sequence: bool,
    ceil_mode: bool,
) -> tuple[_Layer, Derivation]:
    """The arguments for both axes, and the size they give."""

    def both(role: str, neutral: int) -> Any:
        value = given.get(role)
        return (neutral, value) if sequence and isinstance(value, int) else value

    passed: dict[str, Any] = {
        role: value
        for role, neutral in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0))
        if (value := both(role, neutral)) is not None
    }
    if ceil_mode:
        if kind in _WEIGHTED:
            raise UsageError(f"{kind} has no ceil_mode")
        passed["ceil_mode"] = True
    shape = (1, 1, len(values), len(values[0]))
    derived = derive(kind, shape, kernel_size=kernel, dims=2, **passed)
    stride = _both(passed.get("stride"), kernel if kind not in _WEIGHTED else (1, 1))
    dilation = _both(passed.get("dilation"), (1, 1))
    padding = passed.get("padding")
    if padding == "same":
        total = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        before = (total[0] // 2, total[1] // 2)
        after = (total[0] - before[0], total[1] - before[1])
    else:
        before = after = _both(None if padding == "valid" else padding, (0, 0))
    return _Layer(kernel, stride, before, after, dilation), derived


def _both(value: Any, usual: Pair) -> Pair:
    if value is None:
        return usual
    first, second = per_axis("argument", value, 2)
    return first, second


def _windowed(
    kind: str, values: Matrix, weights: Matrix | None, layer: _Layer, shape: Pair
) -> list[Step]:
    """Convolution and pooling: a window for each number of the output."""
    height, width = len(values), len(values[0])
    outside: Number | None = None if kind == "max_pool" else 0

    def at(row: int, column: int) -> Number | None:
        if 0 <= row < height and 0 <= column < width:
            return values[row][column]
        # What a rounded-up pooling reaches beyond the padding counts for nothing.
        beyond = row >= height + layer.after[0] or column >= width + layer.after[1]
        return None if beyond else outside

    steps: list[Step] = []
    for row in range(shape[0]):
        for column in range(shape[1]):
            top = row * layer.stride[0] - layer.before[0]
            left = column * layer.stride[1] - layer.before[1]
            window = _grid(
                layer.kernel,
                lambda a, b, top=top, left=left: at(
                    top + a * layer.dilation[0], left + b * layer.dilation[1]
                ),
            )
            steps.append(_step(kind, (row, column), window, weights))
    return steps


def _transposed(
    kind: str, values: Matrix, weights: Matrix | None, layer: _Layer, shape: Pair
) -> list[Step]:
    """Transposed convolution: what of the input reaches each number, by which weight."""
    sizes = (len(values), len(values[0]))

    def source(place: int, tap: int, axis: int) -> int | None:
        """The row or column of the input that reaches ``place`` by the weight at ``tap``."""
        index, rest = divmod(
            place + layer.before[axis] - tap * layer.dilation[axis], layer.stride[axis]
        )
        return index if rest == 0 and 0 <= index < sizes[axis] else None

    def reaching(row: int, column: int, a: int, b: int) -> Number | None:
        r, c = source(row, a, 0), source(column, b, 1)
        return None if r is None or c is None else values[r][c]

    return [
        _step(
            kind,
            (row, column),
            _grid(layer.kernel, lambda a, b, row=row, column=column: reaching(row, column, a, b)),
            weights,
        )
        for row in range(shape[0])
        for column in range(shape[1])
    ]


def _grid(size: Pair, value: Callable[[int, int], Number | None]) -> Window:
    return tuple(tuple(value(a, b) for b in range(size[1])) for a in range(size[0]))


def _step(kind: str, at: Pair, window: Window, weights: Matrix | None) -> Step:
    values = [each for row in window for each in row if each is not None]
    if weights is None:
        divisor = 1 if kind == "max_pool" else len(values)
        value = max(values) if kind == "max_pool" else Fraction(sum(values), 1) / divisor
        return Step(*at, window, None, divisor, _simple(value))
    products = tuple(
        tuple(None if each is None else each * weight for each, weight in zip(*pair, strict=True))
        for pair in zip(window, weights, strict=True)
    )
    total = sum((each for row in products for each in row if each is not None), Fraction(0))
    return Step(*at, window, products, 1, _simple(total))


def _simple(value: Number) -> Number:
    return int(value) if value == int(value) else value


# ---- writing ------------------------------------------------------------------------------------


def shown(value: Number | None) -> str:
    """A number as people write it: 2.5 for 5/2, 0.3333 for 1/3, · for nothing.

    >>> shown(Fraction(5, 2)), shown(Fraction(-1, 3)), shown(None)
    ('2.5', '−0.3333', '·')
    """
    if value is None:
        return "·"
    text = str(value) if isinstance(value, int) else f"{float(value):.{_digits(value)}g}"
    return text.replace("-", "−")


def _digits(value: Fraction) -> int:
    """Four digits of a fraction that never ends, all of one that does."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return 12 if rest == 1 else 4


def json_number(value: Number | None) -> float | None:
    """A JSON number: an integer where it is one."""
    return value if value is None or isinstance(value, int) else float(value)


def numbers(matrix: Window) -> list[list[float | None]]:
    """A matrix as JSON."""
    return [[json_number(value) for value in row] for row in matrix]


def table(matrix: Window) -> list[str]:
    """The rows of a matrix as lines, its columns aligned to the right.

    >>> table(((1, 20), (-3, 4)))
    [' 1  20', '−3   4']
    """
    cells = [[shown(value) for value in row] for row in matrix]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:>{w}}" for cell, w in zip(row, wide, strict=True)) for row in cells]


def _beside(blocks: Sequence[tuple[str, list[str]]]) -> list[str]:
    """Named blocks side by side."""
    tall = max(len(rows) for _, rows in blocks)
    lines = ["  "] + ["  "] * tall
    for name, rows in blocks:
        wide = max(len(name), len(rows[0]))
        for index, cell in enumerate([name, *rows, *[""] * (tall - len(rows))]):
            lines[index] += f"{cell:<{wide}}    "
    return [line.rstrip() for line in lines]


def _factor(value: Number | str | None) -> str:
    text = value if isinstance(value, str) else shown(value)
    return f"({text})" if text.startswith("−") else text


def _latex(matrix: Matrix) -> str:
    rows = (" & ".join(shown(value).replace("−", "-") for value in row) for row in matrix)
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def _size(matrix: Matrix) -> str:
    return times((len(matrix), len(matrix[0])))


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else times(pair)

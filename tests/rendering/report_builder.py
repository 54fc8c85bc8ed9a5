"""Reports written by hand, so that tables are tested without running any model.

``Net`` plays the part of a forward pass: ``leaf``, ``op`` and ``inside`` are called in the order
in which the modules and functions would run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from cnnshape.analysis.report import (
    Check,
    ErrorReport,
    Layer,
    OperationRow,
    Report,
    Suggestion,
    TensorRow,
    Totals,
)
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import DEFAULT, TableOptions
from cnnshape.tracing.trace import (
    Dim,
    Execution,
    Failure,
    Module,
    ModuleCall,
    Operation,
    Parameter,
    Shape,
    Source,
    Trace,
    Value,
)


def to_text(
    report: Report, options: TableOptions = DEFAULT, width: int | None = None, color: bool = False
) -> str:
    """The table, which most tests look at."""
    return report_text(report, "table", options, width, color)


CONV = "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1"


def match(rule: str = "conv", substitution: str = "28 = 28", expected: Shape = ()) -> Check:
    return Check("match", rule, expected, CONV, substitution)


def mismatch(expected: Shape, substitution: str, note: str = "") -> Check:
    return Check("mismatch", "max_pool", expected, CONV, substitution, note)


class _OfLayer:
    """Receptive fields that are known beforehand: one size for a layer."""

    def __init__(self, size: Any) -> None:
        self.field = SimpleNamespace(size=size, stride=None, offset=None)

    def of(self, _call: int) -> Any:
        return self.field if self.field.size is not None else None


@dataclass
class _Call:
    path: str
    type: str
    kind: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    parent: int | None
    start: int
    stop: int = 0
    params: int | None = 0
    macs: Dim | None = 0
    config: dict[str, Any] = field(default_factory=dict)
    check: Check | None = None
    covered: bool = True
    finished: bool = True
    field_: Any = None


def shapes(shape: Any) -> tuple[Shape, ...]:
    """One shape or a list of them."""
    if shape is None:
        return ()
    return tuple(shape) if isinstance(shape, list) else (tuple(shape),)


class Net:
    def __init__(
        self, class_name: str, *inputs: Shape, spec: str = "", outputs: Any = None, own: Any = ()
    ) -> None:
        self.class_name, self.spec = class_name, spec or class_name.lower()
        self.inputs = inputs
        self.outputs = shapes(outputs)
        self.calls: list[_Call] = []
        self.rows: list[OperationRow] = []
        self.operations: list[Operation] = []
        self.values: list[Value] = []
        self.never: list[tuple[str, str, int, dict[str, Any]]] = []
        self.parameters: list[Parameter] = [
            _parameter("", name, shape, count) for name, shape, count in own
        ]
        self.stack: list[int] = []
        self._begin("", class_name, list(inputs), outputs, {})

    def _begin(self, path: str, kind: str, inp: Any, out: Any, config: dict[str, Any]) -> int:
        parent = self.stack[-1] if self.stack else None
        call = _Call(path, kind, kind, shapes(inp), shapes(out), parent, len(self.operations))
        call.config = config
        self.calls.append(call)
        self.stack.append(len(self.calls) - 1)
        return len(self.calls) - 1

    def _end(self) -> None:
        self.calls[self.stack.pop()].stop = len(self.operations)

    def _operation(self, name: str, inp: Any, out: Any, args: tuple[Any, ...] = ()) -> int:
        ids = []
        for shape in (*shapes(inp), *shapes(out)):
            ids.append(len(self.values))
            self.values.append(Value(len(self.values), shape, "float32", 0, "operation"))
        cut = len(shapes(inp))
        self.operations.append(
            Operation(
                index=len(self.operations),
                name=name,
                call=self.stack[-1],
                args=args,
                kwargs={},
                inputs=tuple(ids[:cut]),
                outputs=tuple(ids[cut:]),
                parameters=(),
                source=None,
                failed=out is None,
            )
        )
        return len(self.operations) - 1

    def leaf(self, path: str, type: str, inp: Any, out: Any, **data: Any) -> Net:
        """A layer that ran one operation. ``data``: params, macs, check, config, kind, …"""
        index = self._begin(path, type, inp, out, data.pop("config", {}))
        for name, value in data.items():
            setattr(self.calls[index], name, value)
        self._operation(type.lower(), inp, out)
        self._end()
        return self

    @contextlib.contextmanager
    def inside(
        self, path: str, type: str, inp: Any, out: Any, own: Any = (), **config: Any
    ) -> Iterator[None]:
        """A module with modules inside."""
        index = self._begin(path, type, inp, out, config)
        self.parameters += [_parameter(path, name, shape, count) for name, shape, count in own]
        self.calls[index].params = sum(count for _, _, count in own)
        yield
        self._end()

    def op(self, name: str, inp: Any, out: Any, check: Check | None = None, **data: Any) -> Net:
        """A functional operation that changed a size."""
        index = self._operation(name, inp, out, data.pop("args", ()))
        call = self.calls[self.stack[-1]]
        # A module's own MACs are those of every operation that its forward ran.
        call.macs = None if call.macs is None else call.macs + data.get("macs", 0)
        self.rows.append(
            OperationRow(
                op=name,
                path=self.calls[self.stack[-1]].path,
                input_shapes=shapes(inp),
                output_shapes=shapes(out),
                macs=data.get("macs", 0),
                check=check,
                index=index,
                call=self.stack[-1],
            )
        )
        return self

    def uncalled(self, path: str, type: str, params: int = 0, **config: Any) -> Net:
        self.never.append((path, type, params, config))
        return self

    def uses(self, *parameters: str) -> Net:
        """The last operation used these parameters."""
        from dataclasses import replace

        self.operations[-1] = replace(self.operations[-1], parameters=parameters)
        return self

    def report(self, **changes: Any) -> Report:
        self._end()
        error: ErrorReport | None = changes.pop("error", None)
        failure = changes.pop("failure", None)
        seen: dict[str, int] = {}
        numbers = []
        for call in self.calls:
            numbers.append(seen.get(call.path, 0))
            seen[call.path] = numbers[-1] + 1
        own = {c.path: c.params for c, n in zip(self.calls, numbers, strict=True) if n == 0}
        own[""] = sum(p.count or 0 for p in self.parameters if p.owner == "")
        own.update({path: params for path, _, params, _ in self.never})
        layers = [
            self._layer(index, call, numbers[index], own) for index, call in enumerate(self.calls)
        ]
        if error is None:
            layers += [self._never(*row, own) for row in self.never]
        checks = [row.check for row in (*layers, *self.rows) if row.check]
        data: dict[str, Any] = {
            "spec": self.spec,
            "class_name": self.class_name,
            "device": "cpu",
            "mode": "eval",
            "reason": "a small model runs for real",
            "seconds": 0.003,
            "inputs": tuple(TensorRow("x", s, "float32") for s in self.inputs),
            "outputs": tuple(TensorRow("", s, "float32") for s in self.outputs),
            "layers": tuple(layers),
            "operations": tuple(self.rows),
            "totals": Totals(
                params=_sum(own.values()),
                trainable_params=_sum(own.values()),
                buffers=0,
                macs=_sum(c.macs for c in self.calls),
                parameter_bytes=4 * (_sum(own.values()) or 0),
                buffer_bytes=0,
                activation_bytes=0,
                match=sum(c.status == "match" for c in checks),
                mismatch=sum(c.status == "mismatch" for c in checks),
                uncovered=sum(not layer.covered for layer in layers),
            ),
            "trace": self._trace(numbers, failure),
            "error": error,
        }
        return Report(**(data | changes))

    def _layer(self, index: int, call: _Call, number: int, own: dict[str, Any]) -> Layer:
        first = number == 0
        return Layer(
            path=call.path,
            type=call.type,
            kind=call.kind,
            depth=call.path.count(".") + 1 if call.path else 0,
            call=number,
            called=True,
            input_shapes=call.inputs,
            output_shapes=call.outputs,
            params=own[call.path] if first else 0,
            trainable_params=own[call.path] if first else 0,
            subtree_params=_below(own, call.path) if first else 0,
            macs=call.macs,
            subtree_macs=_sum(self.calls[i].macs for i in self._within(index)),
            parameter_bytes=4 * (own[call.path] or 0) if first else 0,
            activation_bytes=0,
            config=call.config,
            fields=_OfLayer(call.field_),
            check=call.check,
            covered=call.covered,
            finished=call.finished,
            index=index,
        )

    def _within(self, index: int) -> Iterator[int]:
        """A call and every call below it."""
        for other in range(index, len(self.calls)):
            above: int | None = other
            while above is not None and above != index:
                above = self.calls[above].parent
            if above == index:
                yield other

    def _never(
        self, path: str, type: str, params: int, config: dict[str, Any], own: dict[str, Any]
    ) -> Layer:
        return Layer(
            path=path,
            type=type,
            kind=type,
            depth=path.count(".") + 1,
            call=0,
            called=False,
            input_shapes=(),
            output_shapes=(),
            params=params,
            trainable_params=params,
            subtree_params=_below(own, path),
            macs=0,
            subtree_macs=0,
            parameter_bytes=4 * params,
            activation_bytes=0,
            config=config,
        )

    def _trace(self, numbers: list[int], failure: Failure | None) -> Trace:
        paths = {c.path: c.type for c in self.calls} | {p: t for p, t, _, _ in self.never}
        modules = tuple(
            Module(
                path=path,
                type=kind,
                kind=kind,
                builtin=True,
                depth=path.count(".") + 1 if path else 0,
                children=tuple(
                    p for p in paths if p and p.rpartition(".")[0] == path and p != path
                ),
                config={},
                parameters=(),
                buffers=(),
                training=False,
            )
            for path, kind in paths.items()
        )
        calls = tuple(
            ModuleCall(
                index=index,
                path=call.path,
                call=numbers[index],
                parent=call.parent,
                args=(),
                kwargs={},
                inputs=(),
                outputs=(),
                operations=(call.start, call.stop),
                source=None,
                finished=call.finished,
            )
            for index, call in enumerate(self.calls)
        )
        return Trace(
            modules=modules,
            parameters=tuple(self.parameters),
            buffers=(),
            calls=calls,
            operations=tuple(self.operations),
            values=tuple(self.values),
            inputs=(),
            outputs=(),
            execution=Execution("cpu", "eval"),
            failure=failure,
        )


def _parameter(owner: str, name: str, shape: tuple[int, ...], count: int) -> Parameter:
    whole = f"{owner}.{name}" if owner else name
    return Parameter(whole, owner, shape, "float32", count, 4 * count, trainable=True)


def _sum(numbers: Any) -> Any:
    listed = list(numbers)
    if any(number is None for number in listed):
        return None
    words = [number for number in listed if isinstance(number, str)]
    return " + ".join(words) if words else sum(listed)


def _below(own: dict[str, Any], path: str) -> Any:
    inside = (n for p, n in own.items() if not path or p == path or p.startswith(path + "."))
    return _sum(inside)


def conv(kernel: int, stride: int = 1, padding: int = 0, **more: Any) -> dict[str, Any]:
    """A convolution's configuration, as torch keeps it."""
    square = {"kernel_size": kernel, "stride": stride, "padding": padding}
    return {name: (size, size) for name, size in square.items()} | {
        "dilation": (1, 1),
        "groups": 1,
        "padding_mode": "zeros",
        **more,
    }


def pool(kernel: int, stride: int | None = None, padding: int = 0) -> dict[str, Any]:
    stride = kernel if stride is None else stride
    return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": 1}


def lenet(batch: Dim = 1) -> Report:
    """LeNet with the numbers of its paper: 61,706 parameters, 416,520 MACs."""
    n = batch
    net = Net("LeNet", (n, 1, 28, 28), outputs=(n, 10))
    same = "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28"
    x28, x14 = (n, 6, 28, 28), (n, 6, 14, 14)
    net.leaf(
        *("C1", "Conv2d", (n, 1, 28, 28), x28),
        params=156,
        macs=117_600,
        check=match("conv", f"{same}; {same}"),
        config=conv(5, padding=2),
    )
    net.leaf("R1", "ReLU", x28, x28)
    net.leaf(
        *("S1", "MaxPool2d", x28, x14),
        check=match("max_pool", "⌊(28 + 2·0 − 1·(2 − 1) − 1)/2⌋ + 1 = 14"),
        config=pool(2),
    )
    net.leaf(
        *("C2", "Conv2d", x14, (n, 16, 10, 10)),
        params=2_416,
        macs=240_000,
        check=match("conv", "⌊(14 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1 = 10"),
        config=conv(5),
    )
    net.leaf("R2", "ReLU", (n, 16, 10, 10), (n, 16, 10, 10))
    net.leaf(
        *("S2", "MaxPool2d", (n, 16, 10, 10), (n, 16, 5, 5)),
        check=match("max_pool", "⌊(10 + 2·0 − 1·(2 − 1) − 1)/2⌋ + 1 = 5"),
        config=pool(2),
    )
    net.leaf(
        *("C3", "Conv2d", (n, 16, 5, 5), (n, 120, 1, 1)),
        params=48_120,
        macs=48_000,
        check=match("conv", "⌊(5 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1 = 1"),
        config=conv(5),
    )
    net.leaf("R3", "ReLU", (n, 120, 1, 1), (n, 120, 1, 1))
    net.op("view", (n, 120, 1, 1), (n, 120))
    net.leaf(
        *("F4", "Linear", (n, 120), (n, 84)),
        params=10_164,
        macs=10_080,
        check=match("linear", "84"),
    )
    net.leaf("R4", "ReLU", (n, 84), (n, 84))
    net.leaf(
        *("OUT", "Linear", (n, 84), (n, 10)),
        params=850,
        macs=840,
        check=match("linear", "10"),
    )
    return net.report()


def resnet_like(blocks: int = 4) -> Report:
    """A stem, one stage whose first block differs and whose others are the same, a head."""
    wide, narrow = (1, 64, 56, 56), (1, 32, 56, 56)
    net = Net("TinyResNet", (1, 3, 224, 224), spec="net.py:TinyResNet", outputs=(1, 1000))
    net.leaf(
        *("conv1", "Conv2d", (1, 3, 224, 224), (1, 32, 112, 112)),
        params=4_704,
        macs=59_006_976,
        check=match(),
        config=conv(7, 2, 3),
    )
    net.leaf(
        *("maxpool", "MaxPool2d", (1, 32, 112, 112), narrow),
        check=match("max_pool"),
        config=pool(3, 2, 1),
    )
    with net.inside("layer1", "Sequential", narrow, wide):
        for number in range(blocks):
            path, inp = f"layer1.{number}", narrow if number == 0 else wide
            with net.inside(path, "BasicBlock", inp, wide, stride=1):
                net.leaf(
                    *(f"{path}.conv", "Conv2d", inp, wide),
                    params=9 * inp[1] * 64,
                    macs=9 * inp[1] * 64 * 56 * 56,
                    check=match(),
                    config=conv(3, padding=1),
                )
                net.leaf(f"{path}.bn", "BatchNorm2d", wide, wide, params=128)
                if number == 0:
                    net.leaf(
                        *(f"{path}.downsample", "Conv2d", inp, wide),
                        params=2_048,
                        macs=6_422_528,
                        check=match(),
                        config=conv(1),
                    )
                net.leaf(f"{path}.relu", "ReLU", wide, wide)
    net.op("flatten", wide, (1, 200_704), match("flatten"))
    net.leaf(
        *("fc", "Linear", (1, 200_704), (1, 1000)),
        params=200_705_000,
        macs=200_704_000,
        check=match("linear"),
    )
    return net.report(device="meta", reason="more than 25,000,000 parameters", seconds=0.021)


_DERIVATION = (
    "256 = 16 channels × 4 × 4",
    "conv1 gives 28 − 5 + 1 = 24",
    "pool 24 / 2 = 12",
    "conv2 12 − 5 + 1 = 8",
    "pool 8 / 2 = 4",
)


def failing(diagnosed: bool = False) -> Report:
    """The net of the sketch: fc1 expects 400 features, and 256 arrive."""
    net = Net("Net", (2, 1, 28, 28), spec="net.py:Net")
    net.leaf(
        *("conv1", "Conv2d", (2, 1, 28, 28), (2, 6, 24, 24)),
        params=156,
        macs=172_800,
        check=match(),
        config=conv(5),
    )
    net.leaf(
        *("pool", "MaxPool2d", (2, 6, 24, 24), (2, 6, 12, 12)),
        check=match("max_pool"),
        config=pool(2),
    )
    net.leaf(
        *("conv2", "Conv2d", (2, 6, 12, 12), (2, 16, 8, 8)),
        params=2_416,
        macs=307_200,
        check=match(),
        config=conv(5),
    )
    net.leaf(
        *("pool", "MaxPool2d", (2, 16, 8, 8), (2, 16, 4, 4)),
        check=match("max_pool"),
        config=pool(2),
    )
    net.op("flatten", (2, 16, 4, 4), (2, 256), match("flatten"))
    net.leaf("fc1", "Linear", (2, 256), None, params=48_120, finished=False)
    net.uncalled("fc2", "Linear", 1_210)
    net.calls[0].finished = False
    message = "mat1 and mat2 shapes cannot be multiplied (2x256 and 400x120)"
    source = Source("net.py", 17, "forward")
    error = ErrorReport("fc1", "Linear", "linear", message, "RuntimeError", source=source)
    if diagnosed:
        error = ErrorReport(
            *("fc1", "Linear", "linear", message, "RuntimeError"),
            kind="linear.in_features",
            diagnosis="fc1 expects 400 features, 256 arrive",
            source=source,
            derivation=_DERIVATION,
            suggestions=(
                Suggestion(
                    *("set_argument", "fc1 = nn.Linear(in_features=256, out_features=120)", "fc1"),
                    argument="in_features",
                    from_=400,
                    to=256,
                    verified=True,
                    runs=True,
                ),
                Suggestion(
                    *("set_argument", "conv1 = nn.Conv2d(1, 6, 5, padding=2)", "conv1"),
                    argument="padding",
                    from_=0,
                    to=2,
                    verified=True,
                    runs=True,
                ),
            ),
        )
    operation = len(net.operations) - 1
    failure = Failure("RuntimeError", message, len(net.calls) - 1, operation, source)
    return net.report(error=error, failure=failure)


def symbolic() -> Report:
    """Sizes as expressions, and what the model demands of them."""
    net = Net("LeNet", ("N", 1, "H", "W"), spec="lenet", outputs=("N", 10))
    half = ("N", 6, "H//2", "W//2")
    last = ("N", 16, "H//4 - 6", "W//4 - 6")
    net.leaf(
        *("C1", "Conv2d", ("N", 1, "H", "W"), ("N", 6, "H", "W")),
        params=156,
        macs="150*H*N*W",
        check=match(),
        config=conv(5, padding=2),
    )
    net.leaf(
        *("S1", "MaxPool2d", ("N", 6, "H", "W"), half),
        check=match("max_pool"),
        config=pool(2),
    )
    net.leaf(
        *("C2", "Conv2d", half, last),
        params=2_416,
        macs="2400*N*(H//4 - 6)*(W//4 - 6)",
        check=match(),
        config=conv(5),
    )
    net.op("view", last, ("N", "16*(H//4 - 6)*(W//4 - 6)"))
    net.leaf(
        *("OUT", "Linear", ("N", "16*(H//4 - 6)*(W//4 - 6)"), ("N", 10)),
        params=850,
        macs="840*N",
        check=match("linear"),
    )
    return net.report(
        device="meta",
        constraints=("H//4 - 6 >= 1", "16*(H//4 - 6)*(W//4 - 6) == 84"),
    )


def long_net(layers: int = 200) -> Report:
    """Layers that all differ: nothing to fold."""
    net = Net("Long", (4, 1000), spec="long.py:Long", outputs=(4, 1000 - layers))
    for number in range(layers):
        inp, out = (4, 1000 - number), (4, 999 - number)
        net.leaf(
            *(f"layers.{number}", "Linear", inp, out),
            params=inp[1] * out[1] + out[1],
            macs=4 * inp[1] * out[1],
            check=match(),
        )
    net.uncalled("layers", "ModuleList")
    return net.report()


def tangle() -> Report:
    """What makes trees difficult: looped lists, lists that take turns, reuse, unused modules."""
    x, flat = (2, 8, 16, 16), (2, 8)
    net = Net(
        "Tangle", (2, 3, 16, 16), spec="tangle.py:Tangle", outputs=(2, 2), own=[("scale", (8,), 8)]
    )
    net.calls[0].params = 8
    for number in range(2):
        inp = (2, 3, 16, 16) if number == 0 else x
        net.leaf(f"convs.{number}", "Conv2d", inp, x, params=72 * inp[1] + 8, config=conv(3, 1, 1))
        net.leaf(f"norms.{number}", "BatchNorm2d", x, x, params=16)
    for number in range(3):
        with net.inside(f"blocks.{number}", "Block", x, x, layer_idx=number, drop=0.1 * number):
            net.leaf(
                *(f"blocks.{number}.dw", "Conv2d", x, x),
                params=80,
                macs=36_864,
                check=match(),
                config=conv(3, 1, 2, dilation=(2, 2), groups=8),
            )
    net.leaf("shared", "Conv2d", x, x, params=72, macs=32_768, config=conv(1))
    net.leaf("shared", "Conv2d", x, x, params=72, macs=32_768, config=conv(1))
    with net.inside("attn", "Attention", x, x, own=[("qkv", (24, 8), 192)]):
        net.leaf("attn.drop", "Dropout", x, x)
        net.op("matmul", [x, x], (2, 8, 16, 8), macs=9_216).uses("attn.qkv", "attn.proj.weight")
    net.op("cat", [x, x], (2, 16, 16, 16))
    net.op("adaptive_avg_pool2d", x, (2, 8, 1, 1), match("adaptive_pool"))
    net.op("flatten", (2, 8, 1, 1), flat, match("flatten"))
    net.leaf("heads.a", "Linear", flat, (2, 2), params=18, macs=32, check=match("linear"))
    net.leaf("odd", "Mystery", (2, 2), (2, 2, 2), covered=False, macs=None)
    for path, kind in (("convs", "ModuleList"), ("norms", "ModuleList"), ("blocks", "ModuleList")):
        net.uncalled(path, kind)
    net.uncalled("attn.proj", "Linear", 72)
    net.uncalled("heads", "ModuleDict").uncalled("heads.b", "Linear", 27)
    net.uncalled("aux", "Sequential").uncalled("aux.0", "Linear", 900)
    net.uncalled("aux.1", "Linear", 505)
    return net.report()

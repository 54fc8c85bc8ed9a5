"""Break one layer of a working network, at random, and do what the diagnosis says.

    python tests/benchmarks/diagnose_mutations.py [NUMBER] [SEED]

Counts over NUMBER broken networks: how many were diagnosed, placed at a layer, given a
suggestion, and how many suggestions marked verified failed when their text was carried out by
code that shares nothing with cnnshape (`tests/analysis/diagnose/as_told.py`). That last number
must be 0.
"""

from __future__ import annotations

import copy
import random
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnnshape.analysis.build import build_report
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.search_fixes import try_suggestions
from cnnshape.tracing.execute import Inputs, record
from tests.analysis.diagnose.as_told import corrected

Network = tuple[str, nn.Module, tuple[int, ...]]


def networks() -> list[Network]:
    """Small working networks of several kinds."""
    import torchvision

    made: list[Network] = [
        ("lenet", lenet(), (2, 1, 28, 28)),
        ("plain", plain(), (2, 3, 32, 32)),
        ("tokens", tokens(), (2, 9, 16)),
    ]
    zoo = "resnet18 vgg11_bn mobilenet_v2 squeezenet1_1 shufflenet_v2_x0_5 densenet121 googlenet"
    for name in zoo.split():
        options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        model = getattr(torchvision.models, name)(num_classes=7, **options)
        made.append((name, model.eval(), (2, 3, 64, 64)))
    return made


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 10),
    )  # fmt: skip


def plain() -> nn.Module:
    layers: list[nn.Module] = []
    width = 3
    for out in (8, 16, 32):
        layers += [nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
        layers += [nn.GroupNorm(4, out), nn.MaxPool2d(2)]
        width = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 64), nn.BatchNorm1d(64)).eval()


def tokens() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    return nn.Sequential(nn.Linear(16, 16), layer, nn.LayerNorm(16), nn.Linear(16, 5)).eval()


def break_one(model: nn.Module, shape: tuple[int, ...], chance: random.Random) -> str:
    """Change one argument of one layer, or the input; what was changed, in words."""
    if chance.random() < 0.15:
        return "input"
    changes = {
        nn.Conv2d: ("in_channels", "out_channels", "kernel_size", "padding"),
        nn.Linear: ("in_features", "out_features"),
        nn.BatchNorm2d: ("num_features",),
        nn.BatchNorm1d: ("num_features",),
        nn.GroupNorm: ("num_channels",),
        nn.LayerNorm: ("normalized_shape",),
        nn.MaxPool2d: ("kernel_size",),
    }
    layers = [(p, m) for p, m in model.named_modules() if type(m) in changes]
    path, layer = chance.choice(layers)
    argument = chance.choice(changes[type(layer)])
    value = getattr(layer, argument)
    value = value[0] if isinstance(value, tuple) else value
    if argument == "kernel_size":
        new = value + chance.choice((1, 2, 4, 20))
    elif argument == "padding":
        new = max(value + chance.choice((-1, 1, 2)), 0)
    else:
        new = chance.choice((value * 2, max(value // 2, 1), value + 4))
    parent, _, name = path.rpartition(".")
    broken = remade(layer, argument, new)
    if broken is None or new == value:
        return ""
    setattr(model.get_submodule(parent), name, broken.train(layer.training))
    return f"{path}.{argument} {value} → {new}"


def remade(layer: nn.Module, argument: str, value: int) -> nn.Module | None:
    arguments: dict[str, object] = {}
    for names in (
        "in_channels out_channels kernel_size stride padding dilation groups",
        "in_features out_features",
        "num_features num_groups num_channels normalized_shape ceil_mode",
    ):
        arguments |= {n: getattr(layer, n) for n in names.split() if hasattr(layer, n)}
    if hasattr(layer, "bias") and isinstance(layer, nn.Conv2d | nn.Linear):
        arguments["bias"] = layer.bias is not None
    arguments[argument] = value
    try:
        return type(layer)(**arguments)
    except ValueError:
        return None


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    chance = random.Random(seed)
    torch.manual_seed(seed)
    whole, count, seconds = networks(), Counter[str](), []
    while count["broken"] < number:
        name, good, shape = chance.choice(whole)
        model = copy.deepcopy(good)
        what = break_one(model, shape, chance)
        size = shape
        if what == "input":
            axis = chance.randrange(1, len(shape))
            size = tuple(
                n + (chance.choice((-1, 1, 5)) if a == axis else 0) for a, n in enumerate(shape)
            )
            what = f"input {shape} → {size}"
        if not what:
            continue
        given = Inputs((torch.randn(size),))
        recorded = record(model, given)
        report = build_report(recorded.trace, exception=recorded.exception)
        if report.error is None:
            count["still runs"] += 1
            continue
        count["broken"] += 1
        started = time.perf_counter()
        error = try_suggestions(report.error, report.trace, Setup(model, given, "cpu", "eval"))
        seconds.append(time.perf_counter() - started)
        label = f"{name}: {what}: [{error.path}] {error.kind}: {error.diagnosis or error.message}"
        if error.kind is None:
            count["not diagnosed"] += 1
            print("not diagnosed:", label)
            continue
        count[error.kind] += 1
        verified = [s for s in error.suggestions if s.verified]
        count["with a verified suggestion"] += bool(verified)
        if not verified:
            print("no suggestion:", label)
        for suggestion in verified:
            count["verified"] += 1
            if suggestion.runs and not _is_line(suggestion):
                count["carried out"] += 1
                if not runs_as_told(model, given, suggestion):
                    count["WRONG"] += 1
                    print("WRONG:", label, "|", suggestion)
    for key, value in count.most_common():
        print(f"{value:6}  {key}")
    seconds.sort()
    print(f"median {seconds[len(seconds) // 2]:.3f} s, slowest {seconds[-1]:.3f} s")


def _is_line(suggestion: object) -> bool:
    """A line of somebody's source, which is not ours to rewrite here."""
    changes = [suggestion, *suggestion.then]  # type: ignore[attr-defined]
    return any(
        c.action == "change_call" and (isinstance(c.from_, str) or " = " in c.text) for c in changes
    )


def runs_as_told(model: nn.Module, given: Inputs, suggestion: object) -> bool:
    try:
        fixed, args, kwargs = corrected(
            lambda: copy.deepcopy(model),
            given.args,
            {},
            suggestion.to_dict(),  # type: ignore[attr-defined]
        )
        with torch.no_grad():
            fixed.eval()(*args, **kwargs)
    except Exception as error:
        print("   ", type(error).__name__, str(error)[:200])
        return False
    return True


if __name__ == "__main__":
    main()

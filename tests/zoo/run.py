"""Inspect every model of a zoo and write what came out, a line of JSON per model.

    python -m tests.zoo.run timm --names 'resnet*' --out results.jsonl
    python -m tests.zoo.run timm --sample 200 --seed 0 --out results.jsonl
    python -m tests.zoo.run transformers --out results.jsonl
    python -m tests.zoo.run --summary results.jsonl

Models are built and run without memory and without weights, each with a time limit. Names that
stand in the file already are skipped, so that a run that was ended goes on where it was. A line:

    name, ok, seconds, error              did it run; what was raised
    params_exact                          params equal sum(p.numel()) over the model's parameters
    columns_add_up                        params and MACs of the rows make the totals
    match, mismatch, uncovered            the size check
    uncovered_kinds                       {type of layer: how many}
    mismatches                            the rows whose size is not what their rule says
    macs, notes                           the total (null where unknown), and what is said of it

It is no test: nothing is collected from it.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import random
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

Build = Callable[[str], "tuple[Any, Any]"]


class OutOfTimeError(BaseException):
    """No Exception, so that no model catches it."""


def main() -> None:
    """Run the models that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
    parser.add_argument("zoo", nargs="?", choices=sorted(ZOOS))
    parser.add_argument("--names", default="*", help="a pattern of names")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--limit", type=int, default=120, help="seconds for one model")
    parser.add_argument("--total", type=int, default=10**6, help="seconds for all of them")
    parser.add_argument("--summary", type=Path, help="read a file of results instead")
    asked = parser.parse_args()
    if asked.summary:
        print(summary(map(json.loads, asked.summary.read_text().splitlines())))
        return
    names, build = ZOOS[asked.zoo]
    chosen = sorted(fnmatch.filter(names(), asked.names))
    if asked.sample is not None:
        chosen = random.Random(asked.seed).sample(chosen, min(asked.sample, len(chosen)))
    done = {json.loads(line)["name"] for line in _lines(asked.out)}
    ends = time.monotonic() + asked.total
    for name in chosen:
        if name in done or time.monotonic() > ends:
            continue
        line = result(name, build, asked.limit)
        with asked.out.open("a") as file:
            file.write(json.dumps(line) + "\n")


class _Raw(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the docstring."""


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


# ---- one model ----------------------------------------------------------------------------


def result(name: str, build: Build, limit: int) -> dict[str, Any]:
    """Build, inspect and judge one model within ``limit`` seconds."""
    start = time.perf_counter()
    line: dict[str, Any] = {"name": name, "ok": False}
    try:
        with within(limit), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            line |= judged(*build(name))
    except (Exception, OutOfTimeError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        line["error"] = f"{type(error).__name__} at {where}: {error}"[:400]
    return line | {"seconds": round(time.perf_counter() - start, 2)}


def judged(model: Any, inputs: Any) -> dict[str, Any]:
    """What the report says, and whether it is consistent."""
    import cnnshape

    report = cnnshape.inspect(model, inputs)
    totals, rows = report.totals, report.layers
    macs = [row.macs for row in rows]
    kinds = Counter(row.type for row in rows if not row.covered)
    wrong = [
        f"{row.path}: {row.check.rule} {row.check.expected} {row.check.note}"
        for row in (*report.layers, *report.operations)
        if row.check is not None and row.check.status == "mismatch"
    ]
    return {
        "ok": report.error is None,
        "error": report.error.message[:400] if report.error else None,
        "params_exact": totals.params == sum(p.numel() for p in model.parameters()),
        "columns_add_up": sum(row.params or 0 for row in rows) == totals.params
        and (None if None in macs else sum(macs)) == totals.macs,
        "match": totals.match,
        "mismatch": totals.mismatch,
        "uncovered": totals.uncovered,
        "uncovered_kinds": dict(kinds),
        "mismatches": wrong[:10],
        "macs": totals.macs,
        "notes": list(report.notes),
    }


@contextlib.contextmanager
def within(seconds: int) -> Generator[None]:
    """Raise :class:`OutOfTimeError` inside the block after so many seconds."""

    def end(*_: object) -> None:
        raise OutOfTimeError(f"{seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---- the zoos -----------------------------------------------------------------------------


def timm_names() -> list[str]:
    """Every architecture of timm."""
    import timm

    return timm.list_models()


def timm_model(name: str) -> tuple[Any, Any]:
    """A model of timm with an input of the size that it was made for."""
    import timm
    import torch

    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    try:
        with torch.device("meta"):
            model = timm.create_model(name)
    except (RuntimeError, NotImplementedError):  # its constructor reads numbers
        model = timm.create_model(name)
    return model.eval(), (2, *(config.input_size if config else (3, 224, 224)))


#: How many layers a configuration of transformers has, under the names that they use. Nothing else
#: is made smaller: tensors without memory may be as wide as they are.
_DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "encoder_layers", "decoder_layers")


def transformers_names() -> list[str]:
    """Every model type that AutoModel knows."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    return list(MODEL_MAPPING_NAMES)


def transformers_model(name: str) -> tuple[Any, Any]:
    """A model of a type by its default configuration, two layers deep where it can be.

    In the half precision that grouped products ask for; with the input that its class names first.
    """
    import torch
    from transformers import CONFIG_MAPPING, AutoModel

    kind = CONFIG_MAPPING[name]
    config = kind()
    with contextlib.suppress(Exception):  # some lists have to be as long as there are layers
        named = (depth for depth in _DEPTHS if getattr(config, depth, None))
        config = kind(**dict.fromkeys(named, 2))
    with torch.device("meta"):
        try:
            model = AutoModel.from_config(config, dtype=torch.bfloat16).eval()
        except (ValueError, IndexError, KeyError):
            model = AutoModel.from_config(kind(), dtype=torch.bfloat16).eval()
    config = model.config
    inputs: dict[str, torch.Tensor] = {}
    if model.main_input_name == "pixel_values":
        size = getattr(config, "image_size", 64)
        pair = size if isinstance(size, (tuple, list)) else (size, size)
        channels = getattr(config, "num_channels", 3)
        inputs["pixel_values"] = torch.zeros(
            1, channels, *pair, device="meta", dtype=torch.bfloat16
        )
    elif model.main_input_name == "input_values":
        inputs["input_values"] = torch.zeros(1, 16000, device="meta", dtype=torch.bfloat16)
    else:
        inputs["input_ids"] = torch.zeros(1, 16, dtype=torch.long, device="meta")
        if getattr(config, "is_encoder_decoder", False):
            inputs["decoder_input_ids"] = inputs["input_ids"].clone()
    return model, inputs


ZOOS: dict[str, tuple[Callable[[], list[str]], Build]] = {
    "timm": (timm_names, timm_model),
    "transformers": (transformers_names, transformers_model),
}


# ---- what came out ------------------------------------------------------------------------


def summary(results: Iterable[dict[str, Any]]) -> str:
    """Figures over all results, and every model that stands out."""
    return "\n".join(_summary(list(results)))


def _summary(results: list[dict[str, Any]]) -> Iterator[str]:
    ran = [line for line in results if line["ok"]]
    yield f"{len(results)} models, {len(ran)} ran"
    for key in ("match", "mismatch", "uncovered"):
        yield f"{key}: {sum(line[key] for line in ran)}"
    for title, stands_out in (
        ("failed", lambda line: not line["ok"]),
        ("over 60 s", lambda line: line["seconds"] > 60),
        ("parameters not exact", lambda line: line["ok"] and not line["params_exact"]),
        ("columns do not add up", lambda line: line["ok"] and not line["columns_add_up"]),
        ("mismatches", lambda line: line["ok"] and line["mismatch"]),
        ("MACs unknown", lambda line: line["ok"] and line["macs"] is None),
    ):
        found = [line for line in results if stands_out(line)]
        yield f"{title}: {len(found)}"
        yield from (f"  {line['name']}: {_told(line)}" for line in found)
    kinds: Counter[str] = Counter()
    for line in ran:
        kinds.update(line["uncovered_kinds"])
    yield f"uncovered: {dict(kinds.most_common())}"


def _told(line: dict[str, Any]) -> str:
    notes = "; ".join(line.get("notes", ()))
    return f"{line['seconds']} s {line.get('error') or ''} {line.get('mismatches') or ''} {notes}"


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    main()

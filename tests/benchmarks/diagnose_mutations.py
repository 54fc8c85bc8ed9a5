"""Break working networks at random, and do what the diagnosis says.

    python tests/benchmarks/diagnose_mutations.py --seed 0 --out breaks.jsonl

Takes forty bundled, torchvision and timm networks and breaks each ten times so that it raises, by
one argument, one axis or one call, without a hand in which. Every correction that is shown is
carried out by its text, by code that shares nothing with cnnshape, with two sizes of the batch. By
kind of break the table says how many networks raised, how many were diagnosed, for how many the
first correction was the inverse of the break or as good as it, and how many corrections marked
tried were wrong. That last number must be 0.

What was done stands in the file of ``--out``, a line per break; with it the same command goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnnshape.analysis.report import ErrorReport
from cnnshape.experiments.explain import explain_call
from cnnshape.tracing.execute import Inputs
from tests.benchmarks.breaking.broken import Broken
from tests.benchmarks.breaking.input_breaks import input_breaks
from tests.benchmarks.breaking.layer_breaks import layer_breaks
from tests.benchmarks.breaking.line_breaks import line_breaks
from tests.benchmarks.breaking.networks import Network, networks
from tests.benchmarks.breaking.verdict import BATCHES, Whole, judged, run

#: So often a network is broken before one gives up that it raises ten times.
_MOST_DRAWS = 80

Record = dict[str, Any]


def breaks(whole: Whole, seed: int) -> Iterator[tuple[int, Broken]]:
    """Breaks of one network, no two alike, the same for the same seed; every kind alike often."""
    by_kind = defaultdict(list)
    model, picture = whole.model, whole.network.picture
    for kind, draw in (
        *layer_breaks(model),
        *line_breaks(model),
        *input_breaks(model, picture),
    ):
        by_kind[kind].append(draw)
    kinds = sorted(by_kind)
    seen: set[str] = set()
    for number in range(_MOST_DRAWS):
        chance = random.Random(f"{seed} {whole.network.name} {number}")
        broken = chance.choice(by_kind[chance.choice(kinds)])(chance)
        if broken is not None and broken.words not in seen:
            seen.add(broken.words)
            yield number, broken


def recorded(network: Network, seed: int, number: int, broken: Broken, whole: Whole) -> Record:
    """What came of one break."""
    record: Record = {
        "network": network.name,
        "seed": seed,
        "number": number,
        "kind": broken.kind,
        "break": broken.words,
        "raised": False,
    }
    pictures = broken.given(network.pictures(BATCHES[0]))
    try:
        run(broken.model, pictures)
    except Exception as error:
        record |= {"raised": True, "message": f"{type(error).__name__}: {str(error)[:200]}"}
    if not record["raised"]:
        return record
    started = time.perf_counter()
    error = explain_call(broken.model, Inputs((pictures,))).error
    record["seconds"] = round(time.perf_counter() - started, 2)
    if error is None:
        return {**record, "diagnosis": "it ran", "said": None, "corrections": []}
    return {
        **record,
        "path": error.path,
        "said": error.kind,
        "diagnosis": error.diagnosis,
        "corrections": list(_corrections(error, broken, whole)),
    }


def _corrections(error: ErrorReport, broken: Broken, whole: Whole) -> Iterator[Record]:
    line = error.source.line if error.source is not None else 0
    for suggestion in error.suggestions:
        told = suggestion.to_dict()
        verdict = judged(broken, whole, told, line)
        yield {
            "text": suggestion.text,
            "path": suggestion.path,
            "then": [f"[{further.path}] {further.text}" for further in suggestion.then],
            "tried": suggestion.verified,
            "runs": suggestion.runs,
            "verdict": verdict.word,
            "why": verdict.why,
        }


def main() -> None:
    given = _arguments()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    before = [record for record in _read(given.out) if record["seed"] == given.seed]
    found: list[Record] = []
    for network in networks():
        if any(part in network.name for part in given.models.split(",")):
            known = {r["number"]: r for r in before if r["network"] == network.name}
            found += _of(network, given, known)
    print(table(found))
    if given.verbose:
        print(*_misses(found), sep="\n")


def _of(network: Network, given: argparse.Namespace, known: dict[int, Record]) -> list[Record]:
    """What came of the breaks of one network; those that are known are not done again."""
    found: list[Record] = []
    if sum(record["raised"] for record in known.values()) >= given.limit:
        return list(known.values())
    whole = Whole.of(network)
    for number, broken in breaks(whole, given.seed):
        record = known.get(number) or recorded(network, given.seed, number, broken, whole)
        if number not in known and given.out is not None:
            with given.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        found.append(record)
        if sum(record["raised"] for record in found) >= given.limit:
            break
    return found


def _read(path: Path | None) -> list[Record]:
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---- figures ------------------------------------------------------------------------------

_COLUMNS = ("raised", "diagnosed", "inverse", "equivalent", "other", "untried", "none", "WRONG")


def table(records: list[Record]) -> str:
    """How many of each kind, and of all."""
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        if record["raised"]:
            for kind in (record["kind"], "all"):
                by_kind[kind] += _counted(record)
    total = by_kind.pop("all", Counter())
    rows = [f"{'':30}" + "".join(f"{word:>11}" for word in _COLUMNS) + f"{'right':>9}"]
    for kind, counts in (*sorted(by_kind.items()), ("all", total)):
        cells = "".join(f"{counts[word]:>11}" for word in _COLUMNS)
        right = (counts["inverse"] + counts["equivalent"]) / max(counts["raised"], 1)
        rows.append(f"{kind:30}{cells}{right:>9.0%}")
    return "\n".join(rows)


def _counted(record: Record) -> Counter[str]:
    counts = Counter({"raised": 1, "diagnosed": int(record["said"] is not None)})
    corrections = record["corrections"]
    counts["WRONG"] = sum(map(_is_wrong, corrections))
    if not corrections:
        counts["none"] = 1
    elif corrections[0]["verdict"] in ("inverse", "equivalent"):
        counts[corrections[0]["verdict"]] = 1
    else:
        counts["other" if corrections[0]["tried"] else "untried"] = 1
    return counts


def _is_wrong(correction: Record) -> bool:
    """Marked as tried, and it does not run, or gives something of another shape."""
    return bool(correction["tried"] and correction["runs"] and correction["verdict"] == "fails")


def _misses(records: list[Record]) -> Iterator[str]:
    for record in sorted(records, key=lambda r: r["kind"]):
        first = (record.get("corrections") or [{"verdict": "none"}])[0]
        wrong = any(map(_is_wrong, record.get("corrections", ())))
        if record["raised"] and (wrong or first["verdict"] not in ("inverse", "equivalent")):
            yield f"{record['kind']} | {record['network']} | {record['break']}"
            yield f"    {record['message']}"
            yield f"    {record['said']}: {record['diagnosis']}"
            for correction in record["corrections"]:
                mark = "WRONG " if _is_wrong(correction) else ""
                yield (
                    f"    {mark}{correction['verdict']} [{correction['path']}] "
                    f"{correction['text']} then {correction['then']} "
                    f"tried={correction['tried']} runs={correction['runs']} {correction['why']}"
                )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break networks, and do what the diagnosis says.")
    parser.add_argument("--models", default="", help="parts of names, with commas between")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, default=10, help="breaks that raise, of each network")
    parser.add_argument("--out", type=Path, default=None, help="a file to which the breaks go")
    parser.add_argument("--verbose", action="store_true", help="list what is not right")
    return parser.parse_args()


if __name__ == "__main__":
    main()

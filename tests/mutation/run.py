"""Change the program in one small place at a time, and see whether the nearest tests notice.

    pip install -e '.[dev,mutation]'
    python -m tests.mutation.run --count 400 --seed 11 --out mutants.jsonl
    python -m tests.mutation.run --summary mutants.jsonl
    python -m tests.mutation.run --again mutants.jsonl      # those that survived, after new tests

The changes are those of cosmic-ray: a number one off, a condition turned round, `<` for `<=`, `+`
for `-`, a loop that never runs, a decorator left out, an exception that is not caught. A place is
drawn by the seed, then one of the changes that fit there; the rooms have their shares in every
stretch of the draw, so a longer draw goes on where a shorter one ended. Annotations and what stands
under `if TYPE_CHECKING` are no places, and what does not compile is not counted.

A changed file stands in a copy of the tree, never in the tree. Its nearest tests (`nearest`) are
run in a child of this process, which has torch and pytest imported already: the examples in its
docstrings first, then the tests of its name, then those of its room; the first that fails ends it.
Hypothesis draws few examples, the same every time, and does not shrink. A line of JSON per change:

    file, line, operator, occurrence     where and what
    change                               the line after it
    outcome                              killed, survived, timeout (to be read: no verdict)
    by, seconds                          the test that failed, and how long it took

Places that stand in the file already are skipped. Survivors that no test can notice, because the
changed program does the same, stand with their reason in `equivalent.txt`, as
`file: line after the change  # reason`.

It is no test: nothing is collected from it.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import contextlib
import difflib
import heapq
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.txt")

# The rooms that are changed, and how many of a hundred changes are theirs.
ROOMS = {
    "cnnshape/formulas": 25,
    "cnnshape/operations": 30,
    "cnnshape/analysis": 27,
    "cnnshape/tracing/preserve.py": 4,
    "cnnshape/cli": 14,
}

# What most tests import, so that no child has to.
IMPORTED = "torch torchvision torchinfo pytest hypothesis click rich.console yaml pygraphviz"

# Bytes of addresses that the tests of a change may take; torch alone has reserved a half of them.
ROOM = 8 * 2**30

PUNCTUATION = set("()[]{},.:=")


@dataclass(frozen=True)
class Place:
    """One change: the `occurrence`-th place in `file` that cosmic-ray's `operator` can change."""

    file: str
    line: int
    operator: str
    occurrence: int


def main() -> None:
    """Draw, change, run the tests, and write what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=400, help="how many changes")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--limit", type=int, default=60, help="processor seconds of one change")
    parser.add_argument("--total", type=int, default=10**6, help="seconds for all of them")
    parser.add_argument("--summary", type=Path, help="read a file of results instead")
    parser.add_argument("--again", type=Path, help="run the survivors of a file of results again")
    asked = parser.parse_args()
    if asked.summary:
        print(summary(results(asked.summary)))
        return
    if asked.again:
        rows = results(asked.again)
        wanted = iter([place_of(row) for row in rows if row["outcome"] != "killed"])
        asked.out = asked.again
    else:
        known = {place_of(row) for row in results(asked.out)}
        drawn = islice(draw(asked.seed, known), asked.count)
        wanted = (place for place in drawn if place not in known)
    for name in IMPORTED.split():
        importlib.import_module(name)
    end = time.monotonic() + asked.total
    with tempfile.TemporaryDirectory() as folder, asked.out.open("a") as out:
        tree = copy_of_the_tree(Path(folder))
        for place in wanted:
            if time.monotonic() > end:
                break
            out.write(line(tried(place, tree, asked.limit)))
            out.flush()
        out.close()
        # Without their parameters: pytest does not read back every name that it writes.
        killers = {row["by"].partition("[")[0] for row in results(asked.out)}
        witnesses = sorted(killers - {""})
        print("These fail without a change as well:", no_witnesses(witnesses, tree) or "none")


def results(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of results; of a place that was tried again, the last."""
    rows = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return list({place_of(row): row for row in rows}.values())


def line(row: dict[str, Any]) -> str:
    """One result as it stands in the file."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def place_of(row: dict[str, Any]) -> Place:
    """The place that a result is about."""
    return Place(row["file"], row["line"], row["operator"], row["occurrence"])


# --- the draw ---------------------------------------------------------------------------------


def draw(seed: int, known: set[Place]) -> Iterator[Place]:
    """The places in the order that `seed` stands for; those of `known` are known to compile."""
    rooms = [of_room(room, share, seed) for room, share in ROOMS.items()]
    for _, place in heapq.merge(*rooms, key=itemgetter(0)):
        if place in known or changed(place) is not None:
            yield place


def of_room(room: str, share: int, seed: int) -> Iterator[tuple[float, Place]]:
    """The places of a room, each with when its turn is."""
    chance = random.Random(f"{seed} {room}")
    found = [choices for file in files_of(room) for choices in places(file)]
    chance.shuffle(found)
    for number, choices in enumerate(found):
        yield (number + 0.5) / share, chance.choice(choices)


def files_of(room: str) -> list[str]:
    """The files of a room, from the root of the tree."""
    inside = ROOT / room
    files = sorted(inside.rglob("*.py")) if inside.is_dir() else [inside]
    return [file.relative_to(ROOT).as_posix() for file in files]


def places(file: str) -> list[list[Place]]:
    """For each place of `file` that can be changed, the changes that fit there."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator

    source = (ROOT / file).read_text()
    spared = list(never_run(ast.parse(source)))
    operators = {name: get_operator(name)() for name in operator_names()}
    seen: Counter[str] = Counter()
    found: defaultdict[Any, list[Place]] = defaultdict(list)
    for node in ast_nodes(get_ast(source)):
        if node.type in {"name", "string", "newline"} or getattr(node, "value", "") in PUNCTUATION:
            continue
        for name, operator in operators.items():
            for start, end in operator.mutation_positions(node):
                place = Place(file, start[0], name, seen[name])
                seen[name] += 1
                if not any(first <= start and end <= last for first, last in spared):
                    found[start, end].append(place)
    return list(found.values())


def operator_names() -> list[str]:
    """What cosmic-ray can change.

    Left out is what has to be told the names of variables, and `is` for `==`: for the numbers and
    words of a program they are the same to Python.
    """
    from cosmic_ray import plugins

    left_out = re.compile(r"Variable|_Is_Eq|_IsNot_NotEq|_Is$|_IsNot$")
    return [name for name in plugins.operator_names() if not left_out.search(name)]


def never_run(tree: ast.Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations and `if TYPE_CHECKING` begin and end."""
    for node in ast.walk(tree):
        spared = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            spared.append(node)
        for part in spared:
            if isinstance(part, ast.AST):
                yield (
                    (part.lineno, part.col_offset),
                    (part.end_lineno or 0, part.end_col_offset or 0),
                )


def changed(place: Place) -> str | None:
    """The file with the change in it; None where that is no Python, or the same program."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = (ROOT / place.file).read_text()
    try:
        code = mutate_code(source, get_operator(place.operator)(), place.occurrence)
        same = ast.dump(ast.parse(code)) == ast.dump(ast.parse(source))
        compile(code, place.file, "exec")
    except (SyntaxError, TypeError):
        return None
    return None if same else code


# --- the tests that are nearest to a file -------------------------------------------------------

# By the first pattern that fits the path from `cnnshape/`. `{name}` is the name of the file.
NEAREST = {
    "formulas/*": "formulas/test_size_rules.py formulas/test_algebra.py"
    " formulas/test_size_reading.py formulas/test_formula_answers.py"
    " formulas/test_formula_reading.py formulas/test_formula_writing.py"
    " formulas/test_formula_verdicts.py formulas/test_argument_rules.py"
    " formulas/test_worked_matrices.py cli/test_formula.py",
    "operations/indexing.py": "operations/test_indexing.py operations/test_taking_and_putting.py",
    "operations/call.py": "operations/test_moving.py operations/test_register.py"
    " operations/test_windows.py",
    "operations/*": "operations/test_{name}.py operations/test_table.py operations/test_register.py"
    " analysis/test_macs.py",
    "analysis/fields/*": "analysis/test_receptive_field.py rendering/test_field.py",
    "analysis/*_field.py": "analysis/test_receptive_field.py rendering/test_field.py",
    "analysis/diagnose/*construct*": "analysis/diagnose/test_building.py",
    "analysis/diagnose/buil*": "analysis/diagnose/test_building.py"
    " analysis/diagnose/test_built_at.py",
    "analysis/diagnose/proposals/*": "analysis/diagnose/test_{name}.py"
    " analysis/diagnose/test_rules_by_hand.py"
    " analysis/diagnose/test_expressions.py analysis/diagnose/test_alike.py"
    " analysis/diagnose/test_commands.py analysis/diagnose/test_broken.py"
    " analysis/diagnose/test_bad_models.py",
    "analysis/diagnose/*": "analysis/diagnose/test_{name}.py"
    " analysis/diagnose/test_rules_by_hand.py analysis/diagnose/test_writing.py"
    " analysis/diagnose/test_explain.py analysis/diagnose/test_broken.py"
    " analysis/diagnose/test_bad_models.py analysis/diagnose/test_docs.py"
    " analysis/diagnose/test_every_operation.py",
    "analysis/messages/*": "analysis/messages/",
    "analysis/cost.py": "analysis/test_macs.py analysis/test_columns_add_up.py",
    "analysis/conditions.py": "experiments/test_symbolic.py experiments/test_sizes.py",
    "analysis/expect.py": "cli/test_check.py",
    "analysis/snapshot.py": "cli/test_check.py",
    "analysis/hand_formula.py": "cli/test_check.py",
    "analysis/verify.py": "cli/test_check.py cli/test_inspect.py",
    "analysis/*": "analysis/test_{name}.py analysis/test_columns_add_up.py analysis/test_macs.py"
    " api/test_inspecting.py rendering/test_rows.py cli/test_inspect.py",
    "tracing/preserve.py": "tracing/test_restores.py tracing/test_leave_no_trace.py",
    "cli/draw.py": "cli/test_draw.py cli/test_sizes.py cli/test_misuse.py",
    "cli/training_result.py": "cli/test_train.py cli/test_predict.py cli/test_evaluate.py"
    " cli/test_training_display.py",
    "cli/options.py": "cli/test_misuse.py cli/test_inspect.py cli/test_check.py",
    "cli/version.py": "cli/test_process.py",
    "cli/*": "cli/test_{name}.py cli/test_misuse.py",
}


def nearest(file: str) -> list[list[str]]:
    """What is run for a change in `file`, stage by stage, the cheapest and nearest first."""
    inside, name = file.removeprefix("cnnshape/"), Path(file).stem
    stages = next(tests for pattern, tests in NEAREST.items() if fnmatch(inside, pattern))
    named = [f"tests/{test.format(name=name)}" for test in stages.split()]
    return [[file], *([test] for test in dict.fromkeys(named) if (ROOT / test).exists())]


# --- a change, and its tests ----------------------------------------------------------------------


def copy_of_the_tree(folder: Path) -> Path:
    """The tree anew under `folder`, and this process made ready to import from there alone."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__", "gallery"))
    # A file that is changed twice in a second must not be taken for its bytecode.
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    sys.dont_write_bytecode = True
    compileall.compile_dir(tree / "cnnshape", quiet=2)
    sys.path[:] = [str(tree), *(at for at in sys.path if Path(at or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    return tree


def tried(place: Place, tree: Path, limit: int) -> dict[str, Any]:
    """The result of a change: made in the copy, tested, taken back."""
    code, file = changed(place), tree / place.file
    before = file.read_text()
    try:
        file.write_text(code or "")
        began = time.monotonic()
        outcome, by = tested(nearest(place.file), tree, limit, first_only=True)
        seconds = round(time.monotonic() - began, 1)
    finally:
        file.write_text(before)
    row = asdict(place) | {"change": difference(before, code or "")}
    return row | {"outcome": outcome, "by": by.partition("\n")[0], "seconds": seconds}


def difference(before: str, after: str) -> str:
    """The line that is new after a change; where none is, the one that it is without."""
    gone, new = before.splitlines(), after.splitlines()
    for at in difflib.ndiff(gone, new):
        if at.startswith("+") and at[1:].strip():
            return at[1:].strip()
    return "without " + next(
        old.strip() for old, now in zip(gone, new) if old != now and old.strip()
    )


def tested(stages: list[list[str]], tree: Path, limit: int, *, first_only: bool) -> tuple[str, str]:
    """What the tests say of the tree as it stands, and which of them failed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        # A loop that never ends may fill the memory first; an error is then what a test sees.
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
        os.close(reading)
        os.chdir(tree)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(quiet, stream)
        os._exit(run_tests(stages, writing, first_only))
    os.close(writing)
    outcome = ended(child, limit)
    with os.fdopen(reading) as told:
        by = told.read()
    return outcome, by.strip()


def no_witnesses(tests: list[str], tree: Path) -> str:
    """Those of the tests that fail in the unchanged tree: what they killed is not known."""
    if not tests:
        return ""
    outcome, failed = tested([tests], tree, 10**6, first_only=False)
    return "" if outcome == "survived" else failed or "pytest could not run them"


def ended(child: int, limit: int) -> str:
    """How a child ended; one that does not, as it only waits, is ended with its children."""
    end = time.monotonic() + 10 * limit
    status = None
    while status is None and time.monotonic() < end:
        done, code = os.waitpid(child, os.WNOHANG)
        status = code if done else None
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        return "timeout"
    return "killed" if status else "survived"


def run_tests(stages: list[list[str]], told: int, first_only: bool) -> int:
    """Zero where all tests pass; the name of one that does not is written to `told`."""
    import pytest
    from hypothesis import Phase, settings

    class Witness:
        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.failed:
                os.write(told, f"{report.nodeid}\n".encode())

    settings.register_profile(
        "few",
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
    )
    # Of what else is installed, nothing can end pytest before a test has run.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    told_to_pytest = (
        "-q --tb=no -p no:cacheprovider -p pytest_timeout -p _hypothesis_pytestplugin"
        " --hypothesis-profile=few"
    ).split()
    if first_only:
        told_to_pytest.append("-x")
    try:
        for stage in stages:
            if pytest.main([*told_to_pytest, *stage], plugins=[Witness()]) not in (0, 5):
                return 1
    except BaseException:
        return 1
    return 0


# --- what came out --------------------------------------------------------------------------------

OUTCOMES = "killed", "survived", "timeout", "equivalent"


def summary(rows: Iterable[dict[str, Any]]) -> str:
    """The figures by room, then each survivor that is not known to be equivalent."""
    known = equivalents()
    by_room: defaultdict[str, Counter[str]] = defaultdict(Counter)
    left: list[str] = []
    for row in rows:
        room = next(room for room in ROOMS if row["file"].startswith(room))
        named = f"{row['file']}: {row['change']}"
        outcome = row["outcome"]
        if outcome == "survived" and named in known:
            outcome = "equivalent"
        elif outcome != "killed":
            left.append(f"{outcome} {row['file']}:{row['line']}: {row['change']}")
        by_room[room][outcome] += 1
    by_room["all"] = sum(by_room.values(), Counter())
    return "\n".join([*(f"{room:<30}{share(of)}" for room, of in by_room.items()), *sorted(left)])


def share(of: Counter[str]) -> str:
    """The figures of a room in one line."""
    counted = of.total() - of["equivalent"]
    each = " ".join(f"{of[name]:>5} {name}" for name in OUTCOMES)
    return f"{of.total():>5} drawn {each} {of['killed'] / max(counted, 1):>7.1%}"


def equivalents() -> set[str]:
    """`file: line after the change` of what no test can notice."""
    lines = EQUIVALENT.read_text().splitlines()
    return {at.rsplit("  # ", 1)[0] for at in lines if at and not at.startswith("#")}


if __name__ == "__main__":
    main()

"""Part 9: a network that computes in its page: from a stroke to all maps."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, alone

_MODELS = ("lenet", "lenet-d2l", "basic-cnn", "mlp")
_FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split()
#: Moves of the pen: the first compile the script.
_WARM, _MOVES = 20, 60


def drawn(name: str) -> dict[str, Any]:
    """The page's bytes, seconds to write it, and milliseconds after each move of the pen."""
    from playwright.sync_api import sync_playwright

    import cnnshape

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        started = time.process_time()
        cnnshape.features_page(name, file)
        took = time.process_time() - started
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
            tab = browser.new_page(viewport={"width": 1400, "height": 900})
            tab.goto(file.as_uri())
            box = tab.locator("#pad").bounding_box()
            assert box is not None
            tab.mouse.move(box["x"] + 60, box["y"] + 60)
            tab.mouse.down()
            for step in range(_WARM + _MOVES):
                tab.mouse.move(box["x"] + 60 + 1.5 * step, box["y"] + 60 + 5 * (step % 20))
                tab.wait_for_timeout(20)
                if step == _WARM:
                    tab.evaluate("performance.clearMeasures()")
            found = {
                each: tab.evaluate(
                    f"performance.getEntriesByName('{each}').map((entry) => entry.duration)"
                )
                for each in ("computed", "shown")
            }
            browser.close()
        return {"seconds": took, "bytes": file.stat().st_size, **found}


def section(models: int, rounds: int) -> Section:
    """The bundled networks."""
    del models, rounds
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for name in _MODELS:
        found = alone(drawn, name, timeout=LONGEST * 2)
        if isinstance(found, Failure):
            failed.append((name, found.cause))
            continue
        times = [
            f"{value:.1f} ms"
            for each in ("computed", "shown")
            for value in (
                statistics.median(found[each]),
                statistics.quantiles(found[each], n=10)[-1],
            )
        ]
        rows.append([name, f"{found['bytes'] / 1e6:.2f} MB", f"{found['seconds']:.1f} s", *times])
    head = ("page", "file", "written in", "computed", "9 of 10", "shown", "9 of 10")
    text = (
        f"A pen is moved {_MOVES} times over the page of `features --page`. Computed: every layer "
        "of the new picture; shown: all maps, the probabilities and the chosen unit stand as well. "
        "Median, and what nine of ten stay below. The goal for LeNet is 30 ms.\n\n"
    )
    return Section("9. Live pages", text + table(head, rows) + "\n" + failures(failed))

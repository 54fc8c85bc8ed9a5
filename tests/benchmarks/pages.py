"""Part 8: a model's page: how large its file is, and how soon a browser shows and folds it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.document import Section, failures, table
from tests.benchmarks.measure import LONGEST, Failure, alone

if TYPE_CHECKING:
    from cnnshape.analysis.report import Report

#: A fold in the middle of each, by the row that is folded.
_FOLDED = {
    "ResNet-152": "layer3.0",
    "ViT-L/16": "encoder.layers.encoder_layer_0.mlp",
    "decoder of 80 layers": "blocks.0",
}
_FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split()
#: Press a key, wait for the new picture, several times.
_FOLD = """async (address) => {
  const picture = document.querySelector("#picture .panned");
  location.hash = address;
  await new Promise((done) => setTimeout(done, 300));
  const took = [];
  for (let turn = 0; turn < 8; turn += 1) {
    const changed = new Promise((done) => new MutationObserver((_, watch) => {
      watch.disconnect();
      done(performance.now());
    }).observe(picture, { childList: true }));
    const started = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
    took.push((await changed) - started);
    await new Promise((done) => setTimeout(done, 50));
  }
  return took;
}"""


def reports(name: str, layers: int = 80) -> Report:
    """A model on meta, inspected."""
    import torch
    import torchvision

    import cnnshape
    from tests.benchmarks.decoder_model import Decoder

    with torch.device("meta"):
        if name == "ResNet-152":
            return cnnshape.inspect(torchvision.models.resnet152(), (1, 3, 224, 224))
        if name == "ViT-L/16":
            return cnnshape.inspect(torchvision.models.vit_l_16(), (1, 3, 224, 224))
        return cnnshape.inspect(Decoder(layers), torch.zeros(1, 128, dtype=torch.int64))


def written(name: str, rounds: int) -> dict[str, Any]:
    """Seconds to write the page, its bytes, and milliseconds in a browser."""
    from playwright.sync_api import sync_playwright

    report = reports(name)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        started = time.process_time()
        report.save(file)
        took = time.process_time() - started
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
            shown = [_shown(browser, file) for _ in range(rounds)]
            tab = browser.new_page(viewport={"width": 1400, "height": 900})
            tab.goto(file.as_uri())
            tab.wait_for_selector("#picture[data-ready]")
            folds = tab.evaluate(_FOLD, _FOLDED[name])
            browser.close()
        return {
            "seconds": took,
            "bytes": file.stat().st_size,
            # The least of several: what else the machine does can only add to it.
            "table": min(table for table, _ in shown),
            "diagram": min(diagram for _, diagram in shown),
            # Each state is laid out once, and kept.
            "fold": max(folds[:2]),
            "again": min(folds[2:]),
        }


def _shown(browser: Any, file: Path) -> tuple[float, float]:
    """Milliseconds until the table and the static picture stand, and until the page's own does."""
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    tab.goto(file.as_uri(), wait_until="commit")
    tab.wait_for_selector("html[data-started]", state="attached")
    first = tab.evaluate("performance.getEntriesByName('started')[0].startTime")
    tab.wait_for_selector("#picture[data-ready]")
    ready = tab.evaluate("performance.getEntriesByName('laid out')[0].startTime")
    tab.close()
    return first, ready


def sizes(layers: int) -> int:
    """Bytes of the page of a decoder, without the layout engine, which every page has."""
    from cnnshape.rendering.page.model_page import model_page

    html = model_page(reports("decoder", layers))
    start = html.index('id="engine"')
    return len(html.encode()) - (html.index("</script>", start) - start)


def section(models: int, rounds: int) -> Section:
    """The three models, and how the file grows with the layers."""
    del models
    rows: list[list[str]] = []
    failed: list[tuple[str, str]] = []
    for name in _FOLDED:
        found = alone(written, name, rounds, timeout=LONGEST * 4)
        if isinstance(found, Failure):
            failed.append((name, found.cause))
            continue
        rows.append(
            [
                name,
                f"{found['bytes'] / 1e6:.2f} MB",
                f"{found['seconds']:.1f} s",
                *(f"{found[each]:.0f} ms" for each in ("table", "diagram", "fold", "again")),
            ]
        )
    head = ("page", "file", "written in", "first view", "own diagram", "fold", "fold again")
    growing = [alone(sizes, layers, timeout=LONGEST * 2) for layers in (20, 40, 80)]
    grown = [f"{each / 1e3:.0f} kB" for each in growing if not isinstance(each, Failure)]
    text = (
        "First view: table, static picture and totals stand; then Graphviz starts in the page and "
        "draws its own. A fold is one key, from the press to the new picture; each state is laid "
        f"out once and kept. Without the layout engine a decoder of 20, 40 and 80 layers takes "
        f"{', '.join(grown)}.\n\n"
    )
    return Section("8. Pages", text + table(head, rows) + "\n" + failures(failed))

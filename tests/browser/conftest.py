"""A Chromium that opens pages from files, and lets none of them err or ask for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
_AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
#: Opens a file or the text of one: ``opened(html, width=400, dark=True)``.
Opened = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        found = Path("/usr/bin/chromium")
        browser = playwright.chromium.launch(
            executable_path=found if found.exists() else None, args=_FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Opened]:
    """Fails afterwards if a page wrote an error to its console or asked for another file."""
    wrong: list[str] = []
    contexts: list[Any] = []

    def open_page(
        page: str | Path,
        *,
        width: int = 1400,
        height: int = 900,
        dark: bool = False,
        fragment: str = "",
        scripts: bool = True,
    ) -> Any:
        file = page
        if isinstance(page, str):
            file = tmp_path / "page.html"
            file.write_text(page, encoding="utf-8")
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(30_000)  # a busy machine is no error
        url = Path(file).resolve().as_uri()
        tab.on("console", lambda said: said.type == "error" and wrong.append(said.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("request", lambda asked: _leaves(asked.url, url) and wrong.append(asked.url))
        tab.goto(url + fragment)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def _leaves(asked: str, page: str) -> bool:
    return not asked.startswith(("data:", "blob:")) and asked.partition("#")[0] != page


@pytest.fixture
def accessible() -> Callable[[Any], None]:
    """Holds a page against the rules of axe-core: no serious issue, contrast AA among them."""

    def check(tab: Any) -> None:
        tab.evaluate(_AXE.read_text(encoding="utf-8"))
        found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:200]}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
        ]
        assert serious == []

    return check

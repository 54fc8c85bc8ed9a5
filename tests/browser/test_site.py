"""The documentation as a site: built without a network, no dead link, readable by everybody."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they are kept, in a folder where they can be built."""
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    unkept = shutil.ignore_patterns("__pycache__", "live")
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=unkept)
    return folder


@pytest.fixture(scope="module")
def site(source: Path) -> Path:
    _done([sys.executable, "docs/make_gallery.py", "--pages"], source)
    told = _done([_ZENSICAL, "build", "--strict"], source)
    assert "No issues found" in told
    return source / "site"


_ZENSICAL = str(Path(sys.executable).with_name("zensical"))


def _done(command: list[str], folder: Path, expected: int = 0) -> str:
    """What a program says on its two ways."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_model_that_fails_fails_the_build(source: Path, tmp_path: Path) -> None:
    shutil.copy(source / "mkdocs.yml", tmp_path)
    (tmp_path / "docs").mkdir()
    shutil.copy(source / "docs" / "gallery_models.py", tmp_path)
    page = "# Wrong\n\n```cnnshape\ngallery_models.py:Wrong\ninput: 1,1,28,28\n```\n"
    (tmp_path / "docs" / "index.md").write_text(page, encoding="utf-8")
    told = _done([_ZENSICAL, "build"], tmp_path, expected=1)
    # (28 − 4) / 2 = 12; (12 − 4) / 2 = 4; 16·4·4 = 256
    assert "docs/index.md:4: fc1 expects 400 features, but 256 arrive" in told
    assert "fc1 = nn.Linear(in_features=256, out_features=120)" in told


def test_no_link_is_dead(site: Path) -> None:
    dead: list[str] = []
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        if page.name == "404.html":
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:|//", link) and not (page.parent / unquote(link)).exists():
                dead.append(f"{page.relative_to(site)}: {link}")
    assert not dead


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?:script|img|iframe)[^>]* src="(https?:[^"]*)"', text)
        fetched += re.findall(
            r'<link[^>]* rel="(?:stylesheet|preload|icon)"[^>]* href="(https?:[^"]*)"', text
        )
        assert not fetched, page.name


@pytest.fixture
def visited(chromium: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site from a server; fails afterwards if it asked for anything else."""
    handler = partial(_Quiet, directory=str(site))
    wrong: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}/"
        context = chromium.new_context(viewport={"width": 400, "height": 800})

        def visit(name: str, *, dark: bool = False) -> Any:
            tab = context.new_page()
            tab.set_default_timeout(60_000)  # a busy machine is no error
            tab.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
            tab.on("console", lambda said: said.type == "error" and wrong.append(said.text))
            tab.on("request", lambda asked: _leaves(asked.url, root) and wrong.append(asked.url))
            tab.goto(root + name)
            return tab

        yield visit
        context.close()
        server.shutdown()
    assert wrong == []


def _leaves(url: str, root: str) -> bool:
    return not url.startswith((root, "data:", "blob:"))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


KINDS = (
    "index tutorial zh/tutorial zh/terms examples gallery live formulas training "
    "errors/linear.in_features manual page reference/commands reference/python "
    "reference/size-rules reference/json reference/conventions why benchmarks"
)


@pytest.mark.parametrize("name", [f"{kind}.html" for kind in KINDS.split()])
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_is_readable(visited, accessible, name: str, dark: bool) -> None:
    tab = visited(name, dark=dark)
    assert tab.evaluate(OVERFLOW) <= 0
    accessible(tab)


def test_live_pages_and_pictures_follow_the_theme_of_the_site(visited) -> None:
    tab = visited("live.html")
    frames = tab.locator("iframe.live").all()
    assert len(frames) >= 7
    for frame in frames:
        frame.scroll_into_view_if_needed()
        html = frame.content_frame.locator("html")
        frame.content_frame.locator("h1").first.wait_for()
        assert _ground(html) == "rgb(255, 255, 255)"
        assert html.evaluate(f"() => {OVERFLOW}") <= 0
    tab.get_by_title("Dark", exact=True).click()
    assert {_ground(frame.content_frame.locator("html")) for frame in frames} == {"rgb(27, 30, 36)"}

    tab.goto(tab.url.replace("live.html", "examples.html"))
    picture = tab.locator("img[src$='max_pool_4x4.svg']")
    dark = picture.screenshot()
    tab.get_by_title("Light", exact=True).click()
    tab.wait_for_timeout(500)  # the picture is painted anew a moment later
    assert picture.screenshot() != dark


def _ground(element: Any) -> str:
    return element.evaluate("element => getComputedStyle(element).backgroundColor")


@pytest.mark.parametrize(
    ("asked", "found"),
    [("receptive", "receptive-field measured"), ("向下取整", "式中 H 是输入尺寸")],
)
def test_it_can_be_searched(visited, asked: str, found: str) -> None:
    tab = visited("index.html")
    tab.wait_for_load_state("networkidle")  # from then on the key is heard
    tab.keyboard.press("/")
    tab.keyboard.insert_text(asked)
    tab.locator(f"text={found} >> visible=true").first.wait_for()


def test_a_chinese_page_says_so(visited) -> None:
    language = "document.documentElement.lang"
    assert visited("zh/terms.html").evaluate(language) == "zh-Hans"
    assert visited("tutorial.html").evaluate(language) == "en"

"""What is written into a model's page, without a browser."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.rendering.page.model_graph import graph_data
from cnnshape.rendering.page.model_rows import model_data
from cnnshape.rendering.page.page import Page, modules


class Block(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(size, 2 * size), nn.Linear(2 * size, size)

    def forward(self, x: torch.Tensor, kept: list[torch.Tensor]) -> torch.Tensor:
        kept.append(x)
        return x + self.down(torch.relu(self.up(x)))


class Caching(nn.Module):
    """Hands every block what all blocks before it have kept, as decoders do."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(4) for _ in range(blocks))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        kept: list[torch.Tensor] = []
        for block in self.blocks:
            x = block(x, kept)
        return x, kept


class Turning(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.zeros(1, 4)
        for step in range(3):
            h = self.cell(x[:, step], h)
        return h


@pytest.fixture(scope="module")
def resnet():
    torchvision = pytest.importorskip("torchvision")
    return cnnshape.inspect(torchvision.models.resnet18(), (1, 3, 64, 64))


def test_closed_modules_say_what_is_in_them(resnet):
    closed = graph_data(resnet)["closed"]
    captions = {title: (aside, lines[0]) for title, aside, lines in closed.values()}
    # 64·3·3·64 + 2·64 twice, twice
    aside, words = captions["layer1"]
    assert aside == "147,968"
    assert words.startswith("2 × BasicBlock")
    assert captions["layer2.0"][0] == "230,144"


def test_the_page_begins_as_folded_as_the_picture(resnet):
    data = graph_data(resnet)
    paths = {resnet.trace.calls[index].path for index in data["open"]}
    assert {"", "layer1", "layer2.0"} <= paths
    assert "layer2.0.downsample" not in paths  # one box, also in the picture


def test_equal_blocks_are_one_with_the_places_of_all():
    blocks = [nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4)) for _ in range(5)]
    report = cnnshape.inspect(nn.Sequential(*blocks), (1, 4))
    data = graph_data(report)
    paths = [[report.trace.calls[index].path for index in run] for run in data["runs"]]
    assert paths == [["0", "1", "2", "3", "4"]]
    words = [box["lines"] for box in data["boxes"] if box["role"] == "module"]
    assert words == [("Linear 4→8",), ("Linear 8→4",)]


def test_the_turns_of_a_loop_are_one_with_the_places_of_all():
    report = cnnshape.inspect(Turning(), (1, 3, 4))
    cells = [call.index for call in report.trace.calls if call.path == "cell"]
    assert cells in graph_data(report)["runs"]


def test_the_file_grows_in_proportion_to_the_blocks():
    lengths = [
        len(json.dumps(model_data(cnnshape.inspect(Caching(blocks), (1, 4)))))
        for blocks in (20, 40, 80)
    ]
    first, second = lengths[1] - lengths[0], lengths[2] - lengths[1]
    assert second / first == pytest.approx(2, rel=0.1)  # twice as many blocks more


def test_rows_have_what_their_layer_has():
    data = model_data(cnnshape.inspect("lenet"))
    row = next(row for row in data["rows"] if row.get("path") == "C2")
    assert (row["params"], row["macs"], row["activations"]) == (2416, 240_000, 6400)
    assert row["out"] == ((1, 16, 10, 10),)
    check = data["shared"][row["check"]]
    assert check["substitutions"] == ["⌊(14 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1 = 10"]


def test_letters_come_with_where_each_demand_is_made():
    data = model_data(cnnshape.inspect("lenet", ("N", 1, "H", "W")))
    layers = {row.get("call"): row.get("path") for row in data["rows"] if row["role"] == "call"}
    demands = {one["text"]: layers[one["call"]] for one in data["constraints"]}
    assert demands == {
        "H//4 - 6 >= 1": "C3",
        "W//4 - 6 >= 1": "C3",
        "120*(H//4 - 6)*(W//4 - 6) == 120": "F4",
    }
    c1 = next(row for row in data["rows"] if row.get("path") == "C1")
    assert c1["activations"] == "4*(N)*(6)*(H)*(W)"


def test_a_page_carries_what_its_script_imports_and_nothing_else():
    assert "dom.js" in modules("diagram/main.js")
    assert not [name for name in modules("diagram/main.js") if name.startswith("model/")]
    page = Page(
        "diagram.html", "a", "diagram/main.js", values={"name": "a", "mono": False, "picture": ""}
    )
    assert "http" not in page.html().replace("http-equiv", "").replace("http://www.w3.org", "")

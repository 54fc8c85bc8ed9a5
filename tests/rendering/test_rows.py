"""The rows: the tree in the order of the calls, folding, depth, flat lists."""

from __future__ import annotations

import csv
import io

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.report import ErrorReport, Report
from cnnshape.rendering.csv_ import to_csv
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import Row, TableOptions
from cnnshape.rendering.rows import flat_table, make_table
from cnnshape.tracing.trace import Failure
from tests.rendering import report_builder as build
from tests.rendering.report_builder import Net, conv


def labels(report: Report, **options: object) -> list[str]:
    """``guides + label  tag`` of every row."""
    table = make_table(report, TableOptions(**options))  # type: ignore[arg-type]
    return [f"{r.guides}{r.label or '·'} {r.tag}".rstrip() for r in table.rows]


def row(report: Report, name: str, **options: object) -> Row:
    table = make_table(report, TableOptions(**options))  # type: ignore[arg-type]
    return next(r for r in table.rows if r.name == name)


def test_calls_stand_in_the_order_in_which_they_ran_with_the_operations_between() -> None:
    assert labels(build.lenet()) == [
        *("C1", "R1", "S1", "C2", "R2", "S2", "C3", "R3", "·", "F4", "R4", "OUT")
    ]


def test_identical_blocks_are_folded_and_the_different_first_one_is_not() -> None:
    assert labels(build.resnet_like()) == [
        *("conv1", "maxpool", "layer1"),
        *("├ 0", "│ ├ conv", "│ ├ bn", "│ ├ downsample", "│ └ relu"),
        *("└ 1 … 3 × 3", "  ├ conv", "  ├ bn", "  └ relu"),
        *("·", "fc"),
    ]


def test_expand_writes_every_block_out() -> None:
    expanded = labels(build.resnet_like(), expand=True)
    assert [line for line in expanded if line[2:].isdigit()] == ["├ 0", "├ 1", "├ 2", "└ 3"]
    assert len(expanded) == 3 + 5 + 3 * 4 + 2


def test_a_folded_row_names_the_run_and_has_the_numbers_of_one_block() -> None:
    folded = row(build.resnet_like(), "layer1.1 … layer1.3")
    assert (folded.times, folded.params, folded.sums) == (3, 9 * 64 * 64 + 128, True)
    # 20,608 of the first block and three times 36,992: what the row above says.
    assert row(build.resnet_like(), "layer1").params == 20_608 + 3 * 36_992


def blocks(*configs: dict[str, object], out: tuple[int, ...] = (1, 8)) -> Report:
    net = Net("Blocks", (1, 8), outputs=out)
    for number, config in enumerate(configs):
        with net.inside(f"b.{number}", "Block", (1, 8), (1, 8), **config):
            net.leaf(f"b.{number}.fc", "Linear", (1, 8), (1, 8), params=72)
    return net.uncalled("b", "ModuleList").report()


def test_counters_and_probabilities_do_not_keep_blocks_apart_but_settings_do() -> None:
    alike = blocks({"layer_idx": 0, "p": 0.0}, {"layer_idx": 1, "p": 0.1}, {"layer_idx": 2})
    assert labels(alike) == ["b", "└ 0 … 2 × 3", "  └ fc"]
    assert labels(blocks({"heads": 2}, {"heads": 4})) == ["b", "├ 0", "│ └ fc", "└ 1", "  └ fc"]


def test_blocks_that_take_turns_are_folded_with_period_two() -> None:
    shifted = [{"shift": (0, 0)}, {"shift": (3, 3)}] * 3
    assert labels(blocks(*shifted)) == [
        *("b", "├ 0, 2, 4 × 3", "│ └ fc", "└ 1, 3, 5 × 3", "  └ fc")
    ]


def test_a_cache_that_grows_does_not_keep_blocks_apart_but_another_shape_does() -> None:
    def decoder(*extra: list[tuple[int, ...]]) -> list[str]:
        net = Net("Decoder", (1, 8))
        for number, more in enumerate(extra):
            with net.inside(f"b.{number}", "Block", [(1, 8), *more], (1, 8)):
                net.leaf(f"b.{number}.fc", "Linear", (1, 8), (1, 8), params=72)
        return labels(net.uncalled("b", "ModuleList").report())

    cached = (1, 2, 4)
    assert "└ 0, 1 × 2" in decoder([cached], [cached, cached])
    assert "└ 1" in decoder([cached], [(1, 2, 5)])


def test_two_equal_leaves_stay_and_three_are_folded() -> None:
    def leaves(number: int) -> list[str]:
        net = Net("Net", (1, 8))
        for index in range(number):
            net.leaf(f"act{index}", "ReLU", (1, 8), (1, 8))
        return labels(net.report())

    assert leaves(2) == ["act0", "act1"]
    assert leaves(3) == ["act0 … 2 × 3"]


def test_a_block_with_another_size_check_is_not_folded() -> None:
    net = Net("Net", (1, 8, 4, 4))
    for number in range(4):
        check = build.match() if number != 2 else build.mismatch((1, 8, 3, 3), "3 = 3")
        net.leaf(f"c{number}", "Conv2d", (1, 8, 4, 4), (1, 8, 4, 4), check=check)
    assert labels(net.report()) == ["c0", "c1", "c2", "c3"]


def test_receptive_fields_keep_blocks_apart_only_where_they_are_shown() -> None:
    net = Net("Net", (1, 8, 4, 4))
    for number in range(3):
        field = (3 + 2 * number,) * 2
        net.leaf(f"c{number}", "Conv2d", (1, 8, 4, 4), (1, 8, 4, 4), field_=field)
    report = net.report()
    assert labels(report) == ["c0 … 2 × 3"]
    assert labels(report, columns=("layer", "receptive-field")) == ["c0", "c1", "c2"]


def test_a_looped_list_stands_above_its_modules_and_sums_them_up() -> None:
    report = build.tangle()
    looped = row(report, "blocks")
    assert (looped.role, looped.type, looped.params) == ("container", "ModuleList", 240)
    assert looped.macs == 3 * 36_864
    assert looped.state == "held"


def test_lists_that_take_turns_keep_the_order_and_have_dotted_names() -> None:
    assert labels(build.tangle())[1:5] == ["convs.0", "norms.0", "convs.1", "norms.1"]
    assert not [line for line in labels(build.tangle()) if line in ("convs", "norms")]


def test_operations_inside_a_looped_list_stand_inside_it() -> None:
    net = Net("Net", (1, 4, 8, 8))
    net.leaf("c.0", "Conv2d", (1, 4, 8, 8), (1, 8, 8, 8), config=conv(3, 1, 1))
    net.op("max_pool2d", (1, 8, 8, 8), (1, 8, 4, 4))
    net.leaf("c.1", "Conv2d", (1, 8, 4, 4), (1, 9, 4, 4), config=conv(3, 1, 1))
    net.op("flatten", (1, 9, 4, 4), (1, 144))
    report = net.uncalled("c", "ModuleList").report()
    assert labels(report) == ["c", "├ 0", "├ ·", "└ 1", "·"]


def test_a_module_that_runs_again_says_so_and_its_parameters_count_once() -> None:
    first, second = (
        r for r in make_table(build.tangle(), TableOptions()).rows if r.path == "shared"
    )
    assert (first.tag, second.tag) == ("", "(2nd call)")
    assert (first.params, second.params) == (72, 0)
    assert first.macs == second.macs == 32_768


def test_modules_that_never_ran_come_last_in_their_module() -> None:
    lines = labels(build.tangle())
    assert lines[-1] == "aux"
    assert lines[lines.index("heads") + 2] == "└ b"
    assert row(build.tangle(), "heads.b").state == "not called"
    # `aux` stands for what is below it: 900 + 505.
    assert row(build.tangle(), "aux").params == 1_405
    assert [line for line in labels(build.tangle(), expand=True)[-3:]] == ["aux", "├ 0", "└ 1"]


def test_weights_that_an_operation_uses_are_not_called_unused() -> None:
    assert row(build.tangle(), "attn.proj").state == "weights only"


def test_parameters_of_a_module_with_children_have_rows_ahead_of_them() -> None:
    report = build.tangle()
    held = row(report, "scale")
    assert (held.role, held.type, held.params, held.outputs) == (
        "parameter",
        "Parameter",
        8,
        ((8,),),
    )
    assert labels(report)[0] == "scale"
    assert row(report, "attn.qkv").params == 192


def test_operations_that_say_what_their_layer_says_are_left_out() -> None:
    net = Net("Net", (1, 8, 4, 4))
    with net.inside("turn", "Permute", (1, 8, 4, 4), (1, 4, 4, 8)):
        net.op("permute", (1, 8, 4, 4), (1, 4, 4, 8))
    with net.inside("norm", "LayerNorm2d", (1, 4, 4, 8), (1, 4, 4, 8), own=[("w", (8,), 8)]):
        net.op("permute", (1, 4, 4, 8), (1, 8, 4, 4))
        net.op("permute", (1, 8, 4, 4), (1, 4, 4, 8))
    with net.inside("rms", "RMSNorm", (1, 4, 4, 8), (1, 4, 4, 8)):
        net.op("mean", (1, 4, 4, 8), (1, 4, 4, 1))
    with net.inside("pool", "Pool", (1, 4, 4, 8), (1, 2, 2, 8)):
        net.op("max_pool2d", (1, 4, 4, 8), (1, 2, 2, 8), build.match("max_pool"))
    report = net.report()
    assert labels(report) == ["turn", "norm", "rms", "pool", "└ ·"]
    assert row(report, "norm").params == 8
    assert len(labels(report, expand=True)) == 4 + 1 + 2 + 1 + 1


def test_many_parameters_of_one_module_share_a_row() -> None:
    own = [(f"p{number}", (2,), 2) for number in range(7)]
    net = Net("Net", (1, 4), own=own)
    net.calls[0].params = 14
    report = net.leaf("fc", "Linear", (1, 4), (1, 4), params=20).report()
    assert labels(report) == ["7 own parameters", "fc"]
    assert row(report, "7 own parameters").params == 14


def test_an_attention_layer_that_calls_no_other_is_the_sum_of_the_rows_below_it() -> None:
    shape = (1, 4, 8)
    net = Net("Net", shape)
    with net.inside("attn", "MultiheadAttention", shape, shape, own=[("in_proj", (24, 8), 192)]):
        net.op("linear", shape, (1, 4, 24))
    net.uses("attn.out_proj.weight")
    report = net.uncalled("attn.out_proj", "Linear", params=72).report()
    assert labels(report) == ["attn", "├ in_proj", "└ out_proj"]
    assert (row(report, "attn").params, row(report, "attn").sums) == (264, True)


def test_a_norm_with_an_activation_inside_needs_no_rows_for_its_own_parameters() -> None:
    """Nothing else in it has any: its own row says it all, and is no sum."""
    shape = (1, 4, 8, 8)
    net = Net("Net", shape)
    with net.inside("bn", "BatchNormAct2d", shape, shape, own=[("weight", (4,), 4)]):
        net.leaf("bn.act", "SiLU", shape, shape)
    report = net.leaf("fc", "Linear", shape, shape, params=72).report()
    assert labels(report) == ["bn", "└ act", "fc"]
    assert (row(report, "bn").params, row(report, "bn").sums) == (4, False)


def test_numbers_of_the_rows_shown_add_up_to_the_row_above() -> None:
    report = build.tangle()
    table = make_table(report, TableOptions(expand=True))
    top = [r for r in table.rows if r.depth == 1]
    assert sum(r.params or 0 for r in top) == report.totals.params == 2_874


def test_depth_sums_up_what_it_hides() -> None:
    report = build.resnet_like()
    shallow = make_table(report, TableOptions(depth=1)).rows
    assert [r.label or r.type for r in shallow] == ["conv1", "maxpool", "layer1", "flatten", "fc"]
    stage = shallow[2]
    assert (stage.params, stage.sums, stage.status) == (131_584, False, "match")
    assert sum(r.params or 0 for r in shallow) == report.totals.params
    assert sum(r.macs or 0 for r in shallow) == report.totals.macs  # type: ignore[misc]


def test_a_hidden_mismatch_marks_the_row_that_hides_it() -> None:
    net = Net("Net", (1, 8, 4, 4))
    with net.inside("stage", "Sequential", (1, 8, 4, 4), (1, 8, 4, 4)):
        net.leaf("stage.0", "Conv2d", (1, 8, 4, 4), (1, 8, 4, 4), check=build.match())
        wrong = build.mismatch((1, 8, 3, 3), "3 = 3")
        net.leaf("stage.1", "Conv2d", (1, 8, 4, 4), (1, 8, 4, 4), check=wrong)
    report = net.report()
    assert row(report, "stage", depth=1).status == "mismatch"
    assert row(report, "stage").status == ""


def test_depth_zero_and_a_model_without_modules_show_the_model_itself() -> None:
    assert labels(build.resnet_like(), depth=0) == ["(model)"]
    alone = Net("Linear", (1, 4), outputs=(1, 2)).report()
    assert labels(alone) == ["(model)"]


def test_a_depth_of_two_hundred_modules_is_no_problem() -> None:
    net = Net("Deep", (1, 4))
    with_names = ".".join(["m"] * 1)
    import contextlib

    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(net.inside(with_names, "Block", (1, 4), (1, 4)))
            with_names += ".m"
    assert len(labels(net.report())) == 200


def test_the_failing_row_is_marked_and_nothing_after_it_is_listed() -> None:
    table = make_table(build.failing(), TableOptions())
    assert [r.name for r in table.rows if r.state == "failed"] == ["fc1"]
    assert table.rows[-1].name == "fc1"


def test_an_operation_that_failed_in_a_module_with_children_has_a_row_of_its_own() -> None:
    net = Net("Net", (1, 8, 4, 4))
    net.leaf("conv", "Conv2d", (1, 8, 4, 4), (1, 8, 4, 4))
    net._operation("view", (1, 8, 4, 4), None)
    net.calls[0].finished = False
    error = ErrorReport("", "Net", "view", "invalid for input of size 128", "RuntimeError")
    failure = Failure("RuntimeError", error.message, 0, 1, None)
    table = make_table(net.report(error=error, failure=failure), TableOptions())
    last = table.rows[-1]
    assert (last.type, last.state, last.inputs) == ("view", "failed", ((1, 8, 4, 4),))


def test_modules_around_the_failure_are_unfinished() -> None:
    net = Net("Net", (1, 4))
    with net.inside("block", "Block", (1, 4), None):
        net.leaf("block.fc", "Linear", (1, 4), None, finished=False)
    net.calls[0].finished = net.calls[1].finished = False
    error = ErrorReport("block.fc", "Linear", "linear", "no", "RuntimeError")
    table = make_table(net.report(error=error), TableOptions())
    assert [(r.name, r.state) for r in table.rows] == [
        ("block", "unfinished"),
        ("block.fc", "failed"),
    ]


@pytest.mark.parametrize("make", [build.lenet, build.resnet_like, build.long_net])
@pytest.mark.parametrize("depth", [None, 0, 1, 2])
def test_flat_lists_add_up_to_the_totals_at_every_depth(make, depth) -> None:
    report = make()
    rows = flat_table(report, depth).rows
    assert sum(r.params or 0 for r in rows) == report.totals.params
    assert sum(r.macs or 0 for r in rows) == report.totals.macs


def test_an_operations_macs_are_not_counted_at_its_module_again() -> None:
    rows = [r for r in flat_table(build.tangle()).rows if r.path == "attn"]
    assert [(r.type, r.macs) for r in rows] == [("Attention", 0), ("matmul", 9_216)]


def test_csv_has_every_call_and_operation_and_adds_up() -> None:
    report = build.resnet_like()
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert len(rows) == len(report.layers) + len(report.operations)
    assert sum(int(r["params"]) for r in rows) == 200_841_288
    assert rows[1]["path"] == "conv1"
    assert (rows[1]["input"], rows[1]["output"]) == ("1x3x224x224", "1x32x112x112")
    assert (rows[1]["kernel"], rows[1]["dilation"], rows[1]["groups"]) == ("7", "1", "1")


def test_what_cannot_be_known_is_empty_in_csv_and_never_zero() -> None:
    rows = {r["path"]: r for r in csv.DictReader(io.StringIO(to_csv(build.tangle())))}
    assert rows["odd"]["macs"] == ""


def test_shares_are_parts_of_the_totals_and_add_up_to_one() -> None:
    rows = list(csv.DictReader(io.StringIO(_csv(build.lenet(), "layer", *_SHARES))))
    shares = {row["path"]: row for row in rows}
    assert float(shares["OUT"]["params-share"]) == 850 / 61_706
    assert float(shares["C2"]["macs-share"]) == 240_000 / 416_520
    for name in _SHARES:
        assert sum(float(row[name]) for row in rows) == pytest.approx(1)


def test_a_share_is_told_in_percent_and_unknown_without_a_total() -> None:
    lines = build.to_text(build.lenet(), TableOptions(columns=("layer", *_SHARES))).splitlines()
    told = {line.split()[0]: line.split()[1:] for line in lines if line.strip()}
    assert told["OUT"] == ["1.4", "%", "0.2", "%"]
    assert told["R1"] == []
    lettered = csv.DictReader(io.StringIO(_csv(build.symbolic(), "layer", *_SHARES)))
    assert {row["macs-share"] for row in lettered} == {"", "0.0"}


_SHARES = ("params-share", "macs-share")


def _csv(report: Report, *columns: str) -> str:
    return report_text(report, "csv", TableOptions(columns=columns))


def test_the_dtype_is_that_of_the_output() -> None:
    class Nearest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)
            self.small = nn.Linear(4, 3).to(torch.bfloat16)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.small(self.table(ids).to(torch.bfloat16)).argmax(-1)

    report = cnnshape.inspect(Nearest(), torch.zeros(2, 5, dtype=torch.int64))
    rows = csv.DictReader(io.StringIO(_csv(report, "layer", "type", "dtype")))
    assert {row["type"]: row["dtype"] for row in rows} == {
        "Nearest": "int64",
        "Embedding": "float32",
        "Linear": "bfloat16",
        "argmax": "int64",
    }
    assert report.to_dict()["layers"][1]["output_dtypes"] == ["float32"]


class Cache:
    """Keys and values per block, as language models keep them."""

    def __init__(self, blocks: int, before: int) -> None:
        self.keys = [torch.zeros(1, before, 8) for _ in range(blocks)] if before else []

    def grown(self, block: int, key: torch.Tensor) -> torch.Tensor:
        if block == len(self.keys):
            self.keys.append(key)
        else:
            self.keys[block] = torch.cat([self.keys[block], key], 1)
        return self.keys[block]


class Attending(nn.Module):
    """A block that is handed the whole cache, and reads its own part."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.layer_idx, self.key, self.out = index, nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, cache: Cache, mask: torch.Tensor) -> torch.Tensor:
        keys = cache.grown(self.layer_idx, self.key(x))
        return self.out((x @ keys.transpose(1, 2)) @ keys)


class Decoder(nn.Module):
    def __init__(self, before: int, reads: tuple[int, ...] = (0, 1, 2, 3)) -> None:
        super().__init__()
        self.before = before
        self.blocks = nn.ModuleList(Attending(index) for index in reads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cache = Cache(4, self.before)
        for block in self.blocks:
            x = block(x, cache, x)
        return x


@pytest.mark.parametrize("before", [0, 5])
def test_a_cache_among_the_inputs_does_not_keep_blocks_apart(before: int) -> None:
    report = cnnshape.inspect(Decoder(before), (1, 3, 8))
    blocks = [layer for layer in report.layers if layer.type == "Attending"]
    # A block gets x twice, as its mask as well, and the keys of those before it or of all.
    assert [len(b.input_shapes) for b in blocks] == ([6] * 4 if before else [2, 3, 4, 5])
    folded = row(report, "blocks.0 … blocks.3")
    assert (folded.times, folded.params) == (4, 2 * (64 + 8))
    # x, the mask and, where there were some, this block's own keys: what every block reads.
    assert len(folded.inputs) == (3 if before else 2)
    # blocks, their fold, two linear layers, two products, and the keys turned (3×8) or joined.
    assert len(labels(report)) == 7


class Handing(nn.Module):
    """Gives back what all blocks made so far, as tuples of past keys do."""

    def __init__(self) -> None:
        super().__init__()
        self.key = nn.Linear(8, 8)

    def forward(
        self, x: torch.Tensor, pasts: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        key = self.key(x)
        return x + key, (*pasts, key.transpose(1, 2))


class Collecting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Handing() for _ in range(3))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pasts: tuple[torch.Tensor, ...] = ()
        for block in self.blocks:
            x, pasts = block(x, pasts)
        return pasts


def test_what_a_block_only_hands_on_does_not_keep_it_apart() -> None:
    report = cnnshape.inspect(Collecting(), (1, 3, 8))
    blocks = [layer for layer in report.layers if layer.type == "Handing"]
    assert [len(block.output_shapes) for block in blocks] == [2, 3, 4]
    folded = row(report, "blocks.0 … blocks.2")
    assert (folded.inputs, folded.outputs) == (((1, 3, 8),), ((1, 3, 8), (1, 8, 3)))


def test_a_block_that_reads_another_size_from_the_cache_stays_apart() -> None:
    net = Decoder(5, (0, 1, 3, 3))  # the third makes longer what the last one reads
    told = [x for x in labels(cnnshape.inspect(net, (1, 3, 8))) if x[2:3].isdigit()]
    assert [x.split(" ", 1)[1] for x in told] == ["0 … 2 × 3", "3"]


def test_a_frozen_block_is_not_folded_with_trainable_ones() -> None:
    net = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(6)))
    assert labels(cnnshape.inspect(net, (1, 4)))[0].startswith("0 … 5")
    net[3].requires_grad_(False)
    told = [label for label in labels(cnnshape.inspect(net, (1, 4))) if label[0].isdigit()]
    assert [label.split()[0] for label in told] == ["0", "3", "4,"]

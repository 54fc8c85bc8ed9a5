"""Whole runs: what they write, what they reach, and that they can be repeated."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from cnnshape.errors import (
    DataError,
    DeviceError,
    OutputError,
    TrainingDivergedError,
    UsageError,
)
from cnnshape.loading.run_folder import load_run, read_run
from cnnshape.training import Observer, RunResult, configure, evaluate, train
from cnnshape.training import run as run_module
from cnnshape.training.run_folder import claim_folder, write_config
from tests.training.idx_files import write_set
from tests.training.runs import assert_same_weights, checkpoint, metrics, short


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    torch.set_num_threads(1)
    return train(short(epochs=6), output=str(tmp_path_factory.mktemp("runs") / "run"))


def test_six_epochs_of_digits_reach_95_percent(finished: RunResult) -> None:
    assert finished.test is not None
    assert finished.test.total == 360
    assert finished.test.accuracy >= 0.95
    assert sum(map(sum, finished.test.confusion)) == 360
    assert sum(finished.test.confusion[i][i] for i in range(10)) == finished.test.correct
    assert len(finished.test.mistakes) == 360 - finished.test.correct


def test_a_run_folder_holds_what_the_contract_says(finished: RunResult) -> None:
    names = {file.name for file in finished.folder.iterdir()}
    assert {
        "config.json", "metrics.jsonl", "last.pt", "best.pt", "curves.svg", "result.json",
        "confusion.svg",
    } <= names  # fmt: skip
    assert not [name for name in names if name.startswith((".last", ".best"))]
    for name in ("last.pt", "best.pt"):
        content = checkpoint(finished.folder, name)
        assert {"model", "optimizer", "epoch"} <= content.keys()
    assert checkpoint(finished.folder)["epoch"] == 6
    lines = (finished.folder / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[5]["train_loss"] < rows[0]["train_loss"]
    assert checkpoint(finished.folder, "best.pt")["epoch"] == finished.best_epoch


def test_config_json_says_what_it_was_made_with(finished: RunResult) -> None:
    config = json.loads((finished.folder / "config.json").read_text())
    assert config["format"] == 1
    assert config["model"] == {"name": "lenet", "input_shape": [1, 28, 28]}
    assert config["training"]["epochs"] == 6
    assert config["environment"]["torch"] == torch.__version__
    data = config["data"]
    assert (data["train"], data["validation"], data["test"]) == (1293, 144, 360)
    assert data["dark_background"] is True


def test_the_best_epoch_is_the_best(finished: RunResult) -> None:
    accuracies = [record.validation_accuracy for record in finished.history]
    assert finished.best_epoch is not None
    assert accuracies[finished.best_epoch - 1] == max(accuracies)


def test_evaluate_measures_what_the_run_measured(finished: RunResult) -> None:
    found = evaluate(finished.folder)
    assert finished.test is not None
    assert found.correct == finished.test.correct
    assert found.confusion == finished.test.confusion
    assert str(found) == f"accuracy {found.correct / 3.6:.2f} % ({found.correct}/360)"
    last = evaluate(finished.folder, weights="last")
    assert last.total == 360


def test_evaluate_agrees_with_a_loop_written_by_hand(finished: RunResult) -> None:
    import torch.nn.functional as F

    from cnnshape.training.datasets import load_data

    test = load_data("digits", "unused", (1, 28, 28)).test
    run = read_run(finished.folder)
    model = load_run(finished.folder)
    right, loss = 0, 0.0
    with torch.no_grad():
        for index in range(360):
            picture = test.read(torch.tensor([index])).double() / 255
            scores = model(((picture - run.mean[0]) / run.std[0]).float())
            right += int(scores.argmax() == test.labels[index])
            loss += float(F.cross_entropy(scores, test.labels[index : index + 1]))
    found = evaluate(finished.folder)
    assert found.correct == right
    assert found.loss == pytest.approx(loss / 360, rel=1e-4)


@pytest.mark.torchvision
def test_evaluate_on_data_of_other_classes(finished: RunResult, tmp_path: Path) -> None:
    from tests.training.test_datasets import make_folder

    make_folder(tmp_path)
    with pytest.raises(DataError, match=r"has 2 classes \(cat, dog\), but .* on 10 classes"):
        evaluate(finished.folder, data=f"folder:{tmp_path}")
    write_set(tmp_path / "FashionMNIST" / "raw")
    with pytest.raises(DataError, match=r"has 10 classes \(T-shirt/top, Trouser, Pullover, …\), b"):
        evaluate(finished.folder, data="fashion-mnist", root=str(tmp_path))


def test_the_same_seed_is_the_same_run_and_another_is_not(here: Path) -> None:
    train(short(), output="a")
    train(short(), output="b")
    train(short(seed=2), output="c")
    assert_same_weights(here / "a", here / "b")
    assert metrics(here / "a") == metrics(here / "b")
    assert metrics(here / "a") != metrics(here / "c")


def test_where_the_pictures_are_does_not_matter(here: Path) -> None:
    train(short(epochs=2), output="memory")
    train(short(epochs=2, placement="loader"), output="loader")
    train(short(epochs=2, placement="loader", workers=2), output="workers")
    assert_same_weights(here / "memory", here / "loader")
    assert_same_weights(here / "memory", here / "workers")
    assert metrics(here / "memory") == metrics(here / "workers")


def test_the_callers_random_state_is_untouched(here: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(short(epochs=1), output="a")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("model", ["lenet-d2l", "lenet-nopad", "basic-cnn", "mlp"])
def test_every_bundled_network_trains(here: Path, model: str) -> None:
    result = train(short(model=model, epochs=2), output=model)
    first, second = result.history
    assert second.train_loss < first.train_loss
    assert read_run(here / model).model == model


def test_the_d2l_recipe_follows_the_test_accuracy_and_chooses_nothing(here: Path) -> None:
    result = train(short(model="lenet-d2l", recipe="d2l", epochs=2, batch_size=64), output="r")
    assert result.best_epoch == 2
    assert result.history[0].validation_accuracy is None
    assert result.history[1].test_accuracy is not None
    assert result.test is not None
    assert result.history[1].test_accuracy == result.test.accuracy
    assert checkpoint(here / "r", "best.pt")["epoch"] == 2


def test_early_stopping(here: Path) -> None:
    # A rate so small that nothing gets better stops after the first epoch and two more.
    config = short(epochs=30, lr=1e-12, patience=2, augmentation="none", optimizer="sgd")
    result = train(config, output="r")
    assert result.stopped_early
    assert len(result.history) <= 5
    assert result.best_epoch == len(result.history) - 2


def test_a_diverging_loss_stops_and_keeps_the_best(here: Path, pictures: None) -> None:
    class Poison(Observer):
        def epoch(self, record, *, best):
            """After the second epoch no number is finite any more."""
            if record.epoch == 2:
                with torch.no_grad():
                    next(self.model.parameters()).fill_(float("nan"))

        def started(self, start):
            self.model = start.model

    with pytest.raises(TrainingDivergedError) as caught:
        train(short(epochs=5), output="r", observer=Poison())
    text = str(caught.value)
    assert "no longer a finite number in epoch 3, batch 1 (learning rate " in text
    assert "best.pt keeps epoch" in text
    assert text.endswith("Try a smaller --lr, such as 0.0005")
    assert checkpoint(here / "r")["epoch"] == 2
    assert (here / "r" / "curves.svg").is_file()
    assert evaluate(here / "r").total == 360


def test_a_rate_far_too_large_diverges_before_anything_is_kept(here: Path) -> None:
    with pytest.raises(TrainingDivergedError, match="no epoch had finished, so there is nothing"):
        train(short(optimizer="sgd", lr=1e9), output="r")
    assert not (here / "r" / "best.pt").exists()


def test_the_last_step_may_be_one_too_far(here: Path) -> None:
    """The only step's loss was fine, the weights after it are not: nothing is kept of them."""
    config = short(optimizer="sgd", lr=1e38, epochs=1, batch_size=2000, warmup=0.0)
    with pytest.raises(TrainingDivergedError, match="no longer a finite number in epoch 1, batch"):
        train(config, output="r")
    assert not (here / "r" / "best.pt").exists()
    assert not (here / "r" / "metrics.jsonl").exists()


def test_two_runs_begun_at_once_get_a_folder_each(here: Path) -> None:
    config = short()
    assert claim_folder(None, config) == Path("runs/lenet-digits")
    assert claim_folder(None, config) == Path("runs/lenet-digits-2")


def test_two_runs_begun_at_once_in_one_folder(here: Path) -> None:
    """Both have found it empty; the first to write has it, and its settings stay."""
    config = short()
    for _ in range(2):
        assert claim_folder("r", config) == Path("r")
    write_config(Path("r"), {"first": True})
    with pytest.raises(OutputError, match="r holds a run already: go on with"):
        write_config(Path("r"), {"first": False})
    assert json.loads((here / "r" / "config.json").read_text()) == {"first": True}


def test_run_folders_are_numbered(here: Path) -> None:
    first, second = (train(short(epochs=1)).folder for _ in range(2))
    assert first == Path("runs/lenet-digits")
    assert second == Path("runs/lenet-digits-2")


def test_outputs_that_cannot_be(here: Path) -> None:
    train(short(epochs=1), output="taken")
    (here / "file").write_text("x")
    (here / "full").mkdir()
    (here / "full" / "x").write_text("x")
    with pytest.raises(OutputError, match=r"taken holds a run already: go on with .* --resume"):
        train(short(), output="taken")
    with pytest.raises(OutputError, match="file is a file: choose another --output"):
        train(short(), output="file")
    with pytest.raises(OutputError, match="full is a folder with other things in it"):
        train(short(), output="full")
    with pytest.raises(OutputError, match=r"cannot make the run folder file.below: a file is in"):
        train(short(), output="file/below")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_nowhere_in_the_place_of_runs(here: Path) -> None:
    (here / "runs").symlink_to("nowhere")
    with pytest.raises(OutputError, match=r"cannot make the run folder runs.lenet-digits"):
        train(short())


def test_devices_that_are_not_there(here: Path) -> None:
    with pytest.raises(DeviceError, match="unknown device 'gpu': choose from auto, cpu, cuda"):
        train(short(device="gpu"))
    with pytest.raises(DeviceError, match="cannot train on 'meta'"):
        train(short(device="meta"))
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match=r"there is no CUDA device here .*--device cpu"):
            train(short(device="cuda"))


def test_without_matplotlib_a_run_says_so_and_trains(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnshape.training import run_figures

    notes: list[str] = []

    class Notes(Observer):
        def note(self, text: str) -> None:
            notes.append(text)

    for module in (run_module, run_figures):
        monkeypatch.setattr(module, "have_matplotlib", lambda: False)
    result = train(short(epochs=1), output="r", observer=Notes())
    assert result.test is not None
    assert notes == ['no curves are drawn without matplotlib: pip install "cnnshape[train]"']
    assert not (here / "r" / "curves.svg").exists()


def test_too_few_pictures_for_a_validation_part(here: Path) -> None:
    from tests.training.test_datasets import make_folder

    make_folder(here / "pets", count=2)
    with pytest.raises(DataError, match="too few to keep 10 % for validation: give --validation 0"):
        train(configure("lenet", "folder:pets"))


def test_a_folder_of_pictures_is_learnt(here: Path) -> None:
    from tests.training.test_datasets import make_folder

    make_folder(here / "pets", ("cat", "dog", "emu"), count=15)
    result = train(configure("basic-cnn", "folder:pets", epochs=8, batch_size=8))
    assert result.folder == Path("runs/basic-cnn-pets")
    assert result.test is not None
    assert result.test.classes == ("cat", "dog", "emu")
    assert result.test.accuracy >= 0.8
    assert load_run(result.folder).state_dict()["fc.weight"].shape[0] == 3


@pytest.mark.torchvision
def test_mnist_files_are_trained_on(here: Path) -> None:
    write_set(here / "data" / "FashionMNIST" / "raw", train=200, test=50)
    config = configure("lenet", "fashion-mnist", epochs=8, batch_size=32, augmentation="none")
    result = train(config)
    assert result.test is not None
    assert result.test.accuracy > 0.9
    assert result.test.total == 50


def test_bf16_on_the_cpu(here: Path) -> None:
    result = train(short(amp="bf16", epochs=2), output="r")
    assert result.history[1].train_loss < result.history[0].train_loss
    with pytest.raises(UsageError, match="--amp fp16 needs a GPU"):
        train(short(amp="fp16"), output="s")


@pytest.mark.slow
def test_the_default_recipe_reaches_98_percent_over_five_seeds(here: Path) -> None:
    results = [train(configure("lenet", seed=seed), output=f"r{seed}") for seed in range(5)]
    accuracies = [result.test.accuracy for result in results if result.test is not None]
    assert len(accuracies) == 5
    assert sum(accuracies) / 5 >= 0.98
    assert min(accuracies) >= 0.97

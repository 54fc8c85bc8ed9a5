"""Networks that are not bundled: which picture, how many classes, and what cannot be trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from cnnshape.errors import (
    CnnshapeError,
    InputError,
    ModelFailedError,
    ModelNotFoundError,
    UsageError,
)
from cnnshape.loading.network import build_network, load_network
from cnnshape.loading.run_folder import load_run
from cnnshape.loading.spec import parse_spec
from cnnshape.training import Observer, configure, evaluate, predict, resume, train
from cnnshape.training.sampling import epoch_batches
from cnnshape.training.trial import try_network
from tests.training.nets import write_nets, write_pictures
from tests.training.runs import Interrupter, assert_same_weights


@pytest.fixture
def data(here: Path) -> str:
    """Two classes of 8×8 pictures; ``net.py`` lies beside them."""
    write_nets(here)
    return write_pictures(here / "pictures")


def quick(model: str, data: str, **settings: Any) -> Any:
    """One epoch, in the processor's own order of things."""
    return configure(model, data, **{"epochs": 1, "batch_size": 8, "device": "cpu", **settings})


class Told(Observer):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def size_of(model: str, data: str, **settings: Any) -> tuple[tuple[int, ...], list[str]]:
    told = Told()
    _, fit = try_network(quick(model, data, **settings), told.note)
    return fit.shape, told.notes


def test_a_network_of_the_user(here: Path, data: str) -> None:
    result = train(quick("net.py:Net(num_classes=2)", data), output="run")
    config = json.loads((here / "run" / "config.json").read_text())
    assert config["model"] == {
        "name": f"{here / 'net.py'}:Net(num_classes=2)",
        "input_shape": [3, 8, 8],
    }
    assert result.test is not None
    found = evaluate("run", trust_code=True)
    assert found.confusion == result.test.confusion
    (one,) = predict("run", [here / "pictures" / "a" / "0.png"], trust_code=True)
    assert set(one.probabilities) == {"a", "b"}


def test_it_learns(here: Path, data: str) -> None:
    config = quick("net.py:Lazy", data, epochs=6, lr=0.01)
    result = train(config, output="run")
    assert result.test is not None
    assert result.test.correct == result.test.total == 6


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(here: Path, data: str) -> None:
    """Batch norm and dropout keep something of their own between two batches."""
    config = quick("net.py:Net(num_classes=2)", data, epochs=2)
    train(config, output="whole")
    assert train(config, output="run", observer=Interrupter(1, 2)).interrupted
    resume("run", trust_code=True)
    assert_same_weights(here / "whole", here / "run")


def test_a_relative_path_is_found_from_elsewhere(
    here: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(quick("net.py:Lazy", data), output="run")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert isinstance(load_run("../run", trust_code=True), nn.Module)


def test_the_size_of_the_picture(here: Path, data: str) -> None:
    shape, notes = size_of("net.py:Net(num_classes=2)", data)
    assert shape == (3, 8, 8)
    assert notes == [f"pictures of 3×8×8 (-i 1,3,8,8), as large as those of {data}"]
    shape, notes = size_of("net.py:Fixed", data)
    assert shape == (1, 48, 48)
    assert notes[0].startswith("pictures of 1×48×48 (-i 1,1,48,48), the only square that it takes")
    assert size_of("net.py:Net(num_classes=2)", data, input="N,3,12,20") == ((3, 12, 20), [])
    assert size_of("lenet", "digits") == ((1, 28, 28), [])


def test_pictures_of_several_sizes(here: Path, data: str) -> None:
    Image.new("RGB", (9, 9)).save(here / "pictures" / "a" / "larger.png")
    with pytest.raises(InputError, match=r"several sizes: say how large .*, as in -i 1,3,64,64"):
        size_of("net.py:Net(num_classes=2)", data)
    with pytest.raises(InputError, match="takes any size: say what picture it is to be given"):
        size_of("net.py:Lazy", data)
    assert size_of("net.py:Lazy", data, input="1,3,8,8")[0] == (3, 8, 8)


@pytest.mark.torchvision
def test_a_library_states_the_usual_picture(here: Path, data: str) -> None:
    told = Told()
    config = quick("torchvision:squeezenet1_1", data)
    with pytest.raises(UsageError) as caught:
        try_network(config, told.note)
    assert told.notes[0].startswith(
        "pictures of 3×224×224 (-i 1,3,224,224), the usual ones of this network"
    )
    assert str(caught.value) == (
        "torchvision:squeezenet1_1 gives 1,000 numbers for a picture, and the data have "
        '2 classes: name it as "torchvision:squeezenet1_1(num_classes=2)"'
    )


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        ("net.py:Net", UsageError, 'gives 10 .* have 2 .*: name it as "net.py:Net(num_classes=2)"'),
        ("net.py:Fixed(classes=3)", UsageError, 'as "net.py:Fixed(classes=2)"'),
        ("net.py:built", UsageError, 'gives 7 .*: name it as "net.py:built(num_classes=2)"'),
        ("net.py:Dense", InputError, "gives 1×2×8×8 numbers for 1 picture, where .* 1×2"),
        ("net.py:Squeezed", InputError, "gives 2 numbers for 1 picture, where"),
        ("net.py:Frozen", UsageError, "has nothing to train: no parameter of it takes a gradient"),
        ("net.py:Failing", ModelFailedError, "does not take 1 picture of 3×8×8 (KeyError"),
        ("net.py:Six", InputError, "takes 6 channels, and a picture has 1 or 3"),
        ("torch.nn:Identity", UsageError, "has nothing to train"),
    ],
)
def test_what_cannot_be_trained(
    data: str, model: str, kind: type[CnnshapeError], message: str, here: Path
) -> None:
    settings = {} if model.endswith("Six") else {"input": "1,3,8,8"}
    settings = {"input": "1,1,48,48"} if "Fixed" in model else settings
    with pytest.raises(kind) as caught:
        train(quick(model, data, **settings))
    assert all(piece in str(caught.value) for piece in message.split(".*"))
    assert not (here / "runs").exists()  # nothing is left of a run that cannot begin


def test_an_instance_has_no_argument_for_the_classes(here: Path, data: str) -> None:
    more = write_pictures(here / "three", ("a", "b", "c"))
    with pytest.raises(UsageError, match="have 3 classes: its last layer has to give 3"):
        size_of("net.py:net", more)
    assert size_of("net.py:net", data)[0] == (3, 8, 8)


def test_a_softmax_at_the_end_is_told(data: str) -> None:
    _, notes = size_of("net.py:Probable", data, input="1,3,8,8")
    (told,) = notes
    assert told.startswith("net.py:Probable gives probabilities, and the loss takes a softmax")


def test_what_is_no_code_or_no_picture() -> None:
    with pytest.raises(ModelNotFoundError, match="train builds a network from its code"):
        configure("hf:bert")
    with pytest.raises(InputError, match="lenet takes pictures of 1×28×28: leave -i out"):
        train(configure("lenet", input="1,1,32,32"))
    with pytest.raises(InputError, match=r"takes one picture, N,1,H,W or N,3,H,W; -i says 1,8"):
        train(configure("lenet", input="1,8"))


def test_no_batch_of_one(here: Path, data: str) -> None:
    """24 pictures less 3 for validation in batches of 4 leave one over: it joins the others."""
    config = quick("net.py:Norm", data, batch_size=4, validation=0.125, epochs=2)
    assert try_network(config, lambda _text: None)[1].least == 2
    sizes = [len(b) for b in epoch_batches(torch.arange(21), 4, 0, 1, least=2)]
    assert sizes == [4, 4, 4, 4, 5]
    result = train(config, output="run")
    assert result.test is not None
    with pytest.raises(
        UsageError, match=r"--batch-size 1: net\.py:Norm cannot be trained on single"
    ):
        train(config.replace(batch_size=1), output="other")
    assert not (here / "other").exists()


def test_a_network_that_takes_one_picture_may_have_a_batch_of_one(data: str) -> None:
    assert try_network(quick("net.py:Lazy", data), lambda _text: None)[1].least == 1


def test_auxiliary_classifiers_count_three_tenths(data: str) -> None:
    from cnnshape.training.batches import Batch
    from cnnshape.training.preparation import Preparation
    from cnnshape.training.step import TrainingStep

    spec = parse_spec("net.py:Auxiliary")
    model = load_network(spec).module
    by_hand = load_network(spec).module
    images = torch.arange(2 * 192, dtype=torch.uint8).view(2, 3, 8, 8)
    labels = torch.tensor([0, 1])
    by_hand(images.float() / 255)
    model(images.float() / 255)
    by_hand.load_state_dict(model.state_dict())
    logits, aux = by_hand(images.float() / 255)
    loss = F.cross_entropy(logits, labels) + 0.3 * F.cross_entropy(aux, labels)
    loss.backward()
    step = TrainingStep(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
        prepare=Preparation((0.0,) * 3, (1.0,) * 3, ()),
    )
    result = step(Batch(torch.arange(2), images, labels), None, 2)
    assert float(result.loss) == pytest.approx(2 * F.cross_entropy(logits, labels).item())
    for one, other in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_run_with_auxiliary_classifiers(here: Path, data: str) -> None:
    train(quick("net.py:Auxiliary", data), output="run")
    assert evaluate("run", trust_code=True).total == 6


def test_a_network_that_fails_in_the_middle_of_a_run(data: str) -> None:
    with pytest.raises(ModelFailedError, match=r"not take 8 pictures of 3×8×8 \(AssertionError: t"):
        train(quick("net.py:Fails24", data), output="run")


def test_the_seed_decides_the_weights(data: str) -> None:
    spec = parse_spec("net.py:Net(num_classes=2)")
    one, same, other = (build_network(spec, 2, (3, 8, 8), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.head.weight, same.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_a_bundled_network_with_an_argument(here: Path) -> None:
    with pytest.raises(UsageError, match=r'name it as "lenet\(num_classes=10\)"'):
        size_of("lenet(num_classes=7)", "digits")
    assert size_of("lenet(num_classes=10)", "digits") == ((1, 28, 28), [])


def test_an_imported_instance_is_left_as_it_was(
    here: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nets(here, "imported_nets.py")
    monkeypatch.syspath_prepend(str(here))
    import imported_nets  # pyright: ignore[reportMissingImports]

    before = {name: tensor.clone() for name, tensor in imported_nets.net.state_dict().items()}
    train(quick("imported_nets:net", data), output="run")
    after = imported_nets.net.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert all(parameter.grad is None for parameter in imported_nets.net.parameters())


def test_nothing_is_left_behind(data: str) -> None:
    before = torch.get_rng_state()
    train(quick("net.py:Net(num_classes=2)", data), output="run")
    assert torch.equal(before, torch.get_rng_state())


def test_the_trial_counts_nothing(data: str) -> None:
    """The batch norm of the network that is trained has seen its training batches only."""
    result = train(quick("net.py:Net(num_classes=2)", data, batch_size=8), output="run")
    batches = -(-22 // 8)  # 24 training pictures less a tenth
    seen = load_run(result.folder, weights="last", trust_code=True).features[1].num_batches_tracked
    assert int(seen) == batches


# A folder from somebody else


def marker(folder: Path, kind: str) -> tuple[str, Path]:
    """A MODEL whose building leaves a file, and that file."""
    mark = folder / "marker"
    evil = folder / "evil.py"
    evil.write_text(f"open({str(mark)!r}, 'w').close()\nfrom net import *\n")
    return {
        "file": f"{evil}:Net(num_classes=2)",
        "dotted": "evil:Net(num_classes=2)",
        "call": f'os:system(command="touch {mark}")',
        "pickle": f'timm:resnet18(num_classes=2, checkpoint_path="{_pickle(folder, mark)}")',
    }[kind], mark


def _pickle(folder: Path, mark: Path) -> Path:
    class Evil:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    torch.save({"state_dict": Evil()}, folder / "evil.pth")
    return folder / "evil.pth"


@pytest.mark.parametrize("place", ["model", "training", "both"])
@pytest.mark.parametrize("kind", ["file", "dotted", "call", "pickle"])
def test_a_foreign_folder_runs_no_code(here: Path, data: str, kind: str, place: str) -> None:
    import cnnshape
    from cnnshape.training.features import features_of

    train(quick("net.py:Lazy", data), output="run")
    model, mark = marker(here, kind)
    config = json.loads((here / "run" / "config.json").read_text())
    if place in ("model", "both"):
        config["model"]["name"] = model
    if place in ("training", "both"):
        config["training"]["model"] = model
    (here / "run" / "config.json").write_text(json.dumps(config))
    (here / "run" / "result.json").unlink()
    picture = here / "pictures" / "a" / "0.png"
    for use in (
        lambda: evaluate("run"),
        lambda: predict("run", [picture]),
        lambda: features_of("run", picture),
        lambda: resume("run"),
        lambda: cnnshape.inspect("run"),
        lambda: cnnshape.params("run"),
    ):
        with pytest.raises(CnnshapeError, match="may come from anybody"):
            use()
    assert not mark.exists()


def test_two_networks_in_one_folder(here: Path, data: str) -> None:
    """What is shown and trusted is what is run."""
    train(configure("mlp", "digits", epochs=1), output="run", observer=Interrupter(1, 1))
    config = json.loads((here / "run" / "config.json").read_text())
    config["training"]["model"], mark = marker(here, "file")
    (here / "run" / "config.json").write_text(json.dumps(config))
    for trust in (False, True):
        with pytest.raises(CnnshapeError, match="names two networks, 'mlp' and"):
            resume("run", trust_code=trust)
    assert not mark.exists()


def test_what_is_to_be_trusted_is_shown_as_it_is(here: Path, data: str) -> None:
    train(quick("net.py:Lazy", data), output="run")
    config = json.loads((here / "run" / "config.json").read_text())
    config["model"]["name"] = "evil\x1b[2K\u202e.py:Net"
    (here / "run" / "config.json").write_text(json.dumps(config))
    with pytest.raises(CnnshapeError) as caught:
        evaluate("run")
    assert r"'evil\x1b[2K\u202e.py:Net'" in str(caught.value)


@pytest.mark.parametrize("name", ["runs/other", "net.pt", "hf:x", "", "x" * 20_000, 7, None])
def test_a_folder_that_names_no_network(here: Path, data: str, name: object) -> None:
    train(quick("net.py:Lazy", data), output="run")
    config = json.loads((here / "run" / "config.json").read_text())
    config["model"]["name"] = name
    (here / "run" / "config.json").write_text(json.dumps(config))
    with pytest.raises(CnnshapeError, match="which this version does not have; it has lenet"):
        evaluate("run", trust_code=True)

"""Settings: the recipes' figures, and what is said about settings that make no sense."""

from __future__ import annotations

import pytest

from cnnshape.errors import ModelNotFoundError, UsageError
from cnnshape.training import TrainingConfig, configure
from cnnshape.training.optimizers import learning_rate


def test_the_d2l_recipe_is_the_books() -> None:
    config = configure("lenet-d2l", "fashion-mnist", "d2l")
    assert (config.optimizer, config.lr, config.momentum) == ("sgd", 0.9, 0.0)
    assert (config.batch_size, config.epochs) == (256, 10)
    assert (config.initialization, config.schedule) == ("xavier", "constant")
    assert (config.augmentation, config.validation, config.normalize) == ("none", 0.0, False)


def test_large_data_sets_get_fewer_epochs() -> None:
    assert configure("lenet", "digits").epochs == 30
    assert configure("lenet", "mnist").epochs == 10
    assert configure("lenet", "emnist-letters").batch_size == 128
    assert configure("lenet", "fashion-mnist").augmentation == "flip"
    assert configure("lenet", "folder:x/y").augmentation == "shift"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "--epochs 0: at least 1 is needed"),
        ({"batch_size": -4}, "--batch-size -4: at least 1 is needed"),
        ({"lr": 0.0}, "--lr 0.0: a positive number is needed"),
        ({"lr": float("nan")}, "--lr nan: a positive number is needed"),
        ({"weight_decay": -1.0}, "--weight-decay -1.0: 0 or a positive number is needed"),
        ({"validation": 1.0}, "--validation 1.0: a number from 0 to below 1 is needed"),
        ({"seed": -1}, "--seed -1: at least 0 is needed"),
        ({"seed": 2**64}, "--seed 18446744073709551616: too large a number"),
        ({"patience": 0}, "--patience 0: at least 1 is needed"),
        ({"optimizer": "adagrad"}, "--optimizer adagrad: choose from sgd, adam, adamw"),
        ({"initialization": "zero"}, "--init zero: choose from default, xavier"),
        ({"cuda_graph": True, "amp": "fp16"}, "--cuda-graph cannot record fp16"),
    ],
)
def test_impossible_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        TrainingConfig(**settings)
    assert str(caught.value).startswith(message)


def test_early_stopping_needs_validation_pictures() -> None:
    with pytest.raises(UsageError, match="--patience needs pictures to judge by"):
        configure("lenet", "digits", "d2l", patience=3)


def test_unknown_names() -> None:
    with pytest.raises(ModelNotFoundError, match=r"unknown model 'lennet'; did you mean lenet"):
        configure("lennet")
    with pytest.raises(ModelNotFoundError, match=r"from its code, and net\.pt2 holds one that is"):
        configure("net.pt2")
    with pytest.raises(UsageError, match="unknown recipe 'd3l': there are default and d2l"):
        configure("lenet", recipe="d3l")


def test_a_config_survives_json() -> None:
    import json

    config = configure("mlp", "mnist", seed=7, patience=2)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(UsageError, match="unknown training setting 'colour'"):
        TrainingConfig.from_dict({**config.to_dict(), "colour": 1})


def test_schedules_by_hand() -> None:
    def rates(schedule, total=8, **options):
        return [
            round(learning_rate(step, total, schedule=schedule, peak=1.0, **options), 4)
            for step in range(total)
        ]

    assert rates("constant") == [1.0] * 8
    assert rates("step") == [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]
    # Cosine at the start, a quarter, the middle: 1, (1 + cos 45°)/2, 1/2, down to 0.001.
    assert rates("cosine")[0] == 1.0
    assert rates("cosine")[2] == round(0.001 + 0.999 * 0.8535534, 4)
    assert rates("cosine")[4] == round(0.001 + 0.999 * 0.5, 4)
    # A quarter of the run rises in equal steps to the peak.
    assert rates("linear", warmup=0.25)[:3] == [0.5, 1.0, 1.0]
    assert rates("onecycle")[:3] == [round(1 / 3, 4), round(2 / 3, 4), 1.0]
    # Three tenths of the run at least; a longer warm-up is taken as it is.
    assert rates("onecycle", warmup=0.1)[:3] == rates("onecycle")[:3]
    assert rates("onecycle", warmup=0.5)[:4] == [0.25, 0.5, 0.75, 1.0]


def test_a_shorter_run_follows_the_same_curve() -> None:
    long = [learning_rate(s, 300, schedule="cosine", peak=1, warmup=0.1) for s in range(300)]
    short = [learning_rate(s, 60, schedule="cosine", peak=1, warmup=0.1) for s in range(60)]
    assert max(abs(long[5 * s + 4] - short[s]) for s in range(60)) < 0.15
    assert long[-1] < 0.01
    assert short[-1] < 0.01

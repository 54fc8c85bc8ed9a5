"""Pictures per second of ``cnnshape train``, beside the loops that tutorials write.

    python tests/benchmarks/training_throughput.py [--device cuda] [--rounds 7]

Three loops train the same LeNet with the same optimizer on the same pictures (an MNIST
written to a temporary folder in its real format), one epoch each in turn:

- ``loader``: torchvision's dataset, ``ToTensor``, ``DataLoader``, as on the seed pages;
- ``bare``: normalised floats in memory, indexed per batch, nothing else;
- ``cnnshape``: ``cnnshape.training.train``, checkpoints, metrics and all.

The targets are 1.5 × ``loader`` (20 × on a GPU) and 0.95 × ``bare``, by the medians of the
interleaved rounds. Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parents[2]))

from cnnshape.models.lenet import LeNet
from cnnshape.training import configure, train
from tests.training.idx_files import write_set

BATCH = 256


def loader_loop(root: Path, device: torch.device, workers: int) -> Callable[[], float]:
    """One epoch as tutorials write it; returns pictures per second."""
    from torchvision import datasets, transforms

    data = datasets.MNIST(str(root), train=True, transform=transforms.ToTensor())
    loader = DataLoader(data, BATCH, shuffle=True, num_workers=workers)
    net = LeNet().to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        net.train()
        running, right, seen = 0.0, 0, 0
        began = time.perf_counter()
        for pictures, labels in loader:
            x, y = pictures.to(device), labels.to(device)
            optimizer.zero_grad()
            scores = net(x)
            loss = criterion(scores, y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
            right += int((scores.argmax(1) == y).sum())
            seen += len(y)
        return seen / (time.perf_counter() - began)

    return epoch


def bare_loop(root: Path, device: torch.device) -> Callable[[], float]:
    """One epoch over floats in memory; returns pictures per second."""
    from torchvision import datasets

    data = datasets.MNIST(str(root), train=True)
    images = (data.data[:, None].float() / 255).to(device)
    labels = data.targets.to(device)
    net = LeNet().to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def epoch() -> float:
        net.train()
        began = time.perf_counter()
        for chosen in torch.randperm(len(images), device=device).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(net(images[chosen]), labels[chosen]).backward()
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return len(images) / (time.perf_counter() - began)

    return epoch


def cnnshape_loop(root: Path, device: torch.device, **settings: object) -> Callable[[], float]:
    """One epoch of a whole run, files and measurement included in the run, not in the figure."""
    config = configure(
        "lenet", "mnist", "d2l", root=str(root), lr=0.1, epochs=1, device=str(device), **settings
    )
    number = 0

    def epoch() -> float:
        nonlocal number
        number += 1
        result = train(config, output=str(root / f"run{number}"))
        return result.history[0].examples_per_second

    return epoch


def main() -> int:
    """Measure and print; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pictures", type=int, default=20_480)
    options = parser.parse_args()
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_set(root / "MNIST" / "raw", train=options.pictures, test=256)
        loops = {
            "loader": loader_loop(root, device, workers=0),
            "loader, 2 workers": loader_loop(root, device, workers=2),
            "bare": bare_loop(root, device),
            "cnnshape": cnnshape_loop(root, device),
        }
        if on_gpu:
            loops["cnnshape --cuda-graph"] = cnnshape_loop(root, device, cuda_graph=True)
        speeds: dict[str, list[float]] = {name: [] for name in loops}
        for turn in range(options.rounds + 1):
            for name, epoch in loops.items():
                speed = epoch()
                if turn > 0:  # the first round warms up
                    speeds[name].append(speed)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    threads = torch.get_num_threads()
    print(f"LeNet, batch {BATCH}, {device}, {threads} threads, torch {torch.__version__}")
    for name, values in speeds.items():
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        print(f"  {name:<22} {medians[name]:>10,.0f} pictures/s   ({spread})")
    ours = max(speed for name, speed in medians.items() if name.startswith("cnnshape"))
    loader = max(speed for name, speed in medians.items() if name.startswith("loader"))
    target = 20.0 if on_gpu else 1.5
    print(f"  cnnshape : loader (the faster one) = {ours / loader:.2f}   target {target}")
    print(f"  cnnshape : bare                    = {ours / medians['bare']:.2f}   target 0.95")
    return 0 if ours >= target * loader and ours >= 0.95 * medians["bare"] else 1


if __name__ == "__main__":
    raise SystemExit(main())

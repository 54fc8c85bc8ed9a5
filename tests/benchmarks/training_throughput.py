"""Pictures per second of ``cnnshape train``, beside the loops that tutorials write.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.training_throughput [--device cuda] [--rounds 7]

Every loop trains the same LeNet with the same optimizer on the same pictures (an MNIST
written to a temporary folder in its real format), one epoch each in turn:

- ``loader``: torchvision's dataset, ``ToTensor``, ``DataLoader``, as tutorials have it;
- ``bare``: the same bytes in memory, indexed and scaled per batch, in the same memory format and
  the same precision, the loss and the right answers counted as every loop counts them;
- ``cnnshape``: ``cnnshape.training.train``, checkpoints, metrics and all.

The targets, by the medians: 1.5 × ``loader`` and 1.0 × ``bare``; on a GPU 20 × ``loader``, where
a CUDA graph, mixed precision and nccl run as well. On the CPU the seconds beside ``bare`` are the
processor's, since other processes take their share of those on the wall. Exit code 1 if a target
is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from cnnshape.models.lenet import LeNet
from cnnshape.training import configure, train
from cnnshape.training.observer import BatchProgress, Observer
from cnnshape.training.step import best_memory_format
from tests.training.idx_files import write_set

BATCH = 256


class Speed(NamedTuple):
    """Pictures per second on the wall, and per second of this process."""

    wall: float
    cpu: float


class Clock:
    """Both times since it began."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.began = self._now()

    def _now(self) -> tuple[float, float]:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    def speed(self, pictures: int) -> Speed:
        """How fast so many were trained on."""
        wall, cpu = (now - then for now, then in zip(self._now(), self.began, strict=True))
        return Speed(pictures / wall, pictures / cpu)


def loader_loop(root: Path, device: torch.device, workers: int) -> Callable[[], Speed]:
    """One epoch as tutorials write it."""
    from torchvision import datasets, transforms

    data = datasets.MNIST(str(root), train=True, transform=transforms.ToTensor())
    loader = DataLoader(data, BATCH, shuffle=True, num_workers=workers)
    net = LeNet().to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> Speed:
        net.train()
        running, right, seen = 0.0, 0, 0
        clock = Clock(device)
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
        return clock.speed(seen)

    return epoch


def bare_loop(root: Path, device: torch.device, amp: torch.dtype | None) -> Callable[[], Speed]:
    """One epoch over bytes in memory, with nothing that is not needed to train and to know how."""
    from torchvision import datasets

    data = datasets.MNIST(str(root), train=True)
    images, labels = data.data[:, None].to(device), data.targets.to(device)
    net = LeNet().to(device)
    layout = best_memory_format(net, (1, 28, 28))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def epoch() -> Speed:
        net.train()
        running, right = 0.0, 0
        clock = Clock(device)
        for chosen in torch.randperm(len(images), device=device).split(BATCH):
            x = images[chosen].float().mul_(1 / 255).contiguous(memory_format=layout)
            y = labels[chosen]
            with torch.autocast(device.type, amp, enabled=amp is not None):
                scores = net(x)
            loss = F.cross_entropy(scores.float(), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
            right += int((scores.argmax(1) == y).sum())
        return clock.speed(len(images))

    return epoch


class _Watch(Observer):
    """Starts a clock after the first batch and stops it after the last that is told of."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.clock: Clock | None = None
        self.first = 0
        self.speed: Speed | None = None

    def batch(self, progress: BatchProgress) -> None:
        """The first is warm-up."""
        if self.clock is None:
            self.clock, self.first = Clock(self.device), progress.batch
        elif progress.batch == progress.batches:
            self.speed = self.clock.speed((progress.batch - self.first) * BATCH)


def cnnshape_loop(root: Path, device: torch.device, **settings: object) -> Callable[[], Speed]:
    """One epoch of a whole run, measurement and files included in the run, not in the figure."""
    config = configure(
        "lenet", "mnist", "d2l", root=str(root), lr=0.1, epochs=1, device=str(device), **settings
    )
    number = 0

    def epoch() -> Speed:
        nonlocal number
        number += 1
        watch = _Watch(device)
        train(config, output=str(root / f"{'-'.join(settings)}run{number}"), observer=watch)
        assert watch.speed is not None
        return watch.speed

    return epoch


def nccl(root: Path) -> str:
    """One process that averages its gradients by nccl with itself: that the path runs."""
    import torch.distributed as dist

    dist.init_process_group(
        "nccl", init_method=f"file://{root / 'rendezvous'}", rank=0, world_size=1
    )
    try:
        net = nn.parallel.DistributedDataParallel(LeNet().cuda(), device_ids=[0])
        net(torch.zeros(2, 1, 28, 28, device="cuda")).sum().backward()
        total = torch.ones(1, device="cuda")
        dist.all_reduce(total)
        return f"nccl {'.'.join(map(str, torch.cuda.nccl.version()))}: runs with one process"
    finally:
        dist.destroy_process_group()


def loops_on(root: Path, device: torch.device) -> dict[str, Callable[[], Speed]]:
    """What is measured."""
    loops = {
        "loader": loader_loop(root, device, workers=0),
        "loader, 2 workers": loader_loop(root, device, workers=2),
        "bare": bare_loop(root, device, None),
        "cnnshape": cnnshape_loop(root, device),
    }
    if device.type == "cuda":
        loops["bare, bf16"] = bare_loop(root, device, torch.bfloat16)
        loops["cnnshape --amp bf16"] = cnnshape_loop(root, device, amp="bf16")
        loops["cnnshape --amp fp16"] = cnnshape_loop(root, device, amp="fp16")
        loops["cnnshape --cuda-graph"] = cnnshape_loop(root, device, cuda_graph=True)
    return loops


def main() -> int:
    """Measure and print; 1 if a target is missed."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pictures", type=int, default=20_480)
    options = parser.parse_args()
    device = torch.device(options.device)
    on_gpu = device.type == "cuda"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_set(root / "MNIST" / "raw", train=options.pictures, test=256)
        loops = loops_on(root, device)
        speeds: dict[str, list[Speed]] = {name: [] for name in loops}
        for turn in range(options.rounds + 1):
            for name, epoch in loops.items():
                speed = epoch()
                if turn:  # the first round warms up
                    speeds[name].append(speed)
        if on_gpu:
            print(nccl(root))
    where = torch.cuda.get_device_name(device) if on_gpu else f"{torch.get_num_threads()} threads"
    print(f"LeNet, batch {BATCH}, {device}, {where}, torch {torch.__version__}")
    for name, values in speeds.items():
        walls = [each.wall for each in values]
        spread = f"{min(walls):,.0f} to {max(walls):,.0f}"
        print(f"  {name:<22} {statistics.median(walls):>10,.0f} pictures/s   ({spread})")
    target = 20.0 if on_gpu else 1.5
    ours = max(_wall(values) for name, values in speeds.items() if name.startswith("cnnshape"))
    loader = max(_wall(values) for name, values in speeds.items() if name.startswith("loader"))
    beside = [
        one.wall / other.wall if on_gpu else one.cpu / other.cpu
        for one, other in zip(speeds["cnnshape"], speeds["bare"], strict=True)
    ]
    bare = statistics.median(beside)
    print(f"  cnnshape : loader (the faster one) = {ours / loader:.2f}   target {target}")
    print(
        f"  cnnshape : bare                    = {bare:.3f}   target 1.0   "
        f"({min(beside):.3f} to {max(beside):.3f})"
    )
    return 0 if ours >= target * loader and bare >= 1.0 else 1


def _wall(values: list[Speed]) -> float:
    return statistics.median(each.wall for each in values)


if __name__ == "__main__":
    sys.exit(main())

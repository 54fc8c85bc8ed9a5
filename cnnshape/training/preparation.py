"""From bytes to what a model takes: augmentation and normalisation, on the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnshape.training.config import Augmentation
from cnnshape.training.sampling import generator

_DEGREES = 10.0
_PIXELS = 2.0
_SCALE = 0.1


def draws(augmentation: Augmentation, count: int, seed: int, epoch: int) -> Tensor | None:
    """The random numbers of one epoch: a row of four in −1…1 per picture, or None.

    Drawn for all pictures at once, by their number in the data set: what happens to a
    picture depends on neither the batch it falls in nor the process that computes it.
    """
    if augmentation == "none":
        return None
    return torch.rand(count, 4, generator=generator(seed, "augmentation", epoch)) * 2 - 1


@dataclass(frozen=True, slots=True)
class Preparation:
    """Bytes N×C×H×W become normalised float32 of the same shape.

    Attributes:
        mean: subtracted from each channel of a picture in 0…1.
        std: what each channel is divided by after that.
        background: what moves in from outside when a picture is moved, in 0…1.
        augmentation: what is done to training pictures.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[float, ...]
    augmentation: Augmentation = "none"

    def __call__(self, images: Tensor, random: Tensor | None = None) -> Tensor:
        """Prepare a batch; with ``random`` (N×4 in −1…1, see :func:`draws`) augment it too.

        >>> prepare = Preparation(mean=(0.5,), std=(0.25,), background=(0.0,))
        >>> prepare(torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)).unique()
        tensor([2.])
        """
        pictures = images.to(torch.float32)
        if random is not None:
            pictures = self._augmented(pictures, random)
        # (x/255 − mean)/std in two in-place passes, or in one where the mean is 0.
        if len(set(self.mean)) == 1 and len(set(self.std)) == 1:
            if self.mean[0]:
                pictures.sub_(255 * self.mean[0])
            return pictures.mul_(1 / (255 * self.std[0]))
        mean, std = (self._per_channel(values, pictures) for values in (self.mean, self.std))
        return pictures.sub_(255 * mean).mul_(1 / (255 * std))

    def _augmented(self, pictures: Tensor, random: Tensor) -> Tensor:
        if self.augmentation == "flip":
            mirrored = (random[:, 0] > 0)[:, None, None, None]
            return torch.where(mirrored, pictures.flip(-1), pictures)
        whole = self.augmentation == "affine"
        angle = random[:, 0] * (math.radians(_DEGREES) if whole else 0.0)
        scale = 1 + random[:, 1] * (_SCALE if whole else 0.0)
        cos, sin = angle.cos() * scale, angle.sin() * scale
        # affine_grid counts the picture's whole width as 2.
        right = random[:, 2] * (2 * _PIXELS / pictures.shape[-1])
        down = random[:, 3] * (2 * _PIXELS / pictures.shape[-2])
        theta = torch.stack([cos, -sin, right, sin, cos, down], dim=1).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
        # grid_sample fills with 0, so the background is made 0 meanwhile.
        background = 255 * self._per_channel(self.background, pictures)
        moved = F.grid_sample(pictures - background, grid, align_corners=False)
        return moved.add_(background)

    def _per_channel(self, values: tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]

"""Any picture file becomes C×H×W bytes of the size a model takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnshape.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
)
"""What counts as a picture when a folder is searched."""


def open_picture(path: str | os.PathLike[str]) -> Image:
    """Read a picture file: upright, without transparency (white below), grey (L) or RGB.

    Raises:
        DataError: the file is missing, is no picture, or is damaged.
    """
    from PIL import Image, ImageOps

    file = Path(path)
    if not file.is_file():
        raise DataError(f"there is no picture {str(path)!r}")
    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened)
            picture.load()
    except Image.UnidentifiedImageError:
        raise DataError(
            f"{file} is not a picture that can be read (PNG, JPEG, BMP, GIF, TIFF, WebP can)"
        ) from None
    except Image.DecompressionBombError as error:
        raise DataError(f"{file} is too large a picture: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's ways to say "damaged"
        raise DataError(f"{file} is damaged or cut short: {error}") from error
    return _plain(picture)


def stated_shape(path: Path) -> tuple[int, int, int] | None:
    """Channels (1 or 3), height and width as the file states them; None where it is no picture."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            grey = opened.mode in ("1", "L", "LA") or opened.mode.startswith(("I", "F"))
            return 1 if grey else 3, opened.height, opened.width
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _plain(picture: Image) -> Image:
    """Any of Pillow's modes as L or RGB."""
    from PIL import Image

    if picture.mode in ("L", "RGB"):
        return picture
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode.startswith(("I", "F")):
        return _from_deep(picture)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, clear)
    return picture.convert("RGB")


def _from_deep(picture: Image) -> Image:
    """Grey of more than 8 bits: 16 bits are scaled down, anything else stretched to its range."""
    import numpy as np
    from PIL import Image

    values = np.asarray(picture).astype(np.float64)
    low, high = (0.0, 65535.0) if picture.mode != "F" else (values.min(), values.max())
    if picture.mode == "I" and values.max() <= 255:
        high = 255.0
    scaled = (values - low) / max(high - low, 1e-12) * 255
    return Image.fromarray(scaled.clip(0, 255).round().astype(np.uint8))


def fit_picture(picture: Image, shape: tuple[int, int, int]) -> Tensor:
    """``picture`` as uint8 C×H×W: its proportions kept, the rest filled with its border's colour.

    >>> from PIL import Image
    >>> fit_picture(Image.new("RGB", (56, 28), (200, 0, 0)), (1, 28, 28)).shape
    torch.Size([1, 28, 28])
    """
    from PIL import Image

    channels, height, width = shape
    plain = picture.convert("L" if channels == 1 else "RGB")
    scale = min(width / plain.width, height / plain.height)
    size = (max(1, round(plain.width * scale)), max(1, round(plain.height * scale)))
    # Pillow's filters widen when shrinking, which is what keeps thin strokes.
    small = plain if size == plain.size else plain.resize(size, Image.Resampling.BILINEAR)
    pixels = to_bytes(small)
    if size == (width, height):
        return pixels
    canvas = border_level(pixels)[:, None, None].repeat(1, height, width)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    canvas[:, top : top + size[1], left : left + size[0]] = pixels
    return canvas


def to_bytes(picture: Image) -> Tensor:
    """An L or RGB picture as a uint8 tensor C×H×W."""
    import numpy as np

    values = torch.from_numpy(np.array(cast("Any", picture), dtype=np.uint8))
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1).contiguous()


def border_level(pixels: Tensor) -> Tensor:
    """The median of the outermost pixels, per channel.

    Args:
        pixels: uint8 …×C×H×W; leading axes are pooled.

    >>> border_level(torch.full((1, 28, 28), 7, dtype=torch.uint8))
    tensor([7], dtype=torch.uint8)
    """
    flat = pixels.reshape(-1, *pixels.shape[-3:])
    border = torch.cat(
        [flat[..., 0, :], flat[..., -1, :], flat[..., 1:-1, 0], flat[..., 1:-1, -1]], dim=-1
    )
    return border.transpose(0, 1).flatten(1).median(dim=1).values


def object_box(pixels: Tensor) -> tuple[int, int, int, int] | None:
    """Top, left, bottom, right of what stands out from the background; None if nothing does.

    Args:
        pixels: uint8 C×H×W.

    >>> page = torch.zeros(1, 8, 8, dtype=torch.uint8)
    >>> page[0, 2:5, 3] = 255
    >>> object_box(page)
    (2, 3, 5, 4)
    """
    contrast = (pixels.float() - border_level(pixels)[:, None, None].float()).abs().amax(dim=0)
    marked = contrast > 0.25 * contrast.max()
    if not bool(marked.any()):
        return None
    rows, columns = marked.any(dim=1).nonzero().flatten(), marked.any(dim=0).nonzero().flatten()
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def typical_extent(images: Tensor) -> float:
    """The median part of the frame that objects take, by their larger side, 0…1.

    Args:
        images: uint8 N×C×H×W; a few hundred of them are looked at.
    """
    few = images[:: max(1, len(images) // 500)]
    found: list[float] = []
    for image in few:
        box = object_box(image)
        if box is not None:
            top, left, bottom, right = box
            found.append(max((bottom - top) / image.shape[1], (right - left) / image.shape[2]))
    return round(sorted(found)[len(found) // 2], 3) if found else 1.0


def sharpness(images: Tensor) -> Tensor:
    """How much of each picture's contrast is from pixel to pixel: 0 for smooth, near 1 for noise.

    The mean difference to the mean of each pixel's 3×3 neighbours, by the standard deviation.

    Args:
        images: uint8 N×C×H×W.

    >>> flat, lines = torch.zeros(1, 1, 8, 8), torch.tensor([0, 255] * 32).view(1, 1, 8, 8)
    >>> float(sharpness(flat.byte())), round(float(sharpness(lines.byte())), 2)
    (0.0, 1.17)
    """
    pixels = images.float()
    around = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    contrast = pixels.std(dim=(1, 2, 3), correction=0)
    return (pixels - around).abs().mean(dim=(1, 2, 3)) / contrast.clamp(min=1.0)


def find_pictures(folder: Path) -> list[Path]:
    """Every picture in ``folder`` and below, sorted; hidden files are left out."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )

"""What a restorer compares its output with, in training."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...errors import InputError
from ..preprocessors.image_preprocessor import convert, order_of


class Targets(NamedTuple):
    """The targets of a batch, each (N, C, H, W), normalised as the network's output is.

    Args:
        pixel: Of the pixel loss and the extra losses.
        perceptual: Of the perceptual loss.
        real: What the discriminator sees as real.
    """

    pixel: Tensor
    perceptual: Tensor
    real: Tensor


class Sharpened(NamedTuple):
    """Which targets are ``gt_unsharp``, the image that MMagic's ``UnsharpMasking`` adds to a sample."""

    pixel: bool = False
    perceptual: bool = False
    real: bool = False


def targets_of(
    data_samples: Any,
    preprocessor: Any,
    sharpened: Sharpened,
    memory_format: torch.memory_format,
) -> Targets:
    """Return the targets of a batch.

    Args:
        data_samples: What the data preprocessor made of the batch's samples: one ``DataSample``, or a list.
            The discriminator's is ``gan_gt_img``, where they have it, and ``gt_img`` all others are.
        preprocessor: The data preprocessor, whose normalisation the sharpened image gets; it passes it as
            loaded.
        sharpened: The targets that are the sharpened image instead.
        memory_format: Of the tensors.

    Raises:
        InputError: If a target is to be sharpened and the samples have no ``gt_unsharp``.
    """
    gt = image_of(data_samples, 'gt_img').contiguous(memory_format=memory_format)
    sharp = gt
    if any(sharpened):
        sharp = _sharp(data_samples, preprocessor).to(gt).contiguous(memory_format=memory_format)
    real = image_of(data_samples, 'gan_gt_img').contiguous(memory_format=memory_format)
    return Targets(
        *(sharp if is_sharp else image for is_sharp, image in zip(sharpened, (gt, gt, real), strict=True))
    )


def image_of(data_samples: Any, key: str) -> Tensor:
    """Return an image of a batch's samples, (N, C, H, W), and ``gt_img`` where they have no such image."""
    if isinstance(data_samples, list):
        return torch.stack([sample.get(key, sample.gt_img) for sample in data_samples])
    return data_samples.get(key, data_samples.gt_img)


def _sharp(data_samples: Any, preprocessor: nn.Module) -> Tensor:
    samples = data_samples if isinstance(data_samples, list) else [data_samples]
    if any('gt_unsharp' not in sample for sample in samples):
        raise InputError(
            'GANRestorer: is_use_sharpened_gt_in_* needs gt_unsharp in the samples, and the batch has none. '
            "Add dict(type='UnsharpMasking', keys=['gt'], kernel_size=51, sigma=0, weight=0.5, threshold=10) "
            "to the pipeline and 'gt_unsharp' to data_keys of PackInputs; or use "
            "data_preprocessor=dict(type='RealESRGANDegradation'), which sharpens by gt_usm."
        )
    image = image_of(data_samples, 'gt_unsharp').float()
    order = order_of(data_samples, 'gt', image.shape[-3])
    output = order_of(data_samples, 'gt_img_output', image.shape[-3])
    image, _ = convert(image, order, output.upper() if output.upper() in ('RGB', 'BGR') else None)
    return (image - getattr(preprocessor, 'mean', 0.0)) / getattr(preprocessor, 'std', 255.0)

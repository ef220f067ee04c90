"""The restorers whose steps are compared: MMagic's with its own recipes' parts, and ours with the same."""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn


def _generator(args: argparse.Namespace) -> dict:
    if args.recipe == 'srgan':
        return dict(
            type='mmagic.MSRResNet',
            in_channels=3,
            out_channels=3,
            mid_channels=64,
            num_blocks=args.blocks,
            upscale_factor=4,
        )
    return dict(
        type='mmagic.RRDBNet',
        in_channels=3,
        out_channels=3,
        mid_channels=64,
        num_blocks=args.blocks,
        growth_channels=32,
        upscale_factor=4,
    )


def _layers(args: argparse.Namespace) -> dict[str, float]:
    return (
        {'2': 0.1, '7': 0.1, '16': 1.0, '25': 1.0, '34': 1.0} if args.recipe == 'realesrgan' else {'34': 1.0}
    )


def _losses(args: argparse.Namespace) -> tuple[float, float]:
    """Return the weights of the pixel and the adversarial loss in MMagic's recipes."""
    return (1.0, 0.1) if args.recipe == 'realesrgan' else (1e-2, 5e-3)


def mmagics(args: argparse.Namespace, disc_only: bool, *_: Any) -> nn.Module:
    """Build MMagic's restorer with the parts of its recipe."""
    from mmagic.registry import MODELS

    pixel, gan = _losses(args)
    unet = dict(
        type='UNetDiscriminatorWithSpectralNorm', in_channels=3, mid_channels=64, skip_connection=True
    )
    model: dict[str, Any] = dict(
        type={'srgan': 'SRGAN', 'esrgan': 'ESRGAN', 'realesrgan': 'RealESRGAN'}[args.recipe],
        generator=_generator(args),
        discriminator=unet
        if args.recipe == 'realesrgan'
        else dict(type='ModifiedVGG', in_channels=3, mid_channels=64),
        pixel_loss=dict(type='L1Loss', loss_weight=pixel, reduction='mean'),
        perceptual_loss=dict(
            type='PerceptualLoss',
            layer_weights=_layers(args),
            vgg_type='vgg19',
            perceptual_weight=1.0,
            style_weight=0,
            norm_img=False,
        ),
        gan_loss=dict(
            type='GANLoss', gan_type='vanilla', loss_weight=gan, real_label_val=1.0, fake_label_val=0
        ),
        train_cfg=dict(disc_init_steps=10**9 if disc_only else 0),
        data_preprocessor=dict(type='DataPreprocessor', mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
    )
    if args.recipe == 'realesrgan':
        model['is_use_ema'] = False  # the average is a hook's in both
    return MODELS.build(model)


def ours(
    args: argparse.Namespace,
    disc_only: bool,
    channels_last: bool,
    vgg_dtype: str | None,
    compile: tuple[str, ...],
) -> nn.Module:
    """Build GANRestorer with the same parts."""
    from ..registry import MODELS

    pixel, gan = _losses(args)
    unet = dict(type='UNetDiscriminator', in_channels=3, mid_channels=64, skip_connection=True)
    return MODELS.build(
        dict(
            type='GANRestorer',
            generator=_generator(args),
            discriminator=unet
            if args.recipe == 'realesrgan'
            else dict(type='ModifiedVGG', patch_size=args.patch),
            pixel_loss=dict(type='L1Loss', loss_weight=pixel, reduction='mean'),
            perceptual_loss=dict(
                type='PerceptualLoss',
                layer_weights=_layers(args),
                dtype=vgg_dtype,
                compile={} if 'perceptual' in compile else None,
            ),
            gan_loss=dict(
                type='AdversarialLoss',
                gan_type='vanilla',
                relativistic='average' if args.recipe == 'esrgan' else False,
                loss_weight=gan,
            ),
            train_cfg=dict(disc_init_steps=10**9 if disc_only else 0),
            channels_last=channels_last,
            compile={name: {} for name in compile if name != 'perceptual'},
            data_preprocessor=dict(type='ImagePreprocessor', mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
        )
    )


@contextmanager
def random_vgg() -> Iterator[None]:
    """Put VGG19 with random weights into torchvision's cache; the time of a step does not depend on them.

    The classifier, which nobody runs, is a zero that is read as often as needed: the file has 80 MB, not 550.
    """
    with torch.device('meta'):
        shapes = torchvision.models.vgg19(weights=None).state_dict()
    generator = torch.Generator().manual_seed(1)
    state = {
        name: torch.randn(value.shape, generator=generator) * (2 / max(value[0].numel(), 9 * 64)) ** 0.5
        if name.startswith('features.')
        else torch.zeros(()).expand(value.shape)
        for name, value in shapes.items()
    }
    before = torch.hub.get_dir()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # MMagic asks torchvision in an old way
        file = Path(torchvision.models.VGG19_Weights.IMAGENET1K_V1.url).name
        Path(folder, 'checkpoints').mkdir()
        torch.save(state, Path(folder, 'checkpoints', file))
        torch.hub.set_dir(folder)
        try:
            yield
        finally:
            torch.hub.set_dir(before)

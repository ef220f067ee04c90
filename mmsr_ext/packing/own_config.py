"""The text of a config for one's own images, with a comment on each line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import torch
from mmengine.config import Config

from ..tool_names import tool
from .choices import Choices
from .pack import Packed

SECONDS = 5  # to wait for a server


def config_text(
    cfg: Config,
    base: str,
    recipe: str,
    gt: str | Path,
    data: Path,
    packed: Packed,
    held: Sequence[str],
    choices: Choices,
    start: str | None,
    shown: int,
) -> str:
    """Return the text of a config.

    Args:
        cfg: The recipe.
        base: What ``_base_`` is.
        recipe: Name of the recipe.
        gt: Folder of the images.
        data: Folder that has the store ``train`` and the pairs ``val``.
        packed: What the store has.
        held: Names of the images that are held out.
        choices: Crop, batch and processes.
        start: Checkpoint from which the generator starts; None for the recipe's, where it is there.
        shown: Pixels of a held-out image that validation takes.
    """
    lines = [
        f'# {recipe} on the images of {gt}. Every line may be changed.',
        f'_base_ = {base!r}  # the recipe, which says all that is not said here',
        *_start_lines(cfg, start),
        *_model_lines(cfg, choices, start),
        'train_dataloader = dict(',
        f'    batch_size={choices.batch},  # {_batch_remark(choices)}',
        f'    num_workers={choices.workers},  # processes that load images, by the cores of this machine',
    ]
    if not choices.workers:
        lines.append('    persistent_workers=False,  # without processes there are none to keep')
    left = f'; left out, because smaller than the crop: {packed.skipped}' if packed.skipped else ''
    left += f'; padded by reflection: {packed.padded}' if packed.padded else ''
    scale = cfg.val_dataloader.dataset.get('scale', 1)
    reduced = "what validation restores: reduced by MATLAB's bicubic, or your own"
    lines += [
        '    dataset=dict(',
        f'        store={str(data / "train")!r},  # {packed.images} packed images{left}',
        f'        gt_size={choices.store_crop},  # crop in px: {_crop_remark(choices)}',
        f"        hint='Pack the images again: {tool('pack')} --help',  # said if the store is not there",
        '    ),',
        ')',
        'val_dataloader = dict(',
        '    dataset=dict(',
        f'        gt_folder={str(data / "val/GT")!r},  # held out: {len(held)}, their middle {shown} px',
        f'        lq_folder={str(data / f"val/LQx{scale}")!r},  # {reduced}',
        "        lq_name='{}',  # both have the same names",
        '    )',
        ')',
        'test_dataloader = val_dataloader  # what is measured after training',
        f'train_cfg = dict(max_iters={cfg.train_cfg.max_iters:_}, '
        f'val_interval={cfg.train_cfg.val_interval:_})  '
        "# the recipe's length; its param_scheduler goes with it",
    ]
    return '\n'.join(lines) + '\n'


def _start_lines(cfg: Config, start: str | None) -> list[str]:
    if start is not None:
        return [f'init_generator = {start!r}  # the generator starts from these weights']
    own = cfg.get('init_generator')
    if own is None:
        return []
    if Path(own).is_file():
        return [f"init_generator = {own!r}  # the recipe's start, which is there"]
    return [
        f'# The recipe starts from {own}, which is not there. It trains from nothing; a network',
        '# that was trained without a discriminator first is a better start.',
        'init_generator = None',
    ]


def _model_lines(cfg: Config, choices: Choices, start: str | None) -> list[str]:
    """Return the lines of what must change in the model."""
    parts: list[str] = []
    discriminator: dict[str, Any] = cfg.model.get('discriminator') or {}
    if 'patch_size' in discriminator and choices.crop != choices.recipe_crop:
        parts.append(f'    discriminator=dict(patch_size={choices.crop}),  # the size of the crops')
    if 'gt_size' in (cfg.model.get('data_preprocessor') or {}) and choices.crop != choices.recipe_crop:
        parts.append(f'    data_preprocessor=dict(gt_size={choices.crop}),  # what the losses see of a crop')
    started = cfg.get('init_generator') and (start or Path(cfg.init_generator).is_file())
    if cfg.model.get('gan_loss') and not cfg.model.get('pixel_loss') and not started:
        parts.append(
            "    pixel_loss=dict(type='L1Loss', loss_weight=1e-2, reduction='mean'),  # to start from nothing"
        )
    if _wants_download(cfg) and not _can_download():
        parts += [
            "    # VGG19's weights are not here and cannot be downloaded: features of a lower level, which",
            "    # come with the package. Without these lines the recipe's are taken.",
            "    perceptual_loss=dict(layer_weights=dict(_delete_=True, VGG22=1.0), pretrained='builtin'),",
        ]
    return ['model = dict(', *parts, ')'] if parts else []


def _wants_download(cfg: Config) -> bool:
    loss: dict[str, Any] = cfg.model.get('perceptual_loss') or {}
    wanted = loss.get('pretrained', 'imagenet') in ('imagenet', 'torchvision://vgg19')
    return bool(loss) and wanted and loss.get('vgg_type', 'vgg19') == 'vgg19'


def _can_download() -> bool:
    """Return whether VGG19's weights are on this machine, or their server answers."""
    from torchvision.models import VGG19_Weights

    address = VGG19_Weights.IMAGENET1K_V1.url
    if Path(torch.hub.get_dir(), 'checkpoints', Path(address).name).is_file():
        return True
    try:
        with urlopen(address, timeout=SECONDS):
            return True
    except OSError:
        return False


def _batch_remark(choices: Choices) -> str:
    memory = (
        f'about {choices.needed / 1e9:.1f} of {choices.free / 1e9:.1f} GB that are free ({choices.device})'
    )
    if choices.batch == choices.recipe_batch:
        return f"images at once, the recipe's: {memory}"
    return f"images at once; the recipe's {choices.recipe_batch} do not fit into memory: {memory}"


def _crop_remark(choices: Choices) -> str:
    if choices.crop == choices.recipe_crop:
        return "the recipe's"
    return f"the recipe's {choices.recipe_crop} do not fit into one image of ten"

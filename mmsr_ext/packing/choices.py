"""Choose crop, batch and processes of a training run by its images and the machine."""

from __future__ import annotations

import copy
import math
import os
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from ..errors import InputError
from ..machine import free_memory, pick_device
from ..registry import MODELS

FITTING = 0.9  # share of the images that a crop of the recipe must fit into; else a smaller one is taken
SHARE = 0.6  # of the free memory that training may take
VGG_FLOATS = 592  # numbers a pixel that VGG19 keeps, to its last convolution
KEPT = 1.5  # what training keeps, of what the layers return: gradients, sums and concatenations too


class Choices(NamedTuple):
    """What was chosen.

    Args:
        crop: Height and width of the crops that the networks see, in pixels of GT.
        store_crop: The same of the crops that are read, from which a degradation may cut ``crop``.
        recipe_crop: That of the recipe.
        batch: Images a batch.
        recipe_batch: That of the recipe.
        needed: Bytes that a batch needs, estimated.
        free: Bytes that are free on the device.
        device: 'cuda', 'mps' or 'cpu'.
        workers: Processes that load images.
    """

    crop: int
    store_crop: int
    recipe_crop: int
    batch: int
    recipe_batch: int
    needed: int
    free: int
    device: str
    workers: int


def choose(cfg: Config, sizes: list[tuple[int, int]], pad: bool = False) -> Choices:
    """Choose crop and batch of a recipe.

    The crop is the recipe's if it fits into nine images of ten, or if small ones are padded; else the
    largest that does. The batch is the recipe's, halved until it fits into the memory.

    Args:
        cfg: The recipe.
        sizes: Height and width of the images.
        pad: Small images are padded to the recipe's crop.

    Raises:
        InputError: If the images are too small for any crop.
    """
    loader, restorer = cfg.train_dataloader, cfg.model
    read = loader.dataset.get('gt_size') or 96
    seen = (restorer.get('data_preprocessor') or {}).get('gt_size') or read
    scale = loader.dataset.get('scale') or (restorer.get('generator') or {}).get('scale') or 1
    store_crop = read if pad else _fitting_crop(read, sorted(map(min, sizes)), math.lcm(scale, 32))
    crop = seen if store_crop == read else min(seen, store_crop)
    device = pick_device()
    free = torch.cuda.mem_get_info()[0] if device == 'cuda' else free_memory()
    each, fixed = _bytes(cfg, crop, scale)
    recipe_batch = batch = loader.get('batch_size', 1)
    while batch > 1 and fixed + each * batch > SHARE * free:
        batch = (batch + 1) // 2
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    workers = min(loader.get('num_workers', 0), max(1, cores - 1))
    return Choices(crop, store_crop, seen, batch, recipe_batch, fixed + each * batch, free, device, workers)


def _fitting_crop(wanted: int, edges: list[int], step: int) -> int:
    """Return the largest crop, at most the one wanted, that fits into most images.

    Args:
        wanted: The recipe's.
        edges: Smaller edge of each image, ascending.
        step: Other crops are multiples of it.
    """
    edge = edges[int(len(edges) * (1 - FITTING))]
    if edge >= wanted:
        return wanted
    if edge >= step:
        return edge - edge % step
    if edges[-1] >= step:
        return step
    raise InputError(
        f'no image has {step} px in height and width; the largest has {edges[-1]}. Give larger images, or '
        'pad them with --pad.'
    )


def _bytes(cfg: Config, crop: int, scale: int) -> tuple[int, int]:
    """Estimate the bytes that a sample of a batch takes in training, and those that every batch needs."""
    small = torch.zeros(1, 3, crop // scale, crop // scale)
    each = fixed = 0
    for name, image, times in (('generator', small, 1), ('discriminator', torch.zeros(1, 3, crop, crop), 2)):
        section = copy.deepcopy(cfg.model.get(name))
        if not section:
            continue
        section.pop('init_cfg', None)
        if name == 'discriminator' and 'patch_size' in section:
            section['patch_size'] = crop
        with DefaultScope.overwrite_default_scope('mmsr_ext'):
            network = MODELS.build(section).eval()
        channels = next(one.shape[1] for one in network.parameters() if one.dim() == 4)
        each += times * _returned(network, image[:, :channels])
        # parameters, gradients and Adam's two moments
        fixed += 16 * sum(one.numel() for one in network.parameters())
    if cfg.model.get('perceptual_loss'):
        each += 2 * 4 * VGG_FLOATS * crop**2
    return int(KEPT * each), fixed


def _returned(network: nn.Module, image: torch.Tensor) -> int:
    """Return the bytes that the layers of a network return for an image."""
    total = 0

    def count(module: nn.Module, args: Any, output: Any) -> None:
        nonlocal total
        if isinstance(output, torch.Tensor):
            total += output.numel() * 4

    hooks = [one.register_forward_hook(count) for one in network.modules() if not list(one.children())]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return total

"""What a restorer writes into data samples in validation."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmagic.structures import DataSample
from torch import Tensor

from ...arguments import Count, check_value, nearest
from ...errors import InputError
from ...functional import imresize
from .schedule import without_effect
from .tiled_generator import TiledGenerator

Baseline = Literal['bicubic', 'input'] | None
KINDS: dict[str, Any] = dict(baseline=Baseline, tile=Count | None, overlap=Count | None)  # of test_cfg


def read_test_cfg(
    test_cfg: dict | None, memory_format: torch.memory_format
) -> tuple[Baseline, TiledGenerator]:
    """Return what a restorer's ``test_cfg`` asks for: the baseline, and how large images are computed.

    MMagic's configs have ``metrics`` and ``crop_border`` there, which MMagic does not read; a line in the log
    says so.

    Args:
        test_cfg: ``baseline``, ``tile`` and ``overlap``.
        memory_format: What the generator gets.

    Raises:
        InputError: For another key, an unknown baseline, or tiles that are out of range.
    """
    cfg = {'baseline': None, 'tile': None, 'overlap': None} | dict(test_cfg or {})
    without_effect('test_cfg', cfg, ['metrics', 'crop_border'], 'metrics are those of val_evaluator')
    unknown = sorted(cfg.keys() - KINDS.keys())
    if unknown:
        advice = nearest(unknown[0], list(KINDS)) or f'GANRestorer knows {", ".join(KINDS)}.'
        raise InputError(f'test_cfg: unknown key {unknown[0]!r}; {advice} Metrics belong in val_evaluator.')
    for key, kind in KINDS.items():
        check_value(f'test_cfg: {key}', cfg[key], kind)
    try:
        return cfg['baseline'], TiledGenerator(cfg['tile'], cfg['overlap'], memory_format)
    except InputError as error:
        raise InputError(f'test_cfg: {error}') from error


def add_predictions(
    data_samples: Any, inputs: Tensor, output: Tensor, preprocessor: Any, baseline: Baseline
) -> list[DataSample]:
    """Give every sample its prediction, as the values of an 8-bit image.

    Args:
        data_samples: What the data preprocessor made of the batch's samples.
        inputs: The generator's input, (N, C, h, w).
        output: The generator's output, (N, C, H, W).
        preprocessor: The data preprocessor, which undoes its normalisation.
        baseline: What else to add: the bicubically upsampled input, the input itself, or nothing.

    Returns:
        The samples, one an image, with ``output.pred_img``, ``output.bicubic_img`` and ``output.input_img``.
    """
    if isinstance(data_samples, list):
        data_samples = DataSample.stack(data_samples)
    lq = preprocessor.destruct(inputs, data_samples, 'img').round()
    fields = {'pred_img': preprocessor.destruct(output.float(), data_samples).round()}
    if baseline == 'bicubic':
        fields['bicubic_img'] = imresize(lq.to(torch.uint8), output.shape[-1] / inputs.shape[-1]).float()
    elif baseline == 'input':
        fields['input_img'] = lq
    data_samples.set_tensor_data({'input': lq})
    samples = data_samples.split()
    for index, sample in enumerate(samples):
        sample.output = DataSample(**{name: field[index] for name, field in fields.items()})
    return samples

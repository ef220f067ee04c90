"""What a restorer writes into data samples in validation."""

from __future__ import annotations

from typing import Any, Literal

import torch
from mmagic.structures import DataSample
from torch import Tensor

from ...arguments import check_value
from ...errors import InputError
from ...functional import imresize
from .schedule import without_effect

Baseline = Literal['bicubic', 'input'] | None


def baseline_of(test_cfg: dict | None) -> Baseline:
    """Return the baseline that a restorer's ``test_cfg`` asks for.

    MMagic's configs have ``metrics`` and ``crop_border`` there, which MMagic does not read; a line in the log
    says so.

    Raises:
        InputError: For another key than ``baseline``, or an unknown baseline.
    """
    cfg = dict(test_cfg or {})
    baseline = cfg.pop('baseline', None)
    without_effect('test_cfg', cfg, ['metrics', 'crop_border'], 'metrics are those of val_evaluator')
    if cfg:
        raise InputError(
            f'test_cfg: unknown key {sorted(cfg)[0]!r}; GANRestorer knows baseline. Metrics belong in '
            'val_evaluator.'
        )
    check_value('test_cfg: baseline', baseline, Baseline)
    return baseline


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

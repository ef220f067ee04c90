"""What is known of validation before the first iteration."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Subset

from mmsr_ext.datasets import BenchmarkDataset, PairedImageDataset
from mmsr_ext.errors import InputError
from mmsr_ext.evaluation.checks import check_images, images_of, warn_of_memory
from mmsr_ext.evaluation.metrics import PSNR, SSIM, Evaluator
from mmsr_ext.models import GANRestorer
from mmsr_ext.models.tiling import tiled_run
from mmsr_ext.training.try_validation import try_validation

CFG = SimpleNamespace(filename='recipe.py')


def picture(path, height=40, width=48, mode='RGB'):
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path):
    for name in 'ab':
        picture(tmp_path / 'gt' / f'{name}.png')
    return tmp_path / 'gt'


def loader(dataset, batch_size=1):
    return DataLoader(
        dataset, batch_size, sampler=DefaultSampler(dataset, shuffle=False), collate_fn=pseudo_collate
    )


def check(dataset, *metrics, batch_size=1):
    check_images(CFG, 'val_dataloader', [loader(dataset, batch_size)], [Evaluator(metrics)])


def restorer(**options):
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        return GANRestorer(
            generator=dict(type='SRResNet', mid_channels=4, num_blocks=1, scale=4),
            data_preprocessor=dict(type='ImagePreprocessor', mean=0, std=255),
            **options,
        )


@pytest.mark.parametrize(
    ('kind', 'message'),
    [
        ('depth', 'a.png has pixels of type I;16; expected 8-bit'),
        ('alpha', 'a.png is partly transparent'),
        ('frames', 'a.png has 2 frames'),
        ('text', 'a.png cannot be read'),
    ],
)
@pytest.mark.parametrize('whole', [True, False])
def test_the_kind_of_every_file_is_checked_when_a_dataset_is_built(folder, kind, message, whole):
    path = folder / 'a.png'
    if kind == 'depth':
        Image.fromarray(np.full((40, 48), 3000, np.uint16)).save(path)
    elif kind == 'alpha':
        Image.new('RGBA', (48, 40), (9, 9, 9, 128)).save(path)
    elif kind == 'frames':
        Image.new('RGB', (48, 40)).save(
            path, save_all=True, append_images=[Image.new('RGB', (48, 40), 'red')]
        )
    else:
        path.write_text('no image')
    with pytest.raises(InputError, match=message):
        PairedImageDataset(str(folder), str(folder), 1, None if whole else 16)


def test_a_damaged_file_is_named(folder):
    path = folder / 'b.png'
    path.write_bytes(path.read_bytes()[:2000])
    dataset = BenchmarkDataset(str(folder), 4)  # the header is whole
    with pytest.raises(InputError, match=r'b\.png cannot be read'):
        check(dataset, PSNR())
    with pytest.raises(InputError, match=r'b\.png cannot be read'):
        check(ConcatDataset([Subset(dataset, [0]), dataset]), PSNR())


def test_a_batch_of_different_sizes_is_refused(folder):
    check(BenchmarkDataset(str(folder), 4), PSNR(), batch_size=2)
    picture(folder / 'c.png')
    picture(folder / 'd.png', 44, 48)
    dataset = BenchmarkDataset(str(folder), 4)
    check(dataset, PSNR())
    with pytest.raises(
        InputError, match=r'batch_size=2 puts .*c\.png is 40x48, .*d\.png is 44x48\. Set batch_size=1'
    ):
        check(dataset, PSNR(), batch_size=2)
    check(Subset(dataset, [0, 1, 2]), PSNR(), batch_size=2)


@pytest.mark.parametrize(('height', 'fits'), [(19, True), (18, False)])
def test_an_image_smaller_than_a_metric_takes_is_refused(folder, height, fits):
    picture(folder / 'c.png', height, 48)
    dataset = PairedImageDataset(str(folder), str(folder), 1)
    check(dataset, SSIM(crop_border='scale'))
    if fits:
        check(dataset, SSIM(crop_border=4), PSNR(crop_border=4))
    else:
        with pytest.raises(InputError, match=r'c\.png is 18x48, too small for SSIM-RGB, .* at least 19x19'):
            check(dataset, SSIM(crop_border=4))


def test_the_size_is_that_which_is_measured(folder):
    picture(folder / 'c.png', 43, 47)
    sizes = [image[1:] for image in images_of(BenchmarkDataset(str(folder), 4))]
    assert sizes == [(40, 48), (40, 48), (40, 44)]
    assert images_of(PairedImageDataset(str(folder), str(folder), 1, 16)) == []  # crops


class Mine(BaseMetric):
    default_prefix = 'mine'

    def __init__(self, fault=None):
        super().__init__()
        self.fault = fault

    def process(self, data_batch, data_samples):
        for sample in data_samples:
            if self.fault == 'key':
                sample['prediction']
            self.results.append(float(sample['output']['pred_img'].mean()))

    def compute_metrics(self, results):
        if self.fault == 'statistics':
            raise ValueError('too few')
        return {
            'mean': sum(results) / len(results),
            'other': self.fault.nothing if self.fault == 'attribute' else 0,
        }


@pytest.mark.parametrize(
    ('fault', 'message'),
    [
        (None, None),
        ('statistics', None),
        ('key', "val_evaluator: Mine cannot be used: KeyError: 'prediction'"),
        ('attribute', 'val_evaluator: Mine cannot be used: AttributeError'),
    ],
)
def test_a_metric_is_tried_on_a_copy(folder, fault, message):
    model, metric = restorer(), Mine(fault)
    model.train()
    random = torch.get_rng_state()
    arguments = (
        CFG,
        model,
        [loader(BenchmarkDataset(str(folder), 4))],
        [Evaluator([metric, PSNR(crop_border='scale')])],
    )
    if message:
        with pytest.raises(InputError, match=message):
            try_validation(*arguments)
    else:
        try_validation(*arguments)
    assert metric.results == []
    assert model.training
    assert model.generator.training
    assert torch.equal(random, torch.get_rng_state())


def test_a_generator_of_another_scale_is_named_before_it_is_measured(folder):
    dataset = PairedImageDataset(str(folder), str(folder), 1)
    with pytest.raises(InputError, match=r'recipe\.py: PSNR-RGB: pred_img is'):
        try_validation(CFG, restorer(), [loader(dataset)], [Evaluator([PSNR()])])


def test_the_largest_image_is_compared_with_the_memory(folder, monkeypatch, caplog):
    picture(folder / 'large.png', 80, 96)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        for free, test_cfg, warned in [(10**9, {}, False), (1000, {}, True), (1000, {'tile': 32}, False)]:
            monkeypatch.setattr(tiled_run, 'free_memory', lambda free=free: free)
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                warn_of_memory(
                    'val_dataloader', restorer(test_cfg=test_cfg), [loader(BenchmarkDataset(str(folder), 4))]
                )
            assert ('large.png (80x96)' in caplog.text) == warned
    finally:
        logger.removeHandler(caplog.handler)

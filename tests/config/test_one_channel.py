"""Metrics of colours that a config of one channel inherits are left out."""

import pytest
from mmengine.config import Config
from support.configs import CONFIGS

from mmsr_ext.config.load import load_config
from mmsr_ext.config.one_channel import leave_out_rgb


def names(cfg, part='val'):
    return {(metric['type'], metric.get('convert_to')) for metric in cfg[f'{part}_evaluator'].metrics}


@pytest.mark.parametrize(
    'options',
    [
        {'model.generator.in_channels': 1, 'model.generator.out_channels': 1},
        {'val_dataloader.dataset.channels': 1, 'test_dataloader.dataset.channels': 1},
    ],
)
def test_rgb_is_left_out_of_one_channel(options):
    cfg = load_config(str(CONFIGS / 'srresnet_x4.py'), options)
    assert ('PSNR', None) in names(cfg)
    assert leave_out_rgb(cfg) == ['PSNR-RGB', 'SSIM-RGB']
    assert names(cfg) == names(cfg, 'test') == {('PSNR', 'Y'), ('SSIM', 'Y')}


def test_the_metrics_of_colours_stay():
    cfg = load_config(str(CONFIGS / 'srresnet_x4.py'))
    before = cfg.to_dict()
    assert leave_out_rgb(cfg) == []
    assert cfg.to_dict() == before


def test_an_evaluator_of_nothing_else_keeps_them():
    metrics = [dict(type='PSNR'), dict(type='SSIM')]
    cfg = Config(dict(val_evaluator=dict(metrics=metrics), model=dict(generator=dict(in_channels=1))))
    assert leave_out_rgb(cfg) == []
    assert len(cfg.val_evaluator.metrics) == 2

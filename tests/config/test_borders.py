"""The border that metrics leave out follows the scale of whatever inherits a recipe."""

import pytest
import torch
from mmengine.config import Config
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.config.borders import resolve_borders
from mmsr_ext.config.load import load_config
from mmsr_ext.evaluation.metrics import PSNR

RECIPES = sorted(path.name for path in (ROOT / 'configs').glob('*.py'))


def borders(cfg, part='val'):
    return {metric.crop_border for metric in cfg[f'{part}_evaluator'].metrics}


def test_of_a_recipe_inherited_with_another_scale(tmp_path):
    path = tmp_path / 'x2.py'
    path.write_text(
        "_base_ = 'mmsr_ext::srresnet_x4_demo.py'\n"
        'model = dict(generator=dict(scale=2))\n'
        "data = dict(_delete_=True, type='BenchmarkDataset', gt_folder='x', scale=2)\n"
        'val_dataloader = dict(dataset=data)\n'
        'test_dataloader = val_dataloader\n'
    )
    cfg = load_config(str(path))
    assert borders(cfg) == borders(cfg, 'test') == {2}
    cfg = load_config(str(path), {'val_dataloader.dataset.scale': 3})
    assert (borders(cfg), borders(cfg, 'test')) == ({3}, {2})


@pytest.mark.parametrize('name', RECIPES)
def test_no_recipe_has_a_border_of_its_own(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    assert borders(cfg) in ({'scale'}, {0})  # 0: nothing is enlarged


def test_where_only_the_generator_tells():
    metric = dict(type='PSNR', crop_border='scale')
    cfg = Config(
        dict(
            model=dict(generator=dict(upscale_factor=3)),
            val_dataloader=[dict(dataset=dict(type='A')), dict(dataset=dict(dataset=dict(scale=2)))],
            val_evaluator=[dict(metrics=dict(metric)), dict(metrics=[dict(metric)])],
            test_evaluator=[dict(metric)],
        )
    )
    resolve_borders(cfg)
    assert [cfg.val_evaluator[0].metrics.crop_border, cfg.val_evaluator[1].metrics[0].crop_border] == [3, 2]
    cfg.model.generator = dict(type='Unknown')
    cfg.val_evaluator = [dict(metrics=[dict(metric)])]
    resolve_borders(cfg)
    assert cfg.val_evaluator[0].metrics[0].crop_border == 'scale'
    resolve_borders(cfg, lambda: 8)
    assert cfg.val_evaluator[0].metrics[0].crop_border == 8


def test_where_only_the_images_tell():
    gt = torch.zeros(3, 24, 24)
    pred = gt.clone()
    pred[:, :3] = pred[:, -3:] = pred[..., :3] = pred[..., -3:] = 255  # wrong in the border alone
    sample = dict(gt_img=gt, output=dict(pred_img=pred))
    metric = PSNR(crop_border='scale')
    metric.process(dict(inputs=[torch.zeros(3, 8, 8)]), [sample])
    assert metric.evaluate(1)['PSNR-RGB'] == float('inf')
    metric.process(dict(inputs=[torch.zeros(3, 12, 12)]), [sample])
    assert metric.evaluate(1)['PSNR-RGB'] < 20
    with pytest.raises(InputError, match=r"crop_border='scale', and nothing tells .* crop_border=4"):
        metric.process(None, [sample])

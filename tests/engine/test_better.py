"""The best checkpoint is the best whichever direction of the metric is better."""

import pytest

from mmsr_ext import InputError
from mmsr_ext.engine import CheckpointHook
from mmsr_ext.engine.better import higher_is_better
from mmsr_ext.evaluation.metrics import LPIPS, NIQE, PSNR, SSIM


@pytest.mark.parametrize(
    ('save_best', 'rules'),
    [
        ('PSNR-Y', ['greater']),
        ('NIQE', ['less']),
        ('bicubic/LPIPS', ['less']),
        (['PSNR-Y', 'MAE'], ['greater', 'less']),
    ],
)
def test_the_rule_follows_from_the_metric(save_best, rules):
    assert CheckpointHook(interval=1, by_epoch=False, save_best=save_best).rules == rules


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(save_best='NIQE', rule='greater'),
            "rule='greater' contradicts save_best='NIQE', of which lower",
        ),
        (dict(save_best='PSNR-Y', rule='less'), 'higher values are better'),
        (dict(save_best='mine'), "Add rule='greater' or rule='less'"),
    ],
)
def test_a_contrary_rule_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        CheckpointHook(interval=1, by_epoch=False, **options)


def test_a_metric_of_ones_own_has_a_rule():
    assert CheckpointHook(interval=1, by_epoch=False, save_best='mine', rule='less').rules == ['less']


def metrics_of_mmagic():
    from mmagic.evaluation import metrics
    from mmengine.evaluator import BaseMetric

    return sorted(
        name
        for name, part in vars(metrics).items()
        if isinstance(part, type) and issubclass(part, BaseMetric)
    )


# the names under which MMagic's metrics are logged with its configs' prefixes, and whether higher is better
LOGGED = dict(
    ConnectivityError={'ConnectivityError': False},
    Equivariance={'EQ/eqt_int': True, 'EQ/eqt_frac': True, 'EQ/eqr': True},
    FrechetInceptionDistance={'FID-Full-50k/fid': False},
    GradientError={'GradientError': False},
    InceptionScore={'IS-50k/is': True},
    MAE={'MAE': False},
    MSE={'MSE': False},
    MattingMSE={'MattingMSE': False},
    MultiScaleStructureSimilarity={'MS-SSIM/avg': True},
    NIQE={'NIQE': False},
    PSNR={'PSNR': True},
    PerceptualPathLength={'PPL/ppl_score': False},
    PrecisionAndRecall={'PR-50K/precision': True, 'PR-50K/recall': True},
    SAD={'SAD': False},
    SNR={'SNR': True},
    SSIM={'SSIM': True},
    SlicedWassersteinDistance={'SWD/avg': False, 'SWD/256': False},
    TransFID={'FID-Full/fid': False},
    TransIS={'IS-Full/is': True},
)


def test_every_metric_of_mmagic_has_its_better_direction():
    assert set(metrics_of_mmagic()) <= set(LOGGED)
    for names in LOGGED.values():
        assert {name: higher_is_better(name) for name in names} == names


@pytest.mark.parametrize(
    ('metric', 'higher'),
    [(PSNR, True), (SSIM, True), (NIQE, False), (LPIPS, False)],
    ids=lambda one: str(one),
)
def test_every_metric_of_ours_says_its_better_direction(metric, higher):
    assert metric.higher_is_better is higher
    assert higher_is_better(metric.__name__) is higher
    assert higher_is_better(f'bicubic/{metric.__name__}-Y') is higher

"""The best checkpoint is the best whichever direction of the metric is better."""

import pytest

from mmsr_ext import InputError
from mmsr_ext.engine import CheckpointHook


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

"""What watches a metric watches one that is measured, in its better direction: said before the run."""

from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from support.runs import load, tiny_train

from mmsr_ext import InputError
from mmsr_ext.training.monitors import check_monitors

PLATEAU = dict(type='ReduceOnPlateauLR', factor=0.5, patience=0, threshold=1e3, threshold_rule='abs')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'param_scheduler': dict(_delete_=True, **PLATEAU, monitor='PSNR')},
            r"monitor='PSNR' of ReduceOnPlateauLR is no metric of val_evaluator; did you mean 'PSNR-Y'",
        ),
        (
            {'param_scheduler': dict(_delete_=True, **PLATEAU, monitor='PSNR-Y')},
            r"ReduceOnPlateauLR has rule='less', and of monitor='PSNR-Y' higher values .* Set rule='greater'",
        ),
        ({'default_hooks.checkpoint.save_best': 'PSNR'}, r"save_best='PSNR' of CheckpointHook .*'PSNR-Y'"),
    ],
)
def test_is_refused_before_the_run(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        tiny_train(tmp_path, options=options)
    assert not (tmp_path / 'run').exists()


def test_a_plateau_of_a_metric(tmp_path):
    plateau = dict(_delete_=True, **PLATEAU, monitor='PSNR-Y', rule='greater')
    optimizers = tiny_train(tmp_path, options={'param_scheduler': plateau})['optimizer']
    initial, last = (optimizers['generator']['param_groups'][0][key] for key in ('initial_lr', 'lr'))
    assert last == initial / 4  # the first validation is the best so far, and the next two are no better


def test_the_first_metric_has_a_rule(tmp_path):
    tiny_train(
        tmp_path,
        options={'default_hooks.checkpoint.save_best': 'auto', 'default_hooks.checkpoint.rule': None},
    )
    best = sorted((tmp_path / 'run').glob('best_PSNR-Y_iter_*.pth'))
    assert len(best) == 1
    assert load(best[0])['message_hub']['runtime_info']['best_score'] > 0


def without_validation(monitor):
    said = []
    runner = SimpleNamespace(
        cfg=SimpleNamespace(filename='a.py'),
        val_loop=None,
        hooks=[monitor],
        param_schedulers=[],
        logger=SimpleNamespace(warning=said.append),
    )
    check_monitors(runner)
    return said


def test_without_validation_no_best_is_kept():
    assert without_validation(CheckpointHook(save_best='PSNR-Y', rule='greater')) == [
        'No best checkpoint is kept (PSNR-Y): the run has no validation.'
    ]


def test_without_validation_nothing_can_follow_a_metric():
    with pytest.raises(InputError, match='is no metric of val_evaluator; there are none'):
        without_validation(EarlyStoppingHook(monitor='PSNR-Y', rule='greater'))

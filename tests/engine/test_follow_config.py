"""A resumed run follows its config: closed forms, and the run that always had the new config."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from support.runs import tiny_train

from mmsr_ext import InputError
from mmsr_ext.engine import follow_config as module
from mmsr_ext.engine.follow_config import class_names, follow_config
from mmsr_ext.engine.hooks import exact_resume
from mmsr_ext.kill_test.run import differences

AT = 10  # iteration of the checkpoint


def adam(lr=1e-3, kind='Adam', **options):
    return OptimWrapper(getattr(torch.optim, kind)([torch.nn.Parameter(torch.zeros(3))], lr=lr, **options))


def runner(*schedulers, wrapper=None):
    wrapper = wrapper or adam()
    with DefaultScope.overwrite_default_scope('mmengine'):
        built = [
            PARAM_SCHEDULERS.build(dict(by_epoch=False, **one), default_args=dict(optimizer=wrapper))
            for one in schedulers
        ]
    return SimpleNamespace(optim_wrapper=wrapper, param_schedulers=built or None)


def run(old, iterations=AT):
    """Train, and return the checkpoint and what it says of classes."""
    for _ in range(iterations):
        for parameter in old.optim_wrapper.optimizer.param_groups[0]['params']:
            parameter.grad = torch.ones(3)
        old.optim_wrapper.step()
        for one in old.param_schedulers or []:
            one.step()
    checkpoint = dict(optimizer=old.optim_wrapper.state_dict(), meta=dict(iter=iterations))
    checkpoint['param_schedulers'] = [one.state_dict() for one in old.param_schedulers or []]
    return checkpoint, class_names(old)


def resume(new, checkpoint, classes):
    follow_config(new, checkpoint, classes)
    new.optim_wrapper.load_state_dict(checkpoint['optimizer'])
    for one, state in zip(new.param_schedulers or [], checkpoint['param_schedulers']):
        one.load_state_dict(state)
    return new


def rates(of, count):
    """Learning rates of the iterations that follow."""
    found = []
    for _ in range(count):
        found.append(of.optim_wrapper.optimizer.param_groups[0]['lr'])
        for one in of.param_schedulers or []:
            one.step()
    return found


def cosine(step, length, base=1e-3, floor=0.0):
    return floor + (base - floor) * (1 + math.cos(math.pi * step / length)) / 2


CHANGES = {
    'StepLR': (dict(step_size=5, gamma=0.5), dict(step_size=8, gamma=0.5), lambda t: 1e-3 * 0.5 ** (t // 8)),
    'MultiStepLR': (
        dict(milestones=[4, 20], gamma=0.1),
        dict(milestones=[8, 15], gamma=0.3),
        lambda t: 1e-3 * 0.3 ** ((t >= 8) + (t >= 15)),
    ),
    'LinearLR': (
        dict(start_factor=1.0, end_factor=0.0, end=11),
        dict(start_factor=1.0, end_factor=0.0, end=41),
        lambda t: 1e-3 * (1 - t / 40),
    ),
    'CosineAnnealingLR': (dict(T_max=10), dict(T_max=24), lambda t: cosine(t, 24)),
    'CosineRestartLR': (
        dict(periods=[6, 6], restart_weights=[1, 0.5], eta_min=0),
        dict(periods=[12, 12], restart_weights=[1, 0.5], eta_min=0),
        lambda t: cosine(t % 12, 12) * (1 if t < 12 else 0.5),
    ),
}


@pytest.mark.parametrize('kind', CHANGES)
def test_a_changed_schedule_is_the_closed_form_of_the_new_one(kind):
    old, new, expected = CHANGES[kind]
    resumed = resume(runner(dict(type=kind, **new)), *run(runner(dict(type=kind, **old))))
    assert rates(resumed, 10) == pytest.approx([expected(t) for t in range(AT, AT + 10)], rel=1e-9, abs=1e-12)


def test_a_chain_of_warm_up_and_cosine():
    def chain(length):
        warm_up = dict(type='LinearLR', start_factor=0.1, begin=0, end=5)
        return runner(warm_up, dict(type='CosineAnnealingLR', T_max=length - 5, begin=5, end=length))

    resumed = resume(chain(40), *run(chain(20)))
    assert rates(resumed, 15) == pytest.approx([cosine(t - 5, 35) for t in range(AT, AT + 15)], rel=1e-9)


@pytest.mark.parametrize('kind', CHANGES)
def test_a_changed_rate_is_that_of_a_run_that_always_had_it(kind):
    options = CHANGES[kind][0]
    resumed = resume(
        runner(dict(type=kind, **options), wrapper=adam(2e-5)), *run(runner(dict(type=kind, **options)))
    )
    always = runner(dict(type=kind, **options), wrapper=adam(2e-5))
    run(always)
    assert rates(resumed, 10) == rates(always, 10)


def test_the_moments_stay_and_the_rest_follows(monkeypatch):
    lines = []
    monkeypatch.setattr(module, 'print_log', lambda message, *_: lines.append(message))
    old = runner(wrapper=adam(1e-3, betas=(0.9, 0.999)))
    checkpoint, classes = run(old)
    new = resume(runner(wrapper=adam(5e-5, betas=(0.5, 0.99), weight_decay=0.1)), checkpoint, classes)
    group = new.optim_wrapper.optimizer.param_groups[0]
    assert (group['lr'], group['betas'], group['weight_decay']) == (5e-5, (0.5, 0.99), 0.1)
    state, before = (next(iter(one.optim_wrapper.optimizer.state.values())) for one in (new, old))
    assert state['exp_avg'].equal(before['exp_avg'])
    assert int(state['step']) == AT
    assert 'lr: 0.001 in the checkpoint, 5e-05 in the config, which is used.' in lines
    assert len(lines) == 3


def test_an_unchanged_config_leaves_the_checkpoint_alone(monkeypatch):
    monkeypatch.setattr(module, 'print_log', lambda message, *_: pytest.fail(message))
    checkpoint, classes = run(runner(dict(type='CosineAnnealingLR', T_max=30)))
    before = (
        [dict(group) for group in checkpoint['optimizer']['param_groups']],
        [dict(one) for one in checkpoint['param_schedulers']],
    )
    follow_config(runner(dict(type='CosineAnnealingLR', T_max=30)), checkpoint, classes)
    assert (checkpoint['optimizer']['param_groups'], checkpoint['param_schedulers']) == before


def test_a_plateau_keeps_what_the_metric_has_decided():
    def plateau(lr, factor):
        wrapper = adam(lr)
        options = dict(type='ReduceOnPlateauLR', monitor='PSNR', rule='greater', patience=0, factor=factor)
        with DefaultScope.overwrite_default_scope('mmengine'):
            return SimpleNamespace(
                optim_wrapper=wrapper,
                param_schedulers=[PARAM_SCHEDULERS.build(options, default_args=dict(optimizer=wrapper))],
            )

    old = plateau(1e-3, 0.5)
    old.param_schedulers[0].step(dict(PSNR=20.0))
    old.param_schedulers[0].step(dict(PSNR=19.0))
    checkpoint = dict(optimizer=old.optim_wrapper.state_dict(), meta=dict(iter=AT))
    checkpoint['param_schedulers'] = [one.state_dict() for one in old.param_schedulers]
    new = resume(plateau(4e-3, 0.1), checkpoint, class_names(old))
    assert new.optim_wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(
        2e-3
    )  # halved once, of the new rate
    assert (new.param_schedulers[0].best, new.param_schedulers[0].factor) == (20.0, 0.1)


@pytest.mark.parametrize('known', [True, False])
@pytest.mark.parametrize(
    ('new', 'message'),
    [
        (lambda: runner(wrapper=adam(kind='SGD', momentum=0.9)), r'was .*, and is SGD'),
        (lambda: runner(dict(type='StepLR', step_size=3)), r"schedulers were none, and are \['StepLR'\]"),
        (
            lambda: SimpleNamespace(
                optim_wrapper=OptimWrapper(
                    torch.optim.Adam([torch.nn.Parameter(torch.zeros(3)) for _ in range(2)])
                ),
                param_schedulers=None,
            ),
            'had 1 parameters in 1 groups, and has 2 in 1',
        ),
        (
            lambda: SimpleNamespace(
                optim_wrapper=OptimWrapperDict(generator=adam(), discriminator=adam()), param_schedulers=None
            ),
            'its optimizers are',
        ),
    ],
)
def test_what_cannot_be_followed_is_refused(new, message, known):
    checkpoint, classes = run(runner())
    with pytest.raises(InputError, match=message) as error:
        follow_config(new(), checkpoint, classes if known else None)
    assert 'load_from=' in str(error.value)


def test_another_kind_of_schedule_is_refused():
    checkpoint, classes = run(runner(dict(type='StepLR', step_size=3)))
    with pytest.raises(InputError, match=r"were \['StepLR'\], and are \['CosineAnnealingLR'\]"):
        follow_config(runner(dict(type='CosineAnnealingLR', T_max=30)), checkpoint, classes)


def test_adamw_for_adam_is_refused_where_the_class_is_known():
    checkpoint, classes = run(runner())
    with pytest.raises(InputError, match='was Adam, and is AdamW'):
        follow_config(runner(wrapper=adam(kind='AdamW')), checkpoint, classes)


def test_a_whole_run(tmp_path):
    """Resume with a lower learning rate of the discriminator and more iterations."""
    changes = {'optim_wrapper.discriminator.optimizer.lr': 1e-5}
    tiny_train(tmp_path, 'run', options={'train_cfg.max_iters': 6})
    resumed = tiny_train(tmp_path, 'run', 'auto', options=changes)
    groups = (
        resumed['optimizer']['discriminator']['param_groups'],
        resumed['optimizer']['generator']['param_groups'],
    )
    always = tiny_train(tmp_path, 'always', options=changes)
    assert groups[0][0]['lr'] == always['optimizer']['discriminator']['param_groups'][0]['lr']
    assert groups[1][0]['lr'] == always['optimizer']['generator']['param_groups'][0]['lr']
    assert list(differences(resumed['param_schedulers'], always['param_schedulers'])) == []


def test_an_average_that_the_config_drops_is_said(tmp_path, monkeypatch):
    lines = []
    tiny_train(tmp_path, 'run', options={'train_cfg.max_iters': 12})
    monkeypatch.setattr(exact_resume, 'print_log', lambda message, *_: lines.append(message))
    resumed = tiny_train(tmp_path, 'run', 'auto', options={'custom_hooks': []})
    assert not any(name.startswith('generator_ema.') for name in resumed['state_dict'])
    assert len(lines) == 1
    assert 'the config no GeneratorEMAHook: the average is dropped' in lines[0]


@pytest.mark.parametrize('length', [9, 10, 11, 40])
def test_a_longer_run_alone_does_not_step_the_schedule_from_the_start(length, monkeypatch):
    """MMEngine ends a schedule with the run; until its old end a later one makes no difference."""
    replayed = []
    monkeypatch.setattr(
        module, '_replay', lambda *arguments, replay=module._replay: replayed.append(replay(*arguments))
    )
    old = runner(dict(type='MultiStepLR', milestones=[3, 12], gamma=0.5, end=length))
    resumed = resume(runner(dict(type='MultiStepLR', milestones=[3, 12], gamma=0.5, end=50)), *run(old))
    assert rates(resumed, 5) == [5e-4, 5e-4, 2.5e-4, 2.5e-4, 2.5e-4]
    assert len(replayed) == (length <= AT)

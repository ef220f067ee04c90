from copy import deepcopy
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate, train
from mmsr_ext.engine import GeneratorEMAHook, SeparateDDP
from mmsr_ext.weights import generator_weights, read_checkpoint, weights_of

DECAY = 0.7


class History(Hook):
    """Keeps the generator's weights: before training, after each iteration, and as validated or tested."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.trained, self.judged = [], []

    def before_train(self, runner):
        self.trained.append(weights(runner))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.trained.append(weights(runner))

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.judged.append(weights(runner))

    after_test_iter = after_val_iter


def weights(runner):
    return {
        name: value.double()
        for name, value in deepcopy(
            getattr(runner.model, 'module', runner.model).generator.state_dict()
        ).items()
    }


def config(work_dir, pairs, iters, wrapper='OptimWrapper', model=None, **changes):
    loader = dict(batch_size=2, num_workers=0)
    optim = dict(type=wrapper, optimizer=dict(type='Adam', lr=1e-2))
    loop = dict(val_interval=iters, max_iters=iters)
    return Config(
        dict(
            default_scope='mmsr_ext',
            custom_imports=dict(imports=['mmsr_ext']),
            work_dir=str(work_dir),
            experiment_name=work_dir.name,
            model=dict(
                type='GANRestorer',
                generator=dict(type='SRResNet', mid_channels=4, num_blocks=1),
                pixel_loss=dict(type='mmagic.L1Loss'),
                discriminator=dict(type='VGGDiscriminator', mid_channels=2, patch_size=16, dense_channels=4),
                gan_loss=dict(type='AdversarialLoss', loss_weight=1e-2),
                data_preprocessor=dict(type='DataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
            )
            | (model or {}),
            train_dataloader=loader
            | dict(
                sampler=dict(type='InfiniteDraws', seed=1),
                dataset=dict(type='PairedImageDataset', gt_size=16, augment=True, **pairs),
            ),
            val_dataloader=loader
            | dict(
                batch_size=1,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(type='PairedImageDataset', **pairs),
            ),
            val_cfg=dict(type='MultiValLoop'),
            val_evaluator=dict(type='Evaluator', metrics=[dict(type='PSNR')]),
            test_dataloader=loader
            | dict(
                batch_size=1,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(type='PairedImageDataset', **pairs),
            ),
            test_cfg=dict(type='MultiTestLoop'),
            test_evaluator=dict(type='Evaluator', metrics=[dict(type='PSNR')]),
            train_cfg=dict(type='IterBasedTrainLoop') | loop,
            randomness=dict(seed=0),
            optim_wrapper=dict(
                constructor='MultiOptimWrapperConstructor', generator=optim, discriminator=deepcopy(optim)
            ),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1)),
            custom_hooks=[dict(type='GeneratorEMAHook', decay=DECAY)],
        )
        | changes
    )


def run(*args, **kwargs):
    runner = Runner.from_cfg(config(*args, **kwargs))
    history = History()
    runner.register_hook(history)
    runner.train()
    return runner, history


def average_of(path):
    return {
        name: value.double() for name, value in weights_of(read_checkpoint(path), 'generator_ema').items()
    }


def recursion(states, buffers=('running', 'num_batches')):
    """The definition, in float64; a state that equals the one before it was not updated."""
    average = states[0]
    for before, state in pairwise(states):
        if all(
            before[name].equal(state[name]) for name in state if not any(kind in name for kind in buffers)
        ):
            continue
        average = {
            name: state[name]
            if any(kind in name for kind in buffers)
            else DECAY * average[name] + (1 - DECAY) * state[name]
            for name in state
        }
    return average


def assert_equal(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(
            ours[name], theirs[name], **(tolerance or dict(rtol=0, atol=0)), msg=lambda m, n=name: f'{n}: {m}'
        )


@pytest.mark.parametrize('schedule', [{}, dict(disc_steps=2), dict(disc_init_steps=2)])
def test_against_the_recursion(tmp_path, make_pairs, schedule):
    _, history = run(tmp_path / 'run', make_pairs(), 5, model=dict(train_cfg=schedule))
    assert len(history.trained) == 6
    assert not history.trained[-1]['tail.weight'].equal(history.trained[0]['tail.weight'])
    for iteration in range(1, 6):
        path = tmp_path / 'run' / f'iter_{iteration}.pth'
        assert_equal(average_of(path), recursion(history.trained[: iteration + 1]), rtol=1e-5, atol=1e-6)
        raw = {name: value.double() for name, value in weights_of(read_checkpoint(path), 'generator').items()}
        assert_equal(raw, history.trained[iteration])


def test_steps_of_the_discriminator_alone_do_not_move_it(tmp_path, make_pairs):
    _, history = run(tmp_path / 'run', make_pairs(), 3, model=dict(train_cfg=dict(disc_init_steps=10)))
    for iteration in (1, 3):
        # batch normalisation's statistics are those of the generator before training, too: no step, no copy
        assert_equal(average_of(tmp_path / 'run' / f'iter_{iteration}.pth'), history.trained[0])


def test_accumulation_moves_it_once(tmp_path, make_pairs):
    wrapper = dict(type='OptimWrapper', accumulative_counts=2, optimizer=dict(type='Adam', lr=1e-2))
    _, history = run(
        tmp_path / 'run',
        make_pairs(),
        4,
        optim_wrapper=dict(
            constructor='MultiOptimWrapperConstructor', generator=wrapper, discriminator=deepcopy(wrapper)
        ),
    )
    assert_equal(
        average_of(tmp_path / 'run' / 'iter_4.pth'), recursion(history.trained), rtol=1e-5, atol=1e-6
    )


def test_steps_that_the_loss_scaler_skips_do_not_move_it(tmp_path, make_pairs):
    loud = dict(pixel_loss=dict(type='mmagic.L1Loss', loss_weight=1e3))
    runner = Runner.from_cfg(config(tmp_path / 'run', make_pairs(), 2, wrapper='AmpOptimWrapper', model=loud))
    history = History()
    runner.register_hook(history)

    class Overflow(Hook):
        def before_train(self, runner):
            for wrapper in runner.optim_wrapper.values():
                wrapper.loss_scaler = torch.amp.GradScaler('cpu', init_scale=torch.finfo(torch.float32).max)

    runner.register_hook(Overflow())
    runner.train()
    assert (
        runner.optim_wrapper['generator'].loss_scaler.get_scale() < torch.finfo(torch.float32).max
    )  # it did skip
    assert_equal(average_of(tmp_path / 'run' / 'iter_2.pth'), history.trained[0])


@pytest.mark.parametrize('fused', [True, False])
def test_statistics_of_a_spoilt_batch_stay_out_of_it(tmp_path, make_pairs, fused):

    class Spoil(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            if runner.iter == 1:
                self.handle = runner.model.generator.register_forward_pre_hook(self.spoil)

        def spoil(self, module, args):
            self.handle.remove()
            return args[0] * torch.nan

    optim = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-2, fused=fused))
    runner = Runner.from_cfg(
        config(
            tmp_path / 'run',
            make_pairs(),
            3,
            optim_wrapper=dict(
                constructor='MultiOptimWrapperConstructor', generator=optim, discriminator=deepcopy(optim)
            ),
        )
    )
    runner.register_hook(Spoil())
    runner.train()
    assert not all(value.isfinite().all() for value in weights(runner).values())
    statistics = {
        name: value
        for name, value in average_of(tmp_path / 'run' / 'iter_3.pth').items()
        if 'running' in name
    }
    assert statistics
    assert all(value.isfinite().all() for value in statistics.values())


def test_validated_in_the_generators_place(tmp_path, make_pairs):
    runner, history = run(tmp_path / 'run', make_pairs(), 3)
    average = average_of(tmp_path / 'run' / 'iter_3.pth')
    assert len(history.judged) == 3
    for judged in history.judged:
        assert_equal(judged, average)
    assert_equal(weights(runner), history.trained[-1])  # and put back
    runner.test()
    assert_equal(history.judged[-1], average)
    assert_equal(weights(runner), history.trained[-1])


def test_resume_is_exact(tmp_path, make_pairs):
    pairs = make_pairs()
    run(tmp_path / 'whole', pairs, 4)
    run(tmp_path / 'first', pairs, 2)
    run(tmp_path / 'second', pairs, 4, load_from=str(tmp_path / 'first' / 'iter_2.pth'), resume=True)
    whole, resumed = (
        read_checkpoint(tmp_path / name / 'iter_4.pth')['state_dict'] for name in ('whole', 'second')
    )
    assert any(name.startswith('generator_ema.') for name in whole)
    assert_equal(resumed, whole)


def test_starts_from_loaded_weights(tmp_path, make_pairs):
    pairs = make_pairs()
    run(tmp_path / 'first', pairs, 2)
    _, history = run(tmp_path / 'second', pairs, 1, load_from=str(tmp_path / 'first' / 'iter_2.pth'))
    raw = {
        name: value.double()
        for name, value in weights_of(read_checkpoint(tmp_path / 'first' / 'iter_2.pth'), 'generator').items()
    }
    assert_equal(history.trained[0], raw)
    assert_equal(
        average_of(tmp_path / 'second' / 'iter_1.pth'), recursion(history.trained), rtol=1e-5, atol=1e-6
    )


def test_resumes_a_run_that_had_none(tmp_path, make_pairs):
    pairs = make_pairs()
    run(tmp_path / 'first', pairs, 2, custom_hooks=[])
    _, history = run(
        tmp_path / 'second', pairs, 3, load_from=str(tmp_path / 'first' / 'iter_2.pth'), resume=True
    )
    assert_equal(
        average_of(tmp_path / 'second' / 'iter_3.pth'), recursion(history.trained), rtol=1e-5, atol=1e-6
    )


def test_apis_train_and_evaluate(tmp_path, make_pairs):
    cfg = config(tmp_path / 'run', make_pairs(), 2)
    cfg.dump(tmp_path / 'recipe.py')
    train(str(tmp_path / 'recipe.py'))
    cfg.train_cfg.max_iters = 3
    cfg.dump(tmp_path / 'recipe.py')
    train(str(tmp_path / 'recipe.py'), resume='auto')
    path = tmp_path / 'run' / 'iter_3.pth'
    content = read_checkpoint(path)
    assert_equal(
        {f'generator_ema.{k}': v for k, v in generator_weights(path).items()},
        {k: v for k, v in content['state_dict'].items() if k.startswith('generator_ema.')},
    )
    averaged, raw = (
        evaluate(str(tmp_path / 'recipe.py'), [str(path)], raw=raw).table['iter_3'] for raw in (False, True)
    )
    assert averaged != raw
    torch.save(
        {'state_dict': {f'generator.{k}': v for k, v in generator_weights(path).items()}},
        tmp_path / 'average.pth',
    )
    assert evaluate(str(tmp_path / 'recipe.py'), [str(tmp_path / 'average.pth')]).table['average'] == averaged


def test_behind_a_wrapper(tmp_path, make_pairs):
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        runner = Runner.from_cfg(config(tmp_path / 'run', make_pairs(), 2))
        runner.model = SeparateDDP(runner.model)
        history = History()
        runner.register_hook(history)
        runner.train()
    finally:
        torch.distributed.destroy_process_group()
    assert_equal(
        average_of(tmp_path / 'run' / 'iter_2.pth'), recursion(history.trained), rtol=1e-5, atol=1e-6
    )


def test_behind_a_wrapper_of_the_generator():
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        generator, hook = torch.nn.Linear(2, 2), GeneratorEMAHook()
        hook.before_run(
            SimpleNamespace(
                model=SimpleNamespace(generator=torch.nn.parallel.DistributedDataParallel(generator))
            )
        )
        assert hook.generator is generator
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize('decay', [-0.1, 1.0])
def test_bad_decay(decay):
    with pytest.raises(InputError, match=f'decay={decay}'):
        GeneratorEMAHook(decay)

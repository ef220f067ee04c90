import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import GENERATOR, PREPROCESSOR, batch
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.engine import AmpOptimWrapper, UpdateGuardHook
from mmsr_ext.models import GANRestorer

NETWORKS = ('generator', 'discriminator')


class Poison(nn.Module):
    """A loss that is 0, or, for the batches named in ``at``, what ``value`` says; or whose gradient is
    infinite."""

    def __init__(self, at=(), value=float('nan'), gradient_only=False):
        super().__init__()
        self.at, self.value, self.gradient_only, self.calls = at, value, gradient_only, 0

    def forward(self, output, gt):
        self.calls += 1
        if self.calls - 1 not in self.at:
            return output.sum() * 0
        if self.gradient_only:
            return output.clamp_min(0).mul(0).sqrt().sum()  # 0, with gradient inf * 0
        return output.mean() * self.value


@pytest.fixture(autouse=True)
def _registered():
    from mmsr_ext.registry import MODELS

    MODELS.register_module(module=Poison, force=True)
    yield
    MODELS.module_dict.pop('Poison')


def restorer(adversarial=True, **poison):
    torch.manual_seed(0)
    adversary = dict(
        discriminator=dict(type='mmsr_ext.VGGDiscriminator', mid_channels=2, patch_size=32, dense_channels=4),
        gan_loss=dict(type='mmsr_ext.AdversarialLoss', loss_weight=1e-3),
    )
    return GANRestorer(
        GENERATOR,
        pixel_loss=dict(type='mmagic.L1Loss'),
        data_preprocessor=PREPROCESSOR,
        extra_losses=dict(poison=dict(type='mmsr_ext.Poison', **poison)),
        **(adversary if adversarial else {}),
    ).train()


def wrappers(model, kind=OptimWrapper, fused=True, **kwargs):
    return OptimWrapperDict(
        **{
            name: kind(
                optimizer=torch.optim.Adam(getattr(model, name).parameters(), 1e-3, fused=fused), **kwargs
            )
            for name in NETWORKS
            if getattr(model, name) is not None
        }
    )


def state(model, opt):
    """Parameters and what the optimizers hold."""
    values = {}
    for name, wrapper in opt.items():
        values |= {f'{name}.{key}': value for key, value in getattr(model, name).named_parameters()}
        for index, entry in wrapper.optimizer.state_dict()['state'].items():
            values |= {f'{name}.{index}.{key}': value for key, value in entry.items()}
    return values


@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('adversarial', [True, False])
@pytest.mark.parametrize('poison', [dict(), dict(value=float('inf')), dict(gradient_only=True)])
def test_a_spoilt_update_is_as_if_the_batch_had_not_been(fused, adversarial, poison):
    spoilt, sound = restorer(adversarial, at=(2,), **poison), restorer(adversarial)
    opt_spoilt, opt_sound = wrappers(spoilt, fused=fused), wrappers(sound, fused=fused)
    for step in range(5):
        spoilt.train_step(batch(seed=step), opt_spoilt)
        if step != 2:
            sound.train_step(batch(seed=step), opt_sound)
    for key, value in state(sound, opt_sound).items():
        torch.testing.assert_close(
            state(spoilt, opt_spoilt)[key], value, rtol=0, atol=0, msg=lambda m, key=key: f'{key}: {m}'
        )
    decisions = spoilt.guard.review()
    assert [update.finite for update in decisions] == [True, True, False, True, True]
    assert decisions[2].images == ['x/a.png'] * 4
    assert spoilt.guard.review() == []


def named(data, name):
    for sample in data['data_samples']:
        sample.set_metainfo(dict(gt_path=name))
    return data


def test_accumulated_gradients_are_left_out_as_one():
    model = restorer(at=(1,))
    before = copy.deepcopy(dict(model.named_parameters()))
    opt = wrappers(model, accumulative_counts=2)
    for step in range(2):
        model.train_step(batch(seed=step), opt)
    assert all(torch.equal(value, before[key]) for key, value in model.named_parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    for step in range(2, 4):
        model.train_step(named(batch(seed=step), f'{step}.png'), opt)
    updates = model.guard.review()
    assert [update.finite for update in updates] == [False, True]
    assert updates[1].images == ['2.png'] * 4 + ['3.png'] * 4


def test_a_loss_of_any_micro_step_counts():
    model = restorer()
    model.extra_losses['poison'].forward = lambda output, gt: (output.sum() * 0).detach() + next(losses)
    before, losses = copy.deepcopy(dict(model.named_parameters())), iter([float('inf'), 2.0, 3.0, 5.0])
    opt = wrappers(model, accumulative_counts=2)
    for step in range(2):
        model.train_step(batch(seed=step), opt)
    assert all(torch.equal(value, before[key]) for key, value in model.named_parameters())
    for step in range(2):
        model.train_step(batch(seed=step), opt)
    updates = model.guard.review()
    assert [update.finite for update in updates] == [False, True]
    assert updates[0].non_finite == {'loss_poison': float('inf')}
    assert updates[1].values['loss_poison'] == 4.0


def test_clipping_and_bfloat16_go_through_the_guard():
    model = restorer(at=(1,))
    opt = wrappers(model, AmpOptimWrapper, clip_grad=dict(max_norm=1.0))
    for step in range(3):
        model.train_step(batch(seed=step), opt)
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert [update.finite for update in model.guard.review()] == [True, False, True]


def with_scalers(model, fused=True, clip_grad=None, scale=2.0**16):
    """The wrappers of float16 on a GPU: a loss scaler for each network."""
    opt = wrappers(model, AmpOptimWrapper, fused, **(dict(clip_grad=clip_grad) if clip_grad else {}))
    for wrapper in opt.values():
        wrapper.loss_scaler = torch.amp.GradScaler('cpu', init_scale=scale)
    return opt


def scales(opt):
    return [wrapper.loss_scaler.get_scale() for wrapper in opt.values()]


@pytest.mark.parametrize('clip_grad', [None, dict(max_norm=1.0)])
@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('gradient_only', [True, False])
def test_with_a_loss_scaler_all_networks_are_left_out(fused, clip_grad, gradient_only):
    spoilt, sound = restorer(at=(1,), gradient_only=gradient_only), restorer()
    clips = [dict(clip_grad) if clip_grad else None for _ in range(2)]
    opt_spoilt, opt_sound = (
        with_scalers(spoilt, fused, clips[0]),
        wrappers(sound, AmpOptimWrapper, fused, clip_grad=clips[1]),
    )
    for step in range(3):
        spoilt.train_step(batch(seed=step), opt_spoilt)
        if step != 1:
            sound.train_step(batch(seed=step), opt_sound)
    for key, value in state(sound, opt_sound).items():
        torch.testing.assert_close(
            state(spoilt, opt_spoilt)[key], value, rtol=1e-2, atol=1e-3, msg=lambda m, key=key: f'{key}: {m}'
        )
        assert 'step' not in key or value == 2
    updates = spoilt.guard.review()
    assert [update.finite for update in updates] == [True, gradient_only, True]
    assert [update.overflow for update in updates] == [False, gradient_only, False]
    assert scales(opt_spoilt) == [2.0**15, 2.0**16]  # each by its own gradients


def test_an_overflow_is_a_fault_where_the_scale_cannot_fall():
    model = restorer(at=range(9), gradient_only=True)
    opt = with_scalers(model, scale=4.0)
    for step in range(5):
        model.train_step(batch(seed=step), opt)
    assert [update.finite for update in model.guard.review()] == [True, True, False, False, False]
    assert scales(opt) == [1.0, 4.0]
    for wrapper in opt.values():
        wrapper._scale_update_param = 128.0  # loss_scale=128.0
    for step in range(2):
        model.train_step(batch(seed=step), opt)
    assert [update.finite for update in model.guard.review()] == [False, False]
    assert scales(opt) == [128.0, 128.0]


@pytest.mark.parametrize(
    ('arguments', 'scaled'),
    [
        (dict(dtype='float16'), True),
        (dict(), True),
        (dict(dtype='bfloat16'), False),
        (dict(dtype=torch.bfloat16, loss_scale=8.0), False),
    ],
)
def test_only_float16_is_scaled(monkeypatch, arguments, scaled):

    def stock(self, loss_scale='dynamic', dtype=None, **kwargs):
        OptimWrapper.__init__(self, **kwargs)
        self.cast_dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype
        self.loss_scaler = torch.amp.GradScaler('cpu')

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr('mmengine.optim.AmpOptimWrapper.__init__', stock)
    wrapper = AmpOptimWrapper(
        optimizer=torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0), **arguments
    )
    assert wrapper.loss_scaler.is_enabled() == scaled
    wrapper.load_state_dict(wrapper.state_dict() | dict(loss_scaler=torch.amp.GradScaler('cpu').state_dict()))


@pytest.fixture
def runner(tmp_path):

    def make(model):
        hub = MessageHub.get_instance(f'guard-{tmp_path.name}')
        return SimpleNamespace(
            model=model,
            hooks=[],
            iter=0,
            max_iters=10**6,
            message_hub=hub,
            work_dir=str(tmp_path),
            train_loop=None,
        )

    return make


def run(hook, runner, steps, opt=None):
    opt = opt or wrappers(runner.model)
    hook.before_train(runner)
    for step in range(steps):
        runner.iter = step
        runner.model.train_step(batch(seed=step), opt)
    hook.review(runner)


def test_says_which_images_and_counts(runner, capsys):
    lines = []
    hook, subject = UpdateGuardHook(), runner(restorer(at=(1, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            'mmsr_ext.engine.hooks.update_guard.print_log', lambda message, *_: lines.append(message)
        )
        run(hook, subject, 5)
    assert len(lines) == 2
    assert 'loss_poison nan' in lines[0]
    assert 'x/a.png' in lines[0]
    assert subject.message_hub.get_scalar('train/skipped_updates').current() == 2
    assert subject.message_hub.get_info('skipped_updates') == 2


def test_stops_after_so_many_in_a_row_with_a_report(runner, tmp_path):
    bad = range(2, 9)
    message = (
        r'last 3 updates were non-finite.*iteration 5.*d_real.*of the generator.*first was at iteration 3'
    )
    with pytest.raises(InputError, match=f'{message}.*start a new run'):
        run(UpdateGuardHook(limit=3), runner(restorer(at=bad)), 9)
    sound = {f'generator.{key}': value for key, value in restorer(at=bad).generator.state_dict().items()}
    ruined = {key: value * 1e4 for key, value in sound.items()}
    # of 2 iterations: the weights that made the losses non-finite; of 1: sound; of 0: older
    for iteration, weights in ((0, sound), (1, sound), (2, sound), (5, sound)):
        torch.save(dict(state_dict=weights), tmp_path / f'iter_{iteration}.pth')
    with pytest.raises(InputError, match=rf'{message}.*--resume .*iter_1\.pth, the last .* sound'):
        run(UpdateGuardHook(limit=3), runner(restorer(at=bad)), 9)
    torch.save(dict(state_dict=ruined), tmp_path / 'iter_1.pth')
    with pytest.raises(InputError, match=r'--resume .*iter_0\.pth'):
        run(UpdateGuardHook(limit=3), runner(restorer(at=bad)), 9)
    run(UpdateGuardHook(limit=3), runner(restorer(at=(0, 1, 3, 4))), 6)


def test_overflows_are_neither_said_nor_counted(runner, monkeypatch):
    lines = []
    monkeypatch.setattr(
        'mmsr_ext.engine.hooks.update_guard.print_log', lambda message, *_: lines.append(message)
    )
    model = restorer(at=(1, 2, 3), gradient_only=True)
    hook, subject = UpdateGuardHook(limit=2), runner(model)
    run(hook, subject, 5, with_scalers(model))
    assert lines == []
    assert subject.message_hub.get_info('skipped_updates', 0) == 0
    model = restorer(at=range(9), gradient_only=True)
    with pytest.raises(InputError, match='last 2 updates were non-finite'):
        run(UpdateGuardHook(limit=2), runner(model), 5, with_scalers(model, scale=4.0))


def test_puts_statistics_back(runner):
    model = restorer()
    hook, subject = UpdateGuardHook(), runner(model)
    run(hook, subject, 2)
    sound = [buffer.clone() for buffer in model.discriminator.buffers()]
    with torch.no_grad():
        model.discriminator(torch.full((2, 3, 32, 32), float('nan')))
    model.extra_losses['poison'].at = (2,)
    model.train_step(batch(), wrappers(model))
    hook.review(subject)
    for buffer, before in zip(model.discriminator.buffers(), sound):
        assert buffer.isfinite().all()
        if buffer.is_floating_point():
            assert torch.equal(buffer, before)


def test_reads_before_the_guard_forgets(runner, monkeypatch):
    read = []
    hook, subject = UpdateGuardHook(), runner(restorer())
    subject.hooks = [LoggerHook(interval=250)]
    monkeypatch.setattr(hook, 'review', lambda runner: read.append(runner.iter))
    hook.before_train(subject)
    for step in range(300):
        subject.iter = step
        hook.after_train_iter(subject, step)
    assert read == [99, 199, 249, 299]
    subject.model.guard.pending.extend([None] * 600)  # disc_repeat=20
    hook.after_train_iter(subject, 30)
    assert read[4:] == [299]


def test_only_sound_statistics_are_remembered(runner):
    model = restorer()
    hook, subject = UpdateGuardHook(), runner(model)
    run(hook, subject, 1)
    spoilt = next(buffer for buffer in model.discriminator.buffers() if buffer.is_floating_point())
    sound = spoilt.clone()
    spoilt.fill_(float('nan'))  # by a forward without update, say
    model.guard.pending.append((['loss'], [], torch.zeros(3), [], 1))
    hook.review(subject)
    model.guard.pending.append((['loss'], [], torch.tensor([float('nan'), 1, 0]), [], 2))
    hook.review(subject)
    assert torch.equal(spoilt, sound)


def test_a_collapsed_discriminator_is_reported_once(runner, monkeypatch):
    lines = []
    monkeypatch.setattr(
        'mmsr_ext.engine.hooks.update_guard.print_log', lambda message, *_: lines.append(message)
    )
    model = restorer()
    monkeypatch.setattr(
        model.gan_loss,
        'discriminator',
        lambda real, fake: {
            f'loss_d_{name}': pred.sum() * 0 + 1e-4
            for name, pred in [('real', real), ('fake', fake)]
            if pred is not None
        },
    )
    run(UpdateGuardHook(collapse_after=3), runner(model), 8)
    assert len(lines) == 1
    assert 'told real from fake' in lines[0]


@pytest.mark.parametrize('arguments', [dict(limit=0), dict(collapse_after=1.5), dict(limit=True)])
def test_bad_arguments(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        UpdateGuardHook(**arguments)

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import GENERATOR, PREPROCESSOR, SmallDiscriminator, batch

from mmsr_ext import InputError
from mmsr_ext.engine import AmpOptimWrapper
from mmsr_ext.models import GANRestorer
from mmsr_ext.models.restorers import Schedule


def restorer(adversarial=True, **kwargs):
    kwargs.setdefault('pixel_loss', dict(type='mmagic.L1Loss'))
    if adversarial:
        kwargs |= dict(
            discriminator=dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1),
            gan_loss=dict(type='mmsr_ext.AdversarialLoss', loss_weight=1e-3),
        )
    model = GANRestorer(GENERATOR, data_preprocessor=PREPROCESSOR, **kwargs)
    if adversarial:
        model.discriminator = SmallDiscriminator()
    return model.train()


def wrappers(model, kind=OptimWrapper, **kwargs):
    return OptimWrapperDict(
        **{
            name: kind(optimizer=torch.optim.Adam(getattr(model, name).parameters(), 1e-3), **kwargs)
            for name in ('generator', 'discriminator')
        }
    )


def test_schedule_follows_its_definition():
    schedule = Schedule(disc_steps=3, disc_init_steps=4)
    assert [step for step in range(14) if schedule.updates_generator(step)] == [6, 9, 12]


@pytest.mark.parametrize(
    ('cfg', 'named'),
    [
        (dict(disc_step=1), 'disc_step'),
        (dict(disc_steps=0), 'disc_steps=0'),
        (dict(disc_init_steps=-1), 'disc_init_steps=-1'),
        (dict(disc_repeat=1.5), 'disc_repeat=1.5'),
        (dict(disc_repeat=True), 'disc_repeat=True'),
    ],
)
def test_bad_train_cfg(cfg, named):
    with pytest.raises(InputError, match=named):
        restorer(train_cfg=cfg)


@pytest.mark.parametrize('cfg', [dict(metric=['PSNR']), dict(baseline='nearest')])
def test_bad_test_cfg(cfg):
    with pytest.raises(InputError, match='test_cfg'):
        restorer(test_cfg=cfg)


def test_nothing_to_learn_from():
    model = restorer(adversarial=False, pixel_loss=None)
    with pytest.raises(InputError, match='nothing to learn'):
        model.train_step(batch(), OptimWrapper(torch.optim.SGD(model.parameters(), 0.1)))


@pytest.mark.parametrize('as_dict', [False, True])
def test_plain_restorer_is_ordinary_training(as_dict):
    model = restorer(adversarial=False)
    reference = restorer(adversarial=False).generator
    reference.load_state_dict(model.generator.state_dict())
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    model.train_step(batch(), OptimWrapperDict(generator=wrapper) if as_dict else wrapper)
    data = batch()
    lq, gt = torch.stack(data['inputs']) / 255, torch.stack([s.gt_img for s in data['data_samples']]) / 255
    (reference(lq) - gt).abs().mean().backward()
    for ours, theirs in zip(model.generator.parameters(), reference.parameters()):
        torch.testing.assert_close(ours, theirs - 0.1 * theirs.grad)
    assert 'step_counter' not in model.state_dict()


def test_generator_step_leaves_no_discriminator_gradient():
    model = restorer(train_cfg=dict(disc_steps=1))
    opt = wrappers(model, accumulative_counts=2)
    backward = opt['generator'].backward
    seen = []
    opt['generator'].backward = lambda *a, **k: (
        backward(*a, **k),
        seen.append([p.grad for p in model.discriminator.parameters()]),
    )
    model.train_step(batch(), opt)
    assert seen[0]
    assert all(grad is None for grad in seen[0])


def test_unequal_accumulation_is_refused():
    model = restorer()
    opt = wrappers(model)
    opt['generator']._accumulative_counts = 2
    with pytest.raises(InputError, match='accumulative_counts is 2'):
        model.train_step(batch(), opt)
    model = restorer(train_cfg=dict(disc_repeat=2))
    with pytest.raises(InputError, match='disc_repeat=2'):
        model.train_step(batch(), wrappers(model, accumulative_counts=2))


def test_bfloat16_trains_on_the_cpu():
    model = restorer()
    opt = wrappers(model, AmpOptimWrapper, dtype='bfloat16')
    precisions = []
    model.discriminator.linear.register_forward_hook(
        lambda module, args, output: precisions.append(output.dtype)
    )
    first = model.train_step(batch(), opt)['loss_pix']
    for _ in range(20):
        last = model.train_step(batch(), opt)['loss_pix']
    assert set(precisions) == {torch.bfloat16}
    assert last < first
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


@pytest.mark.skipif(torch.cuda.is_available(), reason='float16 is right where there is a GPU')
def test_float16_without_gpu_is_refused():
    with pytest.raises(InputError, match='float16'):
        wrappers(restorer(), AmpOptimWrapper, dtype='float16')


def test_gradient_norms_are_logged_by_network():
    from mmengine.logging import MessageHub

    model = restorer()
    model.train_step(batch(), wrappers(model, clip_grad=dict(max_norm=1.0)))
    scalars = MessageHub.get_current_instance().log_scalars
    assert {'train/grad_norm_generator', 'train/grad_norm_discriminator'} <= set(scalars)


def test_schedule_survives_a_checkpoint(tmp_path):
    model = restorer(train_cfg=dict(disc_init_steps=2))
    opt = wrappers(model)
    for _ in range(2):
        assert 'loss_pix' not in model.train_step(batch(), opt)
    torch.save(model.state_dict(), tmp_path / 'a.pth')
    resumed = restorer(train_cfg=dict(disc_init_steps=2))
    from mmengine.runner import load_checkpoint

    load_checkpoint(resumed, str(tmp_path / 'a.pth'), strict=True)
    assert 'loss_pix' in resumed.train_step(batch(), wrappers(resumed))
    without = {key: value for key, value in model.state_dict().items() if key != 'step_counter'}
    assert restorer().load_state_dict(without).missing_keys == []


def test_channels_last_changes_the_layout_only():
    plain = restorer(channels_last=False)
    last = restorer(channels_last=True)
    last.load_state_dict(plain.state_dict())
    assert last.generator.conv_hr.weight.is_contiguous(memory_format=torch.channels_last)
    last.discriminator.to(memory_format=torch.channels_last)
    for model in (plain, last):
        model.train_step(
            batch(),
            OptimWrapperDict(
                **{
                    name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), 0.1))
                    for name in ('generator', 'discriminator')
                }
            ),
        )
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(last.state_dict()[key], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('stacked', [True, False])
def test_prediction_is_what_a_saved_image_holds(stacked):
    model = restorer(test_cfg=dict(baseline='bicubic')).eval()
    model.data_preprocessor.stack_data_sample = stacked
    data = batch(1)
    sample = model.val_step(data)[0]
    output = model.generator(data['inputs'][0][None] / 255)[0].detach()
    expected = (output * 255).clamp(0, 255).round().flip(0)  # RGB to BGR
    torch.testing.assert_close(sample.output.pred_img, expected)
    assert sample.output.bicubic_img.shape == expected.shape
    assert torch.equal(sample.output.bicubic_img, sample.output.bicubic_img.round())


def test_forward_modes():
    model = restorer(adversarial=False)
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(model(x), model.generator(x))
    with pytest.raises(InputError, match="mode='other'"):
        model(x, mode='other')


class Penalty(torch.nn.Module):
    def forward(self, discriminator, real, fake):
        assert not fake.requires_grad
        return 7 * discriminator(real).mean().square()


class MeanShift(torch.nn.Module):
    def forward(self, output, gt):
        return (output.mean() - gt.mean()).square()


def test_extra_losses_penalty_and_separate_targets_reach_the_step():
    from mmsr_ext.registry import MODELS

    MODELS.register_module(module=Penalty, force=True)
    MODELS.register_module(module=MeanShift, force=True)
    model = restorer(
        extra_losses=dict(shift=dict(type='mmsr_ext.MeanShift')),
        gradient_penalty=dict(type='mmsr_ext.Penalty'),
    )
    data = batch()
    seen = []
    model.discriminator.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    real = torch.rand(4, 3, 32, 32)
    preprocess = model.data_preprocessor.forward

    def with_separate_target(data, training):
        out = preprocess(data, training)
        out['data_samples'].set_tensor_data(dict(gan_gt_img=real))
        return out

    model.data_preprocessor.forward = with_separate_target
    logs = model.train_step(data, wrappers(model))
    assert {'loss_shift', 'loss_gp', 'loss_d_real'} <= set(logs)
    assert torch.equal(seen[1], real)

from copy import deepcopy

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import PREPROCESSOR, batch
from torch import multiprocessing as mp

from mmsr_ext.engine import SeparateDDP
from mmsr_ext.models import AdversarialLoss, GANRestorer, UNetDiscriminator

# BasicSR's, and thus those of published discriminators
KEYS = {
    'conv0.weight',
    'conv0.bias',
    *(f'conv{i}.{name}' for i in range(1, 9) for name in ('weight_orig', 'weight_u', 'weight_v')),
    'conv9.weight',
    'conv9.bias',
}


def test_state_dict_keys():
    network = UNetDiscriminator(mid_channels=4)
    assert set(network.state_dict()) == KEYS
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes['conv3.weight_orig'] == (32, 16, 4, 4)
    assert shapes['conv4.weight_orig'] == (16, 32, 3, 3)
    assert shapes['conv9.weight'] == (1, 4, 3, 3)


def build(disc_repeat: int = 1, penalty: dict | None = None) -> GANRestorer:
    torch.manual_seed(0)
    return GANRestorer(
        generator=dict(type='mmsr_ext.SRResNet', mid_channels=4, num_blocks=1, batch_norm=False),
        discriminator=dict(type='mmsr_ext.UNetDiscriminator', mid_channels=4),
        gan_loss=dict(type='mmsr_ext.AdversarialLoss', loss_weight=0.1),
        pixel_loss=dict(type='mmagic.L1Loss'),
        gradient_penalty=penalty,
        train_cfg=dict(disc_repeat=disc_repeat),
        data_preprocessor=PREPROCESSOR,
    )


def optimizers(model: GANRestorer) -> OptimWrapperDict:
    return OptimWrapperDict(
        **{
            name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), lr=0.1))
            for name in ('generator', 'discriminator')
        }
    )


@pytest.mark.parametrize('disc_repeat', [1, 2])
def test_step_of_the_restorer(disc_repeat):
    model = build(disc_repeat)
    generator, discriminator = deepcopy(model.generator), deepcopy(model.discriminator)
    data = batch(size=4)
    real, lq = (
        torch.stack(images) / 255
        for images in ([sample.gt_img for sample in data['data_samples']], data['inputs'])
    )
    model.train_step(data, optimizers(model))

    fake = generator(lq).detach()
    for _ in range(disc_repeat):
        pred_fake = discriminator(
            fake
        )  # each training forward is a power iteration, so that the order counts
        loss = sum(AdversarialLoss().discriminator(discriminator(real), pred_fake).values())
        grads = torch.autograd.grad(loss, list(discriminator.parameters()))
        with torch.no_grad():
            for parameter, grad in zip(discriminator.parameters(), grads):
                parameter -= 0.1 * grad
    for (key, ours), expected in zip(
        model.discriminator.state_dict().items(), discriminator.state_dict().values()
    ):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-7, msg=key)
    assert not torch.equal(model.generator.tail.weight, generator.tail.weight)


def _process(rank: int, folder: str) -> None:
    torch.distributed.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=2)
    torch.set_num_threads(1)
    model = build(disc_repeat=2, penalty=dict(type='mmsr_ext.R1Penalty'))
    if rank:  # the processes have to agree by what DDP sends, not because they were seeded alike
        for tensor in model.state_dict().values():
            tensor.data.mul_(2)
    wrapped = SeparateDDP(model)
    wrappers = optimizers(model)
    for step in range(3):
        half = {key: value[2 * rank : 2 * rank + 2] for key, value in batch(size=4, seed=step).items()}
        wrapped.train_step(half, wrappers)
    torch.save(model.state_dict(), f'{folder}/{rank}.pth')
    torch.distributed.destroy_process_group()


def test_two_processes_equal_one_with_both_batches(tmp_path):
    mp.spawn(_process, (str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f'{rank}.pth') for rank in range(2))
    model = build(disc_repeat=2, penalty=dict(type='mmsr_ext.R1Penalty'))
    wrappers = optimizers(model)
    for step in range(3):
        model.train_step(batch(size=4, seed=step), wrappers)
    for key, expected in model.state_dict().items():
        assert torch.equal(first[key], second[key]), key
        torch.testing.assert_close(first[key], expected, rtol=1e-4, atol=1e-6, msg=key)

"""Two real processes with half the batch each against one with the whole."""

import copy

import pytest
import torch
from helpers import GENERATOR, PREPROCESSOR, SmallDiscriminator, batch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import multiprocessing as mp

from mmsr_ext.engine import SeparateDDP
from mmsr_ext.models import GANRestorer


def build():
    torch.manual_seed(0)
    model = GANRestorer(
        GENERATOR,
        dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1),
        dict(type='mmsr_ext.AdversarialLoss', loss_weight=0.005),
        dict(type='mmagic.L1Loss'),
        data_preprocessor=PREPROCESSOR)
    model.discriminator = SmallDiscriminator(batch_norm=False)
    return model.train()


def train(step, model, parts, accumulate=1):
    opt = OptimWrapperDict(**{
        name: OptimWrapper(torch.optim.SGD(getattr(model, name).parameters(), 0.01), accumulative_counts=accumulate)
        for name in ('generator', 'discriminator')
    })
    for part in parts:
        step.train_step(part, opt)


def worker(rank, folder, accumulate):
    torch.distributed.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=2)
    torch.set_num_threads(1)
    model = build()
    wrapped = SeparateDDP(model)
    reductions = []
    for network in model._trained.values():
        network.register_comm_hook(reductions, count)
    train(wrapped, model, [batch(2, seed=2 * step + rank) for step in range(4)], accumulate)
    if rank == 0:
        torch.save({'state': model.state_dict(), 'reductions': len(reductions)}, f'{folder}/out.pth')
    torch.distributed.destroy_process_group()


def count(reductions, bucket):
    reductions.append(1)
    return torch.distributed.all_reduce(bucket.buffer() / 2, async_op=True).get_future().then(lambda future: future.value()[0])


@pytest.mark.parametrize('accumulate', [1, 2])
def test_two_processes_equal_one(tmp_path, accumulate):
    mp.spawn(worker, (str(tmp_path), accumulate), nprocs=2)
    model = build()
    initial = copy.deepcopy(model.state_dict())
    halves = [[batch(2, seed=2 * step + rank) for rank in range(2)] for step in range(4)]
    whole = [{key: a[key] + b[key] for key in a} for a, b in halves]
    train(model, model, whole, accumulate)
    out = torch.load(tmp_path / 'out.pth')
    assert out['state'].keys() == model.state_dict().keys()
    for key, value in model.state_dict().items():
        torch.testing.assert_close(out['state'][key], value, rtol=1e-5, atol=1e-6)
    assert any(not torch.equal(initial[key], value) for key, value in model.state_dict().items() if 'discriminator' in key)
    # each network is one bucket; gradients travel once an update, not once a micro-step
    assert out['reductions'] == 2 * 4 // accumulate

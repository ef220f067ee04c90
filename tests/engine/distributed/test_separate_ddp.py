"""Two real processes with half the batch each against one with the whole."""

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import convert_sync_batchnorm
from mmengine.optim import OptimWrapper, OptimWrapperDict
from support.models import GENERATOR, PREPROCESSOR, SmallDiscriminator, batch
from torch import multiprocessing as mp

from mmsr_ext import InputError
from mmsr_ext.engine import SeparateDDP
from mmsr_ext.engine.hooks import update_guard
from mmsr_ext.models import GANRestorer


def build(batch_norm=False, **adversarial):
    torch.manual_seed(0)
    model = GANRestorer(
        dict(type='mmsr_ext.SRResNet', mid_channels=8, num_blocks=1, scale=4) if batch_norm else GENERATOR,
        dict(type='mmsr_ext.VGGDiscriminator', mid_channels=1),
        dict(type='mmsr_ext.AdversarialLoss', loss_weight=0.005, **adversarial),
        dict(type='mmagic.L1Loss'),
        data_preprocessor=PREPROCESSOR,
    )
    model.discriminator = SmallDiscriminator(batch_norm=batch_norm)
    return model.train()


def train(step, model, parts, accumulate=1):
    opt = OptimWrapperDict(
        **{
            name: OptimWrapper(
                torch.optim.SGD(getattr(model, name).parameters(), 0.01), accumulative_counts=accumulate
            )
            for name in ('generator', 'discriminator')
        }
    )
    for part in parts:
        step.train_step(part, opt)


SCENARIOS = {
    'plain': dict(),
    'accumulated': dict(accumulate=2),
    'average': dict(adversarial=dict(relativistic='average', global_means=True)),
    'batch': dict(adversarial=dict(relativistic='batch', global_means=True, gan_type='lsgan')),
    'own means': dict(adversarial=dict(relativistic='average')),
    'batch norm': dict(batch_norm=True),
    'spoilt': dict(spoilt_rank=1),
    'spoilt, accumulated': dict(spoilt_rank=1, accumulate=2),
    'spoilt gradients': dict(spoilt_rank=1, gradients=True),
}


def worker(rank, folder):
    torch.distributed.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=2)
    torch.set_num_threads(1)
    for name, scenario in SCENARIOS.items():
        out = one_of_two(rank, **scenario)
        if rank == 0:
            torch.save(out, f'{folder}/{name}.pth')
    torch.distributed.destroy_process_group()


def one_of_two(rank, accumulate=1, adversarial=None, spoilt_rank=None, gradients=False, batch_norm=False):
    model = build(batch_norm, **adversarial or {})
    model = convert_sync_batchnorm(model, 'torch')  # as the runner does for sync_bn='torch'
    if rank == spoilt_rank:
        # a loss that is not finite, of which the gradients show nothing
        model.extra_losses['spoilt'] = torch.nn.Module()
        model.extra_losses['spoilt'].forward = lambda output, gt: (output.sum() * 0).detach() + float('inf')
        if gradients:
            model.extra_losses['spoilt'].forward = lambda output, gt: output.clamp_min(0).mul(0).sqrt().sum()
    lines = []
    update_guard.print_log = lambda message, *_: lines.append(message)
    wrapped = SeparateDDP(model)
    reductions = []
    for network in model._trained.values():
        network.register_comm_hook(reductions, count)
    train(
        wrapped,
        model,
        [named(batch(2, seed=2 * step + rank), f'{rank}/{step}') for step in range(4)],
        accumulate,
    )
    hub = MessageHub.get_instance('separate')
    update_guard.UpdateGuardHook().review(SimpleNamespace(model=wrapped, message_hub=hub))
    return {'state': model.state_dict(), 'reductions': len(reductions), 'lines': lines}


def named(data, name):
    for sample in data['data_samples']:
        sample.set_metainfo(dict(gt_path=name))
    return data


def count(reductions, bucket):
    reductions.append(1)
    return (
        torch.distributed.all_reduce(bucket.buffer() / 2, async_op=True)
        .get_future()
        .then(lambda future: future.value()[0])
    )


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    """What two processes with half the batch each made of every scenario."""
    folder = tmp_path_factory.mktemp('two')
    mp.spawn(worker, (str(folder),), nprocs=2)
    return {name: torch.load(folder / f'{name}.pth') for name in SCENARIOS}


def whole_batches():
    halves = [[batch(2, seed=2 * step + rank) for rank in range(2)] for step in range(4)]
    return [{key: a[key] + b[key] for key in a} for a, b in halves]


@pytest.mark.parametrize('name', ['plain', 'accumulated', 'average', 'batch', 'batch norm'])
def test_two_processes_equal_one(two_processes, name):
    accumulate, adversarial = SCENARIOS[name].get('accumulate', 1), SCENARIOS[name].get('adversarial', {})
    model = build(name == 'batch norm', **adversarial)
    initial = copy.deepcopy(model.state_dict())
    train(model, model, whole_batches(), accumulate)
    out = two_processes[name]
    assert out['state'].keys() == model.state_dict().keys()
    for key, value in model.state_dict().items():
        torch.testing.assert_close(out['state'][key], value, rtol=1e-5, atol=1e-6)
    assert any(
        not torch.equal(initial[key], value)
        for key, value in model.state_dict().items()
        if 'discriminator' in key
    )
    # each network is one bucket; gradients travel once an update, not once a micro-step
    assert out['reductions'] == 2 * 4 // accumulate


def test_what_is_not_finite_on_one_process_is_left_out_on_both(two_processes):
    for key, value in build().state_dict().items():
        assert key == 'step_counter' or torch.equal(two_processes['spoilt']['state'][key], value)


@pytest.mark.parametrize(
    ('name', 'first'),
    [
        ('spoilt', 'Skipped an update: loss_spoilt inf. Its images: rank 1: 1/0, 1/0'),
        (
            'spoilt, accumulated',
            'Skipped an update: loss_spoilt inf. Its images: rank 1: 1/0, 1/0, 1/1, 1/1',
        ),
        (
            'spoilt gradients',
            (
                'Skipped an update: gradient norm of the generator nan. Its images: rank 0: 0/0, 0/0; '
                'rank '
                '1: 1/0, 1/0'
            ),
        ),
    ],
)
def test_the_first_process_names_the_images_of_the_one_that_was_spoilt(two_processes, name, first):
    lines = two_processes[name]['lines']
    assert len(lines) == 4 // SCENARIOS[name].get('accumulate', 1)
    assert lines[0] == first


def test_relativistic_means_of_each_process_alone_are_others(two_processes):
    model = build(relativistic='average')
    train(model, model, whole_batches())
    out = two_processes['own means']['state']
    assert any(
        not torch.allclose(out[key], value, rtol=1e-5, atol=1e-6) for key, value in model.state_dict().items()
    )


@pytest.mark.parametrize(
    ('networks', 'named'),
    [
        (['generator', 'discriminator'], "type='MMSeparateDistributedDataParallel'"),
        (['generator'], "type='MMDistributedDataParallel'"),
    ],
)
def test_another_kind_of_model_is_one_sentence(networks, named):
    model = torch.nn.ModuleDict({name: torch.nn.Linear(1, 1) for name in networks})
    for name in networks:
        setattr(model, name, model[name])
    with pytest.raises(InputError, match=rf'model.type is ModuleDict.*{named}') as caught:
        SeparateDDP(model)
    assert '\n' not in str(caught.value)

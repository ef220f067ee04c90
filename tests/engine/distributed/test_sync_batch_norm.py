"""Two real processes with half the batch each against PyTorch's own layer with the whole."""

import pytest
import torch
from torch import multiprocessing as mp
from torch import nn

from mmsr_ext.engine.distributed.sync_batch_norm import SyncBatchNorm

DTYPES = torch.bfloat16, torch.float16, torch.float32, torch.float64


def network(kind, dtype):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), kind(4))
    nn.init.uniform_(net[1].weight)
    nn.init.uniform_(net[1].bias)
    return net.double() if dtype == torch.float64 else net


def images(dtype):
    torch.manual_seed(1)
    return torch.rand(4, 3, 9, 9, dtype=torch.float64 if dtype == torch.float64 else torch.float32)


def step(net, x, dtype):
    with torch.autocast('cpu', dtype, enabled=dtype in (torch.bfloat16, torch.float16)):
        out = net(x)
        out.double().square().sum().backward()
        trained = [value.detach().clone() for value in net[1].state_dict().values()]
        evaluated = net.eval()(x)
    return dict(
        out=out.detach(),
        evaluated=evaluated.detach(),
        state=trained,
        grads=[each.grad for each in net.parameters()],
    )


def worker(rank, folder):
    torch.distributed.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=2)
    torch.set_num_threads(1)
    own = slice(2 * rank, 2 * rank + 2)
    torch.save(
        [step(network(SyncBatchNorm, dtype), images(dtype)[own], dtype) for dtype in DTYPES],
        f'{folder}/{rank}.pth',
    )
    half = SyncBatchNorm(4).bfloat16()  # not by autocast
    assert half(torch.rand(2, 4, 5, 5).bfloat16()).dtype == half.running_mean.dtype == torch.bfloat16
    torch.distributed.destroy_process_group()


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('two')
    mp.spawn(worker, (str(folder),), nprocs=2)
    return [torch.load(folder / f'{rank}.pth') for rank in range(2)]


@pytest.mark.parametrize('dtype', DTYPES)
def test_as_one_process(two_processes, dtype):
    first, second = (each[DTYPES.index(dtype)] for each in two_processes)
    whole = step(network(nn.BatchNorm2d, dtype), images(dtype), dtype)
    half = dtype in (torch.bfloat16, torch.float16)
    for name in ('out', 'evaluated'):
        ours = torch.cat([first[name], second[name]])
        assert ours.dtype == whole[name].dtype == dtype
        # the last bit, where the order of a sum decides
        torch.testing.assert_close(
            ours, whole[name], **dict(rtol=2 * torch.finfo(dtype).eps, atol=1e-3) if half else {}
        )
    for ours, theirs in zip(first['state'], whole['state']):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)  # statistics in float32 at least
    for a, b, theirs in zip(first['grads'], second['grads'], whole['grads']):
        tolerance = (
            dict(rtol=0.05, atol=0.05 * theirs.abs().max().item()) if half else dict(rtol=1e-4, atol=1e-4)
        )
        torch.testing.assert_close(a + b, theirs, **tolerance)

"""Unused parameters are named with the key that allows them, and with the key the run trains."""

import pytest
import torch
from support.models import batch
from torch import multiprocessing as mp

from mmsr_ext import InputError
from mmsr_ext.engine import SeparateDDP

from .test_separate_ddp import build, train


def worker(rank, folder):
    torch.distributed.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=1)
    torch.set_num_threads(1)
    told = []
    for options in ({}, dict(find_unused_parameters=True)):
        model = build()
        model.generator.aux = torch.nn.Conv2d(3, 3, 1)  # which forward does not use
        before = [value.clone() for value in model.generator.parameters()]
        try:
            train(SeparateDDP(model, **options), model, [batch(), batch(), batch()])
            moved = sum(not a.equal(b) for a, b in zip(before, model.generator.parameters()))
            told.append(f'{moved} of {len(before)} moved')
        except InputError as error:
            told.append(str(error))
    torch.save(told, f'{folder}/told.pth')
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_unused_parameters(tmp_path):
    mp.spawn(worker, (str(tmp_path),), 1)
    refused, trained = torch.load(tmp_path / 'told.pth')
    assert refused == (
        'model.generator (MSRResNet) has parameters that its output does not depend on, which training in '
        'several processes does not allow: aux.weight, aux.bias. Remove or freeze them, or add '
        '--cfg-options model_wrapper_cfg.find_unused_parameters=True'
    )
    moved, _, count = trained.split()[:3]
    assert int(moved) == int(count) - 2

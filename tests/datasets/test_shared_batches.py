"""Batches in memory that is used again: never while someone has one."""

import os
from itertools import islice

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmsr_ext.datasets import shared_batches


class Numbered(Dataset):
    """Batch number i is full of i; sizes differ if asked to."""

    def __init__(self, growing=False):
        self.growing = growing

    def __len__(self):
        return 240

    def __getitems__(self, indices):
        number = indices[0] // 2
        batch = shared_batches.empty_batch(2, {'gt': (2, 3, 50, 50 + number * self.growing)})
        batch['gt'].fill_(number)
        batch['draws'].fill_(-number)
        batch['keys'] = [f'key {number}', 'ü']
        return batch


def load(growing=False, collate=lambda batch: batch, **options):
    return DataLoader(Numbered(growing), 2, collate_fn=collate, **{'num_workers': 2, **options})


def check(batch, number):
    assert (batch['gt'] == number).all()
    assert (batch['draws'] == -number).all()
    assert batch['keys'] == [f'key {number}', 'ü']


def places(batches):
    return {batch['gt'].untyped_storage().data_ptr() for batch in batches}


@pytest.mark.parametrize('growing', [False, True])
@pytest.mark.parametrize('workers', [0, 1, 2])
def test_batches_that_are_kept_stay_as_they_are(growing, workers):
    batches = list(islice(load(growing, num_workers=workers), 50))
    for number, batch in enumerate(batches):
        check(batch, number)
    assert len(places(batches)) == 50


def test_memory_is_used_again_once_nothing_refers_to_it():
    """A part of an earlier batch is kept all the way."""
    seen, part = set(), None
    for number, batch in enumerate(load()):
        check(batch, number)
        assert type(batch) is dict
        seen |= places([batch])
        if number == 10:
            part = batch['gt'][1, 2, 3:5]
    assert number == 119
    assert (
        len(seen) <= 2 * 5 + 1
    )  # of each worker: 2 on the way and 1 at work, 1 in the loader, 1 here; and that of the part
    assert part.unique().tolist() == [10]


def test_a_collate_function_that_takes_batches_apart():
    """What leaves the worker otherwise is copied, and its memory used again by the worker alone."""
    for number, image in enumerate(load(collate=lambda batch: batch['gt'][0])):
        assert image.unique().tolist() == [number]
    for number, batch in enumerate(
        load(collate=lambda batch: {name: value for name, value in batch.items()})
    ):
        check(batch, number)


def test_a_copy_of_the_process_gives_nothing_back():
    loader = iter(load(num_workers=1))
    batch = next(loader)
    child = os.fork()
    if not child:
        del batch
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    for number, other in enumerate(loader, 1):
        check(other, number)
        del other
    check(batch, 0)


def test_memory_of_workers_that_are_gone_is_let_go():
    for _ in range(3):
        kept = next(iter(load()))
    check(kept, 0)
    next(iter(load(num_workers=1)))
    assert len({process for process, _ in shared_batches._attached_blocks}) <= 2


def test_in_the_loaders_own_process_memory_is_ordinary():
    batch = next(iter(load(num_workers=0)))
    assert not batch['gt'].is_shared()
    assert torch.equal(batch['draws'], torch.zeros(2, 2, dtype=torch.int64))

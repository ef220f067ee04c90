import numpy as np
import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.models.preprocessors.pair_pool import PairPool


def numbered(start, count):
    """Pairs whose pixels tell their numbers."""
    numbers = torch.arange(start, start + count, dtype=torch.uint8)
    return numbers.view(-1, 1, 1, 1).expand(-1, 3, 2, 2), numbers.view(-1, 1, 1, 1).expand(-1, 3, 4, 4)


def test_against_a_list():
    pool, reference = PairPool(5, (3, 2, 2), (3, 4, 4)), []
    for step in range(20):
        lq, gt = pool.exchange(*numbered(2 * step, 2), np.random.default_rng(step))
        batch = [2 * step, 2 * step + 1]
        if len(reference) < 5:
            reference += batch[: 5 - len(reference)]
        else:
            slots = np.random.default_rng(step).choice(5, 2, replace=False)
            taken = [reference[slot] for slot in slots]
            for slot, number in zip(slots, batch):
                reference[slot] = number
            batch = taken
        assert lq[:, 0, 0, 0].tolist() == gt[:, 0, 0, 0].tolist() == batch
        assert int(pool.filled) == len(reference)
    assert pool.lq[:, 0, 0, 0].tolist() == pool.gt[:, 0, 0, 0].tolist() == reference


@pytest.mark.parametrize('steps', [2, 4])
def test_survives_resume(steps):
    pool = PairPool(6, (3, 2, 2), (3, 4, 4))
    for step in range(steps):
        pool.exchange(*numbered(2 * step, 2), np.random.default_rng(step))
    resumed = PairPool(6, (3, 2, 2), (3, 4, 4))
    resumed.load_state_dict(pool.state_dict())
    for step in range(steps, steps + 4):
        ours, theirs = (
            one.exchange(*numbered(2 * step, 2), np.random.default_rng(step)) for one in (pool, resumed)
        )
        assert ours[0].equal(theirs[0])
        assert ours[1].equal(theirs[1])


def test_larger_batch_than_pool():
    with pytest.raises(InputError, match='pool_size=1 is smaller than the batch, 2'):
        PairPool(1, (3, 2, 2), (3, 4, 4)).exchange(*numbered(0, 2), np.random.default_rng(0))

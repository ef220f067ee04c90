"""A batch that a data worker cannot send ends the loading with its error."""

import pytest
from torch.utils.data import DataLoader

import mmsr_ext  # noqa: F401  mends the loader

pytestmark = pytest.mark.forks


class Unsendable:
    def __reduce__(self):
        raise RuntimeError('unable to allocate shared memory(shm)')


class Samples(list):
    def __getitem__(self, index):
        return Unsendable() if index == 3 else index


def test_the_error_of_sending_is_raised():
    loader = DataLoader(Samples(range(5)), num_workers=1, batch_size=None, timeout=60)
    batches = iter(loader)
    assert [next(batches) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RuntimeError, match='unable to allocate shared memory'):
        next(batches)
    assert next(batches) == 4

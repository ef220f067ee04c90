import pytest
import torch

import mmsr_ext  # noqa: F401  mends MMagic before a test imports it


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)

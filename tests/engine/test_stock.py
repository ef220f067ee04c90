"""The private names of other packages that the package relies on exist, and stand in one file."""

import ast
import re
from pathlib import Path

import mmengine.runner
import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.utils import import_modules_from_strings
from support import ROOT

from mmsr_ext.engine import stock

PACKAGE = ROOT / 'mmsr_ext'
OWNERS = {
    'runner',
    'wrapper',
    'opt_g',
    'opt_d',
    'loop',
    'hook',
    'hub',
    'visualizer',
    'scaler',
    'loss_scaler',
    'dataloader',
}
FILES = [
    path for path in sorted(PACKAGE.rglob('*.py')) if path.name != 'stock.py' and path.parent.name != 'compat'
]


@pytest.mark.parametrize(('path', 'names'), stock.OVERRIDDEN.items())
def test_what_is_overridden_exists(path, names):
    module, _, name = path.rpartition('.')
    owner = getattr(import_modules_from_strings(module), name)
    assert [one for one in names if not hasattr(owner, one)] == []


def test_what_is_read_exists():
    wrapper = OptimWrapper(
        torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0), accumulative_counts=3
    )
    assert stock.accumulative_counts(wrapper) == 3
    assert stock.between_updates(wrapper)
    source = Path(mmengine.runner.runner.__file__).read_text()
    for name in (
        '_resume',
        '_load_from',
        '_train_loop',
        '_randomness_cfg',
        '_train_dataloader',
        '_val_dataloader',
    ):
        assert f'self.{name} = ' in source, name
    assert re.search(
        r'_scale_update_param\b', Path(AmpOptimWrapper.__init__.__code__.co_filename).read_text()
    )
    assert hasattr(torch.amp.GradScaler, '_found_inf_per_device')
    preprocessor = BaseDataPreprocessor()
    assert preprocessor._non_blocking is False
    stock.send_without_waiting(preprocessor)
    assert preprocessor._non_blocking is True
    stock.keep_graph_buffers()
    batches = stock.endless(torch.utils.data.DataLoader([1, 2]))
    assert [int(next(batches)) for _ in range(5)] == [1, 2, 1, 2, 1]


def private_uses(text):
    """Attributes with an underscore that are read or set on an object of another package."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and re.match(r'_[a-z]', node.attr):
            owner = node.value
            name = (
                owner.id
                if isinstance(owner, ast.Name)
                else owner.attr
                if isinstance(owner, ast.Attribute)
                else ''
            )
            if name in OWNERS:
                yield f'{name}.{node.attr}'


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_other_file_uses_a_private_name(path):
    assert list(private_uses(path.read_text())) == []


def test_a_use_is_seen():
    assert list(private_uses('x = runner._resume\nself.runner._iter\nself._own\nwrapper.step()')) == [
        'runner._resume',
        'runner._iter',
    ]

import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsr_ext import InputError, compat
from mmsr_ext.training.resume_point import damage
from mmsr_ext.weights import read_checkpoint

lite = pytest.mark.skipif(
    importlib.util.find_spec('mmcv._ext') is not None, reason='mmcv has its compiled operators'
)


def test_numpy_has_the_name_that_mmagic_uses():
    assert np.bool8 is np.bool_


@lite
@pytest.mark.parametrize('name', ['DeformConv2d', 'modulated_deform_conv2d', 'upfirdn2d'])
def test_missing_operators_say_what_to_install_when_used(name):
    target = getattr(importlib.import_module('mmcv.ops'), name)
    with pytest.raises(ImportError, match=r'mmcv-lite is installed: pip'):
        target(3, 3, 3)


def test_import_is_silent():
    code = 'import mmsr_ext, mmagic.models, mmagic.evaluation'
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert 'Warning: mmcv.ops' not in run.stdout + run.stderr
    assert 'Warning' not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ('installed', 'named'),
    [
        ({'mmcv': None, 'mmcv-lite': None}, "mmcv, and none is installed: pip install 'mmcv-lite==2.1.0'"),
        ({'mmcv': '2.2.0', 'mmcv-lite': None}, 'mmcv 2.2.0 is installed, but .* pip uninstall'),
        ({'mmcv': '2.1.0', 'mmcv-lite': '2.1.0'}, 'both mmcv and mmcv-lite'),
        (
            {'mmcv': '2.1.0', 'mmcv-lite': None, 'mmengine': '0.10.7', 'mmagic': None},
            "mmagic, .* pip install 'mmagic==1.2.0'",
        ),
        ({'mmcv': '2.1.0', 'mmcv-lite': None, 'mmengine': '0.9.1'}, 'mmengine 0.9.1'),
    ],
)
def test_unsuitable_packages_are_one_sentence(monkeypatch, installed, named):
    monkeypatch.setattr(compat, '_version', lambda package: installed[package])
    with pytest.raises(ImportError, match=named) as caught:
        compat.check_versions()
    assert '\n' not in str(caught.value)


def test_applying_twice_changes_nothing():
    before = sys.modules.get('mmcv.ops')
    compat.apply()
    assert sys.modules.get('mmcv.ops') is before


def test_checkpoint_with_log_history_loads_safely(tmp_path):
    from mmengine.logging import MessageHub
    from mmengine.runner import CheckpointLoader

    import mmsr_ext.engine  # noqa: F401  as any training has it

    hub = MessageHub.get_instance('history')
    for value in (1.0, 2.0):
        hub.update_scalar('train/loss', torch.tensor(value))
    torch.save(
        {'message_hub': hub.state_dict(), 'best_score': np.float64(3), 'array': np.arange(3)},
        tmp_path / 'a.pth',
    )
    content = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
    assert content['message_hub']['log_scalars']['train/loss'].mean() == 1.5
    assert content['best_score'] == 3


class Attack:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    'attack',
    [
        Attack(exec, "open('pwned', 'w')"),
        Attack(getattr, str, 'format'),
        Attack(getattr, np.ndarray, 'tofile'),
    ],
)
def test_code_in_a_checkpoint_is_refused(tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    torch.save({'state_dict': attack}, 'a.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load('a.pth', weights_only=True)
    with pytest.raises(InputError, match='can be read safely'):
        read_checkpoint('a.pth')
    assert damage(Path('a.pth')).startswith('it names builtins.')
    assert not (tmp_path / 'pwned').exists()

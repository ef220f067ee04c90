"""Loggers whose package is not installed are named before the run starts."""

import importlib.util

import mmagic.visualization
import mmengine.visualization
import pytest
from mmengine.config import Config
from mmengine.visualization import BaseVisBackend

from mmsr_ext import InputError
from mmsr_ext.config.loggers import PACKAGES, check_loggers
from mmsr_ext.training import run

PLAIN = {'LocalVisBackend', 'VisBackend', 'BaseVisBackend'}


def config(*backends):
    return Config(dict(visualizer=dict(vis_backends=[dict(type=name) for name in backends])))


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)


@pytest.mark.parametrize('name', sorted(PACKAGES))
def test_the_section_and_the_command_are_named(name, nothing_installed):
    with pytest.raises(InputError) as caught:
        check_loggers(config('LocalVisBackend', f'mmengine.{name}'))
    package = PACKAGES[name].pip
    assert str(caught.value).endswith(
        f'visualizer.vis_backends.1: {name} needs {package}, which is not installed: pip install {package}'
    )


def test_every_logger_of_the_packages_is_known():
    found = {
        name
        for module in (mmengine.visualization, mmagic.visualization)
        for name, part in vars(module).items()
        if isinstance(part, type) and issubclass(part, BaseVisBackend)
    }
    assert found - PLAIN == set(PACKAGES)


def test_what_is_installed_or_plain_passes(monkeypatch):
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: object() if name == 'tensorboardX' else None
    )
    check_loggers(config('LocalVisBackend', 'TensorboardVisBackend', 'MyBackend'))
    check_loggers(Config(dict(visualizer=None)))


def test_before_the_run_starts(tmp_path, make_pairs, in_root, nothing_installed):
    path = tmp_path / 'logged.py'
    path.write_text(
        "_base_ = 'mmsr_ext::srresnet_x4_demo.py'\n"
        "visualizer = dict(vis_backends=[dict(type='WandbVisBackend')])\n"
    )
    with pytest.raises(InputError, match='pip install wandb'):
        run.train(str(path), str(tmp_path / 'run'))
    assert not (tmp_path / 'run').exists()

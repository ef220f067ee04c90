"""Say before a run starts that a logger of its visualizer needs a package which is not installed."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

from mmengine.config import Config

from ..errors import InputError
from .checks import each_dict


class Package(NamedTuple):
    """What a logger imports.

    Args:
        modules: One of these has to be there.
        pip: What to install.
    """

    modules: tuple[str, ...]
    pip: str


PACKAGES = {
    'AimVisBackend': Package(('aim',), 'aim'),
    'ClearMLVisBackend': Package(('clearml',), 'clearml'),
    'DVCLiveVisBackend': Package(('dvclive',), 'dvclive'),
    'MLflowVisBackend': Package(('mlflow',), 'mlflow'),
    'NeptuneVisBackend': Package(('neptune',), 'neptune'),
    'PaviVisBackend': Package(('pavi',), 'pavi'),
    'TensorboardVisBackend': Package(('tensorboard', 'tensorboardX'), 'tensorboard'),
    'WandbVisBackend': Package(('wandb',), 'wandb'),
}


def check_loggers(cfg: Config) -> None:
    """Check that the packages of a visualizer's loggers are installed.

    Raises:
        InputError: Naming the section and the command that installs the package.
    """
    visualizer = cfg.get('visualizer')
    backends = visualizer.get('vis_backends') if isinstance(visualizer, dict) else None
    for path, backend in each_dict('visualizer.vis_backends', backends):
        name = str(backend.get('type')).rpartition('.')[2]
        package = PACKAGES.get(name)
        if package and not any(importlib.util.find_spec(module) for module in package.modules):
            raise InputError(
                f'config {cfg.filename}: {path}: {name} needs {package.pip}, which is not installed: '
                f'pip install {package.pip}'
            )

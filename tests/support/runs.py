"""Tiny runs that are interrupted and resumed, in this process or in forked ones."""

import os
import traceback
from pathlib import Path

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, DefaultScope

from mmsr_ext.apis import train
from mmsr_ext.errors import Stopped
from mmsr_ext.kill_test.forked_run import ITERATIONS, write_recipe


@HOOKS.register_module(force=True)
class At(Hook):
    """Call ``action(runner)`` at a point of an iteration."""

    priority = 'HIGHEST'

    def __init__(self, point, iteration, action):
        setattr(
            self, point, lambda runner, *args, **kwargs: action(runner) if runner.iter == iteration else None
        )


def tiny_train(folder, name='run', resume=None, hooks=(), **kwargs):
    """Train the recipe of the kill test; return the checkpoint of iteration ``ITERATIONS``, if any."""
    recipe = folder / 'recipe.py'
    if not recipe.exists():
        write_recipe(folder)
    # a run leaves its default scope behind for the tests that follow, which would change what they look up
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        train(str(recipe), str(folder / name), resume, hooks=hooks, **kwargs)
    path = folder / name / f'iter_{ITERATIONS}.pth'
    return load(path) if path.exists() else None


def last(work_dir):
    return load(work_dir / f'iter_{ITERATIONS}.pth')


def load(path):
    return torch.load(path, weights_only=True)


class Death(BaseException):
    """End a run like a kill: nothing is saved."""


def die(runner):
    raise Death


def ranks(size, call, port):
    """Call ``call(rank)`` in forked processes, as if under a launcher; return their exit statuses."""
    children = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                place = dict(
                    RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=size, MASTER_ADDR='127.0.0.1', MASTER_PORT=port
                )
                os.environ.update({name: str(value) for name, value in place.items()})
                call(rank)
                status = 0
            except Stopped as stop:
                status = stop.code
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def steps(work_dir: Path):
    return sorted(int(path.stem.rpartition('_')[2]) for path in work_dir.glob('iter_*.pth'))

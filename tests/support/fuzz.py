"""Damage configs and files at random, and run each of them in a process of its own."""

import copy
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import torch

from mmsr_ext import InputError
from mmsr_ext.config.load import load_config

VALUES = (
    None,
    -1,
    0,
    1,
    2.5,
    1e30,
    float('nan'),
    'x',
    '',
    True,
    [],
    {},
    [1, 2],
    {'type': 'Nothing'},
    {'x': 1},
    3,
    'SRResNet',
)
LOADER = dict(num_workers=0, persistent_workers=False, pin_memory=False)


def tiny_config(folders: dict) -> dict:
    """Return the config of a tiny GAN that trains for two iterations, as a plain dict."""
    cfg = load_config('configs/srgan_x4_demo.py')
    pairs = dict(folders, type='PairedImageDataset', gt_size=32)
    cfg.merge_from_dict(
        {
            'model.generator': dict(_delete_=True, type='SRResNet', mid_channels=4, num_blocks=1, scale=4),
            'model.discriminator.mid_channels': 2,
            'train_dataloader': dict(LOADER, batch_size=2),
            'val_dataloader': dict(LOADER),
            'train_cfg': dict(max_iters=2, val_interval=2),
            'default_hooks': dict(checkpoint=dict(interval=2), logger=dict(interval=1)),
        }
    )
    config = cfg.to_dict()
    config['train_dataloader']['dataset'] = pairs
    config['val_dataloader']['dataset'] = dict(folders, type='PairedImageDataset')
    config['test_dataloader'] = copy.deepcopy(config['val_dataloader'])
    for key in (
        'work_dir',
        'filename',
        '_demo_train',
        '_demo_val',
        '_demo_hint',
        '_div2k_hint',
        '_div2k_pack',
        'init_generator',
    ):
        config.pop(key, None)
    return config


def write(config: dict, path: Path) -> str:
    """Write a config file; return its path."""
    lines = [f'{key} = {value!r}' for key, value in config.items()]
    path.write_text('\n'.join(lines).replace('nan', "float('nan')") + '\n')
    return str(path)


def places(config, path=()):
    """Yield the path of every key of a config."""
    items = config.items() if isinstance(config, dict) else enumerate(config)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def mutate_config(config: dict, rng: random.Random) -> str:
    """Change a random key of a config in place; return what was done."""
    path = rng.choice(list(places(config)))
    owner = config
    for key in path[:-1]:
        owner = owner[key]
    key, value = path[-1], owner[path[-1]]
    action = rng.choice(['delete', 'replace', 'replace', 'replace', 'rename', 'retype'])
    if action == 'rename' and not isinstance(key, str):
        action = 'delete'
    if action == 'delete':
        del owner[key]
    elif action == 'rename':
        owner[key[:-1] + rng.choice('xq_')] = owner.pop(key)
    elif action == 'replace':
        owner[key] = rng.choice(VALUES)
    else:
        owner[key] = rng.choice(
            [str, lambda x: [x], lambda x: {'a': x}, lambda x: float(x) if isinstance(x, int) else repr(x)]
        )(value)
    now = owner.get(key) if isinstance(owner, dict) else owner
    return f'{action} {".".join(map(str, path))} = {repr(now)[:80]}'


# sections whose keys a run reads by name: misspelt there, a key is an error that says so
READ_BY_NAME = (
    ('optim_wrapper', 'generator'),
    ('optim_wrapper', 'generator', 'optimizer'),
    ('optim_wrapper', 'discriminator'),
    ('optim_wrapper', 'discriminator', 'optimizer'),
    ('param_scheduler',),
    ('train_dataloader',),
    ('train_dataloader', 'dataset'),
    ('train_dataloader', 'sampler'),
    ('val_dataloader',),
    ('val_dataloader', 'dataset'),
    ('train_cfg',),
    ('val_cfg',),
    ('env_cfg',),
    ('visualizer',),
    ('log_processor',),
    ('model', 'generator'),
    ('model', 'gan_loss'),
)


def misspell(key: str, rng: random.Random) -> str:
    """Leave out, double or swap a letter of a key."""
    place = rng.randrange(1, max(2, len(key) - 1))
    return rng.choice(
        [
            key[:place] + key[place + 1 :],
            key[:place] + key[place] + key[place:],
            key[: place - 1] + key[place] + key[place - 1] + key[place + 1 :],
        ]
    )


def slip(config: dict, rng: random.Random) -> tuple[str, str]:
    """Misspell, or add under a misspelt name, a key that is read; return what was done and the wrong key.

    Half of the slips are at the top level, and leave the right key where it is: nothing else would miss it.
    """
    if rng.random() < 0.5:
        owner, path = config, ()
        names = [key for key in config if not key.startswith('_')]
    else:
        hooks = [('default_hooks', name) for name in config['default_hooks']]
        path = rng.choice([*READ_BY_NAME, *hooks])
        owner = config
        for key in path:
            owner = owner[key]
        names = [key for key in owner if key != 'type'] or ['priority' if 'default_hooks' in path else 'seed']
    key = rng.choice(names)
    wrong = misspell(key, rng)
    while wrong in owner or wrong == key:
        wrong = misspell(key, rng)
    owner[wrong] = copy.deepcopy(owner.get(key, 1)) if not path or rng.random() < 0.5 else owner.pop(key, 1)
    return f'slip {".".join((*path, key))} -> {wrong}', wrong


def reschedule(config: dict, rng: random.Random) -> str:
    """Change rates, decay, schedule or length of a run in place; return what was done."""
    done = []
    for change in rng.sample(
        ['lr', 'weight_decay', 'milestones', 'gamma', 'max_iters'], rng.choice([1, 2, 3])
    ):
        optimizer = config['optim_wrapper'][rng.choice(['generator', 'discriminator'])]['optimizer']
        if change == 'lr':
            optimizer['lr'] = rng.choice([1e-3, 1e-5, 3e-6])
        elif change == 'weight_decay':
            optimizer['weight_decay'] = rng.choice([0.1, 1e-4])
        elif change == 'milestones':
            config['param_scheduler']['milestones'] = sorted(rng.sample(range(1, 6), 2))
        elif change == 'gamma':
            config['param_scheduler']['gamma'] = rng.choice([0.5, 0.9])
        else:
            config['train_cfg']['max_iters'] = rng.choice([3, 5, 6])
        done.append(change)
    return f'reschedule {" ".join(sorted(done))}'


def expected_rates(config: dict, iteration: int) -> dict[str, float]:
    """Return the learning rates after an iteration of a run whose config had always been this one.

    MMEngine ends a schedule with the run: a milestone at the last iteration is not passed.
    """
    schedule, end = config['param_scheduler'], config['train_cfg']['max_iters']
    passed = sum(milestone <= min(iteration, end - 1) for milestone in schedule['milestones'])
    return {
        name: config['optim_wrapper'][name]['optimizer']['lr'] * schedule['gamma'] ** passed
        for name in ('generator', 'discriminator')
    }


def mutate_file(path: Path, others: list[Path], rng: random.Random) -> str:
    """Damage a file in place; return what was done."""
    content = bytearray(path.read_bytes())
    place, length = rng.randrange(len(content)), rng.choice([1, 10, 1000])
    action = rng.choice(['flip', 'truncate', 'insert', 'zero', 'swap', 'empty'])
    if action == 'flip':
        for _ in range(rng.choice([1, 10, 100])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif action == 'truncate':
        del content[place:]
    elif action == 'insert':
        content[place:place] = rng.randbytes(length)
    elif action == 'zero':
        content[place : place + length] = bytes(len(content[place : place + length]))
    elif action == 'swap':
        content = rng.choice(others).read_bytes()
    else:
        content = b''
    path.write_bytes(content)
    return f'{action} {path.name} at {place}'


def outcome(case, log: Path, seconds: float = 60) -> str:
    """Run a case in a copy of this process.

    Returns 'success', 'InputError: ...', 'hang', or the exception with the end of its traceback.
    """
    sys.stdout.flush()
    log.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        os.setsid()
        torch.set_num_threads(1)  # the threads of the parent's pool do not exist in the copy
        result = 'success'
        try:
            handle = os.open(os.devnull, os.O_WRONLY)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            case()
        except InputError as error:
            result = f'InputError: {error}'
        except BaseException as error:
            frames = [
                f'{frame.filename.rpartition("site-packages/")[2]}:{frame.lineno}'
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            result = f'{type(error).__name__}: {str(error)[:300]} at {" < ".join(frames[::-1][:12])}'
        log.write_text(result)
        os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return log.read_text() if log.exists() else f'died with status {status}'
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 'hang'


def tally(results: dict[str, str]) -> tuple[Counter, dict[str, str]]:
    """Count the outcomes, and return those cases that ended neither in success nor in an InputError."""
    kinds = Counter(
        result.partition(':')[0] if result == 'success' or result.startswith('InputError: ') else 'other'
        for result in results.values()
    )
    bad = {
        what: result
        for what, result in results.items()
        if result != 'success' and not result.startswith('InputError: ')
    }
    return kinds, bad

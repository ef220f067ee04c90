"""Train and measure two small networks on photographs of the package: mmsr quickstart"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

DESCRIPTION = (
    'Write the demo data, train srresnet_x4_demo and srgan_x4_demo, and measure both: minutes on two cores. '
    'A second run skips what is done, and one that was interrupted goes on.'
)
DATA = Path('data/demo')
PAGE = 'work_dirs/quickstart.html'
# by config: its iterations, and the name of its network on the page
STAGES = {'srresnet_x4_demo': (600, 'PSNR'), 'srgan_x4_demo': (300, 'SRGAN')}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument(
        '--iters', type=int, metavar='N', help="iterations of each training (default: the configs')"
    )


def check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse a length that is none."""
    if args.iters is not None and args.iters < 1:
        parser.error(f'--iters {args.iters} must be at least 1')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..evaluation.evaluate import evaluate

    _write_data()
    networks: list[str] = []
    for name, (iterations, title) in STAGES.items():
        last = _train(name, args.iters or iterations, networks[-1] if networks else None, bool(args.iters))
        link = last.with_name(f'{title}.pth')
        link.unlink(missing_ok=True)
        link.symlink_to(last.name)
        networks.append(str(link))
    evaluate('srgan_x4_demo', networks, out=PAGE, benchmarks='data')
    print(farewell(networks[-1]))


def farewell(network: str) -> str:
    """Return what to do next, in commands that can be typed as they are.

    Args:
        network: The network that was trained last.
    """
    mmsr = program()
    return f"""
Open this page:        {Path(PAGE).resolve().as_uri()}
Upscale your photo:    {mmsr} upscale photo.jpg                # with the network of the package
                       {mmsr} upscale photo.jpg -c {network}
Train on your photos:  {mmsr} init srgan_x4_demo my.py --gt my_photos
                       {mmsr} train my.py"""


def program() -> str:
    """Return how ``mmsr`` is typed here: in an environment that is not active, by its path."""
    beside = Path(sys.executable).with_name('mmsr')
    if not beside.is_file():
        return shutil.which('mmsr') or f'{sys.executable} -m mmsr_ext'
    active = os.environ.get('VIRTUAL_ENV') == sys.prefix
    if active or sys.prefix == sys.base_prefix:
        return 'mmsr'
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


def advice(args: argparse.Namespace) -> str:
    """Say how to continue after an interruption."""
    return 'Repeat the command to go on.'


def _write_data() -> None:
    from . import demo_data

    done = DATA / '.complete'
    if not done.is_file():
        shutil.rmtree(DATA, ignore_errors=True)
        demo_data.main(argparse.Namespace(out=str(DATA)))
        done.touch()


def _train(name: str, iterations: int, start: str | None, short: bool) -> Path:
    """Train a config of the package unless that is done; return its last checkpoint."""
    from ..training.run import train

    last = Path('work_dirs', name, f'iter_{iterations}.pth')
    noted = last.with_name('last_checkpoint')
    # MMEngine names a checkpoint there once it is written whole
    if noted.is_file() and Path(noted.read_text().strip()).name == last.name and last.is_file():
        print(f'{name} is trained already: {last}')
        return last
    options: dict[str, object] = {}
    if start is not None:
        options['init_generator'] = start
    if short:
        options |= {'train_cfg.max_iters': iterations, 'train_cfg.val_interval': iterations}
        options['default_hooks.checkpoint.interval'] = iterations
    print(f'Training {name}, {iterations} iterations')
    train(name, resume='auto', options=options)
    return last

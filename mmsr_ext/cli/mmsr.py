"""All commands as one: mmsr train srgan_x4_demo, mmsr upscale photo.jpg -o big"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import InputError
from ..version import __version__
from . import command
from .completion import completion_script

# by name: the module of this folder, and what the command does in a few words
COMMANDS = {
    'upscale': ('upscale', 'enlarge or deblur images'),
    'deblur': ('deblur', 'deblur images with a network of your own'),
    'models': ('models', 'list the networks that come with the package'),
    'init': ('init', 'prepare training on your own images'),
    'train': ('train', 'train a model from a config'),
    'test': ('test', 'measure checkpoints'),
    'report': ('report', 'measure checkpoints, and write a page to compare images'),
    'pack': ('pack', 'pack images for fast training'),
    'pairs': ('pairs', 'make pairs of LQ and GT images'),
    'interpolate': ('interpolate', 'mix the weights of two networks'),
    'export': ('export', 'write a network for other programs'),
    'mos': ('mos', 'let people rate images'),
    'demo': ('demo', 'serve a page to try networks on'),
    'demo-data': ('demo_data', 'write the small data set of the quickstart'),
    'quickstart': ('quickstart', 'train and measure two small networks on photographs of the package'),
    'doctor': ('doctor', 'tell what is installed, and what is missing for what'),
    'benchmark': ('benchmark', 'measure this package beside MMagic'),
}
EXAMPLES = """examples:
  mmsr upscale photo.jpg                      with the network of the package, beside the photo
  mmsr init srgan_x4_demo my.py --gt FOLDER   prepare training on your own images; then: mmsr train my.py
  mmsr train srresnet_x4_demo                 a config of the package, or a file
  mmsr report srresnet_x4_demo work_dirs/srresnet_x4_demo/iter_600.pth
completion of the shell: eval "$(mmsr --completion bash)"   (or zsh, fish)
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command that the first argument names.

    Args:
        argv: Arguments to use in place of the process's.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        module = importlib.import_module(f'{__package__}.{COMMANDS[arguments[0]][0]}')
        command.start(module, arguments[1:], prog=f'mmsr {arguments[0]}')
        return
    width = max(map(len, COMMANDS))
    listing = '\n'.join(f'  {name:<{width}}  {what}' for name, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog='mmsr',
        description='Train, measure and serve networks that restore images.',
        epilog=f'commands (mmsr COMMAND --help tells more):\n{listing}\n\n{EXAMPLES}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('command', nargs='?', metavar='COMMAND', help='one of those below')
    parser.add_argument('--version', action='version', version=f'mmsr_ext {__version__}')
    parser.add_argument('--completion', choices=['bash', 'zsh', 'fish'], help='print the script for a shell')
    args, _ = parser.parse_known_args(arguments)
    if args.completion:
        print(completion_script(args.completion))
    elif args.command is None:
        parser.print_help()
    else:
        close = get_close_matches(args.command, COMMANDS, 1)
        hint = f'Did you mean {close[0]}?' if close else 'mmsr --help lists the commands.'
        command.exit.run(lambda: _refuse(f'there is no command {args.command!r}. {hint}'))


def _refuse(message: str) -> None:
    raise InputError(message)

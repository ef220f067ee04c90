"""Prepare training on one's own images: mmsr init srgan_x4 my.py --gt FOLDER"""

from __future__ import annotations

import argparse

from ..tool_names import tool

DESCRIPTION = (
    'Pack your own images, hold some out for validation, and write a config that trains a recipe on them. '
    'Repeat an interrupted command to continue it.'
)
READS_IMAGES = True
LONG = 20_000  # iterations that are a long run on a CPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument('recipe', help='a config of the package, such as srgan_x4, or a config file')
    parser.add_argument('config', metavar='OUT.py', help='config to write, which must not exist')
    parser.add_argument(
        '--gt', required=True, metavar='FOLDER', help='your images, sharp; or a pattern of folders'
    )
    parser.add_argument(
        '--lq', metavar='FOLDER', help='their low-quality images, where bicubic should not make them'
    )
    parser.add_argument(
        '--lq-name', metavar='NAME', default='{}', help="pattern of their names, such as '{}x4'"
    )
    parser.add_argument(
        '--data', metavar='FOLDER', help='folder for the packed images (default: data/<name of OUT>)'
    )
    parser.add_argument(
        '--from', dest='start', metavar='FILE', help='checkpoint from which the generator starts'
    )
    parser.add_argument(
        '--pad', action='store_true', help='pad images that are smaller than the crops, by reflection'
    )
    parser.add_argument(
        '--workers', type=int, metavar='N', help='number of processes that pack (default: one for each core)'
    )


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from ..config.load import load_config
    from ..packing.own_images import prepare

    result = prepare(
        args.recipe,
        args.config,
        args.gt,
        args.lq,
        args.lq_name,
        args.data,
        args.start,
        args.pad,
        args.workers,
    )
    packed, choices = result.packed, result.choices
    print(
        f'{packed.images} images packed, {result.held_out} held out for validation'
        + f', {packed.skipped} left out, because they are smaller than the crop' * bool(packed.skipped)
        + f', {packed.padded} padded' * bool(packed.padded)
    )
    print(f'{args.config}: crops of {choices.crop} px, batches of {choices.batch}, on {choices.device}')
    cfg = load_config(args.config)
    if choices.device == 'cpu' and cfg.train_cfg.max_iters > LONG:
        print(
            f'{cfg.train_cfg.max_iters:,} iterations take days without a GPU. A network in minutes: '
            f'mmsr init srgan_x4_demo small.py --gt {args.gt}'
        )
    print(f'Train: {tool("train")} {args.config}')


def advice(args: argparse.Namespace) -> str:
    """Say how to continue after an interruption."""
    return 'Repeat the command to continue.'

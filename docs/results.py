"""Measure the networks of the package, and write docs/results.md.

python docs/results.py --data-root data

Measured are the demo photographs (``tools/prepare_demo_data.py``) and the benchmark sets in ``--data-root``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from mmsr_ext.apis import evaluate, load_generator, make_pairs
from mmsr_ext.io.markdown import markdown_table
from mmsr_ext.pretrained import card_of, names

ROOT = Path(__file__).resolve().parent.parent
# PSNR-Y on Set5 as the papers state it
PUBLISHED = {'espcn_x3': 32.55, 'fsrcnn_x4': 30.55}
HEAD = """# Results

The networks that come with the package, measured by `python docs/results.py --data-root DATA`. PSNR and SSIM
on Y of BT.601, outputs rounded to 8 bit, a border as wide as the scale left out; means over the images. NIQE:
lower is better. GFLOP for an output of one megapixel. What a network was trained on, for how long and under
which licence is in its card: `mmsr models NAME`.

Where a figure is below the paper's, the training was shorter: {short}.
"""


def measured(name: str, data_root: str, folder: Path) -> list[list[object]]:
    """Return a row of the table for each set of images."""
    card = card_of(name)
    scale = card['scale']
    pairs = folder / f'demo_x{scale}'
    photographs = {path.stem: path for path in sorted(Path('data/demo/val/GT').glob('*.png'))}
    if not pairs.exists():
        make_pairs(photographs, pairs, scale)
    dataset = {'gt_folder': str(pairs / 'GT'), 'lq_folder': str(pairs / f'LQx{scale}'), 'lq_name': '{}'}
    options = {f'test_dataloader.dataset.{key}': value for key, value in dataset.items()}
    with contextlib.redirect_stdout(io.StringIO()):
        result = evaluate(card['config'], [name], str(folder / name), options=options, benchmarks=data_root)
    rows = []
    for part in result.sets:
        (bicubic, figures) = list(part.figures.values())[:2]
        rows.append(
            [
                name,
                scale,
                'demo photographs' if 'demo' in part.name else part.name,
                f'{figures["PSNR-Y"]:.2f}',
                f'{bicubic["PSNR-Y"]:.2f}',
                PUBLISHED.get(name, '') if part.name == 'Set5' else '',
                f'{figures["SSIM-Y"]:.4f}',
                f'{figures["NIQE"]:.2f}',
                f'{bicubic["NIQE"]:.2f}',
            ]
        )
    return rows


def size(name: str) -> list[object]:
    """Return name, parameters, GFLOP for an output of a megapixel, iterations and time of the training."""
    card, network = card_of(name), load_generator(name)
    edge = 120
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.rand(1, card['inputChannels'], edge, edge))
    gflop = counter.get_total_flops() / (edge * card['scale']) ** 2 / 1e3
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return [name, f'{parameters:,}', f'{gflop:.1f}', f'{card["trainingIterations"]:,}', card['trainingTime']]


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data-root', default='data', help='folder that has Set5/GT and so on')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name in names() for row in measured(name, args.data_root, Path(folder))]
    figures = ['network', 'scale', 'images', 'PSNR-Y', 'bicubic', "paper's", 'SSIM-Y', 'NIQE', 'bicubic NIQE']
    sizes = ['network', 'parameters', 'GFLOP', 'iterations', 'training']
    iterations = {name: card_of(name)['trainingIterations'] for name in PUBLISHED}
    short = '; '.join(f'{name} had {count:,} of 300,000 iterations' for name, count in iterations.items())
    page = [HEAD.format(short=short), *markdown_table([figures, *rows]), '']
    page += markdown_table([sizes, *map(size, names())])
    (ROOT / 'docs' / 'results.md').write_text('\n'.join(page) + '\n')


if __name__ == '__main__':
    main()

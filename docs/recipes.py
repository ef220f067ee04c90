"""The pages of the recipes, made from their configs."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from reference import linked
from torch.utils.flop_counter import FlopCounterMode

from mmsr_ext import registry
from mmsr_ext.generators.channels import image_channels

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = (720, 1280)  # height and width of the image that GFLOP are stated for


def config_files() -> list[Path]:
    """Return the recipes, without what they inherit."""
    return sorted((ROOT / 'configs').glob('*.py'))


def recipe_pages() -> dict[str, str]:
    """Return a page for each config, one for the bases, and the table of all."""
    rows, pages = [], {}
    for path in config_files():
        title, remarks = header(path)
        cfg = Config.fromfile(path, format_python_code=False)
        size = generator_size(cfg)
        figures = f'{size["parameters"]:,} | {size["gflop"]:,.1f}' if size else 'of the file | of the file'
        rows.append(f'| [`{path.name}`]({path.stem}.md) | {title} | {figures} |')
        pages[f'recipes/{path.stem}.md'] = _recipe(path, title, remarks, cfg, size)
    height, width = OUTPUT
    stated = (
        f'GFLOP: forward pass of the generator, for an output of {width}x{height} pixels; '
        'a multiplication with its addition counts as two.'
    )
    table = ['| Config | Recipe | Parameters | GFLOP |', '| --- | --- | ---: | ---: |', *rows]
    pages['recipes/index.md'] = '\n'.join(['# Recipes', '', stated, '', *table, ''])
    base = ['# What recipes inherit', '']
    for path in sorted((ROOT / 'configs/_base_').glob('*.py')):
        base += [f'## {path.name}', '', *_code(path.read_text()), '']
    return pages | {'recipes/base.md': '\n'.join(base)}


def header(path: Path) -> tuple[str, list[str]]:
    """Return the title of a config, which begins its comment, and the lines of the comment."""
    lines = []
    for line in path.read_text().splitlines():
        if not line.startswith('#'):
            break
        lines.append(line[1:].removeprefix(' '))
    first = ' '.join(lines).split(' Deviations')[0]
    return re.split(r'[:;] |\.(?: (?=[A-Z])|$)', first)[0] if lines else path.stem, lines


def generator_size(cfg: Config) -> dict[str, Any] | None:
    """Count the parameters and the operations of a config's generator, without allocating either.

    Returns:
        ``parameters``; ``gflop``, of a forward pass; ``input``, the size (h, w) of its image. None where
            the file that training starts from tells what the generator is.
    """
    arguments = dict(cfg.model.generator, init_cfg=None)
    if arguments['type'] == 'SpandrelNet' and 'architecture' not in arguments:
        return None
    scale = arguments.get('scale', arguments.get('upscale_factor', 1))
    size = OUTPUT[0] // scale, OUTPUT[1] // scale
    # spandrel's classes compute with the values of their weights; their cost is in proportion to the area
    real = arguments['type'] == 'SpandrelNet'
    tried, device = ((64, 64), 'cpu') if real else (size, 'meta')
    with DefaultScope.overwrite_default_scope('mmsr_ext'), torch.device(device), torch.no_grad():
        if arguments['type'] == 'SRCNNNet':  # MMagic's class takes no init_cfg
            del arguments['init_cfg']
        network = registry.MODELS.build(arguments).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, image_channels(network) or 3, *tried))
    return {
        'parameters': sum(parameter.numel() for parameter in network.parameters()),
        'gflop': counter.get_total_flops() / 1e9 * math.prod(size) / math.prod(tried),
        'input': size,
    }


def _recipe(path: Path, title: str, remarks: list[str], cfg: Config, size: dict[str, Any] | None) -> str:
    text = path.read_text()
    own = text.split('\n', len(remarks))[-1] if remarks else text
    bases = Config._get_base_files(str(path))
    inherits = [
        f'[`{base}`](base.md#{Path(base).stem}py)'
        if base.startswith('_base_/')
        else f'[`{base}`]({Path(base).stem}.md)'
        for base in ([bases] if isinstance(bases, str) else bases)
    ]
    rows = {'Inherits': ', '.join(inherits)}
    if size:
        height, width = size['input']
        rows['Parameters of the generator'] = f'{size["parameters"]:,}'
        rows['GFLOP of the generator'] = f'{size["gflop"]:,.1f} for an image of {width}x{height} pixels'
    rows |= _essentials(cfg)
    table = ['| | |', '| --- | --- |', *(f'| {key} | {value} |' for key, value in rows.items())]
    command = ['```text', f'python tools/train.py configs/{path.name}', '```']
    return '\n'.join(
        [
            f'# {title}',
            '',
            *_markdown(remarks),
            '',
            *table,
            '',
            *command,
            '',
            '## Config',
            '',
            *_code(own),
            '',
        ]
    )


def _essentials(cfg: Config) -> dict[str, str]:
    """Return what a reader asks first of the resolved config."""
    model, data = cfg.model, cfg.train_dataloader
    found = {'Generator': linked(model.generator.type)}
    if model.get('discriminator'):
        found['Discriminator'] = linked(model.discriminator.type)
    losses = [
        key for key in ('pixel_loss', 'perceptual_loss', 'gan_loss', 'gradient_penalty') if model.get(key)
    ]
    found['Losses'] = ', '.join(linked(model[key].type) for key in losses)
    wrapper = cfg.optim_wrapper
    for network in ('generator', 'discriminator') if 'generator' in wrapper else ('generator',):
        optimizer = wrapper.get(network, wrapper).optimizer
        found[f'Optimizer of the {network}'] = f'{optimizer.type}, learning rate {optimizer.lr:g}'
    found['Iterations'] = f'{cfg.train_cfg.max_iters:,}'
    found['Batch size'] = f'{data.batch_size}'
    found['Crop size (GT)'] = f'{data.dataset.gt_size} pixels'
    return found


def _markdown(lines: list[str]) -> list[str]:
    """Return a config's comment as Markdown: its list needs an empty line before it."""
    text, listed = [], False
    for line in lines:
        in_list = line.startswith('- ') or (listed and line.startswith(' '))
        if in_list != listed:
            text.append('')
        text.append(line)
        listed = in_list
    return text


def _code(text: str) -> list[str]:
    return ['````python', text.strip('\n'), '````']

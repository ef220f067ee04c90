"""Generated pages of the site: the API reference from the registries, the recipes from the configs.

A hook of MkDocs (mkdocs.yml). The pages exist only in the built site, so that none can be out of date.
"""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch.utils.flop_counter import FlopCounterMode

from mmsr_ext import apis, registry

if TYPE_CHECKING:  # the pages can be made where MkDocs is not installed
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parent.parent
FROM_ROOT = {'README.md': 'index.md', 'CONTRIBUTING.md': 'contributing.md', 'CHANGELOG.md': 'changelog.md'}
OUTPUT = (720, 1280)  # height and width of the image that GFLOP are stated for
ROOMS = {
    'models.restorers': 'Restorers',
    'models.backbones': 'Generators',
    'models.discriminators': 'Discriminators',
    'models.losses': 'Losses',
    'models.preprocessors': 'Preprocessors',
    'datasets': 'Datasets',
    'evaluation.metrics': 'Metrics',
    'engine.hooks': 'Hooks',
    'engine.distributed': 'Distributed training',
    'engine': 'Engine',
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append the generated pages to the navigation."""
    recipes = [{path.stem: f'recipes/{path.stem}.md'} for path in config_files()]
    config.nav = [
        *(config.nav or []),
        {'Recipes': ['recipes/index.md', *recipes, {'What they inherit': 'recipes/base.md'}]},
        {
            'Reference': [
                'reference/index.md',
                {'From Python': 'reference/apis.md'},
                {'Commands': 'reference/commands.md'},
                *({title: f'reference/{room}.md'} for room, title in ROOMS.items()),
            ]
        },
        {'Contributing': [{'How to': 'contributing.md'}, {'Changes': 'changelog.md'}]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the written ones."""
    from mkdocs.structure.files import File

    for name, text in (root_pages() | reference_pages() | recipe_pages()).items():
        files.append(File.generated(config, name, content=text))
    return files


def root_pages() -> dict[str, str]:
    """Return README and its like as pages, with their links as seen from docs/."""
    pages = {}
    for name, page in FROM_ROOT.items():
        text = (ROOT / name).read_text().replace('](docs/', '](')
        for other, target in FROM_ROOT.items():
            text = text.replace(f']({other}', f']({target}')
        pages[page] = text
    return pages


def registered_parts() -> dict[str, list[tuple[str, Any]]]:
    """Return the registered classes and functions of this package with their names, by room.

    Raises:
        KeyError: If a part is in a room that ``ROOMS`` does not have.
    """
    parts: dict[str, list[tuple[str, Any]]] = {room: [] for room in ROOMS}
    for child in vars(registry).values():
        if isinstance(child, registry.ChildRegistry):
            child.import_from_location()
            for name, part in child.module_dict.items():
                if part.__module__.startswith('mmsr_ext.'):
                    parts[_room_of(part.__module__)].append((name, part))
    return {room: sorted(found, key=lambda item: item[0].lower()) for room, found in parts.items()}


def reference_pages() -> dict[str, str]:
    """Return the API reference: the public functions, and a page for each room of registered parts."""
    public = {
        name: getattr(importlib.import_module(f'mmsr_ext.{module}'), name)
        for name, module in sorted(apis.MODULES.items())
    }
    pages = {
        'reference/apis.md': _page(
            'From Python', 'What `mmsr_ext.apis` has: `from mmsr_ext.apis import NAME`.', list(public.items())
        )
    }
    pages['reference/commands.md'] = commands_page()
    names = ', '.join(f'`{name}`' for name in public)
    index = ['# Reference', '', f'[From Python](apis.md): {names}. [Commands](commands.md).', '']
    for room, parts in registered_parts().items():
        intro = (
            "In a config of this package by name, `type='NAME'`; in one of MMagic's, `type='mmsr_ext.NAME'`."
        )
        pages[f'reference/{room}.md'] = _page(ROOMS[room], intro, parts)
        index += [f'## [{ROOMS[room]}]({room}.md)', '', *_table(parts, f'{room}.md'), '']
    return pages | {'reference/index.md': '\n'.join(index)}


def commands_page() -> str:
    """Return the help of every command of tools/."""
    lines = ['# Commands', '']
    for path in sorted((ROOT / 'tools').glob('*.py')):
        module = importlib.import_module(f'mmsr_ext.cli.{_command_of(path)}')
        parser = argparse.ArgumentParser(
            f'python tools/{path.name}', description=module.DESCRIPTION, formatter_class=_Help
        )
        module.add_arguments(parser)
        lines += [f'## {path.name}', '', '```text', parser.format_help().rstrip(), '```', '']
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, subparser in action.choices.items():
                    subparser.formatter_class = _Help
                    lines += [
                        f'### {path.name} {name}',
                        '',
                        '```text',
                        subparser.format_help().rstrip(),
                        '```',
                        '',
                    ]
    return '\n'.join(lines)


class _Help(argparse.HelpFormatter):
    """Help of a width that does not depend on the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)


def _command_of(tool: Path) -> str:
    """Return the module of mmsr_ext/cli that a file of tools/ starts."""
    found = re.search(r'^    command\.start\((\w+)\)', tool.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f'{tool} starts no command of mmsr_ext/cli')
    return found.group(1)


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
        rows.append(
            f'| [`{path.name}`]({path.stem}.md) | {title} | {size["parameters"]:,} | {size["gflop"]:,.1f} |'
        )
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


def generator_size(cfg: Config) -> dict[str, Any]:
    """Count the parameters and the operations of a config's generator, without allocating either.

    Returns:
        dict: ``parameters``; ``gflop``, of a forward pass; ``input``, the size (h, w) of its image.
    """
    arguments = dict(cfg.model.generator, init_cfg=None)
    scale = arguments.get('scale', arguments.get('upscale_factor', 1))
    size = OUTPUT[0] // scale, OUTPUT[1] // scale
    with DefaultScope.overwrite_default_scope('mmsr_ext'), torch.device('meta'), torch.no_grad():
        if arguments['type'] == 'SRCNNNet':  # MMagic's class takes no init_cfg
            del arguments['init_cfg']
        network = registry.MODELS.build(arguments).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, *size))
    return {
        'parameters': sum(parameter.numel() for parameter in network.parameters()),
        'gflop': counter.get_total_flops() / 1e9,
        'input': size,
    }


def _recipe(path: Path, title: str, remarks: list[str], cfg: Config, size: dict[str, Any]) -> str:
    text = path.read_text()
    own = text.split('\n', len(remarks))[-1] if remarks else text
    bases = Config._get_base_files(str(path))
    inherits = [
        f'[`{base}`](base.md#{Path(base).stem}py)'
        if base.startswith('_base_/')
        else f'[`{base}`]({Path(base).stem}.md)'
        for base in ([bases] if isinstance(bases, str) else bases)
    ]
    height, width = size['input']
    rows = {
        'Inherits': ', '.join(inherits),
        'Parameters of the generator': f'{size["parameters"]:,}',
        'GFLOP of the generator': f'{size["gflop"]:,.1f} for an image of {width}x{height} pixels',
        **_essentials(cfg),
    }
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
    found = {'Generator': _linked(model.generator.type)}
    if model.get('discriminator'):
        found['Discriminator'] = _linked(model.discriminator.type)
    losses = [
        key for key in ('pixel_loss', 'perceptual_loss', 'gan_loss', 'gradient_penalty') if model.get(key)
    ]
    found['Losses'] = ', '.join(_linked(model[key].type) for key in losses)
    wrapper = cfg.optim_wrapper
    for network in ('generator', 'discriminator') if 'generator' in wrapper else ('generator',):
        optimizer = wrapper.get(network, wrapper).optimizer
        found[f'Optimizer of the {network}'] = f'{optimizer.type}, learning rate {optimizer.lr:g}'
    found['Iterations'] = f'{cfg.train_cfg.max_iters:,}'
    found['Batch size'] = f'{data.batch_size}'
    found['Crop size (GT)'] = f'{data.dataset.gt_size} pixels'
    return found


def _linked(name: str) -> str:
    """Return the name of a part with a link to its place in the reference, if it is of this package."""
    for room, parts in registered_parts().items():
        for own, part in parts:
            if own == name:
                return f'[`{name}`](../reference/{room}.md#{part.__module__}.{part.__qualname__})'
    return f'`{name}`'


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


def _page(title: str, intro: str, parts: list[tuple[str, Any]]) -> str:
    lines = [f'# {title}', '', intro, '', *_table(parts), '']
    for _, part in parts:
        lines += [f'::: {part.__module__}.{part.__qualname__}', '']
    return '\n'.join(lines)


def _table(parts: list[tuple[str, Any]], page: str = '') -> list[str]:
    rows = [
        f'| [`{name}`]({page}#{part.__module__}.{part.__qualname__}) | {_first_line(part)} |'
        for name, part in parts
    ]
    return ['| Name | What it is |', '| --- | --- |', *rows]


def _first_line(part: Any) -> str:
    """Return a part's first line as a cell of a table, where only pipes outside of code are escaped."""
    line = (part.__doc__ or '').strip().split('\n')[0].replace('``', '`')
    return re.sub(r'(`[^`]*`)|\|', lambda found: found.group(1) or r'\|', line)


def _room_of(module: str) -> str:
    for room in sorted(ROOMS, key=len, reverse=True):
        if module == f'mmsr_ext.{room}' or module.startswith(f'mmsr_ext.{room}.'):
            return room
    raise KeyError(f'{module} is in no room of docs/generate.py: add its folder to ROOMS')

"""The pages of the API reference, made from the registries, and of the commands, made from their parsers."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
from pathlib import Path
from typing import Any

from mmsr_ext import apis, registry

ROOT = Path(__file__).resolve().parent.parent
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
        if room == 'models.backbones':
            pages[f'reference/{room}.md'] += spandrel_table()
        index += [f'## [{ROOMS[room]}]({room}.md)', '', *_table(parts, f'{room}.md'), '']
    return pages | {'reference/index.md': '\n'.join(index)}


def spandrel_table() -> str:
    """Return the table that tests/support/spandrel_table.py writes."""
    lines = [
        '## Architectures of `SpandrelNet`',
        '',
        'Each was built small, trained for three steps, saved, resumed bit for bit, exported, re-read and '
        'run. Frozen: parameters that no output depends on. spandrel: whether it loads the exported file and '
        'computes the same; where not, `load_generator` here still does, by what the file says.',
        '',
        '| Architecture | Result | Licence | Frozen | Under float16 | spandrel |',
        '| --- | --- | --- | ---: | --- | --- |',
    ]
    for name, found in json.loads((ROOT / 'docs/spandrel.json').read_text()).items():
        result = found['result'].replace('|', '/')
        rest = [str(found.get(key, '')) for key in ('frozen', 'half', 'spandrel')]
        lines.append(f'| [{name}]({found["source"]}) | {result} | {found["licence"]} | {" | ".join(rest)} |')
    return '\n'.join([*lines, ''])


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


def linked(name: str) -> str:
    """Return the name of a part with a link to its place in the reference, if it is of this package."""
    for room, parts in registered_parts().items():
        for own, part in parts:
            if own == name:
                return f'[`{name}`](../reference/{room}.md#{part.__module__}.{part.__qualname__})'
    return f'`{name}`'


def commands_page() -> str:
    """Return the help of every command of tools/; of a tool for the tests, what it says of itself."""
    lines = ['# Commands', '']
    for path in sorted((ROOT / 'tools').glob('*.py')):
        command = _command_of(path)
        if command is None:
            lines += [f'## {path.name}', '', ast.get_docstring(ast.parse(path.read_text())) or '', '']
            continue
        module = importlib.import_module(f'mmsr_ext.cli.{command}')
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


def _command_of(tool: Path) -> str | None:
    """Return the module of mmsr_ext/cli that a file of tools/ starts, if it starts one."""
    found = re.search(r'^    command\.start\((\w+)\)', tool.read_text(), re.MULTILINE)
    return found and found.group(1)


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
    raise KeyError(f'{module} is in no room of docs/reference.py: add its folder to ROOMS')

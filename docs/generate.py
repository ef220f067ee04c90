"""The hook of MkDocs (mkdocs.yml) that adds the generated pages: start page, reference, recipes.

The pages exist only in the built site, so that none can be out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recipes import config_files, recipe_pages
from reference import ROOMS, reference_pages

if TYPE_CHECKING:  # the pages can be made where MkDocs is not installed
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parent.parent
FROM_ROOT = {'README.md': 'index.md', 'CONTRIBUTING.md': 'contributing.md', 'CHANGELOG.md': 'changelog.md'}


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

"""The variable at the top of a recipe that names the weights its generator starts from."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from mmengine.config import Config

KEY = 'init_generator'


def apply_init_generator(cfg: Config, options: Iterable[str]) -> None:
    """Make ``init_generator`` work from a child config and from the command line.

    A recipe puts the variable into ``model.generator.init_cfg``, which MMEngine does before a child config or
    the command line can change it. Whoever sets ``model.generator.init_cfg`` itself is left alone.

    Args:
        cfg: The config with its overrides; changed in place.
        options: Dotted keys that were given on the command line.
    """
    options = list(options)
    sets_weights = any(
        f'{one}.'.startswith(('model.generator.init_cfg.', 'model.generator._')) for one in options
    )
    given = KEY in options or (not sets_weights and _assigns(cfg.filename))
    generator = (cfg.get('model') or {}).get('generator') if isinstance(cfg.get('model'), dict) else None
    if not isinstance(generator, dict):
        return
    if not given:
        if not generator.get('init_cfg'):
            cfg.pop(KEY, None)  # else the copy of the config that a run leaves would start from it
        return
    path, init_cfg = cfg[KEY], generator.get('init_cfg')
    if isinstance(init_cfg, dict) and str(init_cfg.get('type')).rpartition('.')[2] == 'Pretrained':
        if path is None:
            generator['init_cfg'] = None
        else:
            init_cfg['checkpoint'] = path
    elif path is not None:
        generator['init_cfg'] = dict(type='Pretrained', checkpoint=path, prefix='generator')


def _assigns(path: str) -> bool:
    """Return whether a config file itself sets the variable, and not the generator's ``init_cfg``."""
    values = {
        target.id: one.value
        for one in ast.parse(Path(path).read_text(encoding='utf-8')).body
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    generators = _values(values['model'], 'generator') if 'model' in values else []
    return KEY in values and not any(_values(generator, 'init_cfg') for generator in generators)


def _values(node: ast.AST, key: str) -> list[ast.AST]:
    """Return what stands under a key anywhere in an expression of dicts."""
    found: list[ast.AST] = []
    for one in ast.walk(node):
        if isinstance(one, ast.keyword) and one.arg == key:
            found.append(one.value)
        elif isinstance(one, ast.Dict):
            pairs = zip(one.keys, one.values)
            found += [value for name, value in pairs if isinstance(name, ast.Constant) and name.value == key]
    return found

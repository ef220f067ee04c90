"""Read a config file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..compat import own_config
from ..errors import InputError
from .borders import resolve_borders
from .init_generator import apply_init_generator
from .keys import check_keys
from .section_keys import check_section_keys
from .sections import debugging, one_line


def config_file(path: str) -> str:
    """Return the file that a path, or the name of a config that comes with the package, means.

    Args:
        path: A path, which is returned whether the file exists or not, or a name where there is no such file:
            'srgan_x4', 'srgan_x4.py' or MMEngine's 'mmsr_ext::srgan_x4.py'.
    """
    name = path.removeprefix('mmsr_ext::').removesuffix('.py')
    own = own_config(f'{name}.py')
    return str(own) if not Path(path).exists() and Path(name).name == name and own.is_file() else path


def load_config(path: str, options: dict[str, Any] | None = None, work_dir: str | None = None) -> Config:
    """Read a config file, override keys of it and set its ``work_dir``.

    Args:
        path: Path of the config, or the name of one that comes with the package: 'srgan_x4'.
        options: Values by dotted key that replace those of the file.
        work_dir: Folder of the run; by default the config's own, or else ``work_dirs/<name of the config>``.

    Returns:
        The config, with ``work_dir`` set.

    Raises:
        InputError: If the file does not exist or cannot be read, an override does not fit it, or nothing
            reads a key.

    Examples:
        >>> from mmsr_ext.config.load import load_config
        >>> cfg = load_config('configs/srgan_x4.py', {'train_cfg.max_iters': 100})
        >>> cfg.train_cfg.max_iters, cfg.model.generator.type, cfg.work_dir
        (100, 'SRResNet', 'work_dirs/srgan_x4')
    """
    path = config_file(path)
    if not Path(path).is_file():
        nearby = sorted(map(str, [*Path(path).parent.glob('*.py')] or [*Path('configs').glob('*.py')]))
        named = sorted(file.stem for file in own_config().glob('*.py'))
        raise InputError(f'config {path} does not exist. There are: {", ".join(nearby or named)}.')
    try:
        read = Config.fromfile(path)
    except Exception as error:  # a config is Python, and imports the modules that it names
        if debugging():
            raise
        raise InputError(f'config {path} cannot be read: {one_line(error)}') from error
    # without yapf, which takes seconds at the start and at every checkpoint;
    # Config.fromfile has no working switch for it
    cfg = Config(read.to_dict(), cfg_text=read.text, filename=read.filename, format_python_code=False)
    options = options or {}
    try:
        cfg.merge_from_dict(options)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(
            f'--cfg-options {" ".join(options)} do not fit config {path}: {one_line(error)}'
        ) from error
    check_keys(cfg, options)
    apply_init_generator(cfg, options)
    check_section_keys(cfg)
    resolve_borders(cfg)
    cfg.work_dir = work_dir or cfg.get('work_dir') or f'work_dirs/{Path(path).stem}'
    return cfg

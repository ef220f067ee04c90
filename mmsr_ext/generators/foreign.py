"""Networks of other projects and of the user's own package, by what a checkpoint or a config says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope
from mmengine.utils import get_object_from_string
from torch import nn

from ..config.load import load_config
from ..errors import InputError
from ..models.tiling import examine
from ..registry import MODELS

TRUSTED = ('mmsr_ext', 'mmagic', 'spandrel')  # packages whose networks a file may name
SCOPES = TRUSTED[:2]


def foreign_class(name: str, args: dict[str, Any]) -> type[nn.Module] | None:
    """Return the class of MMagic or spandrel that a file names.

    A file from a stranger must not make the class read files, download or call what it likes: arguments that
    look so are left to the user's own config.

    Args:
        name: As in a config: a registered name, or the path of a class of spandrel.
        args: Of its constructor, as the file has them.

    Returns:
        None for a name that is not known, or arguments that could do harm.
    """
    package = name.partition('.')[0] if '.' in name else ''
    if not name or (package and package not in TRUSTED) or not _harmless(args):
        return None
    try:
        found = get_object_from_string(name) if name.count('.') > 1 else _registered(name)
    except (ImportError, AttributeError, ValueError):  # InputError is a ValueError
        return None
    is_network = isinstance(found, type) and issubclass(found, nn.Module)
    return found if is_network and found.__module__.partition('.')[0] in TRUSTED else None


def network_of_config(path: str | Path) -> tuple[type[nn.Module], dict[str, Any]]:
    """Return the class and the arguments of the generator in a config, whose modules are imported.

    Raises:
        InputError: If the config cannot be read, or has no generator that is known.
    """
    cfg = load_config(str(path))
    generator = dict((cfg.get('model') or {}).get('generator') or {})
    if 'type' not in generator:
        raise InputError(f'config {path} has no model.generator with a type. Give that of the training.')
    kind = generator.pop('type')
    generator.pop('init_cfg', None)
    if isinstance(kind, str):
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmsr_ext'):
            kind = _registered(kind)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise InputError(f'config {path}: model.generator.type={kind!r} is no network.')
    return kind, {key: _plain(value) for key, value in generator.items()}


def with_scale(network: nn.Module) -> nn.Module:
    """Give a network of another project the attribute ``scale`` that ours have.

    Raises:
        InputError: If it does not map images to images whose size is an integer multiple.
    """
    if not isinstance(getattr(network, 'scale', None), int):
        network.scale = examine(network.eval()).scale  # type: ignore[assignment]
    return network


def name_of(network: nn.Module) -> str:
    """Return the name by which ``foreign_class`` or the registry finds the class of a network."""
    kind = type(network)
    return (
        f'{kind.__module__}.{kind.__qualname__}' if kind.__module__.startswith('spandrel.') else kind.__name__
    )


def _registered(name: str) -> Any:
    with MODELS.switch_scope_and_registry(None) as registry:
        return registry.get(name)


def _harmless(value: Any, key: str = '') -> bool:
    if isinstance(value, dict):
        return all(_harmless(one, str(name)) for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return all(_harmless(one, key) for one in value)
    if isinstance(value, str):
        return not any(sign in value for sign in '/\\:') and not (key == 'type' and '.' in value)
    return not ('pretrained' in key and value)


def _plain(value: Any) -> Any:
    """Return dicts and lists in the place of MMEngine's."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value

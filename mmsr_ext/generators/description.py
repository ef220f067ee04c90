"""What a file says, beside the weights, of the network that it holds."""

from __future__ import annotations

import ast
import inspect
import json
import zipfile
from pathlib import Path
from typing import Any

from torch import nn

from ..errors import InputError
from ..io.safetensors_file import read_metadata
from ..version import __version__
from ..weights import is_onnx, is_safetensors
from .architectures import architecture_named, trait
from .foreign import SCOPES, foreign_class, name_of

ENTRY = 'mmsr_ext'  # of a .pth file, and of the archive that TorchScript writes
MOST_METADATA = 2**20  # bytes
OURS = ('mmsr_ext', 'architecture', 'arguments')  # all of them together are in no other software's metadata


def exported_metadata(path: str | Path, content: dict[str, Any] | None = None) -> dict[str, str]:
    """Return the metadata that ``export`` or ``save_interpolations`` wrote; empty for other files.

    Args:
        path: An existing file.
        content: What the .pth file holds, which is else not looked into.

    Raises:
        InputError: If an .onnx file is to be read and onnx is not installed, or is damaged.
    """
    suffix = Path(path).suffix.lower()
    try:
        if is_safetensors(path):
            found: Any = read_metadata(path)
        elif content is None and is_onnx(path):
            from .onnx_file import read_properties

            found = read_properties(path)
        elif suffix == '.pt' and content is None:
            with zipfile.ZipFile(path) as archive:
                name = next((name for name in archive.namelist() if name.endswith(f'/extra/{ENTRY}')), None)
                found = json.loads(_small(archive, name)) if name else None
        else:
            found = (content or {}).get(ENTRY)
    except (zipfile.BadZipFile, ValueError, RecursionError, OSError) as error:
        raise (
            error if isinstance(error, InputError) else InputError(f'{path} cannot be read ({error}).')
        ) from error
    return found if isinstance(found, dict) and all(isinstance(found.get(key), str) for key in OURS) else {}


def all_arguments(network: nn.Module, args: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of a network's constructor, defaults included, without ``init_cfg``."""
    if isinstance(own := getattr(network, 'arguments', None), dict):  # which knows them better
        return own
    signature = inspect.signature(type(network))
    bound = signature.bind(**args)
    bound.apply_defaults()
    left_out = {'init_cfg', 'upscale_factor'} if 'scale' in bound.arguments else {'init_cfg'}
    found = {key: value for key, value in bound.arguments.items() if key not in left_out}
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= found.pop(parameter.name)
    # a default that is no value, such as a class of layers, is not written down
    return {key: value for key, value in found.items() if key in args or _is_value(value)}


def _is_value(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def description_of(network: nn.Module, arguments: dict[str, Any]) -> dict[str, str]:
    """Return the metadata from which ``describe`` builds a network again.

    Args:
        network: A generator.
        arguments: All of its constructor, see ``all_arguments``.
    """
    of_others = {
        f'architecture_{key}': str(getattr(network, name))
        for key, name in [('license', 'licence'), ('source', 'source')]
        if hasattr(network, name)
    }
    return {
        'mmsr_ext': __version__,
        'architecture': name_of(network),
        'arguments': json.dumps(arguments),
        'scale': str(network.scale),
    } | of_others


def describe(path: str | Path, content: dict[str, Any]) -> tuple[type[nn.Module], dict[str, Any]] | None:
    """Return a file's network by its metadata or by a training checkpoint's config; None without both.

    The config is parsed and not executed, and the network has to be one of ours, of MMagic's or spandrel's,
    with arguments that do no harm: a file from a stranger runs no code.

    Args:
        path: A .pth or .safetensors file.
        content: What it holds.

    Returns:
        The class and the arguments of its constructor; None also for a network that is not known here.

    Raises:
        InputError: If the arguments are not those of the class.
    """
    metadata = exported_metadata(path, content)
    if metadata:
        name, args = metadata['architecture'], _json(metadata['arguments'], path)
    else:
        generator = _generator_in(config_text(content))
        name, args = str(generator.pop('type', '')), generator
    args = {key: value for key, value in args.items() if key != 'init_cfg'}
    architecture = architecture_named(name) if '.' not in name or name.startswith(SCOPES) else None
    architecture = architecture or foreign_class(name, args)
    if architecture is None:
        if metadata:
            raise InputError(
                f'{path} holds a network {name!r} of mmsr_ext {metadata["mmsr_ext"]}; version {__version__}, '
                'which is installed, does not have it. Give the config that it was trained with: '
                '--config FILE.'
            )
        return None
    parameters = inspect.signature(architecture).parameters
    if 'scale' in parameters:  # MMagic's classes have upscale_factor alone
        args = trait(architecture, 'adapt')(args)
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    unknown = [key for key in args if key not in parameters and not takes_all]
    if unknown:
        raise InputError(
            f'{path} says that its generator is {name} with the argument {unknown[0]!r}, which '
            f'{architecture.__name__} does not have here; it has {", ".join(parameters)}.'
        )
    return architecture, args


def config_text(content: dict[str, Any]) -> str:
    """Return the config that MMEngine saved in a checkpoint; empty if there is none."""
    meta = content.get('meta')
    text = meta.get('cfg') if isinstance(meta, dict) else None
    return text if isinstance(text, str) else ''


def named_generator(content: dict[str, Any]) -> str:
    """Return the type of the generator in the config that a checkpoint holds; empty if it does not tell."""
    return str(_generator_in(config_text(content)).get('type', ''))


def _generator_in(text: str) -> dict[str, Any]:
    """Return ``model.generator`` of a config's text, if all of it is literal; empty otherwise."""
    try:
        statements = ast.parse(text).body
        model = next(
            (
                node.value
                for node in statements
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'model'
            ),
            None,
        )
        generator = dict(_items(model)).get('generator')
        return {key: _literal(value) for key, value in _items(generator)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def _items(node: ast.expr | None) -> list[tuple[str, ast.expr]]:
    """Return keys and values of a node ``dict(a=1)`` or ``{'a': 1}``."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict' and not node.args:
        return [(str(item.arg), item.value) for item in node.keywords]
    if isinstance(node, ast.Dict):
        return [(ast.literal_eval(key), value) for key, value in zip(node.keys, node.values) if key]
    return []


def _literal(node: ast.expr) -> Any:
    return (
        {key: _literal(value) for key, value in items} if (items := _items(node)) else ast.literal_eval(node)
    )


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > MOST_METADATA:
        raise ValueError(f'its metadata are {size:,} bytes; expected at most {MOST_METADATA:,}')
    return archive.read(name)


def _json(text: str, path: str | Path) -> dict[str, Any]:
    try:
        args = json.loads(text)
    except (ValueError, RecursionError):
        args = None
    if not isinstance(args, dict):
        raise InputError(
            f'{path} says that the arguments of its network are {text[:200]!r}, which is no JSON object. '
            'The file is damaged.'
        )
    return args

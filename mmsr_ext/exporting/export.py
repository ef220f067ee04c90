"""Carrying a trained generator to other software."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ..arguments import check_value
from ..errors import InputError
from ..generators.architectures import trait
from ..generators.description import ENTRY, all_arguments, config_text, description_of, exported_metadata
from ..generators.load import identify, load_generator
from ..generators.onnx_file import require_onnx
from ..io.atomic import whole_file
from ..pretrained import weights_file
from ..tool_names import tool
from ..weights import read_checkpoint
from .check import check, make_samples
from .compatibility import readers
from .onnx import run_onnx, write_onnx
from .torchscript import run_torchscript, write_torchscript

Format = Literal['safetensors', 'pth', 'onnx', 'torchscript']
SUFFIXES: dict[str, str] = {
    'safetensors': '.safetensors',
    'pth': '.pth',
    'onnx': '.onnx',
    'torchscript': '.pt',
}
AVERAGE, TRAINED = 'running average', 'as trained'


class Exported(NamedTuple):
    """A file that was written.

    Attributes:
        path: The file.
        metadata: What it says of itself.
        difference: The largest difference of its output from the network's that was found.
        notes: Who can load it.
    """

    path: Path
    metadata: dict[str, str]
    difference: float
    notes: list[str]


def export(
    checkpoint: str | Path,
    format: Format,
    out: str | Path | None = None,
    raw: bool = False,
    half: bool = False,
    license: str = '',
    force: bool = False,
    names: str = 'basicsr',
    config: str | Path | None = None,
) -> Exported:
    """Write the generator of a checkpoint alone, with what is known of it as metadata.

    All files map RGB images, or the Y channel of BT.601 (16 to 235 of 255) or grey where the network has one
    channel, (N, C, h, w) in [0, 1], float32, to (N, C, h * scale, w * scale), neither rounded
    nor clipped, at any size. Each is read back and compared with the network on images of three sizes, in the
    software that it is for; one that differs is not kept.

    - 'safetensors': the state_dict.
    - 'pth': the state_dict, under ``params_ema`` for BasicSR and Real-ESRGAN, and under ``state_dict`` for
      MMagic (the same data); the metadata under ``mmsr_ext``.
    - 'onnx': opset 17, batch, height and width dynamic.
    - 'torchscript': for ``torch.jit.load``.

    >>> import torch
    >>> from mmsr_ext.models import SRResNet
    >>> torch.save(SRResNet(mid_channels=4, num_blocks=1, scale=2).state_dict(), 'net.pth')
    >>> export('net.pth', 'safetensors', 'net.safetensors').metadata['architecture']
    'SRResNet'

    Args:
        checkpoint: A file that ``load_generator`` reads, or the name of a network of the package.
        format: One of the above.
        out: The file; beside the checkpoint by default, named after it, the architecture and the scale.
        raw: The trained weights also where the checkpoint has their average, which else is taken.
        half: Weights in float16. ONNX and TorchScript then also compute in float16, on float32 images from
            and to the caller.
        license: The licence of the weights, for the metadata.
        force: Replace a file that exists.
        names: 'basicsr', or 'authors' for RCAN under the names that its authors, and spandrel, have for the
            weights.
        config: The config that the checkpoint was trained with, see ``load_generator``.

    Returns:
        The file, and what is known of it.

    Raises:
        InputError: For a checkpoint that cannot be loaded, an unknown format, a path that cannot be written,
            a missing package, or a file that does not do what the network does.
    """
    check_value('format', format, Format)
    if format == 'onnx':
        require_onnx()
    checkpoint = weights_file(checkpoint)
    network, args, content = identify(checkpoint, raw, config)
    arguments = all_arguments(network, args)
    path = _path(
        checkpoint,
        format,
        out,
        force,
        f'_{arguments.get("architecture", type(network).__name__).lower()}_x{network.scale}'
        + ('_fp16' if half else ''),
    )
    samples = make_samples(network, arguments)
    smallest = samples[2][0].shape[-2]
    earlier = exported_metadata(checkpoint, content)
    metadata = description_of(network, arguments) | {
        'precision': 'float16' if half else 'float32',
        'input': f'{_colours(samples[0][0])} in [0, 1], float32, NCHW',
        'sizes': 'any' if smallest == 1 else f'any height and width of at least {smallest} pixels',
        'license': license or earlier.get('license', 'not stated'),
        'source': Path(checkpoint).name,
        'weights': _kind(content, earlier, raw),
        'config': config_text(content) or earlier.get('config', ''),
    }
    smaller = _Half(network) if half else network
    state = (smaller.network if isinstance(smaller, _Half) else network).state_dict()
    state = trait(type(network), 'file_names')(state)
    if names != 'basicsr':
        state = _authors_names(network, arguments, state, names)

    def write(file: Path) -> Callable[[Tensor], Tensor]:
        if format == 'onnx':
            write_onnx(smaller, samples[0][0], file, metadata)
            return run_onnx(file)
        if format == 'torchscript':
            write_torchscript(smaller, samples[0][0], file, metadata)
            return run_torchscript(file)
        if format == 'pth':
            torch.save({'params_ema': state, 'state_dict': state, ENTRY: metadata}, file)
        else:
            # save_file would let nobody but the owner read the file
            file.write_bytes(save({key: value.contiguous() for key, value in state.items()}, metadata))
        return load_generator(file, config=config)

    if (
        half and format == 'onnx'
    ):  # ONNX Runtime has float16 on some devices only; on a CPU it computes in float32
        check(smaller, samples, half, format)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            difference = check(write(partial), samples, half, format)
    except OSError as error:
        raise InputError(f'{path} cannot be written: {error}. Choose another file with -o.') from error
    return Exported(path, metadata, difference, readers(network, arguments, format, names))


def file_info(path: str | Path) -> dict[str, str]:
    """Return what an exported file says of itself.

    Args:
        path: A file of any of the formats.

    Raises:
        InputError: If the file cannot be read, or ``export`` did not write it.
    """
    if not Path(path).is_file():
        raise InputError(f'{path} does not exist, or is no file.')
    content = read_checkpoint(path) if Path(path).suffix not in ('.onnx', '.pt', '.safetensors') else None
    metadata = exported_metadata(path, content)
    if not metadata:
        raise InputError(f'{path} was not written by {tool("export")}, and says nothing of itself.')
    return metadata


def _colours(image: Tensor) -> str:
    return 'RGB' if image.shape[1] == 3 else 'Y of BT.601 (16 to 235 of 255) or grey'


class _Half(nn.Module):
    """A copy of a network that computes in float16 on float32 images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = deepcopy(network).half()

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.half()).float()


def _path(checkpoint: str | Path, format: str, out: str | Path | None, force: bool, ending: str) -> Path:
    suffix = SUFFIXES[format]
    path = Path(out) if out else Path(checkpoint).with_name(Path(checkpoint).stem + ending + suffix)
    if path.is_dir():
        raise InputError(
            f'-o {path} is a folder; give a file, such as {path / Path(checkpoint).stem}{suffix}'
        )
    if path.suffix != suffix:
        raise InputError(
            f'-o {path} must end in {suffix} for the format {format}: other software tells formats by it.'
        )
    if path.resolve() == Path(checkpoint).resolve():
        raise InputError(f'-o {path} is the checkpoint itself; choose another file.')
    if path.exists() and not force:
        raise InputError(f'{path} exists; replace it with --force, or choose another file with -o.')
    return path


def _kind(content: dict[str, Any], earlier: dict[str, str], raw: bool) -> str:
    """Say which weights were exported: trained, averaged or interpolated."""
    if earlier:
        return earlier.get('weights', 'not known')
    state = content.get('state_dict', content)
    has = {
        name: name in content or any(f'{part}.' in key for key in state)
        for name, part in [('params_ema', 'generator_ema'), ('params', 'generator')]
    }
    if has['params_ema'] and not (raw and has['params']):
        return AVERAGE
    return TRAINED if has['params'] else 'not known'


def _authors_names(
    network: nn.Module, arguments: dict[str, Any], state: dict[str, Tensor], names: str
) -> dict[str, Tensor]:
    renamed = trait(type(network), 'authors_names')(state, arguments) if names == 'authors' else None
    if renamed is None:
        raise InputError(
            f'names={names!r} must be basicsr, or authors for an RCAN; this is a {type(network).__name__}.'
        )
    return renamed

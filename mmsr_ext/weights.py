"""Reading checkpoints, with errors that say what is wrong with the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .errors import InputError
from .io.safetensors_file import read_safetensors
from .io.torch_file import Unknown, is_network, read_torch_file
from .pretrained import weights_file
from .tool_names import tool

# what a file of weights may hold beside them, which is not read
TRAINING_STATE = (
    'optimizer',
    'optimizers',
    'optimizer_states',
    'param_schedulers',
    'lr_schedulers',
    'schedulers',
    'message_hub',
    'callbacks',
    'loops',
    'exact_resume',
)
# where a file may hold its weights: BasicSR's averaged weights and its raw ones, MMEngine's, other trainers'
CONTAINERS = ('params_ema', 'params-ema', 'params', 'state_dict', 'model_state_dict', 'model', 'net')
# what is saved in the place of weights when a download or a clone goes wrong, by how the file begins
NO_WEIGHTS = {
    b'version https://git-lfs': (
        'a pointer of Git LFS, not the weights themselves; run `git lfs pull` where it was cloned, '
        'or download the file itself'
    ),
    b'<': 'a web page, not weights; download the file itself, not the page that shows it',
    b'{': 'a text of JSON, not weights; download the file itself',
    b'\x89HDF': 'a file of HDF5, such as Keras writes, not of PyTorch; give a .pth or .safetensors file',
    b'\x1f\x8b': 'a compressed file; unpack it, and give the file of weights in it',
    b'Rar!': 'an archive; unpack it, and give the file of weights in it',
    b"7z\xbc\xaf'": 'an archive; unpack it, and give the file of weights in it',
    b'\x89PNG': 'an image, not weights; images are given without -c',
    b'\xff\xd8\xff': 'an image, not weights; images are given without -c',
}

QUANTISED = 'quantised weights, from which the network cannot be built'
UNQUANTISED = 'Give the file of floating-point weights that they were made from.'

# what trainers put before the names of the weights of a part
PREFIXES = {
    'generator': ('generator.', 'net_g.', 'netG.', 'net_g_ema.'),
    'discriminator': ('discriminator.', 'net_d.', 'netD.'),
    'generator_ema': (
        'generator_ema.',
        'net_g_ema.',
        'netG_ema.',
        'g_ema.',
        'model_ema.',
        'ema_model.',
        'ema.',
    ),
}
# parts that a trainer keeps beside the network
BESIDE = re.compile('loss|criteri|percep|vgg|lpips|discrim|metric|psnr|ssim|^net_?d$|^d$', re.IGNORECASE)


def is_safetensors(path: str | Path) -> bool:
    """Return whether a file is of the format safetensors, whatever its name ends in.

    Args:
        path: An existing file.

    Raises:
        OSError: If it cannot be read.
    """
    with open(path, 'rb') as file:
        return file.read(9)[8:] == b'{'  # what follows the length of the header


def is_onnx(path: str | Path) -> bool:
    """Return whether a file is of the format ONNX, or is called so and of no other format.

    Args:
        path: A path; one that does not exist is judged by its name.
    """
    named = Path(path).suffix.lower() == '.onnx'
    if not Path(path).is_file():
        return named
    with open(path, 'rb') as file:
        start = file.read(9)
    if start[:2] in (b'PK', b'\x80\x02') or start[8:] == b'{':
        return False
    # a protobuf with ir_version, then producer_name, producer_version, domain, model_version or graph
    return named or (start[:1] == b'\x08' and start[1:2] < b'\x20' and start[2:3] in b'\x12\x1a\x22\x28\x3a')


def read_checkpoint(path: str | Path, whole: bool = False) -> dict[str, Any]:
    """Load a checkpoint onto the CPU without running code from it.

    Args:
        path: A file that MMEngine, BasicSR or plain PyTorch wrote, a .safetensors file, or the name of a
            network that comes with the package.
        whole: Read the state of the training too; else it is skipped, and may be damaged.

    Returns:
        The file's content.

    Raises:
        InputError: If there is no such file, or it is no checkpoint.
    """
    path = weights_file(path)
    if '://' in str(path):
        raise InputError(f'{path} is an address; download the file, and give its path.')
    if Path(path).is_dir():
        raise InputError(f'checkpoint {path} is a folder. Give the file of weights in it.')
    if not Path(path).is_file():
        raise InputError(
            f'checkpoint {path} does not exist. Train one with {tool("train")}, or correct the path.'
        )
    try:
        with open(path, 'rb') as file:
            start = file.read(64).lstrip()
        for sign, found in NO_WEIGHTS.items():
            if start.startswith(sign) and not is_safetensors(path):
                raise InputError(f'{path} is {found}.')
        content = (
            read_safetensors(path)
            if is_safetensors(path)
            else read_torch_file(path, skip=() if whole else TRAINING_STATE)
        )
    except InputError:
        raise
    except Exception as error:  # a damaged file raises whatever it likes
        reason = (str(error).splitlines() or ['the file ends early'])[0]
        if 'TorchScript' in reason:
            raise InputError(
                f'{path} is a TorchScript program, which may run code and is not loaded. If you trust it, '
                f"save its weights: torch.save(torch.jit.load({str(path)!r}).state_dict(), 'weights.pth')"
            ) from error
        if reason == 'quantised tensors':
            raise InputError(f'{path} holds {QUANTISED}. {UNQUANTISED}') from error
        raise InputError(
            f'{path} is not a checkpoint that can be read safely ({reason}). It is damaged, incomplete or of '
            'another kind; give a .pth or .safetensors file with weights.'
        ) from error
    for held in (content, *(content.get(key) for key in CONTAINERS if isinstance(content, dict))):
        if isinstance(held, Unknown):
            raise _whole(path, held)
    if not isinstance(content, dict):
        raise InputError(
            f'{path} holds a {type(content).__name__}, not a checkpoint: a dict with the weights under '
            'state_dict.'
        )
    return content


def _whole(path: str | Path, held: Unknown) -> InputError:
    return InputError(
        f'{path} holds an object of {held.name} in the place of weights, no file that can be read safely. '
        'Save the state_dict of the network: torch.save(network.state_dict(), FILE).'
    )


def weights_of(content: dict[str, Any], part: str = '') -> dict[str, Tensor]:
    """Return a checkpoint's weights without the prefixes of DistributedDataParallel and torch.compile.

    Args:
        content: As ``read_checkpoint`` returns it, of MMEngine's, BasicSR's or no structure.
        part: 'generator' or 'discriminator' for that part of a restorer's checkpoint, or what another trainer
            saved under its own prefix of it; a file that holds a bare network is taken whole.

    Returns:
        A state_dict.
    """
    weights = _bare(
        _flat(next((content[key] for key in CONTAINERS if isinstance(content.get(key), Mapping)), content))
    )
    for prefix in PREFIXES.get(part, (f'{part}.',) if part else ()):
        found = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        if found:
            return _bare(found)
    return weights


def _flat(held: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return one dict of weights for a dict of such dicts, whose names are put before those in them."""
    parts = {
        key: value
        for key, value in held.items()
        if isinstance(value, Mapping) and value and all(isinstance(one, Tensor) for one in value.values())
    }
    flat = {f'{key}.{name}': one for key, value in parts.items() for name, one in value.items()}
    return (
        {**{key: value for key, value in held.items() if isinstance(value, Tensor)}, **flat} if flat else held
    )


def unwrapped(weights: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield weights, and then without each of the names that wrappers put before all of them.

    What trainers keep beside the network, such as features for a loss, is left out with the first name.

    >>> [list(one) for one in unwrapped({'model.net.conv': 0, 'loss.vgg': 0})]
    [['model.net.conv', 'loss.vgg'], ['net.conv'], ['conv']]
    """
    weights = dict(weights)
    while weights:
        yield weights
        first = {key.partition('.')[0] for key in weights if not BESIDE.search(key.partition('.')[0])}
        name = f'{next(iter(first), "")}.'
        # the layers of the older ESRGAN are called model.0, model.1, ...
        inner = {key.removeprefix(name): value for key, value in weights.items() if key.startswith(name)}
        if len(first) != 1 or any(key[:1].isdigit() for key in inner):
            return
        weights = inner


def generator_weights(path: str | Path, raw: bool = False) -> dict[str, Tensor]:
    """Read the generator's weights from a file: their moving average, where the file has one.

    Args:
        path: A .pth or .safetensors file.
        raw: Of a file that holds both, the trained weights.

    Returns:
        A state_dict.

    Raises:
        InputError: If the file cannot be read, or holds something else than weights.
    """
    return generator_part(read_checkpoint(path), path, raw)


def generator_part(content: dict[str, Any], path: str | Path, raw: bool = False) -> dict[str, Tensor]:
    """Return the generator's weights in a content that has been read.

    Args:
        content: As ``read_checkpoint`` returns it.
        path: For the error.
        raw: Of a file that holds both, the trained weights.

    Returns:
        A state_dict.

    Raises:
        InputError: If it holds something else than weights of a generator.
    """
    if raw and 'params' in content:
        content = {key: value for key, value in content.items() if key not in ('params_ema', 'params-ema')}
    weights = weights_of(content if raw else weights_of(content, 'generator_ema'), 'generator')
    strange = [key for key, value in weights.items() if not isinstance(value, Tensor)]
    if strange and (held := next((one for one in content.values() if is_network(one)), None)):
        raise _whole(path, held)
    if strange and ('param_groups' in content or any(_is_state(key) for key in content)):
        raise InputError(
            f'{path} holds no weights but the state of a training (found '
            f'{", ".join(map(str, list(content)[:5]))}). '
            'Give the checkpoint that was saved beside it.'
        )
    if strange or not weights:
        raise InputError(
            f'{path} holds no weights of a network where they are looked for (under {", ".join(CONTAINERS)}, '
            f'or at the top): found {", ".join(map(str, list(content)[:5])) or "nothing"}. Save the '
            'state_dict of the network.'
        )
    if all(key.startswith(PREFIXES['discriminator']) for key in weights):
        raise InputError(f'{path} holds the weights of a discriminator alone; give a file with a generator.')
    # buffers of indices may be integers
    whole = next(
        (key for key in weights if key.endswith('weight') and not weights[key].is_floating_point()), ''
    )
    if whole:
        raise InputError(f'{path} holds {QUANTISED} ({whole} is {weights[whole].dtype}). {UNQUANTISED}')
    return weights


def _is_state(key: Any) -> bool:
    return key in TRAINING_STATE or 'optim' in str(key)


def rename_to(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights that have another project's names to the network's own, where it recognises them.

    Names that a wrapper puts before all weights are left out, unless they are the network's own.
    """
    own = network.state_dict().keys()
    every = (_renamed(network, held) for held in unwrapped(weights))
    return next((renamed for renamed in every if renamed.keys() & own), weights)


def _renamed(network: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    own_names = getattr(network, 'own_names', None)
    if own_names is not None:  # which need not know the hyper-parameters
        return own_names(weights)
    found = recognise(network, weights)
    return found[1] if found else weights


def recognise(
    architecture: type[nn.Module] | nn.Module, weights: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """Call ``architecture.recognise``; return None also without such a method or for odd shapes."""
    recognise_weights: Any = getattr(architecture, 'recognise', None)
    if recognise_weights is None:
        return None
    try:
        return recognise_weights(weights)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ):  # a missing, additional or empty dimension, or no tensor
        return None


def differences(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """Describe how the names and shapes of two state_dicts differ; empty if they agree.

    >>> from torch import ones
    >>> differences({'a': ones(2), 'b': ones(1)}, {'a': ones(3)})
    '1 missing (such as b), 1 of another shape (such as a: (3,) instead of (2,))'
    """
    missing = [key for key in own if key not in weights]
    unexpected = [key for key in weights if key not in own]
    unlike = [key for key in own if key in weights and own[key].shape != getattr(weights[key], 'shape', None)]
    faults = [
        f'{len(keys)} {what} (such as {keys[0]})'
        for keys, what in [(missing, 'missing'), (unexpected, 'unexpected')]
        if keys
    ]
    if unlike:
        shapes = f'{tuple(getattr(weights[unlike[0]], "shape", ()))} instead of {tuple(own[unlike[0]].shape)}'
        faults.append(f'{len(unlike)} of another shape (such as {unlike[0]}: {shapes})')
    return ', '.join(faults)


def check_fits(network: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Make sure that the weights are those of the network, all of them and no others.

    Raises:
        InputError: Naming the first keys that differ.
    """
    faults = differences(network.state_dict(), weights)
    if faults:
        raise InputError(
            f'checkpoint {path} is not for {type(network).__name__} as the config builds it: weights '
            f'{faults}. Use the config that the checkpoint was trained with.'
        )


def _bare(weights: Mapping[str, Any]) -> dict[str, Any]:
    weights = {str(key).replace('_orig_mod.', ''): value for key, value in weights.items()}
    while weights and all(key.startswith('module.') for key in weights):
        weights = {key.removeprefix('module.'): value for key, value in weights.items()}
    return weights

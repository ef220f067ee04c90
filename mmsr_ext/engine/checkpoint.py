"""Reading checkpoints, with errors that say what is wrong with the file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Load a checkpoint onto the CPU without running code from it.

    Args:
        path (str or Path): A file that MMEngine, BasicSR or plain PyTorch wrote.

    Returns:
        dict: The file's content.

    Raises:
        InputError: If there is no such file, or it is no checkpoint.
    """
    if not Path(path).is_file():
        raise InputError(f'checkpoint {path} does not exist. Train one with tools/train.py, or correct the path.')
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, OSError) as error:
        reason = (str(error).splitlines() or ['the file ends early'])[0]
        raise InputError(f'{path} is not a checkpoint that can be read safely ({reason}). It is damaged, incomplete or of another kind; '
                         'give a .pth file that tools/train.py wrote.') from error
    if not isinstance(content, dict):
        raise InputError(f'{path} holds a {type(content).__name__}, not a checkpoint: a dict with the weights under state_dict.')
    return content


def weights_of(content: dict[str, Any], part: str = '') -> dict[str, Tensor]:
    """The weights in a checkpoint.

    Args:
        content (dict): As ``read_checkpoint`` returns it.
        part (str): 'generator' for that part of a restorer's checkpoint; a file that holds a bare network is taken whole.

    Returns:
        dict[str, Tensor]: A state_dict.
    """
    weights = content.get('state_dict', content)
    prefix = f'{part}.'
    if part and any(key.startswith(prefix) for key in weights):
        weights = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    return weights


def check_fits(network: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Make sure that the weights are those of the network, all of them and no others.

    Raises:
        InputError: Naming the first keys that differ.
    """
    own = network.state_dict()
    missing = [key for key in own if key not in weights]
    unexpected = [key for key in weights if key not in own]
    unlike = [key for key in own if key in weights and own[key].shape != getattr(weights[key], 'shape', None)]
    if not (missing or unexpected or unlike):
        return
    faults = [f'{len(keys)} {what} (such as {keys[0]})' for keys, what in [(missing, 'missing'), (unexpected, 'unexpected')] if keys]
    if unlike:
        shapes = f'{tuple(weights[unlike[0]].shape)} instead of {tuple(own[unlike[0]].shape)}'
        faults.append(f'{len(unlike)} of another shape (such as {unlike[0]}: {shapes})')
    raise InputError(f'checkpoint {path} is not for {type(network).__name__} as the config builds it: weights {", ".join(faults)}. '
                     'Use the config that the checkpoint was trained with.')

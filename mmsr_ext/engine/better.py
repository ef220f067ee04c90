"""Which direction of a metric is better."""

from __future__ import annotations

from typing import Any

from ..errors import InputError

# by the names under which metrics of this project and of MMagic are logged
GREATER = (
    'PSNR',
    'SSIM',
    'SNR',
    'MS-SSIM',
    'IS',
    'precision',
    'recall',
    'eqt_int',
    'eqt_frac',
    'eqr',
    'MOS',
    'MP/s',
)
LESS = (
    'NIQE',
    'LPIPS',
    'MAE',
    'MSE',
    'MattingMSE',
    'DISTS',
    'FID',
    'KID',
    'SAD',
    'PI',
    'PPL',
    'ppl_score',
    'SWD',
    'GradientError',
    'ConnectivityError',
    's/image',
)


def higher_is_better(name: str) -> bool | None:
    """Return whether higher values of a metric are better; None for a name that is not known.

    >>> higher_is_better('PSNR-Y'), higher_is_better('bicubic/NIQE'), higher_is_better('mine')
    (True, False, None)

    Args:
        name: As it is logged: a prefix, the metric, and after a hyphen its protocol.
    """
    prefix, _, metric = name.rpartition('/')
    if prefix and (metric == 'avg' or metric.isdigit()):
        metric = prefix.rpartition('/')[
            2
        ]  # MS-SSIM and SWD of MMagic are logged as MS-SSIM/avg, SWD/avg, SWD/256
    words = {name.lower(), metric.lower(), metric.partition('-')[0].lower()}
    if words & {one.lower() for one in GREATER}:
        return True
    return False if words & {one.lower() for one in LESS} else None


def rule_of(name: str, given: Any, owner: str, key: str) -> Any:
    """Return MMEngine's word for the better direction of a metric; a given one has to agree with the metric.

    >>> rule_of('NIQE', None, 'CheckpointHook', 'save_best')
    'less'

    Args:
        name: The metric, as it is logged.
        given: 'greater', 'less', or None where the config does not say.
        owner: Class that asks, for the error.
        key: Its argument that names the metric.

    Returns:
        'greater' or 'less'; ``given`` for a metric that is not known.

    Raises:
        InputError: If the two contradict each other, or neither is known.
    """
    higher = higher_is_better(name)
    known = {True: 'greater', False: 'less', None: None}[higher]
    if given is not None and known is not None and given != known:
        raise InputError(
            f'{owner}: rule={given!r} contradicts {key}={name!r}, of which '
            f'{"higher" if higher else "lower"} values are better. Leave the rule out, or set '
            f'rule={known!r}.'
        )
    if given is None and known is None:
        raise InputError(
            f"{owner}: which values of {key}={name!r} are better? Add rule='greater' or rule='less'."
        )
    return given or known

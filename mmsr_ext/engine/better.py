"""Which direction of a metric is better."""

from __future__ import annotations

GREATER = ('PSNR', 'SSIM', 'SNR', 'IS', 'MOS')
LESS = (
    'NIQE',
    'LPIPS',
    'MAE',
    'MSE',
    'DISTS',
    'FID',
    'KID',
    'SAD',
    'PI',
    'GradientError',
    'ConnectivityError',
)


def higher_is_better(name: str) -> bool | None:
    """Return whether higher values of a metric are better; None for a name that is not known.

    >>> higher_is_better('PSNR-Y'), higher_is_better('bicubic/NIQE'), higher_is_better('mine')
    (True, False, None)

    Args:
        name: As it is logged: a prefix, the metric, and after a hyphen its protocol.
    """
    metric = name.rpartition('/')[2].partition('-')[0].lower()
    if metric in {one.lower() for one in GREATER}:
        return True
    return False if metric in {one.lower() for one in LESS} else None

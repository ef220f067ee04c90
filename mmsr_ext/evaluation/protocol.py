"""MMagic's metrics under names that say their protocol."""

from __future__ import annotations

from typing import Any

from mmagic.evaluation import metrics as mmagic

from ..registry import METRICS


@METRICS.register_module()
class PSNR(mmagic.PSNR):
    """MMagic's PSNR in dB, logged as ``PSNR-Y`` (BT.601, limited range) or ``PSNR-RGB``.

    Args:
        crop_border (int): Pixels left out at each side; the scale by convention.
        convert_to (str, optional): 'Y' or None for RGB.
        **kwargs: See MMagic's.
    """

    default_prefix = ''  # the name says enough

    def __init__(self, crop_border: int = 0, convert_to: str | None = None, **kwargs: Any) -> None:
        super().__init__(crop_border=crop_border, convert_to=convert_to, **kwargs)
        self.metric = f'PSNR-{convert_to or "RGB"}'


@METRICS.register_module()
class SSIM(mmagic.SSIM):
    """MMagic's SSIM (Wang et al. 2004, 11x11 Gaussian window), logged as ``SSIM-Y`` or ``SSIM-RGB``.

    Args:
        crop_border (int): Pixels left out at each side; the scale by convention.
        convert_to (str, optional): 'Y' or None for RGB.
        **kwargs: See MMagic's.
    """

    default_prefix = ''  # the name says enough

    def __init__(self, crop_border: int = 0, convert_to: str | None = None, **kwargs: Any) -> None:
        super().__init__(crop_border=crop_border, convert_to=convert_to, **kwargs)
        self.metric = f'SSIM-{convert_to or "RGB"}'

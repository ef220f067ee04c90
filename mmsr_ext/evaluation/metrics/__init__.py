"""Registered metrics, named by their protocol, and the evaluator of MMagic's loops."""

from .evaluator import Evaluator
from .image_metric import ImageMetric
from .lpips import LPIPS
from .niqe import NIQE
from .protocol import PSNR, SSIM

__all__ = ['LPIPS', 'NIQE', 'PSNR', 'SSIM', 'Evaluator', 'ImageMetric']

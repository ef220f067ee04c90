from .evaluator import Evaluator
from .image_metric import ImageMetric
from .lpips_metric import LPIPS
from .protocol import PSNR, SSIM

__all__ = ['LPIPS', 'PSNR', 'SSIM', 'Evaluator', 'ImageMetric']

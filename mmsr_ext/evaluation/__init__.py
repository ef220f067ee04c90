from .evaluator import Evaluator
from .image_metric import ImageMetric
from .lpips_metric import LPIPS
from .niqe_metric import NIQE
from .protocol import PSNR, SSIM

__all__ = ['LPIPS', 'NIQE', 'PSNR', 'SSIM', 'Evaluator', 'ImageMetric']

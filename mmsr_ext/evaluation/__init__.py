from .lpips_metric import LPIPS
from .protocol import PSNR, SSIM

__all__ = ['LPIPS', 'PSNR', 'SSIM']

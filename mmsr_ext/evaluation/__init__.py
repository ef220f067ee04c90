from .protocol import PSNR, SSIM

__all__ = ['PSNR', 'SSIM']

from .blur_downsample import BlurDownsample
from .real_esrgan_degradation import RealESRGANDegradation

__all__ = ['BlurDownsample', 'RealESRGANDegradation']

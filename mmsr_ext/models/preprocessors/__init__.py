from .blur_downsample import BlurDownsample
from .motion_blur import MotionBlur
from .real_esrgan_degradation import RealESRGANDegradation

__all__ = ['BlurDownsample', 'MotionBlur', 'RealESRGANDegradation']

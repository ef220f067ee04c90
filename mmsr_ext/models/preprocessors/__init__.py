"""Batches to the device, normalised there; degradations that make LQ in training."""

from .blur_downsample import BlurDownsample
from .image_preprocessor import ImagePreprocessor
from .motion_blur import MotionBlur
from .real_esrgan_degradation import RealESRGANDegradation

__all__ = ['BlurDownsample', 'ImagePreprocessor', 'MotionBlur', 'RealESRGANDegradation']

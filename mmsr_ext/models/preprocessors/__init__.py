from .blur_downsample import BlurDownsample

__all__ = ['BlurDownsample']

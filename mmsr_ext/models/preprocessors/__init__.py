from .motion_blur import MotionBlur

__all__ = ['MotionBlur']

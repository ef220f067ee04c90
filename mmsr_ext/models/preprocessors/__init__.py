from .real_esrgan_degradation import RealESRGANDegradation

__all__ = ['RealESRGANDegradation']

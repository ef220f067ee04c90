from .evaluate import evaluate
from .interpolate import interpolate, save_interpolations
from .load import load_generator
from .pack import pack_images, verify_store
from .pairs import make_pairs
from .train import train

__all__ = ['evaluate', 'interpolate', 'load_generator', 'make_pairs', 'pack_images', 'save_interpolations', 'train', 'verify_store']

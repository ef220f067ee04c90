from .evaluate import evaluate
from .interpolate import interpolate, save_interpolations
from .load import load_generator
from .pairs import make_pairs
from .train import train
from .upscale import Upscaler
from .upscale_files import upscale_files

__all__ = [
    'Upscaler', 'evaluate', 'interpolate', 'load_generator', 'make_pairs', 'save_interpolations', 'train', 'upscale_files'
]

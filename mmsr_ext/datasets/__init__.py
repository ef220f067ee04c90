from .image_pairs import PairedImageDataset
from .imread import read_image
from .sampler import Draw, InfiniteDraws

__all__ = ['Draw', 'InfiniteDraws', 'PairedImageDataset', 'read_image']

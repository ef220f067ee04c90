from .image_pairs import PairedImageDataset
from .images import ImageDataset
from .imread import read_image
from .sampler import Draw, InfiniteDraws

__all__ = ['Draw', 'ImageDataset', 'InfiniteDraws', 'PairedImageDataset', 'read_image']

from .gaussian_blur import gaussian_blur
from .gram import gram_matrix
from .imresize import imresize
from .mirror import mirror_index

__all__ = ['gaussian_blur', 'gram_matrix', 'imresize', 'mirror_index']

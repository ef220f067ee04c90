from .gram import gram_matrix
from .imresize import imresize

__all__ = ['gram_matrix', 'imresize']

from .gram import gram_matrix, texture_distance
from .imresize import imresize

__all__ = ['gram_matrix', 'imresize', 'texture_distance']

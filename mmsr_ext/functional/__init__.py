from .gram import gram_matrix, texture_distance
from .imresize import imresize
from .motion_blur import motion_blur, motion_psf, motion_trajectory

__all__ = ['gram_matrix', 'imresize', 'motion_blur', 'motion_psf', 'motion_trajectory', 'texture_distance']

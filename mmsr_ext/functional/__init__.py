"""Pure functions on tensors and arrays, independent of the registries."""

from .alpha import FilledColours, resize_with_alpha
from .bicubic_pair import bicubic_pair
from .blur_kernels import gaussian_kernel, sinc_kernel
from .fidelity import luma, psnr, ssim
from .filter2d import filter2d
from .gaussian_blur import gaussian_blur
from .gram import gram_matrix, texture_distance
from .imresize import imresize
from .imresize_rows import ImresizeRows
from .jpeg import jpeg, jpeg_file
from .mirror import mirror_index
from .motion_blur import motion_blur, motion_psf, motion_trajectory
from .noise import add_gaussian_noise, add_poisson_noise
from .precision import at_least_float32
from .usm import usm_sharpen
from .ycbcr import luma_pixels, rgb_to_ycbcr, ycbcr_to_rgb

__all__ = [
    'FilledColours',
    'ImresizeRows',
    'add_gaussian_noise',
    'add_poisson_noise',
    'at_least_float32',
    'bicubic_pair',
    'filter2d',
    'gaussian_blur',
    'gaussian_kernel',
    'gram_matrix',
    'imresize',
    'jpeg',
    'jpeg_file',
    'luma',
    'luma_pixels',
    'mirror_index',
    'motion_blur',
    'motion_psf',
    'motion_trajectory',
    'psnr',
    'resize_with_alpha',
    'rgb_to_ycbcr',
    'sinc_kernel',
    'ssim',
    'texture_distance',
    'usm_sharpen',
    'ycbcr_to_rgb',
]

"""Filter each image of a batch with a kernel of its own."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError


def filter2d(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate every channel of each image with the image's kernel; borders are mirrored.

    Args:
        image: Shape (N, C, H, W), floating point.
        kernel: Shape (k, l) for all images, or (N, k, l); k and l odd, at most 2 * H - 1 and 2 * W - 1.

    Returns:
        Shape (N, C, H, W).

    Raises:
        InputError: If a kernel has an even size or is too large for the image, or there are not N kernels.
    """
    n, c, h, w = image.shape
    rows, columns = kernel.shape[-2:]
    if rows % 2 == 0 or columns % 2 == 0 or rows // 2 >= h or columns // 2 >= w:
        raise InputError(
            f'filter2d: a kernel of {rows}x{columns} does not fit an image of {h}x{w}; its sizes must be '
            "odd and less than twice the image's. Use larger images or smaller kernels."
        )
    if kernel.ndim == 3 and len(kernel) != n:
        raise InputError(f'filter2d: {len(kernel)} kernels for {n} images; expected 1 or {n}.')
    padded = F.pad(image, (columns // 2, columns // 2, rows // 2, rows // 2), mode='reflect')
    kernel = kernel.to(image, non_blocking=True)
    weight = (
        kernel.reshape(-1, 1, 1, rows, columns)
        .expand(n, c, 1, rows, columns)
        .reshape(n * c, 1, rows, columns)
    )
    # One group per channel: PyTorch's own kernels for that compute in float32, whereas cuDNN's convolution
    # would round to TF32.
    return F.conv2d(padded.reshape(1, n * c, *padded.shape[-2:]), weight, groups=n * c).reshape(n, c, h, w)

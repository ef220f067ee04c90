"""A measure of the grid that some ways of upsampling leave in a picture."""

import numpy as np


def grid_energy(image, reference, period=4, block=32, share=0.3):
    """Return the variance of what repeats with the upsampling, in the smoothest blocks of a reference.

    Args:
        image: Shape (H, W, 3), uint8.
        reference: The same view, whose smooth blocks are looked at: there a picture has nothing to repeat.
        period: Scale of the network.
        block: Side of the blocks in px, a multiple of the period.
        share: Share of the blocks that counts as smooth.
    """
    grey = image.mean(axis=2)
    kernel = np.ones(period) / period
    low = grey
    for axis in (0, 1):
        low = np.apply_along_axis(np.convolve, axis, low, kernel, 'same')
    energies, roughness = [], []
    for top in range(block, grey.shape[0] - 2 * block + 1, block):
        for left in range(block, grey.shape[1] - 2 * block + 1, block):
            here = slice(top, top + block), slice(left, left + block)
            phases = (grey - low)[here].reshape(block // period, period, block // period, period)
            energies.append(phases.mean(axis=(0, 2)).var())
            roughness.append(reference[here].mean(axis=2).std())
    smooth = np.array(roughness) <= np.quantile(roughness, share)
    return float(np.array(energies)[smooth].mean())

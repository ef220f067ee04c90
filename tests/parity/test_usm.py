import numpy as np
import pytest
import skimage.data
import torch
from mmagic.datasets.transforms import UnsharpMasking

from mmsr_ext import InputError
from mmsr_ext.functional import usm_sharpen


def test_against_mmagic():
    images = [skimage.data.astronaut()[:90, 100:220], skimage.data.coffee()[:90, 200:320]]
    theirs = UnsharpMasking(kernel_size=51, sigma=0, weight=0.5, threshold=10, keys=['gt'])
    ours = (
        usm_sharpen(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255)
        .permute(0, 2, 3, 1)
        .numpy()
        * 255
    )
    for image, out in zip(images, ours):
        reference = theirs.transform(dict(gt=image))['gt_unsharp']
        np.testing.assert_allclose(out, reference, atol=0.01)
        assert abs(reference - image).mean() > 1


def test_too_small():
    with pytest.raises(InputError, match='larger than 25 px'):
        usm_sharpen(torch.rand(1, 3, 25, 40))

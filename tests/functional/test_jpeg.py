import io

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from mmsr_ext import InputError
from mmsr_ext.functional import jpeg, jpeg_file
from mmsr_ext.functional.jpeg import quantisation_tables

FACTORS = {'4:2:0': cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, '4:4:4': cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}


def photographs():
    crops = [
        skimage.data.astronaut()[:149, 100:235],
        skimage.data.chelsea()[60:209, 100:235],
        skimage.data.coffee()[:149, 200:335],
    ]
    return np.stack(crops)


def tensor(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def through_opencv(image, quality, subsampling):
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, FACTORS[subsampling]]
    return cv2.imdecode(cv2.imencode('.jpg', image[..., ::-1], options)[1], cv2.IMREAD_COLOR)[
        ..., ::-1
    ].astype(float)


@pytest.mark.parametrize('subsampling', ['4:2:0', '4:4:4'])
@pytest.mark.parametrize('qualities', [(30, 50, 70), (80, 90, 95)])
def test_against_opencv(qualities, subsampling):
    images = photographs()
    ours = (jpeg(tensor(images), qualities, subsampling) * 255).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(ours, ours.round(), atol=1e-4)
    for image, out, quality in zip(images, ours, qualities):
        reference = through_opencv(image, quality, subsampling)
        assert abs(out - reference).mean() < 0.8
        assert abs(reference - image).mean() > 1.2  # what the compression itself does


def test_file_against_opencv():
    images = photographs()
    ours = (jpeg_file(tensor(images), [30, 60, 95]) * 255).permute(0, 2, 3, 1).numpy()
    for image, out, quality in zip(images, ours, (30, 60, 95)):
        assert abs(out - through_opencv(image, quality, '4:2:0')).mean() < 0.05


@pytest.mark.parametrize('quality', [1, 10, 49, 50, 75, 95, 100])
def test_tables_are_those_of_a_file(quality):
    file = io.BytesIO()
    Image.fromarray(photographs()[0]).save(file, 'JPEG', quality=quality)
    tables = Image.open(file).quantization
    for ours, theirs in zip(quantisation_tables(quality), (tables[0], tables[1])):
        assert ours.flatten().int().tolist() == list(theirs)


def test_images_do_not_depend_on_each_other():
    images = tensor(photographs())
    together = jpeg(images, (40, 60, 80))
    for index, quality in enumerate((40, 60, 80)):
        assert jpeg(images[index : index + 1], quality).equal(together[index : index + 1])


def test_gradient_passes_the_roundings():
    image = torch.rand(1, 3, 20, 27).mul(0.6).add(0.2).requires_grad_()
    jpeg(image, 90).sum().backward()
    # a brighter image stays brighter: the compressed image's sum grows as the image's does, but for what is
    # clipped
    assert image.grad.mean().item() == pytest.approx(1, abs=0.05)


class TF32(TorchDispatchMode):
    """Rounds what float32 matrix products and convolutions take to 10 bits of mantissa, as a GPU may."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in ('mm', 'bmm', 'addmm', 'baddbmm', 'convolution'):
            args = tree_map(self.rounded, args)
        return func(*args, **kwargs or {})

    @staticmethod
    def rounded(x):
        if not isinstance(x, torch.Tensor) or x.dtype != torch.float32:
            return x
        return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


@pytest.mark.parametrize('subsampling', ['4:2:0', '4:4:4'])
def test_products_are_rounded_by_no_setting(subsampling):
    images = tensor(photographs())
    plain = jpeg(images, (30, 75, 95), subsampling)
    with TF32():
        assert not torch.equal(images[0, 0] @ images[0, 1].T, images[0, 0].double() @ images[0, 1].double().T)
        assert jpeg(images, (30, 75, 95), subsampling).equal(plain)
    with torch.autocast('cpu', torch.bfloat16):
        assert jpeg(images, (30, 75, 95), subsampling).equal(plain)


@pytest.mark.parametrize('arguments', [(0,), (101,), (50.5,), ([50, 120],), (50, '4:1:1')])
def test_values_out_of_range(arguments):
    with pytest.raises(InputError):
        jpeg(torch.rand(2, 3, 16, 16), *arguments)


@pytest.mark.parametrize('quality', [30, 90])
def test_grey_against_opencv(quality):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6), np.uint8)
    pixels = cv2.resize(pixels, (45, 37), interpolation=cv2.INTER_CUBIC)
    _, file = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    expected = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)
    image = torch.from_numpy(pixels)[None, None].float() / 255
    for result in (jpeg(image, quality), jpeg_file(image, quality)):
        assert result.shape == image.shape
        error = np.abs((result[0, 0] * 255).numpy() - expected)
        # libjpeg's integer transform rounds a few coefficients to the next step
        assert error.max() < 8
        assert (error > 1.001).mean() < 0.05

import numpy as np
import pytest
import torch
from mmagic.evaluation.metrics.ssim import _ssim as mmagics_ssim
from skimage.color import rgb2ycbcr
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch._subclasses.fake_tensor import FakeTensorMode

from mmsr_ext.functional import fidelity, imresize, luma, psnr, ssim


@pytest.fixture(scope='module')
def images():
    gt = torch.from_numpy(astronaut()[100:260, 120:300].copy()).permute(2, 0, 1)
    return gt, imresize(imresize(gt, 1 / 4), 4)


def test_luma_equals_scikit_images(images):
    expected = rgb2ycbcr(images[0].permute(1, 2, 0).numpy())[..., 0]
    np.testing.assert_allclose(luma(images[0])[0].numpy(), expected, rtol=0, atol=1e-10)


def test_psnr_equals_scikit_images(images):
    gt, pred = (image.numpy().astype(float) for image in images)
    assert psnr(*images).item() == pytest.approx(peak_signal_noise_ratio(gt, pred, data_range=255), abs=1e-10)
    assert psnr(images[0], images[0]).item() == float('inf')


def test_ssim_equals_scikit_images_and_mmagics(images):
    gt, pred = (image.numpy().astype(float) for image in images)
    full = structural_similarity(
        gt,
        pred,
        data_range=255,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )[1]
    value = ssim(*images).item()
    # scikit-image averages over the border too, where the window does not fit
    assert value == pytest.approx(full[:, 5:-5, 5:-5].mean(), abs=1e-6)
    assert value == pytest.approx(np.mean([mmagics_ssim(x, y) for x, y in zip(gt, pred)]), abs=1e-12)
    assert ssim(images[0], images[0]).item() == pytest.approx(1)


def test_the_way_of_a_gpu_gives_the_same(images):
    class Elsewhere(torch.Tensor):
        device = torch.device('cuda:0')

    x = images[0][0].double()
    expected = fidelity._smooth(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fidelity.torch, 'from_numpy', lambda array: _to_itself(torch.tensor(array)))
        other = fidelity._smooth(x.as_subclass(Elsewhere))
    torch.testing.assert_close(other.as_subclass(torch.Tensor), expected, rtol=0, atol=1e-10)


def _to_itself(tensor):
    tensor.to = lambda device: tensor
    return tensor


def test_batches_are_measured_image_by_image(images):
    gt, pred = (torch.stack([image, image.flip(1)]) for image in images)
    pred[1, :, :40] = gt[1, :, :40]
    for function in (psnr, ssim):
        values = function(gt, pred)
        assert values.dtype == torch.float64
        assert values[0] < values[1]
        for index in range(2):
            assert values[index] == function(gt[index], pred[index])


def test_never_waits_for_the_device():
    with FakeTensorMode():
        x, y = (torch.empty(3, 20, 20, device='cuda:0') for _ in range(2))
        assert psnr(x, luma(y)).device == torch.device('cuda:0')

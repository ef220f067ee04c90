import cv2
import numpy as np
import pytest
import skimage.data
import torch
from mmagic.models import DataPreprocessor
from mmagic.structures import DataSample
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from mmsr_ext import InputError
from mmsr_ext.functional import usm_sharpen
from mmsr_ext.functional.counter_random import _poisson_table
from mmsr_ext.functional.jpeg import _colours, _dct
from mmsr_ext.models import RealESRGANDegradation

STILL = dict(
    blur_prob=0.0, resize_probs=(0, 0, 1), gaussian_prob=1.0, gaussian_sigma=(0, 0), jpeg_quality=(100, 100)
)
SMALL = dict(
    gt_size=32,
    first=dict(kernel_sizes=(3, 5, 7)),
    second=dict(kernel_sizes=(3, 5, 7)),
    final_sinc_sizes=(3, 5, 7),
)


def crops(positions, size=48):
    image = skimage.data.astronaut()
    return [
        torch.from_numpy(image[p % 5 * 40 : p % 5 * 40 + size, 100 : 100 + size].copy()).permute(2, 0, 1)
        for p in positions
    ]


def batch(positions, seed=0, size=48, **meta):
    samples = []
    for position, gt in zip(positions, crops(positions, size)):
        sample = DataSample(gt_img=gt)
        sample.set_metainfo(dict(gt_channel_order='rgb', position=position, seed=seed) | meta)
        samples.append(sample)
    return dict(inputs=[sample.gt_img for sample in samples], data_samples=samples)


def outputs(degradation, data):
    out = degradation(data, True)
    return [
        out['inputs'],
        out['data_samples'].gt_img,
        out['data_samples'].get('gan_gt_img', out['data_samples'].gt_img),
    ]


def test_pairs():
    quiet = SMALL['first'] | dict(gaussian_prob=1.0, gaussian_sigma=(0, 2))
    lq, gt, plain = outputs(
        RealESRGANDegradation(**SMALL | dict(first=quiet, second=quiet), pool_size=0), batch(range(6))
    )
    assert lq.shape == (6, 3, 8, 8)
    assert gt.shape == plain.shape == (6, 3, 32, 32)
    assert lq.min() >= 0
    assert lq.max() <= 1
    torch.testing.assert_close(lq * 255, (lq * 255).round())
    torch.testing.assert_close(gt, usm_sharpen(plain))
    for index, image in enumerate(crops(range(6))):
        # plain GT is a crop of the image on the grid of LQ, and LQ shows the same part
        places = [
            (top, left)
            for top in range(0, 17, 4)
            for left in range(0, 17, 4)
            if (plain[index] * 255).round().to(torch.uint8).equal(image[:, top : top + 32, left : left + 32])
        ]
        assert len(places) == 1
        assert (
            np.corrcoef(lq[index].flatten(), torch.nn.functional.avg_pool2d(plain[index], 4).flatten())[0, 1]
            > 0.6
        )


def test_a_function_of_seed_and_position_alone():
    degradation = RealESRGANDegradation(**SMALL, pool_size=0)
    together = outputs(degradation, batch(range(4)))
    for position in (2, 0, 3):
        for one, all_ in zip(outputs(degradation, batch([position])), together):
            assert one[0].equal(all_[position])
    lq = together[0]
    assert not outputs(degradation, batch(range(4), seed=1))[0].equal(lq)
    assert not outputs(degradation, batch([5, 6, 7, 8]))[0].equal(lq)
    torch.manual_seed(123)
    np.random.seed(123)
    assert outputs(degradation, batch(range(4)))[0].equal(lq)


def test_stacked_samples_and_bgr_give_the_same():
    degradation = RealESRGANDegradation(**SMALL, pool_size=0)
    expected = outputs(degradation, batch(range(3)))
    stacked = DataSample.stack(batch(range(3))['data_samples'])
    bgr = batch(range(3), gt_channel_order='bgr')
    for sample in bgr['data_samples']:
        sample.gt_img = sample.gt_img.flip(0)
    for data in (dict(data_samples=stacked), bgr):
        for ours, theirs in zip(outputs(degradation, data), expected):
            assert ours.equal(theirs)


def test_jpeg_twice_is_all_that_is_left():
    """At scale 1, without blur, resizing and noise."""
    quiet = STILL | dict(jpeg_quality=(60, 60))
    degradation = RealESRGANDegradation(
        scale=1,
        gt_size=48,
        first=quiet,
        second=quiet,
        final_sinc_prob=0.0,
        jpeg_mode='file',
        gt_usm=False,
        pool_size=0,
    )
    lq, gt, plain = outputs(degradation, batch(range(2)))
    for index, image in enumerate(crops(range(2))):
        pixels = image.permute(1, 2, 0).numpy()
        assert (gt[index].permute(1, 2, 0) * 255).round().numpy().astype(np.uint8).tolist() == pixels.tolist()
        for _ in range(2):
            pixels = cv2.imdecode(
                cv2.imencode('.jpg', pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 1
            )[..., ::-1]
        assert abs((lq[index].permute(1, 2, 0) * 255).numpy() - pixels).mean() < 0.05
    assert plain is gt


def test_blur_before_resize():
    """One blur of known width, then the final size by one of three filters, against OpenCV."""
    first = STILL | dict(blur_prob=1.0, kernel_probs=dict(iso=1.0), kernel_sizes=(15,), sigma=(2.5, 2.5))
    degradation = RealESRGANDegradation(
        gt_size=96, first=first, second=STILL, final_sinc_prob=0.0, gt_usm=False, pool_size=0
    )
    lq = outputs(degradation, batch(range(8), size=96))[0]
    for index, image in enumerate(crops(range(8), size=96)):
        blurred = cv2.GaussianBlur(
            image.permute(1, 2, 0).float().numpy(), (15, 15), 2.5, borderType=cv2.BORDER_REFLECT_101
        )
        reductions = [
            cv2.resize(blurred, (24, 24), interpolation=mode)
            for mode in (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
        ]
        differences = [abs((lq[index].permute(1, 2, 0) * 255).numpy() - one).mean() for one in reductions]
        assert min(differences) < 2  # JPEG at quality 100 at two sizes, with chroma at half of them


def test_simulated_jpeg_is_close_to_the_file():
    simulated, file = (
        RealESRGANDegradation(
            **SMALL | dict(first=STILL | dict(jpeg_quality=(50, 50)), second=STILL),
            final_sinc_prob=0.0,
            jpeg_mode=mode,
            pool_size=0,
        )
        for mode in ('simulated', 'file')
    )
    one, other = (outputs(degradation, batch(range(4)))[0] for degradation in (simulated, file))
    assert 0 < (one - other).abs().mean() * 255 < 1.5


@pytest.mark.parametrize(('gt_usm', 'gan_gt_usm'), [(False, False), (True, False), (True, True)])
def test_which_targets_are_sharp(gt_usm, gan_gt_usm):
    degradation = RealESRGANDegradation(**SMALL, gt_usm=gt_usm, gan_gt_usm=gan_gt_usm, pool_size=0)
    _, gt, gan_gt = outputs(degradation, batch(range(2)))
    plain = outputs(RealESRGANDegradation(**SMALL, gt_usm=False, pool_size=0), batch(range(2)))[1]
    sharp = usm_sharpen(plain)
    assert not sharp.equal(plain)
    assert gt.equal(sharp if gt_usm else plain)
    assert gan_gt.equal(sharp if gan_gt_usm else plain)


def test_pool_mixes_and_survives_resume():
    degradation = RealESRGANDegradation(**SMALL, pool_size=6)
    unpooled = RealESRGANDegradation(**SMALL, pool_size=0)
    for step in range(3):
        for one, other in zip(
            *(outputs(one, batch([2 * step, 2 * step + 1])) for one in (degradation, unpooled))
        ):
            assert one.equal(other)  # handed out as they come, until it is full
    mixed = outputs(degradation, batch([6, 7]))
    assert not mixed[0].equal(outputs(unpooled, batch([6, 7]))[0])
    everything = outputs(unpooled, batch(range(6)))
    for index in range(2):
        earlier = [
            p
            for p in range(6)
            if everything[0][p].equal(mixed[0][index]) and everything[1][p].equal(mixed[1][index])
        ]
        assert len(earlier) == 1  # LQ and GT still belong together
    resumed = RealESRGANDegradation(**SMALL, pool_size=6)
    resumed.load_state_dict(degradation.state_dict())
    for one, other in zip(outputs(degradation, batch([8, 9])), outputs(resumed, batch([8, 9]))):
        assert one.equal(other)


def test_validation_is_mmagics():
    def pairs():
        samples = batch(range(2))['data_samples']
        for sample in samples:
            sample.set_metainfo(dict(img_channel_order='rgb'))
        return dict(inputs=[sample.gt_img[:, ::4, ::4] for sample in samples], data_samples=samples)

    ours, theirs = RealESRGANDegradation(), DataPreprocessor([0.0] * 3, [255.0] * 3)
    one, other = ours(pairs(), False), theirs(pairs(), False)
    assert one['inputs'].equal(other['inputs'])
    assert one['data_samples'].gt_img.equal(other['data_samples'].gt_img)
    for data, preprocessor in [(one, ours), (other, theirs)]:
        data['back'] = preprocessor.destruct(data['inputs'], data['data_samples'], 'img')
    assert one['back'].equal(other['back'])
    torch.testing.assert_close(one['back'][0], crops([0])[0][:, ::4, ::4].flip(0).float())


@pytest.mark.parametrize(
    ('kwargs', 'named'),
    [
        (dict(scale=0), 'scale=0'),
        (dict(gt_size=130), 'gt_size=130'),
        (dict(gt_size=16), 'gt_size=16'),
        (dict(jpeg_mode='webp'), 'webp'),
        (dict(pool_size=-1), 'pool_size=-1'),
        (dict(final_sinc_prob=2), 'final_sinc_prob=2'),
        (dict(final_sinc_sizes=(4,)), 'final_sinc_sizes'),
        (dict(first=dict(sigma=(-1, 2))), 'sigma'),
        (dict(second=dict(blur=1)), "unknown key 'blur'"),
    ],
)
def test_bad_arguments(kwargs, named):
    with pytest.raises(InputError, match=named):
        RealESRGANDegradation(**kwargs)


def test_bad_batches():
    without_draw = batch(range(2))
    for sample in without_draw['data_samples']:
        del sample.position
    unlike = dict(data_samples=batch([0])['data_samples'] + batch([1], size=64)['data_samples'])
    floating = batch([0])
    floating['data_samples'][0].gt_img = floating['data_samples'][0].gt_img.float()
    for data, named in [
        (without_draw, 'InfiniteDraws'),
        (unlike, 'different sizes'),
        (floating, 'uint8'),
        (batch([0], size=30), 'multiple of the scale'),
        (batch([0], size=28), 'at least gt_size'),
    ]:
        with pytest.raises(InputError, match=named):
            RealESRGANDegradation(**SMALL)(data, True)
    with pytest.raises(InputError, match='too small for a kernel of 21'):
        RealESRGANDegradation(gt_size=32)(batch([0]), True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_the_same_on_a_gpu():
    for one, other in zip(
        *(outputs(RealESRGANDegradation(**SMALL).to(device), batch(range(8))) for device in ('cpu', 'cuda'))
    ):
        # a value at the edge between two levels may fall to either side
        difference = (one - other.cpu()).abs() * 255
        assert difference.mean() < 0.05
        assert (difference > 1.5).float().mean() < 0.005


def test_stays_on_the_device_and_never_waits_for_it():
    """Tensors without content have a device, and raise where the host asks for a value."""
    caches = _poisson_table, _colours, _dct
    for cache in caches:
        cache.cache_clear()
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            degradation = RealESRGANDegradation(**SMALL, pool_size=4).to('cuda:0')
            for step in range(3):
                for image, size in zip(outputs(degradation, batch([2 * step, 2 * step + 1])), (8, 32, 32)):
                    assert image.device == torch.device('cuda:0')
                    assert image.shape == (2, 3, size, size)
            with pytest.raises(DataDependentOutputException):
                int(degradation.pool.filled)
    finally:
        for cache in caches:
            cache.cache_clear()


def test_pool_of_another_size_is_refused():
    from mmsr_ext.models.preprocessors.pair_pool import PairPool

    small, large = (PairPool(size, (3, 2, 2), (3, 8, 8)) for size in (4, 8))
    with pytest.raises(InputError, match=r'pool of \(8, 3, 2, 2\) for LQ.*\(4, 3, 2, 2\)'):
        small.load_state_dict(large.state_dict())


@pytest.mark.parametrize('jpeg_mode', ['simulated', 'file'])
def test_one_channel(jpeg_mode):
    data = batch(range(6))
    for sample in data['data_samples']:
        sample.gt_img = sample.gt_img[:1]
    degradation = RealESRGANDegradation(**SMALL, pool_size=6, channels=1, jpeg_mode=jpeg_mode)
    for _ in range(2):  # the second batch comes out of the pool
        lq, gt, plain = outputs(degradation, data)
        assert lq.shape == (6, 1, 8, 8)
        assert gt.shape == plain.shape == (6, 1, 32, 32)
    assert abs(lq.mean() - plain.mean()) < 0.1
    with pytest.raises(InputError, match=r'with 3 channels, but is torch\.uint8 with 1'):
        RealESRGANDegradation(**SMALL)(data, True)

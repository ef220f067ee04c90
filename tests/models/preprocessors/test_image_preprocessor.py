import numpy as np
import pytest
import torch
from mmagic.structures import DataSample
from torch._subclasses.fake_tensor import FakeTensorMode

from mmsr_ext import InputError
from mmsr_ext.models import BlurDownsample, GANRestorer, ImagePreprocessor, MotionBlur, RealESRGANDegradation
from mmsr_ext.registry import MODELS

UNIT = dict(mean=0.0, std=255.0)
SMALL = dict(
    gt_size=32,
    pool_size=0,
    **{name: dict(kernel_sizes=(3, 5)) for name in ('first', 'second')},
    final_sinc_sizes=(3,),
)


def images(count=2, size=(24, 20), scale=4, seed=0):
    pixels = torch.Generator().manual_seed(seed)
    height, width = size
    return (
        torch.randint(
            0, 256, (count, 3, height // scale, width // scale), generator=pixels, dtype=torch.uint8
        ),
        torch.randint(0, 256, (count, 3, height, width), generator=pixels, dtype=torch.uint8),
    )


def packed(lq=None, gt=None, draws=((7, 3), (7, 4)), **kwargs):
    if gt is None:
        lq, gt = images(**kwargs)
    batch = dict(gt=gt, draws=torch.tensor(draws), keys=[f'image{index}' for index in range(len(gt))])
    return batch if lq is None else batch | dict(lq=lq)


def sampled(lq=None, gt=None, draws=((7, 3), (7, 4)), order='rgb', **kwargs):
    if gt is None:
        lq, gt = images(**kwargs)
    samples = []
    for image, (seed, position) in zip(gt, draws):
        meta = dict(
            gt_channel_order=order, img_channel_order=order, gt_path='x/a.png', position=position, seed=seed
        )
        samples.append(DataSample(gt_img=image.clone(), metainfo=meta))
    return dict(inputs=[image.clone() for image in (gt if lq is None else lq)], data_samples=samples)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'order'), [(1, None), (3, 'rgb'), (3, 'bgr'), (3, None), (4, 'rgb')])
@pytest.mark.parametrize('target', ['RGB', 'BGR', None])
def test_equals_mmagics(training, order, target, channels):
    lq, gt = (torch.cat([image, image], 1)[:, :channels] for image in images())
    arguments = (
        dict(mean=[100.0, 110.0, 120.0], std=[50.0, 60.0, 70.0])
        if channels == 3
        else dict(mean=100.0, std=50.0)
    )
    arguments['output_channel_order'] = target
    ours, theirs = (
        ImagePreprocessor(**arguments),
        MODELS.build(dict(type='mmagic.DataPreprocessor', **arguments)),
    )
    one, other = ours(sampled(lq, gt, order=order), training), theirs(sampled(lq, gt, order=order), training)
    assert torch.equal(one['inputs'], other['inputs'])
    assert torch.equal(one['data_samples'].gt_img, other['data_samples'].gt_img)
    assert set(one['data_samples'].metainfo_keys()) == set(other['data_samples'].metainfo_keys())
    output = torch.linspace(-2, 3, gt.numel()).view(gt.shape)
    for preprocessor, batch in ((ours, one), (theirs, other)):
        batch['back'] = preprocessor.destruct(output, batch['data_samples'])
    assert torch.equal(one['back'], other['back'])


@pytest.mark.parametrize('training', [True, False])
def test_both_kinds_of_batches_are_one(training):
    preprocessor = ImagePreprocessor(**UNIT)
    one, other = preprocessor(packed(), training), preprocessor(sampled(), training)
    assert torch.equal(one['inputs'], other['inputs'])
    assert torch.equal(one['data_samples'].gt_img, other['data_samples'].gt_img)
    assert (one['data_samples'].seed, one['data_samples'].position) == ([7, 7], [3, 4])
    split = one['data_samples'].split()
    assert [sample.key for sample in split] == ['image0', 'image1']
    if not training:
        lq, gt = images()
        assert split[1].gt_img.dtype == torch.uint8
        assert torch.equal(split[1].gt_img, gt[1].flip(0))  # BGR
        back = preprocessor.destruct(one['inputs'], one['data_samples'], 'img')
        torch.testing.assert_close(back, lq.flip(1).float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    'preprocessor',
    [
        RealESRGANDegradation(**SMALL),
        MotionBlur(length=10.0, **UNIT),
        BlurDownsample(4, 1.5, **UNIT),
    ],
)
@pytest.mark.parametrize('with_lq', [False, True])
def test_what_makes_lq_takes_both_kinds(preprocessor, with_lq):
    lq, gt = images(size=(48, 48))
    lq = lq if with_lq else None
    one, other = preprocessor(packed(lq, gt), True), preprocessor(sampled(lq, gt), True)
    assert torch.equal(one['inputs'], other['inputs'])
    assert torch.equal(one['data_samples'].gt_img, other['data_samples'].gt_img)
    assert not torch.equal(
        preprocessor(packed(lq, gt, ((7, 5), (7, 6))), True)['inputs'], one['inputs']
    ) or isinstance(preprocessor, BlurDownsample)


@pytest.mark.parametrize('preprocessor', [RealESRGANDegradation(**SMALL), MotionBlur(length=10.0)])
def test_undrawn_samples_are_refused_where_something_is_random(preprocessor):
    with pytest.raises(InputError, match='InfiniteDraws'):
        preprocessor(packed(None, images(size=(48, 48))[1], ((-1, -1), (-1, -1))), True)


def test_draws_are_those_of_the_sampler():
    """The figures that samples of ImageDataset carry, written out here, lead to the blur that the package
    computes from them."""
    preprocessor = MotionBlur(length=10.0, **UNIT)
    from mmsr_ext.functional import motion_blur

    gt = images()[1]
    psfs = torch.from_numpy(np.stack([preprocessor.psf(7, 3), preprocessor.psf(7, 4)]))
    expected = (motion_blur(gt / 255, psfs) * 255).round().clamp(0, 255) / 255
    assert torch.equal(preprocessor(packed(None, gt), True)['inputs'], expected)


def test_other_targets_are_normalised_too():
    batch = sampled()
    for sample in batch['data_samples']:
        sample.set_tensor_data(dict(gan_gt_img=sample.gt_img // 2, weight=torch.ones(3)))
        sample.set_metainfo(dict(gan_gt_img_channel_order='rgb'))
    samples = ImagePreprocessor(**UNIT)(batch, True)['data_samples']
    assert torch.equal(samples.gan_gt_img, images()[1] // 2 / 255)
    assert torch.equal(samples.weight, torch.ones(2, 3))


def test_inputs_alone():
    lq = images()[0]
    preprocessor = ImagePreprocessor(**UNIT)
    batch = preprocessor(dict(inputs=list(lq)))
    assert torch.equal(batch['inputs'], lq / 255)
    torch.testing.assert_close(
        preprocessor.destruct(batch['inputs'], batch['data_samples']), lq.float(), rtol=0, atol=1e-4
    )
    stacked = preprocessor(dict(inputs=lq, data_samples=DataSample.stack(sampled()['data_samples'])), True)
    assert torch.equal(stacked['inputs'], batch['inputs'])


def test_sizes_that_differ():
    (a, b), (c, d) = images(1), images(1, (16, 32), seed=1)
    batch = dict(
        inputs=[a[0], c[0]], data_samples=sampled(a, b)['data_samples'] + sampled(c, d)['data_samples']
    )
    with pytest.raises(InputError, match=r'different sizes.*\(3, 4, 8\) and \(3, 6, 5\).*batch_size=1'):
        ImagePreprocessor(**UNIT)(batch)
    preprocessor = ImagePreprocessor(**UNIT, stack_data_sample=False)
    out = preprocessor(batch)
    assert out['inputs'].shape == (2, 3, 6, 8)
    assert torch.equal(out['inputs'][1, :, :4, :8], c[0] / 255)
    assert not out['inputs'][0, :, :, 5:].any()
    assert torch.equal(out['data_samples'][1].gt_img, d[0].flip(0))
    with pytest.raises(InputError, match='batch_size=1'):
        preprocessor.destruct(out['inputs'], out['data_samples'])


def test_users_batch_is_left_alone():
    batch = sampled()
    ImagePreprocessor(**UNIT)(batch, True)
    assert torch.equal(batch['data_samples'][0].gt_img, images()[1][0])
    assert 'padding_size' not in batch['data_samples'][0].metainfo_keys()


@pytest.mark.parametrize(
    ('call', 'named'),
    [
        (lambda: ImagePreprocessor(std=[1.0, 0.0, 1.0]), r'std=\[1.0, 0.0, 1.0\]'),
        (lambda: ImagePreprocessor(output_channel_order='GRB'), "'GRB'"),
        (lambda: ImagePreprocessor(mean=[1.0, 2.0])(packed(), True), '3 channels, but mean and std have 2'),
        (lambda: ImagePreprocessor()(packed(None, images()[1]), True), 'has no LQ'),
        (
            lambda: ImagePreprocessor()(
                sampled()
                | dict(data_samples=sampled()['data_samples'][:1] + sampled(order='bgr')['data_samples'][1:])
            ),
            'different img_channel_order',
        ),
    ],
)
def test_bad_input(call, named):
    with pytest.raises(InputError, match=named):
        call()


def test_eight_bits_travel_once():
    """On a device that is none: nothing waits for it, and what is sent is uint8, LQ and GT."""
    sent, batches = [], (packed(), sampled())
    with FakeTensorMode(allow_non_fake_inputs=True):
        preprocessor = ImagePreprocessor(**UNIT).to('cuda:0')
        send = preprocessor._send
        preprocessor._send = lambda image: (sent.append(image.dtype), send(image))[1]
        for batch in batches:
            out = preprocessor(batch, True)
            assert out['inputs'].device == out['data_samples'].gt_img.device == torch.device('cuda:0')
            assert out['inputs'].dtype == torch.float32
    assert sent == [torch.uint8] * 4


def test_in_the_restorer(scope):
    """Training and validation by packed batches equal those by samples, and by MMagic's preprocessor."""
    from mmengine.optim import OptimWrapper

    results = []
    for kind, batch in [
        ('ImagePreprocessor', packed),
        ('ImagePreprocessor', sampled),
        ('mmagic.DataPreprocessor', sampled),
    ]:
        torch.manual_seed(0)
        model = GANRestorer(
            dict(type='SRResNet', mid_channels=4, num_blocks=1),
            pixel_loss=dict(type='L1Loss'),
            test_cfg=dict(baseline='bicubic'),
            data_preprocessor=dict(type=kind, mean=[0.0] * 3, std=[255.0] * 3),
        )
        logs = model.train_step(batch(), OptimWrapper(torch.optim.SGD(model.parameters(), 0.1)))
        sample = model.eval().val_step(batch())[1]
        results.append(
            [logs['loss_pix'], sample.output.pred_img, sample.output.bicubic_img, sample.gt_img, sample.input]
        )
    for other in results[1:]:
        for one, theirs in zip(results[0], other):
            assert torch.equal(one, theirs)

"""The function of images that an Upscaler makes of a network."""

import numpy as np
import pytest
import torch
from mmagic.models.editors.cyclegan import ResnetGenerator
from PIL import Image
from torch import nn

from mmsr_ext import InputError
from mmsr_ext.apis import Upscaler
from mmsr_ext.functional import imresize, rgb_to_ycbcr, ycbcr_to_rgb
from mmsr_ext.models.backbones import DeblurResNet, SRVGGNetCompact
from mmsr_ext.models.discriminators import PatchGANDiscriminator, UNetDiscriminator, VGGDiscriminator


def compact(scale=2, channels=3, num_convs=2):
    """Random weights; sees num_convs + 2 pixels far."""
    torch.manual_seed(0)
    return SRVGGNetCompact(channels, channels, mid_channels=8, num_convs=num_convs, scale=scale).eval()


def picture(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def plain(network, image, top=255, lowest=0, highest=1):
    """The network's output for a whole image (H, W, C), in [0, top], not rounded."""
    with torch.no_grad():
        x = torch.from_numpy(image.astype(np.float32) / top).permute(2, 0, 1)[None]
        return network(x)[0].permute(1, 2, 0).numpy().clip(lowest, highest) * top


def assert_rounded(result, exact):
    assert result.shape == exact.shape
    assert np.abs(result.astype(float) - exact).max() <= 0.5 + 1e-2  # fp32 has 65535 to 0.004


def silent(text):
    raise AssertionError(f'nothing should have been said, but: {text}')


@pytest.mark.parametrize('shape', [(97, 150, 3), (33, 200, 3), (64, 64, 3), (65, 31, 3), (130, 40, 3)])
@pytest.mark.parametrize('scale', [1, 2, 3])
def test_tiles_equal_the_whole_where_the_overlap_covers_the_receptive_field(shape, scale):
    network, image = compact(scale), picture(*shape)
    result = Upscaler(network, 'cpu', tile=64, overlap=16, say=silent)(
        image
    )  # 4 px are left out beside a seam: as far as it sees
    assert_rounded(result, plain(network, image))


def test_seams_are_bounded_where_the_network_sees_farther_than_the_overlap():
    network, image = compact(2, num_convs=12), picture(160, 150, 3)
    exact = plain(network, image)
    error = {
        overlap: np.abs(Upscaler(network, 'cpu', tile=64, overlap=overlap)(image) - exact).max()
        for overlap in (0, 8, 16)
    }
    assert error[0] > 4  # the seams that there would be
    assert error[16] < 1.5
    assert error[16] <= error[8] <= error[0]


@pytest.mark.parametrize('tile', [32, 48, 64, 80])
@pytest.mark.parametrize('overlap', [0, 1, 7, 16])
def test_every_pixel_has_weights_of_sum_1(tile, overlap):
    class Repeat(nn.Module):
        def forward(self, x):
            return x.repeat_interleave(3, -2).repeat_interleave(3, -1)

    image = picture(113, 171, 3)
    np.testing.assert_array_equal(
        Upscaler(Repeat(), 'cpu', tile=tile, overlap=overlap)(image), image.repeat(3, 0).repeat(3, 1)
    )


@pytest.mark.parametrize('shape', [(1, 1, 3), (1, 70, 3), (5, 2, 3), (17, 3, 3)])
def test_down_to_one_pixel(shape):
    image = picture(*shape)
    result = Upscaler(compact(), 'cpu', tile=32, overlap=16)(image)
    mirrored = np.pad(image, [(0, max(16 - shape[0], 0)), (0, max(16 - shape[1], 0)), (0, 0)], 'symmetric')
    assert_rounded(result, plain(compact(), mirrored)[: 2 * shape[0], : 2 * shape[1]])


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_depth_and_kind_are_kept(dtype):
    top = np.iinfo(dtype).max
    network = compact()
    upscaler = Upscaler(network, 'cpu')
    for shape in [(20, 18), (20, 18, 1), (20, 18, 2), (20, 18, 3), (20, 18, 4)]:
        result = upscaler(picture(*shape, dtype=dtype))
        assert result.dtype == dtype
        assert result.shape == (40, 36, *shape[2:])
    image = picture(20, 18, 3, dtype=dtype)
    assert_rounded(upscaler(image), plain(network, image, top))


def test_a_suspended_result_leaves_no_mode_behind():
    strips = Upscaler(compact(), 'cpu', tile=32, overlap=16).rows(picture(70, 20, 3))
    next(strips)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_16_bits_are_finer_than_8():
    image = np.linspace(10000, 10400, 20 * 20 * 3).astype(np.uint16).reshape(20, 20, 3)
    assert len(np.unique(Upscaler(compact(1), 'cpu')(image))) > 200  # 400 of 65535 are 2 steps of 8 bits


def test_grey():
    image = picture(20, 18)
    exact = plain(compact(), np.stack([image] * 3, 2)) @ [0.299, 0.587, 0.114]
    assert np.abs(Upscaler(compact(), 'cpu')(image) - exact).max() <= 0.51
    one = compact(channels=1)
    assert_rounded(Upscaler(one, 'cpu')(image[..., None]), plain(one, image[..., None]))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_colours_through_a_network_of_y(dtype):
    """Y by the network and chroma by MATLAB's bicubic, as the papers show their colour results."""
    one, colours = compact(channels=1), picture(40, 50, 3).astype(dtype)
    levels = np.iinfo(dtype).max // 255
    colours *= dtype(levels)
    ycbcr = rgb_to_ycbcr(colours)
    with torch.inference_mode():
        luma = one(torch.from_numpy(ycbcr[..., 0] / np.float32(255))[None, None])[0] * 255
    chroma = imresize(torch.from_numpy(ycbcr[..., 1:]).permute(2, 0, 1), 2)
    image = torch.cat([luma, chroma]).permute(1, 2, 0).numpy()
    expected = np.clip(ycbcr_to_rgb(image) * levels, 0, 255 * levels)
    for tile, overlap in [(0, None), (32, 16)]:
        result = Upscaler(one, 'cpu', tile=tile, overlap=overlap)(colours)
        assert result.dtype == dtype
        assert np.abs(result - expected).max() < 0.51 + (levels > 1) * 0.1


def test_transparent_colours_through_a_network_of_y():
    """The colours under an alpha of 0 reach neither Y nor chroma."""
    image = picture(40, 50, 4)
    image[:, 25:, 3] = 0
    upscaler = Upscaler(compact(channels=1), 'cpu', tile=32, overlap=16)
    result = upscaler(image)
    image[:, 25:, :3] = 255 - image[:, 25:, :3]
    np.testing.assert_array_equal(result, upscaler(image))
    assert result.shape == (80, 100, 4)


@pytest.mark.parametrize('outscale', [None, 1, 3])
def test_alpha_is_resized_beside_the_colours(outscale):
    image = picture(70, 40, 4)
    upscaler = Upscaler(compact(), 'cpu', tile=32, overlap=16, outscale=outscale)
    result = upscaler(image)
    alpha = imresize(torch.from_numpy(image[..., 3])[None], outscale or 2)[0].numpy()
    np.testing.assert_array_equal(result[..., 3], alpha)
    image[..., 3] = np.maximum(image[..., 3], 1) if outscale is None else 255  # else see test_alpha.py
    np.testing.assert_array_equal(upscaler(image)[..., :3], upscaler(image[..., :3]))


def test_other_scales_are_the_networks_result_resized():
    image = picture(75, 50, 3)
    own = torch.from_numpy(Upscaler(compact(2), 'cpu')(image)).permute(2, 0, 1)
    for outscale in (1, 8):
        expected = imresize(own, outscale / 2).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(
            Upscaler(compact(2), 'cpu', tile=32, overlap=16, outscale=outscale)(image), expected
        )
    upscaler = Upscaler(compact(2), 'cpu', outscale=1.33)
    assert upscaler(image).shape == (*upscaler.output_size(75, 50), 3) == (100, 67, 3)


def test_ensemble_commutes_with_flips_and_turns():
    image, network = picture(24, 20, 3), compact()
    single, upscaler = Upscaler(network, 'cpu'), Upscaler(network, 'cpu', ensemble=True)
    turned = np.ascontiguousarray(np.rot90(image)[:, ::-1])
    back = np.rot90(upscaler(turned)[:, ::-1], -1)
    assert np.abs(upscaler(image).astype(int) - back).max() <= 1
    assert np.abs(single(image).astype(int) - np.rot90(single(turned)[:, ::-1], -1)).max() > 1
    outputs = []
    for turns in range(4):
        for flip in (1, -1):
            output = plain(
                network, np.ascontiguousarray(np.rot90(image[:, ::flip], turns)), lowest=-9, highest=9
            )
            outputs.append(np.rot90(output, -turns)[:, ::flip])
    assert_rounded(upscaler(image), np.mean(outputs, 0).clip(0, 255))


@pytest.mark.parametrize(
    ('network', 'multiple'),
    [
        (lambda: DeblurResNet(mid_channels=4, num_blocks=1), 1),
        (lambda: ResnetGenerator(3, 3, 4, num_blocks=1), 4),
    ],
)
def test_deblurring_of_any_size(network, multiple):
    torch.manual_seed(0)
    network, image = network().eval(), picture(45, 58, 3)
    upscaler = Upscaler(network, 'cpu')
    assert upscaler.traits.multiple == multiple
    assert upscaler.scale == 1
    mirrored = image if multiple == 1 else np.pad(image, [(0, 3), (0, 2), (0, 0)], 'symmetric')
    assert_rounded(upscaler(image), plain(network, mirrored)[:45, :58])
    assert upscaler(picture(1, 2, 3)).shape == (1, 2, 3)


def test_tiles_of_a_network_that_looks_at_all_are_warned_of():
    said = []
    upscaler = Upscaler(
        DeblurResNet(mid_channels=4, num_blocks=1), 'cpu', tile=32, overlap=8, say=said.append
    )
    for _ in range(2):
        upscaler(picture(40, 50, 3))
    assert len(said) == 1
    assert 'InstanceNorm2d' in said[0]


class Failing(nn.Module):
    """Doubles the size; fails as the host or a GPU does when the input is larger than it can take."""

    def __init__(self, largest, error):
        super().__init__()
        self.inner, self.largest, self.error, self.seen = compact(), largest, error, []

    def forward(self, x):
        if max(x.shape[-2:]) > self.largest:
            raise self.error
        return self.inner(x)


CPU_ERROR = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    'allocate 9 bytes.'
)
CPU_ERROR_2 = RuntimeError('DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.')


@pytest.mark.parametrize(
    'error', [torch.OutOfMemoryError('CUDA out of memory.'), CPU_ERROR, CPU_ERROR_2, MemoryError()]
)
def test_tiles_are_halved_when_the_memory_does_not_suffice(error):
    said, image = [], picture(200, 180, 3)
    upscaler = Upscaler(Failing(70, error), 'cpu', tile=256, overlap=16, say=said.append)
    assert_rounded(upscaler(image), plain(compact(), image))
    assert upscaler.tile == 40  # the image in tiles of 100, of 80 in fact, which are halved
    assert_rounded(upscaler(image), plain(compact(), image))
    assert [text.split()[-2] for text in said] == ['100', '40']


def test_memory_that_never_suffices_and_other_errors():
    with pytest.raises(InputError, match='not have enough memory even for tiles of'):
        Upscaler(Failing(24, MemoryError()), 'cpu', say=str)(picture(100, 100, 3))
    with pytest.raises(RuntimeError, match='something else'):
        Upscaler(Failing(24, RuntimeError('something else')), 'cpu')(picture(100, 100, 3))


class Overflowing(nn.Module):
    """The identity, through values that half precision does not hold."""

    def __init__(self, factor):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(float(factor)))

    def forward(self, x):
        return x * self.weight * self.weight / self.weight / self.weight


def test_fp32_where_half_precision_is_not_finite():
    said, image = [], picture(50, 60, 3)
    upscaler = Upscaler(Overflowing(1e4), 'cpu', precision='fp16', tile=32, overlap=8, say=said.append)
    assert upscaler.precision == 'fp16'
    np.testing.assert_array_equal(upscaler(image), image)
    assert upscaler.precision == 'fp32'
    assert said == ['the output in fp16 is not finite: continuing in fp32.']
    np.testing.assert_array_equal(upscaler(image), image)
    assert len(said) == 1
    with pytest.raises(InputError, match='not finite'):
        Upscaler(Overflowing(1e38), 'cpu', say=str)(image)


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_half_precision(precision):
    image = picture(40, 50, 3)
    network = compact()
    upscaler = Upscaler(network, 'cpu', precision=precision, say=silent)
    result = upscaler(image).astype(float)
    exact = plain(network, image)
    assert np.abs(result - np.round(exact)).max() > 0
    assert np.abs(result - exact).max() < {'fp16': 2, 'bf16': 12}[precision]
    assert next(network.parameters()).dtype == torch.float32  # a copy was converted


def test_fp32_where_torch_has_no_half_precision():
    def no_bfloat16(self, x):
        if x.dtype == torch.bfloat16:
            raise NotImplementedError('"some_operator" not implemented for \'BFloat16\'')
        return SRVGGNetCompact.forward(self, x)

    network, said, image = compact(), [], picture(20, 30, 3)
    network.__class__ = type('Partial', (SRVGGNetCompact,), dict(forward=no_bfloat16))
    assert_rounded(
        Upscaler(network, 'cpu', precision='bf16', say=said.append)(image), plain(compact(), image)
    )
    assert said == [
        'bf16 is not supported on cpu ("some_operator" not implemented for \'BFloat16\'): continuing in fp32.'
    ]


@pytest.mark.parametrize(
    'discriminator',
    [
        lambda: VGGDiscriminator(mid_channels=4),
        lambda: PatchGANDiscriminator(mid_channels=4),
        lambda: UNetDiscriminator(mid_channels=4),
    ],
)
def test_a_discriminator_is_refused(tmp_path, discriminator):
    with pytest.raises(InputError, match='discriminator cannot upscale'):
        Upscaler(discriminator(), 'cpu')
    torch.save(discriminator().state_dict(), tmp_path / 'd.pth')
    with pytest.raises(InputError, match='discriminator cannot upscale'):
        Upscaler(tmp_path / 'd.pth', 'cpu')


def test_files_of_spandrels_architectures(tmp_path):
    spandrel = pytest.importorskip('spandrel')
    from spandrel.architectures.SwinIR import SwinIR

    torch.manual_seed(0)
    network = SwinIR(
        img_size=16,
        window_size=8,
        depths=[2],
        embed_dim=12,
        num_heads=[2],
        upscale=2,
        upsampler='pixelshuffledirect',
    )
    torch.save(dict(params=network.state_dict()), tmp_path / 'a.pth')
    image = picture(21, 30, 3)
    result = Upscaler(tmp_path / 'a.pth', 'cpu', say=silent)(image)
    descriptor = spandrel.ModelLoader().load_from_file(tmp_path / 'a.pth').eval()
    assert_rounded(result, plain(descriptor, image))
    if not descriptor.supports_half:
        with pytest.raises(InputError, match='does not support fp16'):
            Upscaler(tmp_path / 'a.pth', 'cpu', precision='fp16')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(precision='fp8'), "precision='fp8'"),
        (dict(tile=16), 'tile=16'),
        (dict(tile=64, overlap=33), 'overlap=33'),
        (dict(overlap=-1), 'overlap=-1'),
        (dict(outscale=0), 'outscale=0'),
        (dict(outscale=float('nan')), 'outscale=nan'),
        (dict(device='abacus'), "device='abacus'"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        Upscaler(compact(), **{'device': 'cpu', **options})


@pytest.mark.parametrize(
    ('tile', 'overlap'), [(None, 32), (0, 32), (32, 16), (48, 24), (63, 31), (64, 32), (200, 32)]
)
def test_the_overlap_is_at_most_half_a_tile_unless_it_is_given(tile, overlap):
    image = picture(90, 100, 3)
    result = Upscaler(compact(), 'cpu', tile=tile)(image)
    np.testing.assert_array_equal(result, Upscaler(compact(), 'cpu', tile=tile, overlap=overlap)(image))
    assert_rounded(result, plain(compact(), image))
    if tile:
        with pytest.raises(InputError, match=f'overlap={tile // 2 + 1} must be'):
            Upscaler(compact(), 'cpu', tile=tile, overlap=tile // 2 + 1)


@pytest.mark.parametrize(
    ('shape', 'dtype'),
    [((4, 4, 5), np.uint8), ((4, 4, 3), np.float64), ((0, 4, 3), np.uint8), ((4,), np.uint8)],
)
def test_other_arrays_are_refused(shape, dtype):
    with pytest.raises(InputError, match='cannot be upscaled'):
        Upscaler(compact(), 'cpu')(np.zeros(shape, dtype))


def test_the_tile_follows_the_free_memory(monkeypatch):
    from mmsr_ext.models.tiling import tiled_run

    sides = []
    for free in (1e7, 4e8, 1e12):
        monkeypatch.setattr(tiled_run, 'free_memory', lambda free=free: free)
        sides.append(
            (
                Upscaler(compact(), 'cpu').tile,
                Upscaler(DeblurResNet(mid_channels=4, num_blocks=1), 'cpu').tile,
            )
        )
    assert sides[0][0] < sides[1][0]
    assert sides[1][0] == sides[2][0] == 512
    assert sides[2][1] > 4096  # one that looks at the whole image gets it


def test_pillow_in_pillow_out(tmp_path):
    from PIL import ImageCms

    upscaler = Upscaler(SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2), device='cpu')
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
    image = Image.fromarray(pixels)
    image.save(tmp_path / 'a.png', icc_profile=profile)
    for source in (str(tmp_path / 'a.png'), tmp_path / 'a.png', Image.open(tmp_path / 'a.png')):
        result = upscaler(source)
        assert isinstance(result, Image.Image)
        assert result.info['icc_profile'] == profile
        np.testing.assert_array_equal(np.asarray(result), upscaler(pixels))
    exif = Image.Exif()
    exif[0x112] = 6
    image.save(tmp_path / 'turned.png', exif=exif)
    assert (
        upscaler(Image.open(tmp_path / 'turned.png')).size
        == upscaler(tmp_path / 'turned.png').size
        == (16, 12)
    )
    for mode, expected in [
        ('L', 'L'),
        ('1', 'L'),
        ('RGBA', 'RGBA'),
        ('LA', 'LA'),
        ('P', 'RGB'),
        ('CMYK', 'RGB'),
    ]:
        result = upscaler(image.convert(mode))
        assert (result.mode, result.size) == (expected, (12, 16)), mode
    grey = upscaler(Image.fromarray(np.full((8, 6), 40000, np.uint16)))
    assert (grey.mode, np.asarray(grey).dtype) == ('I;16', np.uint16)
    with pytest.raises(InputError, match=r'none\.png'):
        upscaler(tmp_path / 'none.png')


def test_colours_of_16_bits_are_rounded_for_pillow_and_that_is_said(tmp_path):
    from support.image_writers import write_png

    said = []
    network = SRVGGNetCompact(mid_channels=4, num_convs=1, scale=2)
    upscaler = Upscaler(network, device='cpu', say=said.append)
    write_png(tmp_path / 'a.png', np.full((8, 6, 3), 40000, np.uint16), 16, 2)
    result = upscaler(tmp_path / 'a.png')
    assert (result.mode, result.size) == ('RGB', (12, 16))
    assert said == ['the result has 8 bits, because Pillow has no colours of 16; an array keeps them.']

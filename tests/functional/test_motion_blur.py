import numpy as np
import pytest
import torch
from scipy import ndimage

from mmsr_ext.functional import motion_blur, motion_psf, motion_trajectory


def trajectory(seed, **kwargs):
    return motion_trajectory(np.random.default_rng(seed), **kwargs)


@pytest.mark.parametrize('anxiety', [0.0, 0.001, 0.01, 0.5])
def test_the_camera_moves_at_constant_speed(anxiety):
    path = trajectory(0, anxiety=anxiety, length=40, steps=500)
    speed = np.hypot(*np.diff(path, axis=0).T)
    assert path.shape == (500, 2)
    np.testing.assert_allclose(speed, 40 / 499, rtol=1e-10)
    np.testing.assert_array_equal(path[0], 0)


def test_a_calm_camera_moves_straight_and_an_anxious_one_does_not():
    reach = {
        anxiety: [np.hypot(*(trajectory(seed, anxiety=anxiety)[-1])) for seed in range(8)]
        for anxiety in (0.0, 0.001, 0.01)
    }
    np.testing.assert_allclose(reach[0.0], 60)
    assert 60 > np.mean(reach[0.001]) > np.mean(reach[0.01])


def test_directions_are_uniform():
    ends = np.array([trajectory(seed, anxiety=0.0, steps=3)[-1] for seed in range(400)]) / 60
    assert np.abs(ends.mean(0)).max() < 4 * np.sqrt(0.5 / 400)  # four standard errors
    assert (ends**2).mean(0) == pytest.approx([0.5, 0.5], abs=4 * np.sqrt(0.125 / 400))


def test_impulses_turn_the_camera_round():
    """At the highest rates every path has steps that go back; without impulses, a step turns by a few degrees
    at most."""

    def sharpest(anxiety, seed):
        step = np.diff(trajectory(seed, anxiety=anxiety, steps=2000), axis=0)
        return (step[1:] * step[:-1]).sum(1).min() / (60 / 1999) ** 2

    class NoImpulse:
        """The second draw of uniform numbers decides on impulses."""

        def __init__(self, seed):
            self.rng, self.calls = np.random.default_rng(seed), 0
            self.standard_normal = self.rng.standard_normal

        def uniform(self, *args, **kwargs):
            self.calls += 1
            drawn = self.rng.uniform(*args, **kwargs)
            return drawn * 0 + 1 if self.calls == 2 else drawn

    assert min(sharpest(0.05, seed) for seed in range(5)) < -0.8
    step = np.diff(motion_trajectory(NoImpulse(0), anxiety=0.005), axis=0)
    assert (step[1:] * step[:-1]).sum(1).min() / (60 / 1999) ** 2 > 0.9


def test_equal_generators_give_equal_paths():
    np.testing.assert_array_equal(trajectory(5), trajectory(5))
    assert np.abs(trajectory(5) - trajectory(6)).max() > 1


@pytest.mark.parametrize('exposure', [0.001, 0.1, 0.5, 1.0])
@pytest.mark.parametrize('anxiety', [0.0, 0.001, 0.01])
def test_a_psf_sums_to_one(exposure, anxiety):
    for seed in range(3):
        psf = motion_psf(trajectory(seed, anxiety=anxiety), 61, exposure)
        assert psf.shape == (61, 61)
        assert psf.min() >= 0
        assert psf.sum() == pytest.approx(1, abs=1e-12)


def test_psf_of_known_paths():
    np.testing.assert_allclose(motion_psf(np.zeros((1, 2)), 3), np.pad([[1.0]], 1))
    line = np.stack([np.zeros(5), np.arange(5.0)], 1)
    np.testing.assert_allclose(motion_psf(line, 5)[2], np.full(5, 0.2))
    np.testing.assert_allclose(motion_psf(line, 5, exposure=0.6)[2], [0, 1 / 3, 1 / 3, 1 / 3, 0])
    np.testing.assert_allclose(
        motion_psf(line[:2], 3)[1], [0.25, 0.5, 0.25]
    )  # two positions, each between two pixels


def test_psf_by_a_plain_loop():
    path = trajectory(1, steps=300, length=20)
    shifted = path - (path.min(0) + path.max(0)) / 2 + 15
    expected = np.zeros((31, 31))
    for y, x in shifted:
        for i in range(31):
            for j in range(31):
                expected[i, j] += max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j)) / 300
    np.testing.assert_allclose(motion_psf(path, 31), expected, atol=1e-12)


@pytest.mark.parametrize('size', [(20, 27), (64, 65)])
def test_blur_equals_scipy(size):
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    psfs = np.stack([motion_psf(trajectory(seed), 61) for seed in range(2)])
    expected = np.stack(
        [
            [ndimage.convolve(channel.numpy(), psf, mode='reflect') for channel in image]
            for image, psf in zip(images, psfs)
        ]
    )
    np.testing.assert_allclose(motion_blur(images, torch.from_numpy(psfs)).numpy(), expected, atol=1e-12)
    single = motion_blur(images.float(), torch.from_numpy(psfs))
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), expected, atol=1e-5)

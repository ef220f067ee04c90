"""Mends of what MMagic and MMEngine expect of other packages, and of Python."""

import functools
import importlib
import operator
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

import mmsr_ext.engine  # noqa: F401  as any training has it
from mmsr_ext.training.resume_point import damage


def run(code: str) -> str:
    """Run code in a process of its own; return its last line."""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_inferencer_imports():
    """Although mediapipe may have lost ``solutions``; what needs them says so when it is used."""
    code = 'import mmsr_ext; from mmagic.apis import MMagicInferencer; print(MMagicInferencer.__name__)'
    assert run(code) == 'MMagicInferencer'


def test_a_detector_without_mediapipe_s_solutions_is_one_sentence():
    import mediapipe

    detector = sys.modules.get('controlnet_aux.mediapipe_face')
    if hasattr(mediapipe, 'solutions'):
        assert detector is None or detector.__file__
        return
    with pytest.raises(ImportError, match=r"does not have: pip install 'mediapipe==") as caught:
        detector.MediapipeFaceDetector()
    assert '\n' not in str(caught.value)


def test_mends_wait_for_their_modules():
    """Importing mmsr_ext imports neither albumentations nor MMagic's transforms, and then they are mended."""
    code = (
        'import sys, mmsr_ext\n'
        "assert 'albumentations' not in sys.modules\n"
        'from mmagic.datasets.transforms import albu_function\n'
        "print(albu_function._resolve_aug_fn('cutout') is not None)"
    )
    assert run(code) == 'True'


def test_cutout():
    from mmagic.datasets.transforms import AlbuCorruptFunction

    holes = dict(name='cutout', prob=1, num_holes=1, max_h_size=25, max_w_size=20)
    image = np.full((100, 120, 3), 200, np.uint8)
    cut = AlbuCorruptFunction(keys=['img'], config=[holes])(dict(img=image))['img']
    assert set(np.unique(cut)) == {0, 200}
    rows, columns = np.nonzero((cut == 0).all(-1))
    assert np.ptp(rows) + 1 <= 25
    assert np.ptp(columns) + 1 <= 20
    assert (cut == 0).all(-1).sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


@pytest.mark.parametrize(
    ('config', 'attribute', 'expected'),
    [
        (dict(name='jpeg', quality_lower=70, quality_upper=90), 'quality_range', (70, 90)),
        (dict(name='jpeg', quality_lower=70), 'quality_range', (70, 100)),
        (dict(name='pixelize', scale_min=0.3, scale_max=0.5), 'scale_range', (0.3, 0.5)),
        (dict(name='fog', fog_coef_lower=0.2, fog_coef_upper=0.4), 'fog_coef_range', (0.2, 0.4)),
        (dict(name='snow', snow_point_lower=0.2, snow_point_upper=0.4), 'snow_point_range', (0.2, 0.4)),
        (dict(name='shadow', num_shadows_lower=2, num_shadows_upper=3), 'num_shadows_limit', (2, 3)),
        (dict(name='sun_flare', angle_lower=0.1, angle_upper=0.2), 'angle_range', (0.1, 0.2)),
    ],
)
def test_old_names_of_ranges_are_not_ignored(config, attribute, expected):
    from mmagic.datasets.transforms import AlbuCorruptFunction

    (transform,) = AlbuCorruptFunction(keys=['img'], config=[config]).augs.transforms
    if hasattr(transform, attribute):  # albumentations 1.3 has the old ones
        assert tuple(getattr(transform, attribute)) == expected


@pytest.mark.parametrize('codec', ['libx264', 'h264', 'mpeg4'])
def test_video_compression(codec):
    from mmagic.datasets.transforms import RandomVideoCompression

    compress = RandomVideoCompression(dict(codec=[codec], codec_prob=[1.0], bitrate=[1e5, 1e5]), keys=['img'])
    frames = [np.full((32, 48, 3), value, np.float32) for value in (50, 120, 200)]
    out = compress(dict(img=frames))['img']
    assert [frame.shape for frame in out] == [(32, 48, 3)] * 3
    for got, given in zip(out, frames):
        np.testing.assert_allclose(got, given, atol=12)


@pytest.mark.parametrize('kind', ['gaussian', 'poisson'])
@pytest.mark.parametrize('gray', [0, 1])
def test_noise_stays_float32_for_all_frames(kind, gray):
    from mmagic.datasets.transforms import RandomNoise

    noise = RandomNoise(
        {
            'noise_type': [kind],
            'noise_prob': [1],
            f'{kind}_{"sigma" if kind == "gaussian" else "scale"}': [1, 2],
            f'{kind}_{"sigma" if kind == "gaussian" else "scale"}_step': 0.5,
            f'{kind}_gray_noise_prob': gray,
        },
        keys=['img'],
    )
    frames = [np.random.rand(9, 8, 3).astype(np.float32) * 255 for _ in range(4)]
    out = noise(dict(img=list(frames)))['img']
    assert {frame.dtype for frame in out} == {np.dtype(np.float32)}
    assert all((one != other).any() for one, other in zip(out, frames))


def test_psnr_ends_in_float64():
    """20 log10(255 / sqrt(0.25)), where the root of a float32 counts as float64 from there on."""
    from mmagic.evaluation.metrics.psnr import psnr

    x = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.float32)
    y = np.random.default_rng(1).integers(0, 256, (16, 16, 3)).astype(np.float32)
    root = np.sqrt(((x - y) ** 2).mean())
    assert root.dtype == np.float32
    value = psnr(x, y)
    assert isinstance(value, float)
    assert value == 20 * np.log10(255.0 / np.float64(root))


@pytest.mark.parametrize(
    ('seed', 'expected'),
    [
        (641, (2.1300000000000017, 1.4926878968832396, 1.494276124818468)),
        (2857, (2.0010000000000017, 1.4399159456642672, 1.4176293283721948)),
    ],
)
def test_shapes_of_niqe_are_found_as_with_numpy_1(seed, expected):
    """Of blocks for which a search in float32 ends at the next shape; the values are those of NumPy 1.26."""
    niqe = importlib.import_module('mmagic.evaluation.metrics.niqe')
    block = np.random.default_rng(seed).standard_normal((48, 48)).astype(np.float32)
    assert niqe.estimate_aggd_param(block) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    'line', ['from os.path import join', 'import os.path as osp', 'import os', 'from io import StringIO']
)
def test_lazy_configs_import_what_python_has_frozen(line, tmp_path):
    name = line.split()[-1] if ' as ' not in line else 'osp'
    use = {'join': "join('a', 'b')", 'osp': "osp.join('a', 'b')", 'os': "os.path.join('a', 'b')"}
    (tmp_path / 'base.py').write_text('from mmengine.config import read_base\na = 1\n')
    (tmp_path / 'lazy.py').write_text(
        'from mmengine.config import read_base\n'
        'with read_base():\n    from .base import *\n'
        f'{line}\npath = {use.get(name, "StringIO().getvalue()")}\n'
    )
    cfg = Config.fromfile(tmp_path / 'lazy.py', lazy_import=True)
    assert cfg.a == 1
    assert cfg.path in ('a/b', '')


@pytest.mark.parametrize('copy_of', ['pickle', 'torch'])
def test_histories_are_saved_without_a_user_s_statistics(copy_of, tmp_path, monkeypatch):
    """Even a lambda, which pickle does not take; in a checkpoint of any runner, with no hook of ours."""
    monkeypatch.setattr(HistoryBuffer, '_statistics_methods', {})
    history = HistoryBuffer([1.0, 2.0, 6.0], [1, 1, 1])
    HistoryBuffer._statistics_methods['last_but_one'] = lambda self: self._log_history[-2]
    if copy_of == 'pickle':
        again = pickle.loads(pickle.dumps(history))
        assert again.statistics('last_but_one') == 2
    else:
        torch.save(dict(state_dict={}, message_hub=dict(log_scalars=dict(loss=history))), tmp_path / 'a.pth')
        assert damage(tmp_path / 'a.pth') == ''
        content = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
        again = content['message_hub']['log_scalars']['loss']
        assert again.statistics('last_but_one') == 2
    assert again.mean() == 3
    assert b'statistics_methods' not in pickle.dumps(history)


def median(history):
    """A user's statistic."""
    return float(np.median(history._log_history))


@pytest.mark.parametrize('method', [median, functools.partial(max, key=abs), operator.methodcaller('mean')])
def test_an_older_checkpoint_that_names_statistics_is_not_damaged(method, tmp_path, monkeypatch):
    state = lambda self: {**vars(self), 'statistics_methods': {'mine': method}}  # noqa: E731
    with monkeypatch.context() as as_it_was:
        as_it_was.setattr(HistoryBuffer, '__getstate__', state)
        history = HistoryBuffer([1.0, 2.0, 6.0], [1, 1, 1])
        torch.save(dict(state_dict={}, message_hub=dict(log_scalars=dict(loss=history))), tmp_path / 'a.pth')
    assert damage(tmp_path / 'a.pth') == ''
    content = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
    assert content['message_hub']['log_scalars']['loss'].mean() == 3

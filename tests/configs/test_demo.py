import argparse

import numpy as np
import pytest
from PIL import Image
from support import ROOT
from support.grid import grid_energy

from mmsr_ext.apis import Upscaler, evaluate, train
from mmsr_ext.cli import demo_data


def test_the_measure_sees_a_grid():
    smooth = np.full((160, 160, 3), 100, np.uint8)
    noise = np.random.default_rng(0).normal(0, 2, smooth.shape[:2])
    noisy = (smooth + noise[..., None]).astype(np.uint8)
    checkered = noisy.copy()
    checkered[::4, ::4] += 4
    assert grid_energy(checkered, smooth) > 10 * grid_energy(noisy, smooth)


@pytest.mark.slow
def test_the_gan_leaves_no_grid(tmp_path, monkeypatch):
    """The two demo recipes as they are, on two cores in about three minutes."""
    configs = {name: str(ROOT / 'configs' / f'{name}.py') for name in ('srresnet_x4_demo', 'srgan_x4_demo')}
    monkeypatch.chdir(tmp_path)
    demo_data.main(argparse.Namespace(out='data/demo'))
    figures = {}
    pictures = {}
    for name, last in [('srresnet_x4_demo', 'iter_600'), ('srgan_x4_demo', 'iter_300')]:
        train(configs[name])
        checkpoint = f'work_dirs/{name}/{last}.pth'
        figures[name] = evaluate(configs[name], [checkpoint]).table[last]
        pictures[name] = Upscaler(checkpoint)(np.asarray(Image.open('data/demo/val/LQx4/astronaut.png')))
    psnr, gan = figures.values()
    assert psnr['PSNR-Y'] > 29.1  # bicubic: 28.27
    assert gan['PSNR-Y'] > 28.9
    truth = np.asarray(Image.open('data/demo/val/GT/astronaut.png'))
    grids = [grid_energy(picture, truth) for picture in pictures.values()]
    assert grids[1] < 4 * grids[0]

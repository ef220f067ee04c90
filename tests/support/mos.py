"""A small study that several tests share."""

import json

import numpy as np
from PIL import Image

from mmsr_ext import mos
from mmsr_ext.mos.study import Study

METHODS = ('methodone', 'methodtwo')
SCALE = 4


def write_images(folder, images, size=(24, 32), seed=0):
    """Random smooth pictures, those of other seeds a little different."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(images):
        pixels = np.random.default_rng([index, seed]).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC).save(folder / f'{name}.png')


def write_folders(root, images=('imagefirst', 'imagesecond', 'imagethird')):
    """Folders of two methods, GT and LQ."""
    for seed, name in enumerate((*METHODS, 'GT')):
        write_images(root / name, images, seed=seed)
    write_images(root / 'LQ', images, (6, 8))
    return {name: root / name for name in METHODS}


def make_study(root) -> Study:
    """A study in root / 'study': 3 images of 4 versions, and 4 training items."""
    return mos.build_study(write_folders(root), root / 'GT', root / 'study', root / 'LQ')


def line(study, rater, item, score):
    return json.dumps(dict(study=study.name, rater=rater, item=item, score=score)) + '\n'

"""Making the page that raters see."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InputError
from ..functional import bicubic_pair
from ..io.images import image_size, list_images, read_image
from .study import Item, Study

GT = 'GT'
TEMPLATE = Path(__file__).with_name('page.html')
TRAINING = 2  # images of the study itself that calibrate the raters, where no others are given


def parse_methods(texts: Sequence[str]) -> dict[str, str]:
    """Return folders by name from texts 'NAME=FOLDER'.

    Raises:
        InputError: If one is of another form, or a name comes twice.
    """
    methods: dict[str, str] = {}
    for text in texts:
        name, equals, folder = text.partition('=')
        if not (name and equals and folder):
            raise InputError(f'--methods {text}: expected NAME=FOLDER, such as srgan=results/srgan.')
        if name in methods:
            raise InputError(f'--methods {text}: the name {name} comes twice.')
        methods[name] = folder
    return methods


def build_study(
    methods: Mapping[str, str | Path],
    gt: str | Path,
    out: str | Path,
    nearest: str | Path | None = None,
    scale: int = 4,
    training: str | Path | None = None,
) -> Study:
    """Write a blinded study: ``out/page``, for a server or as a local file, and ``out/key.json``, its key.

    Every result is an item to rate, and so is every GT, which stands for 5, and every nearest-neighbour
    enlargement, which stands for 1; raters do not learn which is which. Before, they are shown GT and
    nearest-neighbour versions together with these answers. The pictures of the page are 8-bit PNG files under
    random names, written in the order of these names.

    Source: Ledig et al. 2017, section 3.4, where 20 images outside the test sets calibrated the raters.

    Args:
        methods: Folder of results by the method's name. Images are matched by file name without suffix.
        gt: Folder of the originals.
        out: Must be absent or empty.
        nearest: Folder of the LQ images, NAME or NAMEx<scale>, which are enlarged to the calibration items of
            score 1; called 'nearest', or 'LQ' if the scale is 1. Without it GT alone calibrates.
        scale: From LQ to GT, at least 1.
        training: Folder of other originals that calibrate the raters; their nearest-neighbour versions are
            made by MATLAB's bicubic reduction. By default 2 of the study's own images, chosen at random.

    Returns:
        The key.

    Raises:
        InputError: If an image is missing from a folder, is of another size than its GT or cannot be read, a
            name cannot be used, or ``out`` is not free. Nothing is written then.
    """
    out = Path(os.path.abspath(out))
    worst = 'nearest' if scale > 1 else 'LQ'
    _check(methods, out, scale, worst)
    if training is not None and nearest is not None and scale == 1:
        raise InputError(
            f'training={training}: at scale 1 no bad version can be made of other images. Leave --training '
            'out.'
        )
    folders = {name: _by_stem(folder) for name, folder in [*methods.items(), (GT, gt)]}
    sizes = {
        name: {image: image_size(path) for image, path in files.items()} for name, files in folders.items()
    }
    if nearest is not None:
        files = _by_stem(nearest)
        for image in [image for image in files if image not in folders[GT]]:
            files.setdefault(image.removesuffix(f'x{scale}'), files.pop(image))
        folders = {worst: files} | folders
        small = {image: image_size(path) for image, path in files.items()}
        sizes[worst] = {image: (scale * height, scale * width) for image, (height, width) in small.items()}
    _check_images(sizes, methods, gt, nearest, scale)

    partial = out.with_name(f'.{out.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    try:
        study = _write(partial, folders, worst if nearest is not None else None, scale, training)
        os.replace(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return study


def _check(methods: Mapping[str, str | Path], out: Path, scale: int, worst: str) -> None:
    if scale < 1:
        raise InputError(f'scale={scale} must be at least 1.')
    if not methods:
        raise InputError('no methods: give at least one as --methods NAME=FOLDER.')
    for name in methods:
        if name in (GT, worst):
            raise InputError(
                f'a method cannot be called {name}, which is a calibration item; choose another name in '
                '--methods.'
            )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f'{out} is not empty, and may hold ratings. Remove it, or choose another output folder with -o.'
        )


def _by_stem(folder: str | Path) -> dict[str, Path]:
    paths = list_images(folder)
    files = {path.stem: path for path in paths}
    if len(files) != len(paths):
        twice = sorted(path.name for path in paths if files[path.stem] != path)
        raise InputError(
            f'{folder} has images that differ in their suffix alone, such as {twice[0]}; remove one of each.'
        )
    return files


def _check_images(
    sizes: Mapping[str, Mapping[str, tuple[int, ...]]],
    methods: Mapping[str, str | Path],
    gt: str | Path,
    nearest: str | Path | None,
    scale: int,
) -> None:
    faults = []
    for name in sizes:
        folder = methods.get(name) or (gt if name == GT else nearest)
        for image in sorted(set().union(*sizes.values())):
            size, expected = sizes[name].get(image), sizes[GT].get(image)
            if size is None:
                faults.append(f'{name} ({folder}) lacks {image}')
            elif expected is not None and size != expected:
                enlarged = f' after enlarging by {scale}' if name not in (*methods, GT) else ''
                faults.append(
                    f'{name} has {image} at {size[0]}x{size[1]}{enlarged}, GT at {expected[0]}x{expected[1]}'
                )
    if faults:
        more = f'; and {len(faults) - 10} more' if len(faults) > 10 else ''
        raise InputError(
            f'every image must be in every folder, as large as its GT: {"; ".join(faults[:10])}{more}. '
            'Add or crop these images, or remove them from the other folders.'
        )


def _write(
    folder: Path,
    folders: Mapping[str, Mapping[str, Path]],
    worst: str | None,
    scale: int,
    training: str | Path | None,
) -> Study:
    answers = {GT: 5} | ({worst: 1} if worst else {})
    items = _named(
        [Item(method, image, answers.get(method)) for method, files in folders.items() for image in files]
    )
    if training is None:
        images = sorted(folders[GT])
        chosen = secrets.SystemRandom().sample(images, min(TRAINING, len(images)))
    else:
        chosen = sorted(_by_stem(training))
    examples = _named([Item(method, image, answer) for method, answer in answers.items() for image in chosen])
    study = Study(secrets.token_hex(6), list(folders), items, examples)

    pictures = folder / 'page' / 'images'
    pictures.mkdir(parents=True)
    others = _by_stem(training) if training is not None else None
    # in the order of the random names, so that neither times nor places on the disk tell which files belong
    # together
    for name in sorted({**items, **examples}):
        if name in items or others is None:
            item = items.get(name) or examples[name]
            pixels = read_image(folders[item.method][item.image])
            pixels = _nearest(pixels, scale) if item.method == worst else pixels
        else:
            pixels = _example(others[examples[name].image], scale, examples[name].method == worst)
        Image.fromarray(pixels).save(pictures / f'{name}.png')
    (folder / 'page' / 'index.html').write_text(_page(study), encoding='utf-8')
    study.save(folder)
    return study


def _named(items: Sequence[Item]) -> dict[str, Item]:
    named = {secrets.token_hex(8): item for item in items}
    return {name: named[name] for name in sorted(named)}


def _nearest(pixels: np.ndarray, scale: int) -> np.ndarray:
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def _example(path: Path, scale: int, degraded: bool) -> np.ndarray:
    """Read a training image, cropped to a multiple of the scale, as it is or degraded for the answer 1."""
    gt, lq = bicubic_pair(read_image(path), scale, path)
    return _nearest(lq, scale) if degraded else gt


def _page(study: Study) -> str:
    """Return what the page may know: which items show one image, and the training items' answers."""
    images = sorted({item.image for item in study.items.values()})
    secrets.SystemRandom().shuffle(images)
    groups = {image: number for number, image in enumerate(images)}
    for item in study.training.values():
        groups.setdefault(item.image, len(groups))
    public = {
        'name': study.name,
        'items': [{'name': name, 'group': groups[item.image]} for name, item in study.items.items()],
        'training': [
            {'name': name, 'group': groups[item.image], 'answer': item.answer}
            for name, item in study.training.items()
        ],
    }
    before, mark, after = TEMPLATE.read_text(encoding='utf-8').partition('{{study}}')
    assert mark, TEMPLATE
    return before + json.dumps(public) + after

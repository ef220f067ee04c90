"""What a test measures on: the benchmark sets that are there, and the config's own test data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path
from typing import Any

import torch
import torchvision
from mmengine.config import Config
from mmengine.registry import DefaultScope

from ..errors import InputError
from ..generators.channels import image_channels
from ..io.images import list_images
from ..models.losses.lpips_loss import NETWORKS
from ..registry import MODELS

NAMES = ('Set5', 'Set14', 'BSD100', 'Urban100', 'DIV2K-val')
OWN_GT_FOLDERS = ('GT', 'HR', 'gt', 'sharp')  # names that do not say which data these are


@dataclass(frozen=True)
class ImageSet:
    """A set of test images and what is measured on it.

    Args:
        name: In the table.
        loader: Config of its dataloader.
        evaluator: Config of its evaluator.
        prefix: Of its metrics' names in the runner; its own data have none of ours.
        note: How its LQ images came to be.
    """

    name: str
    loader: dict
    evaluator: Any
    prefix: str = ''
    note: str = ''

    @property
    def label(self) -> str:
        """Return what stands before the names of its metrics, where another set's would be the same."""
        return f'test set {self.name}'


def own_sets(cfg: Config) -> list[ImageSet]:
    """Return the test data of a config, with the config's evaluators; names may be equal."""
    loaders, evaluators = cfg.test_dataloader, cfg.test_evaluator
    several = isinstance(loaders, (list, tuple))
    pairs = list(zip(loaders, evaluators)) if several else [(loaders, evaluators)]
    return [ImageSet(_name_of(loader['dataset']), loader, evaluator) for loader, evaluator in pairs]


def named_apart(sets: list[ImageSet]) -> list[ImageSet]:
    """Number the names that are equal, NAME, NAME-2, NAME-3, since a set's outputs have a folder of its name.

    Upper and lower case are the same to some file systems.
    """
    taken: set[str] = set()
    apart = []
    for image_set in sets:
        name, number = image_set.name, 1
        while name.casefold() in taken:
            number += 1
            name = f'{image_set.name}-{number}'
        taken.add(name.casefold())
        apart.append(replace(image_set, name=name))
    return apart


def with_own_metrics(sets: list[ImageSet]) -> list[ImageSet]:
    """Tell the metrics of sets apart that would have one name in the runner, which MMagic's loop refuses.

    Args:
        sets: With different names.

    Returns:
        The sets; where metrics of a set have the prefix of another set's, with the set's label before it.
    """
    taken: set[str] = set()
    result = []
    for image_set in sets:
        metrics = metrics_of(image_set.evaluator)
        prefixes = {metric.get('prefix') or '' for metric in metrics if isinstance(metric, dict)}
        if prefixes & taken:
            metrics = [
                dict(metric, prefix='/'.join(filter(None, (image_set.label, metric.get('prefix')))))
                if isinstance(metric, dict)
                else metric
                for metric in metrics
            ]
            evaluator = image_set.evaluator
            whole = isinstance(evaluator, dict) and 'metrics' in evaluator
            image_set = replace(image_set, evaluator=dict(evaluator, metrics=metrics) if whole else metrics)
        taken |= prefixes
        result.append(image_set)
    return result


def metrics_of(evaluator: Any) -> list[Any]:
    """Return the configs of the metrics in the config of an evaluator."""
    metrics = evaluator['metrics'] if isinstance(evaluator, dict) and 'metrics' in evaluator else evaluator
    return [metrics] if isinstance(metrics, dict) else list(metrics)


def benchmark_sets(
    root: str, scale: int, baseline: str | None, lpips: str | None, channels: int = 3
) -> tuple[list[ImageSet], list[str]]:
    """Return the benchmark sets of super-resolution under a folder.

    Args:
        root: Has ``<set>/GT`` (or HR) and ``<set>/LQx<scale>`` (or LRx<scale>); of DIV2K the official
            archives will do.
        scale: Of the network.
        baseline: The restorer's, measured beside it.
        lpips: Weights for LPIPS, see ``lpips_weights``.
        channels: Of the network; with 1 the images are Y, or grey, and what needs colours is not measured.

    Returns:
        Those that are there, and the names of the others.
    """
    found, absent = [], []
    for name in NAMES:
        folders = _folders(Path(root), name, scale)
        if folders is None:
            absent.append(name)
            continue
        gt, lq, lq_name = folders
        dataset = dict(
            type='mmsr_ext.BenchmarkDataset',
            gt_folder=str(gt),
            lq_folder=lq and str(lq),
            lq_name=lq_name,
            scale=scale,
            channels=channels,
        )
        loader = dict(
            batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset
        )
        metrics = [
            *full_reference(scale, baseline, f'benchmark {name}', channels),
            *perceptual(scale, baseline, lpips, f'benchmark {name}', channels),
        ]
        note = f'LQ images from {lq}' if lq else 'LQ images made by MATLAB bicubic reduction'
        found.append(
            ImageSet(name, loader, dict(type='Evaluator', metrics=metrics), f'benchmark {name}', note)
        )
    return found, absent


def full_reference(border: int, baseline: str | None, prefix: str = '', channels: int = 3) -> Iterator[dict]:
    """Yield PSNR and SSIM in Y and, of three channels, in RGB, of the output and the baseline."""
    for image, name in _images(baseline, prefix):
        for metric in ('PSNR', 'SSIM'):
            for channel in ('Y', None) if channels == 3 else ('Y',):
                yield dict(
                    type=f'mmsr_ext.{metric}',
                    convert_to=channel,
                    crop_border=border,
                    pred_key=image,
                    prefix=name,
                )


def perceptual(
    border: int, baseline: str | None, lpips: str | None, prefix: str = '', channels: int = 3
) -> Iterator[dict]:
    """Yield LPIPS of colours, where its weights are there, and NIQE, of the output and the baseline."""
    for image, name in _images(baseline, prefix):
        if lpips and channels == 3:
            yield dict(
                type='mmsr_ext.LPIPS', pretrained=lpips, crop_border=border, pred_key=image, prefix=name
            )
        yield dict(type='mmsr_ext.NIQE', crop_border=border, pred_key=image, prefix=name)


def lpips_weights(given: str | None) -> tuple[str | None, str]:
    """Return the file with AlexNet's weights for LPIPS: the given one, or torchvision's in its cache.

    Nothing is downloaded.

    Returns:
        The file, and without it a line that says how to get it.

    Raises:
        InputError: If the given file does not exist.
    """
    if given:
        if not Path(given).is_file():
            raise InputError(
                f"--lpips {given} does not exist; give torchvision's weights of {NETWORKS['alex']}."
            )
        return given, ''
    name = torchvision.models.get_model_weights(NETWORKS['alex']).IMAGENET1K_V1.url.rsplit('/', 1)[1]
    path = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if path.is_file():
        return str(path), ''
    return None, (
        f'LPIPS left out: its weights, {name} of torchvision (233 MB), are not here. Download them with: '
        'python -c "import torchvision; torchvision.models.alexnet(weights=\'IMAGENET1K_V1\')", or give the '
        'file with --lpips FILE'
    )


def is_missing(image_set: ImageSet) -> bool:
    """Whether the folders of the ground truth are not there at all."""
    folder = folder_of(image_set)
    return folder is not None and not glob(folder)


def folder_of(image_set: ImageSet) -> str | None:
    """Return a dataset's folder of ground truth, or its pattern; None where the config does not tell."""
    dataset = _inner(image_set.loader['dataset'])
    folder = dataset.get('gt_folder', dataset.get('folder'))
    if folder or not dataset.get('data_root'):
        return folder
    prefix = dataset.get('data_prefix')
    gt = prefix.get('gt') if isinstance(prefix, dict) else None
    return str(Path(dataset['data_root'], gt or ''))


def scale_and_channels(cfg: Config) -> tuple[int, int]:
    """Return the scale of a config's generator, from its output for a small image, and its channels."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmsr_ext'), torch.no_grad():
        generator = MODELS.build(cfg.model.generator).eval()
        channels = image_channels(generator) or cfg.model.generator.get('in_channels', 3)
        return round(generator(torch.zeros(1, channels, 32, 32)).shape[-1] / 32), channels


def _images(baseline: str | None, prefix: str) -> list[tuple[str, str | None]]:
    own = [('pred_img', prefix or None)]
    return own + ([(f'{baseline}_img', f'{prefix}/{baseline}'.lstrip('/'))] if baseline else [])


def gt_folder(root: Path, name: str) -> Path | None:
    """Return the folder of a test set's ground truth, or None."""
    folders = [root / name / 'GT', root / name / 'HR']
    if name == 'DIV2K-val':
        folders.append(root / 'DIV2K/DIV2K_valid_HR')
    return next((folder for folder in folders if folder.is_dir()), None)


def _folders(root: Path, name: str, scale: int) -> tuple[Path, Path | None, str] | None:
    """Return the folder of GT, that of LQ if there is one, and how LQ files are named."""
    gt = gt_folder(root, name)
    lq = next(
        (folder for part in (f'LQx{scale}', f'LRx{scale}') if (folder := root / name / part).is_dir()), None
    )
    if gt is None:
        return None
    if gt == root / 'DIV2K/DIV2K_valid_HR':
        lq = root / f'DIV2K/DIV2K_valid_LR_bicubic/X{scale}'
    if lq is None or not lq.is_dir():
        return gt, None, '{}'
    suffixed = all(path.stem.endswith(f'x{scale}') for path in list_images(lq))
    return gt, lq, f'{{}}x{scale}' if suffixed else '{}'


def _inner(dataset: dict) -> dict:
    """Return the dataset within wrappers, such as MMEngine's RepeatDataset."""
    while isinstance(dataset.get('dataset'), dict):
        dataset = dataset['dataset']
    return dataset


def _name_of(dataset: dict) -> str:
    """Name a dataset by its folder, one of MMagic's by its ``dataset_type`` or ``data_root``."""
    dataset = _inner(dataset)
    folder = dataset.get('gt_folder', dataset.get('folder'))
    kind = (dataset.get('metainfo') or {}).get('dataset_type')
    if kind and not folder:
        return ' '.join(re.split(r'[\\/]+', str(kind))).strip(' .') or 'test data'
    folder = folder or dataset.get('data_root') or ''
    parts = [part for part in Path(folder).parts[-3:] if part not in OWN_GT_FOLDERS and '*' not in part]
    if 'data' in parts:
        parts = parts[parts.index('data') + 1 :]
    return ' '.join(parts[-2:]).replace('DIV2K DIV2K_valid_HR', 'DIV2K-val') or 'test data'

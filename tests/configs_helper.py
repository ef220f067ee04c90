"""Training a config on tiny data."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmsr_ext.apis import make_pairs

CONFIGS = Path(__file__).parents[1] / 'configs'


def tiny_pairs(folder: Path, size: int = 48) -> dict:
    """Three random smooth x4 pairs, as arguments of PairedImageDataset."""
    if not folder.exists():
        source = folder / 'source'
        source.mkdir(parents=True)
        rng = np.random.default_rng(0)
        for index in range(3):
            pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC).save(source / f'{index}.png')
        make_pairs(source, folder, scale=4)
    return dict(gt_folder=str(folder / 'GT'), lq_folder=str(folder / 'LQx4'), lq_name='{}')


def tiny_options(tmp_path: Path, gt_size: int = 32) -> dict:
    """Overrides for three iterations on random data, with a validation at the end."""
    pairs = tiny_pairs(tmp_path / 'pairs')
    loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
    return dict(
        train_dataloader=dict(loader, batch_size=2, dataset=dict(pairs, gt_size=gt_size)),
        val_dataloader=dict(loader, dataset=pairs),
        test_dataloader=dict(loader, dataset=pairs),
        train_cfg=dict(max_iters=3, val_interval=3),
        default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=3)))


def tiny_run(config_path: str | Path, tmp_path: Path, overrides: dict) -> Runner:
    """Train a config for three iterations on random pairs, and validate once."""
    cfg = Config.fromfile(config_path)
    cfg.merge_from_dict(tiny_options(tmp_path))
    cfg.merge_from_dict(overrides)
    cfg.work_dir = str(tmp_path / Path(config_path).stem)
    cfg.experiment_name = f'{tmp_path.name}_{Path(config_path).stem}'  # by which the process keeps what was logged
    with DefaultScope.overwrite_default_scope('mmsr_ext'):  # the runner's own stays behind, for the tests that follow
        runner = Runner.from_cfg(Config(cfg.to_dict(), format_python_code=False))  # formatting takes longer than training
        runner.train()
    return runner

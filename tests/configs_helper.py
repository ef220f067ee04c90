"""Training a config on tiny data."""

from pathlib import Path

import numpy as np
from conftest import ROOT
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image


def tiny_pairs(folder: Path, scale: int, size: int = 48) -> dict:
    """Three random smooth pairs, as arguments of PairedImageDataset."""
    rng = np.random.default_rng(0)
    for part, edge in [('GT', size), ('LQ', size // scale)]:
        (folder / part).mkdir(parents=True)
        for index in range(3):
            pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(pixels).resize((edge, edge), Image.Resampling.BICUBIC).save(folder / part / f'{index}.png')
    return dict(gt_folder=str(folder / 'GT'), lq_folder=str(folder / 'LQ'), lq_name='{}')


def tiny_run(config_path: str | Path, tmp_path: Path, overrides: dict) -> Runner:
    """Train a config for three iterations on random pairs, and validate once."""
    cfg = Config.fromfile(ROOT / config_path)
    pairs = tiny_pairs(tmp_path / 'pairs', cfg.train_dataloader.dataset.scale)
    loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path / 'run'),
            train_dataloader=dict(loader, batch_size=2, dataset=dict(pairs, gt_size=32)),
            val_dataloader=dict(loader, dataset=pairs),
            test_dataloader=dict(loader, dataset=pairs),
            train_cfg=dict(max_iters=3, val_interval=3),
            default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=3))))
    cfg.merge_from_dict(overrides)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner

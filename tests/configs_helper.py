"""Runs a recipe at a size that takes seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image


def tiny_run(config_path: str | Path, tmp_path: Path, overrides: dict) -> Runner:
    """Train a config for 3 iterations on random pairs (GT 48 px, LQ 12 px), and validate once.

    Args:
        config_path (str or Path): The config.
        tmp_path (Path): Where data and results go.
        overrides (dict): Changes to the config, nested like it; ``_delete_=True`` replaces a dict.

    Returns:
        Runner: After training.
    """
    rng = np.random.default_rng(0)
    for part, edge in [('GT', 48), ('LQ', 12)]:
        (tmp_path / part).mkdir()
        for index in range(3):
            pixels = rng.integers(0, 256, (6, 6, 3), np.uint8)
            Image.fromarray(pixels).resize((edge, edge), Image.Resampling.BICUBIC).save(tmp_path / part / f'{index}.png')
    pairs = dict(gt_folder=str(tmp_path / 'GT'), lq_folder=str(tmp_path / 'LQ'), lq_name='{}')
    cfg = Config.fromfile(config_path)
    gt_only = 'lq_folder' not in cfg.train_dataloader.dataset
    train = dict(gt_folder=pairs['gt_folder']) if gt_only else pairs
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path / 'work'),
            train_dataloader=dict(batch_size=2, num_workers=0, persistent_workers=False, dataset=train | dict(gt_size=32)),
            val_dataloader=dict(num_workers=0, persistent_workers=False, dataset=pairs),
            test_dataloader=dict(num_workers=0, persistent_workers=False, dataset=pairs),
            train_cfg=dict(max_iters=3, val_interval=3),
            default_hooks=dict(checkpoint=dict(interval=3), logger=dict(interval=1))))
    cfg.merge_from_dict(overrides)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner

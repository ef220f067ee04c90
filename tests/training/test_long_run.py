"""What grows in a run that takes days."""

import json
import os
import subprocess
import sys

import pytest
from support import ROOT

SCRIPT = """import gc, json, os, sys
from pathlib import Path
import torch
from support.runs import At, tiny_train
torch.set_num_threads(1)
folder = Path(sys.argv[1])

def measure(runner):
    gc.collect()
    resident = int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20
    size = Path(runner.message_hub.get_info('last_ckpt')).stat().st_size
    kept = len(list(folder.glob('run/*.pth')))
    print('MEASURED', json.dumps([resident, len(os.listdir('/proc/self/fd')), size, kept]), flush=True)

options = {'train_cfg.max_iters': 3000, 'train_cfg.val_interval': 100,
           'default_hooks.checkpoint.interval': 50, 'default_hooks.history.length': 10,
           'log_processor.window_size': 10,
           'train_dataloader.num_workers': 1, 'val_dataloader.num_workers': 1}
tiny_train(folder, hooks=[At('before_train_iter', at, measure) for at in (1000, 2990)], options=options)
"""


@pytest.mark.slow
def test_nothing_grows(tmp_path):
    environment = os.environ | {'PYTHONPATH': f'{ROOT}:{ROOT / "tests"}', 'OMP_NUM_THREADS': '1'}
    out = subprocess.run(
        [sys.executable, '-c', SCRIPT, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    early, late = (
        json.loads(line.partition(' ')[2]) for line in out.stdout.splitlines() if line.startswith('MEASURED')
    )
    print(early, late)
    assert (
        late[0] < early[0] + 16
    )  # MiB; 2,000 iterations of the smallest leak, a batch of 40 kB, would be 80
    assert late[1] == early[1]
    assert late[2] <= 1.01 * early[2]
    assert late[3] == early[3]

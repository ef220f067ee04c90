import pytest

from mmsr_ext import InputError
from mmsr_ext.kill_test.run import faults

FORKED = (
    'import sys; from mmsr_ext.kill_test.run import faults; print(faults(sys.argv[1], int(sys.argv[2]), '
    'int(sys.argv[3])))'
)


def run(folder, runs, seed):
    """In a process of its own, in which torch has not run yet."""
    import os
    import subprocess
    import sys

    from support import ROOT

    environment = os.environ | {'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    out = subprocess.run(
        [sys.executable, '-c', FORKED, str(folder), str(runs), str(seed)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0, out.stderr
    return out.stdout


def test_killed_runs_end_like_the_unbroken_one(tmp_path):
    out = run(tmp_path / 'runs', 2, 3)
    assert '2 of 2 runs equal to the unbroken one in every tensor' in out
    assert '0 checkpoints lost' in out


@pytest.mark.slow
def test_killed_often(tmp_path):
    out = run(tmp_path / 'runs', 12, 1)
    assert '12 of 12 runs equal' in out
    assert '0 checkpoints lost' in out


def test_bad_input(tmp_path):
    (tmp_path / 'something').touch()
    with pytest.raises(InputError, match='is not empty; name a new folder'):
        faults(tmp_path)
    for runs in (0, -1, 2.5):
        with pytest.raises(InputError, match=f'runs={runs} must be an integer of at least 1'):
            faults(tmp_path / 'new', runs)
    assert not (tmp_path / 'new').exists()

"""A run ends well whatever home, locale, interpreter options, umask and clock it is given."""

import os
import stat
import subprocess
import sys

import pytest
from support import ROOT

from mmsr_ext.kill_test.forked_run import write_recipe

pytestmark = pytest.mark.slow
SHORT = "\ntrain_cfg['max_iters'] = 6\ntrain_cfg['val_interval'] = 3\n"
BACKWARDS = """
import itertools, time
_steps = itertools.count()
time.time = lambda: 1.6e9 - 100 * next(_steps)
"""
C = dict(LC_ALL='C', LANG='C', PYTHONIOENCODING='')
CASES = {
    'no HOME': ([], dict(HOME=None)),
    'a HOME that cannot be written': ([], dict(HOME='/proc')),
    'locale C': ([], C),
    'locale C in ASCII': ([], C | dict(PYTHONUTF8='0', PYTHONCOERCECLOCALE='0')),
    'without assertions': (['-O'], {}),
    'warnings are errors': (['-W', 'error'], {}),
    'umask 077': ([], {}),
    'a clock that goes backwards': ([], {}),
}


@pytest.mark.parametrize('case', CASES)
def test_a_run(tmp_path, case):
    options, changed = CASES[case]
    # a program that is to use ASCII for names of files cannot open others
    folder = tmp_path / ('Uebung' if 'ASCII' in case else 'Übung')
    folder.mkdir()
    recipe = write_recipe(folder)
    recipe.write_text(recipe.read_text() + SHORT + '# Übung\n', encoding='utf-8')
    path = str(ROOT)
    if 'clock' in case:
        (tmp_path / 'site').mkdir()
        (tmp_path / 'site' / 'sitecustomize.py').write_text(BACKWARDS)
        path = f'{tmp_path / "site"}:{path}'
    environment = os.environ | dict(PYTHONPATH=path, OMP_NUM_THREADS='1') | changed
    command = [sys.executable, *options, str(ROOT / 'tools/train.py'), str(recipe)]
    run = subprocess.run(
        [*command, '--work-dir', str(folder / 'run')],
        env={key: value for key, value in environment.items() if value is not None},
        cwd=folder,
        capture_output=True,
        umask=0o077 if 'umask' in case else 0o022,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr.decode(errors='replace')[-3000:]
    last = folder / 'run' / 'iter_6.pth'
    assert stat.S_IMODE(last.stat().st_mode) == (0o600 if 'umask' in case else 0o644)
    assert (folder / 'run' / 'last_checkpoint').read_text() == str(last)

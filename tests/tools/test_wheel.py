"""A wheel, installed into a fresh environment, works outside any checkout."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest
from support import ROOT

SHORT = [
    '--cfg-options',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
    'default_hooks.checkpoint.interval=2',
    'default_hooks.logger.interval=1',
    'train_dataloader.num_workers=0',
]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """A wheel of the working tree."""
    source = tmp_path_factory.mktemp('source') / 'tree'
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns('.*', 'build', 'data', 'work_dirs', '__pycache__', '*.egg-info'),
    )
    command = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '--no-index']
    subprocess.run([*command, '-w', source.parent, source], check=True, capture_output=True, timeout=300)
    (file,) = source.parent.glob('*.whl')
    return file


@pytest.fixture(scope='module')
def mmsr(wheel, tmp_path_factory):
    """The command of an environment that has the wheel, and beside it what this one has."""
    folder = tmp_path_factory.mktemp('fresh') / 'venv'
    venv.create(folder, with_pip=False)
    python = folder / 'bin/python'
    (packages,) = folder.glob('lib/python*/site-packages')
    (packages / 'others.pth').write_text(sysconfig.get_paths()['purelib'] + '\n')
    command = [python, '-m', 'pip', 'install', '-q', '--no-deps', '--no-index', '--ignore-installed', wheel]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    home = tmp_path_factory.mktemp('home')

    def run(*args):
        done = subprocess.run(
            [folder / 'bin/mmsr', *map(str, args)],
            cwd=home,
            env={'PATH': f'{folder}/bin:/usr/bin:/bin', 'HOME': str(home), 'OMP_NUM_THREADS': '1'},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, (args, done.stdout[-2000:], done.stderr[-3000:])
        return done.stdout + done.stderr

    run.home, run.packages = home, packages
    return run


def test_the_wheel_has_all_that_is_no_python(wheel):
    listed = subprocess.run(
        ['git', 'ls-files', 'mmsr_ext', 'configs', 'tools', 'docs/images', 'model-index.yml'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.split()
    wanted = {
        name if name.startswith('mmsr_ext/') else f'mmsr_ext/.mim/{name}'
        for name in listed
        if not name.endswith('README.md')
    }
    if not wanted:
        pytest.skip('this is no git checkout')
    with zipfile.ZipFile(wheel) as archive:
        assert wanted - set(archive.namelist()) == set()


@pytest.mark.slow
def test_train_upscale_test_export_from_an_empty_folder(mmsr):
    assert mmsr('--version').startswith('mmsr_ext ')
    assert str(mmsr.packages) in mmsr('doctor')
    assert '11 pairs written' in mmsr('demo-data')
    mmsr('train', 'srresnet_x4_demo', *SHORT)
    checkpoint = 'work_dirs/srresnet_x4_demo/iter_2.pth'
    mmsr('upscale', 'data/demo/val/LQx4/coffee.png', '--compare')
    assert (mmsr.home / 'data/demo/val/LQx4/coffee_compact_x4.png').is_file()
    assert (mmsr.home / 'data/demo/val/LQx4/coffee_compact_x4.html').is_file()
    (mmsr.home / 'data/demo/val/LQx4/coffee_compact_x4.png').unlink()
    assert 'bicubic' in mmsr('test', 'srresnet_x4_demo', checkpoint, '--out', 'report.html')
    assert (mmsr.home / 'report.html').stat().st_size > 100_000
    mmsr('export', checkpoint, '--format', 'safetensors', '-o', 'mine.safetensors')
    assert (mmsr.home / 'mine.safetensors').stat().st_size > 100_000
    assert 'mmsr train my.py' in mmsr('init', 'srresnet_x4_demo', 'my.py', '--gt', 'data/demo/train/GT')
    assert "_base_ = 'mmsr_ext::srresnet_x4_demo.py'" in (mmsr.home / 'my.py').read_text()
    assert 'mmsr test' in mmsr('train', 'my.py', *SHORT)
    assert '| compact_x4 |' in mmsr('models')

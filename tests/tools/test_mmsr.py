import os
import subprocess
import sys

import pytest

from mmsr_ext.cli.completion import completion_script
from mmsr_ext.cli.mmsr import COMMANDS
from mmsr_ext.tool_names import TOOLS


def mmsr(*args, cwd=None, env=None):
    command = [sys.executable, '-m', 'mmsr_ext', *args]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


def test_help_lists_every_command(package_path):
    result = mmsr('--help', env=package_path)
    assert result.returncode == 0
    assert all(f'  {name} ' in result.stdout for name in COMMANDS)


def test_a_misspelt_command_is_named(package_path):
    result = mmsr('upscal', env=package_path)
    assert (result.returncode, result.stderr) == (
        1,
        "error: there is no command 'upscal'. Did you mean upscale?\n",
    )


@pytest.mark.parametrize('name', COMMANDS)
def test_each_command_tells_of_itself_under_its_name(name, capsys, monkeypatch):
    from mmsr_ext.cli import mmsr as module

    monkeypatch.setattr(sys, 'argv', ['mmsr', name, '--help'])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == 0
    assert f'usage: mmsr {name} ' in capsys.readouterr().out


def test_help_imports_no_torch(package_path):
    code = 'import sys, runpy\nsys.argv = ["mmsr", "train", "--help"]\n' + (
        'try:\n    from mmsr_ext.cli.mmsr import main; main()\n'
        'except SystemExit:\n    print("torch" in sys.modules)'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=package_path)
    assert result.stdout.splitlines()[-1] == 'False'


def test_a_config_and_a_network_by_name_outside_a_checkout(package_path, tmp_path):
    """The advice names mmsr, because there are no tools here."""
    result = mmsr('train', 'srresnet_x4_dem', cwd=tmp_path, env=package_path)
    assert result.returncode == 1
    assert 'config srresnet_x4_dem does not exist' in result.stderr
    assert 'srresnet_x4_demo' in result.stderr
    result = mmsr('models', cwd=tmp_path, env=package_path)
    assert '| compact_x4 | 4 ' in result.stdout
    export = ['export', 'compact_x4', '--format', 'safetensors', '-o', 'x.safetensors']
    result = mmsr(*export, cwd=tmp_path, env=package_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'x.safetensors').stat().st_size > 300_000


def test_tools_exist(in_root):
    assert sorted(TOOLS.values()) == sorted(
        name for name in os.listdir('tools') if name.endswith('.py') and name not in ('faults.py', 'fuzz.py')
    )
    assert set(TOOLS) <= set(COMMANDS)


@pytest.mark.parametrize('shell', ['bash', 'zsh'])
def test_completion(shell):
    script = (
        completion_script(shell)
        + """
COMP_WORDS=(mmsr train --max); COMP_CWORD=2; _mmsr; echo "${COMPREPLY[@]}"
COMP_WORDS=(mmsr ups); COMP_CWORD=1; _mmsr; echo "${COMPREPLY[@]}"
"""
    )
    if shell == 'zsh':
        assert 'bashcompinit' in script
        return
    result = subprocess.run(['bash', '-c', script], capture_output=True, text=True, cwd='/')
    assert result.stdout.split() == ['--max-hours', 'upscale'], result.stderr


@pytest.fixture
def package_path():
    """Return an environment in which the package under test is found from any folder."""
    import mmsr_ext

    return os.environ | {'PYTHONPATH': os.path.dirname(os.path.dirname(mmsr_ext.__file__))}


def test_doctor_tells_what_is_missing_for_what(package_path, tmp_path):
    result = mmsr('doctor', cwd=tmp_path, env=package_path | {'TORCH_HOME': str(tmp_path)})
    assert result.returncode == 0, result.stderr
    for expected in ('GPU', 'precision', f'GB free in this folder, {tmp_path}', 'torch ', 'mmagic 1.2.0'):
        assert expected in result.stdout
    assert 'no         vgg19-dcbb9e9d.pth' in result.stdout
    assert 'onnxruntime: for mmsr upscale -c network.onnx' in result.stdout


@pytest.mark.slow
def test_quickstart_skips_what_is_done_and_its_farewell_works(package_path, tmp_path):
    result = mmsr('quickstart', '--iters', '2', cwd=tmp_path, env=package_path)
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / 'work_dirs/quickstart.html').stat().st_size > 100_000
    again = mmsr('quickstart', '--iters', '2', cwd=tmp_path, env=package_path)
    assert again.stdout.count('is trained already') == 2
    assert 'pairs written' not in again.stdout
    farewell = again.stdout[again.stdout.index('Open this page:') :]
    commands = [line.partition('#')[0][23:] for line in farewell.splitlines()[1:]]
    assert len(commands) == 4
    from PIL import Image

    (tmp_path / 'my_photos').mkdir()
    for index in range(3):
        Image.effect_noise((120, 110), 50).convert('RGB').save(tmp_path / f'my_photos/{index}.png')
    Image.effect_noise((40, 30), 50).convert('RGB').save(tmp_path / 'photo.jpg')
    commands[-1] += ' --cfg-options train_cfg.max_iters=1 train_cfg.val_interval=1'
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=package_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (command, done.stderr[-3000:])
    assert {path.name for path in tmp_path.glob('photo*')} == {
        'photo.jpg',
        'photo_compact_x4.png',
        'photo_SRGAN_x4.png',
    }

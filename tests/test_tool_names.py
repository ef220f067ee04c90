"""Commands in messages are those that work where the user is."""

import ast
import re
import sys

import pytest
from support import ROOT

from mmsr_ext.tool_names import TOOLS, in_processes, tool, typed, typed_here

# prose of docstrings and comments is for who reads the code; the rest is for who runs it
LITERAL = re.compile(r'tools/\w+\.(?:py|sh)')
EXEMPT = {'tool_names.py', 'startup.py'}  # the table itself, and labels of measurements in a checkout


def messages(path):
    """Lines of a file outside of docstrings and comments that name a file in tools/."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node)
    }
    return [
        f'{path.name}:{node.lineno}: {node.value}'
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in docstrings and LITERAL.search(node.value)
    ]


def test_no_message_names_a_file_in_tools():
    found = [
        line
        for path in (ROOT / 'mmsr_ext').rglob('*.py')
        if path.name not in EXEMPT
        for line in messages(path)
    ]
    assert found == []


def test_a_message_that_names_one_is_found(tmp_path):
    (tmp_path / 'a.py').write_text('"""See tools/train.py."""\nx = f"{y}: python tools/train.py"\n')
    assert messages(tmp_path / 'a.py') == ['a.py:2: : python tools/train.py']


@pytest.mark.parametrize('name', TOOLS)
def test_in_the_checkout(name, in_root):
    assert tool(name) == f'python tools/{TOOLS[name]}'


def test_in_a_folder_without_tools(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tool('pack') == 'mmsr pack'
    assert in_processes('upscale') == (
        'torchrun --nproc_per_node=GPUS -m mmsr_ext upscale INPUT -o FOLDER --launcher pytorch'
    )


def test_in_the_folder_of_another_project(tmp_path, monkeypatch):
    """MMagic's checkout has tools/train.py too."""
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'train.py').touch()
    monkeypatch.chdir(tmp_path)
    assert tool('train') == 'mmsr train'


@pytest.mark.parametrize('name', ['srgan_x4', 'srresnet_x4_demo', 'deblurgan_gopro', 'espcn_x3'])
def test_advice_of_a_config(name, tmp_path, monkeypatch):
    """Each recipe says how to make its data, by commands that are there."""
    from mmsr_ext.config.load import load_config
    from mmsr_ext.registry import DATASETS

    cfg = load_config(str(ROOT / 'configs' / f'{name}.py'))
    dataset = dict(cfg.train_dataloader.dataset)
    dataset['type'] = f'mmsr_ext.{dataset["type"]}'
    for folder, start in [(tmp_path, 'mmsr '), (ROOT, 'python tools/')]:
        monkeypatch.chdir(folder)
        assert start in typed_here(dataset['hint'])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r'mmsr (pack|demo-data)') as caught:
        DATASETS.build(dataset)
    assert 'tools/' not in str(caught.value)


def test_in_several_processes(in_root):
    assert in_processes('train') == 'bash tools/dist_train.sh CONFIG GPUS'
    assert in_processes('upscale') == 'bash tools/dist_upscale.sh GPUS INPUT -o FOLDER'


@pytest.mark.parametrize(
    ('program', 'environment', 'installed', 'expected'),
    [
        ('tools/train.py', {}, True, 'python tools/train.py a.py --resume'),
        ('/usr/bin/mmsr', {}, True, 'mmsr a.py --resume'),
        ('/x/mmsr_ext/__main__.py', {}, True, 'mmsr a.py --resume'),
        ('/x/mmsr_ext/__main__.py', {}, False, 'python -m mmsr_ext a.py --resume'),
        (
            '/x/mmsr_ext/__main__.py',
            {'TORCHELASTIC_RUN_ID': 'none', 'LOCAL_WORLD_SIZE': '2'},
            True,
            'torchrun --nproc_per_node=2 -m mmsr_ext a.py --resume',
        ),
    ],
)
def test_the_command_of_this_process(program, environment, installed, expected, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [program, 'a.py'])
    monkeypatch.setattr('shutil.which', lambda name: f'/usr/bin/{name}' if installed else None)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert typed('--resume') == expected

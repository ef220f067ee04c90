"""What is imported, in fresh processes."""

import json
import subprocess
import sys

import pytest
from support.configs import CONFIGS, tiny_options

HEAVY = ['mmagic.models', 'mmagic.evaluation', 'diffusers']

TRAIN_AND_TEST = """
import json, sys
from mmsr_ext.apis import evaluate, load_generator, train
config, work_dir, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
train(config, work_dir, options=options)
path = f'{work_dir}/iter_3.pth'
evaluate(config, [path], f'{work_dir}/test', options=options)
load_generator(path)
print('loaded:', json.dumps(sorted(sys.modules)))
"""

BUILD = """
import json, sys
from mmengine.config import Config
from mmengine.registry import EVALUATOR, DefaultScope
from mmsr_ext.registry import MODELS
with DefaultScope.overwrite_default_scope('mmsr_ext'):
    for path in sys.argv[1:]:
        cfg = Config.fromfile(path)
        if cfg.model.get('perceptual_loss'):
            cfg.model.perceptual_loss.pretrained = 'random'
        if cfg.model.generator.type == 'RRDBNet':
            cfg.model.generator.num_blocks = 1
        MODELS.build(cfg.model)
        EVALUATOR.build(cfg.val_evaluator)
print('loaded:', json.dumps(sorted(sys.modules)))
"""


def loaded(code, *arguments):
    run = subprocess.run(
        [sys.executable, '-c', code, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return set(json.loads(run.stdout.split('loaded:')[1])), run.stdout


def flat(options, prefix=''):
    for key, value in options.items():
        yield from flat(value, f'{prefix}{key}.') if isinstance(value, dict) else [(prefix + key, value)]


def test_training_and_testing_do_not_import_mmagics_models(in_root, tmp_path):
    options = dict(flat(tiny_options(tmp_path))) | {
        'model.generator.init_cfg': None,
        'model.discriminator.patch_size': 32,
        'model.perceptual_loss.pretrained': 'random',
        'model.generator.num_blocks': 1,
        'model.perceptual_loss.layer_weights': {'_delete_': True, 'VGG22': 1.0},
    }
    modules, output = loaded(TRAIN_AND_TEST, CONFIGS / 'srgan_x4.py', tmp_path / 'run', json.dumps(options))
    assert 'PSNR-Y' in output
    assert modules.isdisjoint(HEAVY)


def test_recipes_do_not_need_mmagics_models(in_root):
    """But for SRCNN, whose network is MMagic's."""
    paths = [path for path in CONFIGS.glob('*.py') if path.name != 'srcnn_x4.py']
    assert len(paths) > 15
    assert loaded(BUILD, *paths)[0].isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ('code', 'unneeded'),
    [
        ('import mmsr_ext', ['mmengine.runner', 'torchvision', 'mmagic.engine', 'mmsr_ext.models', *HEAVY]),
        (
            'from mmsr_ext.cli import train',
            ['mmengine.runner', 'torchvision', 'mmsr_ext.models', 'mmsr_ext.training.run', *HEAVY],
        ),
        (
            'import mmsr_ext.apis, mmsr_ext.models, mmsr_ext.datasets, mmsr_ext.engine, mmsr_ext.evaluation',
            ['lpips', 'matplotlib', *HEAVY],
        ),
        (
            "import runpy, sys; sys.argv = ['train.py', '--help']\ntry: runpy.run_path('tools/train.py', "
            "run_name='__main__')\n"
            'except SystemExit: pass',
            ['torch', 'mmengine.runner', 'mmsr_ext.registry', *HEAVY],
        ),
    ],
)
def test_nothing_is_imported_before_it_is_needed(in_root, code, unneeded):
    assert loaded(f"{code}\nimport json, sys; print('loaded:', json.dumps(sorted(sys.modules)))")[
        0
    ].isdisjoint(unneeded)


def test_functions_hide_the_modules_of_their_name(in_root):
    code = """
import mmsr_ext.generators.interpolate, mmsr_ext.evaluation.evaluate  # which import each other
import mmsr_ext.apis
from mmsr_ext.apis import *
from mmsr_ext.apis import train, evaluate
for name in mmsr_ext.apis.__all__:
    assert type(getattr(mmsr_ext.apis, name)).__name__ in ('function', 'type'), name
assert evaluate is sys.modules['mmsr_ext.evaluation.evaluate'].evaluate
try:
    mmsr_ext.apis.nothing
except AttributeError as error:
    assert 'evaluate' in str(error)
else:
    raise AssertionError
print('loaded:', '[]')
"""
    loaded(f'import sys\n{code}')


def test_a_command_can_import_the_datasets_before_anything_else():
    """A command imports no registry until its arguments are understood; the datasets need mended MMagic."""
    code = (
        'import json, sys; MMSR_COMMAND = True; import mmsr_ext.datasets; '
        "print('loaded:', json.dumps(sorted(sys.modules)))"
    )
    assert 'mmsr_ext.datasets.images' in loaded(code)[0]

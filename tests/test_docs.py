"""README and the pages of docs/ do what they say.

Every command is parsed by its tool. Blocks of ``bash`` are also run as they are written, on small images and
with runs of two iterations; blocks of ``text`` need a download, many GPUs or hours.
"""

import argparse
import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image
from support import ROOT

from mmsr_ext import registry
from mmsr_ext.apis import pack_images
from mmsr_ext.models import EnhanceNet, SRVGGNetCompact

PAGES = [
    'README.md',
    'CONTRIBUTING.md',
    *sorted(f'docs/{path.name}' for path in (ROOT / 'docs').glob('*.md')),
]
SHORT = (
    'train_cfg.max_iters=2 train_cfg.val_interval=2 default_hooks.checkpoint.interval=2 '
    'default_hooks.logger.interval=1 train_dataloader.batch_size=1 train_dataloader.num_workers=0 '
    'train_dataloader.persistent_workers=False val_dataloader.num_workers=0 '
    'val_dataloader.persistent_workers=False $MORE'
)
WRAPPER = f"""#!/usr/bin/env bash
case "$1 $*" in
    "tools/train.py "*--cfg-options*) set -- "$@" {SHORT} ;;
    "tools/train.py "*) set -- "$@" --cfg-options {SHORT} ;;
esac
exec {sys.executable} "$@"
"""


def photographs(folder: Path, count: int = 3, height: int = 264, width: int = 272, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for index in range(count):
        image = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8))
        image.resize((width, height), Image.Resampling.BICUBIC).save(folder / f'{index}.png')


@pytest.fixture
def home(tmp_path):
    """A working copy in which a page's commands can be typed."""
    for name in ('configs', 'tools'):
        shutil.copytree(ROOT / name, tmp_path / 'home' / name, ignore=shutil.ignore_patterns('__pycache__'))
    wrapper = tmp_path / 'bin/python'
    wrapper.parent.mkdir()
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    return tmp_path / 'home'


def run_page(name: str, home: Path, more: str = '') -> str:
    return run(blocks_of((ROOT / 'docs' / name).read_text()), home, more)


def blocks_of(text: str) -> list[str]:
    return re.findall(r'^```bash\n(.*?)^```', text, re.MULTILINE | re.DOTALL)


def run(blocks: list[str], home: Path, more: str = '') -> str:
    environment = dict(
        os.environ,
        PATH=f'{home.parent / "bin"}:{os.environ["PATH"]}',
        TORCH_HOME=str(home.parent / 'torch'),
        PYTHONPATH=str(ROOT),
        MORE=more,
    )
    done = subprocess.run(
        ['bash', '-euo', 'pipefail', '-c', '\n'.join(blocks)],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert 'Traceback' not in done.stdout
    return done.stdout


def random_vgg(home: Path) -> None:
    """In the place of torchvision's download."""
    folder = home.parent / 'torch/hub/checkpoints'
    folder.mkdir(parents=True)
    torch.save(
        {f'features.{key}': value for key, value in torchvision.models.vgg19().features.state_dict().items()},
        folder / 'vgg19-dcbb9e9d.pth',
    )


def random_compact(home: Path, name: str, num_convs: int) -> None:
    """In the place of a published file."""
    (home / 'weights').mkdir()
    network = SRVGGNetCompact(mid_channels=64, num_convs=num_convs, scale=4, act_type='prelu')
    torch.save({'params': network.state_dict()}, home / 'weights' / name)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def commands_of(text: str) -> list[list[str]]:
    """The tools' commands in a page's blocks, as lists of arguments."""
    found = []
    for block in re.findall(r'^```(?:bash|text)\n(.*?)^```', text, re.MULTILINE | re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            for part in re.split(r' \| | && |(?<=\d) (?=bash )', line):
                if part.startswith(('python tools/', 'bash tools/')):
                    found.append(shlex.split(part, comments=True))
    return found


@pytest.mark.parametrize('name', PAGES)
def test_every_command_is_one_that_its_tool_takes(name):
    for _, tool, *args in commands_of(page(name)):
        assert (ROOT / tool).is_file(), tool
        if tool.endswith('.py'):
            command = re.search(
                r'^    command\.start\((\w+)\)', (ROOT / tool).read_text(), re.MULTILINE
            ).group(1)
            module = importlib.import_module(f'mmsr_ext.cli.{command}')
            parser = argparse.ArgumentParser(prog=f'{name}: {tool}')
            module.add_arguments(parser)
            parsed = parser.parse_args(args)
            if hasattr(module, 'check'):
                module.check(parser, parsed)


def test_no_two_pages_write_to_the_same_folder():
    """Whoever follows one page after the other is not told that something exists already."""
    places: dict[str, str] = {}
    for name in PAGES:
        for block in blocks_of(page(name)):
            for _, tool, *args in commands_of(f'```bash\n{block}```'):
                if tool in ('tools/pack_data.py', 'tools/make_pairs.py') and '--verify' not in args:
                    place = args[1]
                elif tool == 'tools/upscale.py' and '-o' in args:
                    place = args[args.index('-o') + 1]
                else:
                    continue
                assert places.setdefault(place, name) == name, (place, name, places[place])
    assert len(places) > 12


def test_an_argument_that_a_tool_does_not_have_is_found():
    text = '```bash\ncat x | python tools/train.py \\\n  configs/mine.py --resum-from a\n```'
    parser = argparse.ArgumentParser()
    importlib.import_module('mmsr_ext.cli.train').add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(commands_of(text)[0][2:])


@pytest.mark.parametrize('name', PAGES)
def test_configs_that_a_page_names_exist(name):
    text = page(name)
    made = set(re.findall(r'^cat > (configs/\S+)', ''.join(map(page, PAGES)), re.MULTILINE))
    named = set(re.findall(r'\bconfigs/\w+\.py', text)) - made - {'configs/mine_x4.py'}
    named |= {f'configs/{base}' for base in re.findall(r"^_base_ = '(\w+\.py)'", text, re.MULTILINE)}
    assert {config for config in named if not (ROOT / config).exists() and 'NAME' not in config} == set()


def test_every_page_with_commands_is_run():
    tests = Path(__file__).read_text() + page('tests/tools/test_export_tool.py')
    with_commands = [name for name in PAGES if blocks_of(page(name))]
    assert len(with_commands) >= 9
    for name in with_commands:
        assert re.search(rf"(run_page\('|blocks_of\(page\('|'docs/){re.escape(Path(name).name)}'", tests), (
            name
        )


@pytest.fixture
def reference(monkeypatch):
    """The module that makes the pages of the parts and of the commands."""
    monkeypatch.syspath_prepend(ROOT / 'docs')
    return importlib.import_module('reference')


@pytest.fixture
def recipes(monkeypatch):
    """The module that makes the pages of the recipes."""
    monkeypatch.syspath_prepend(ROOT / 'docs')
    return importlib.import_module('recipes')


def test_reference_has_every_registered_part(reference):
    text = '\n'.join(reference.reference_pages().values())
    parts = {}
    for child in vars(registry).values():
        if isinstance(child, registry.ChildRegistry):
            child.import_from_location()
            parts |= {
                name: part
                for name, part in child.module_dict.items()
                if part.__module__.startswith('mmsr_ext.')
            }
    assert len(parts) > 30
    missing = {
        name
        for name, part in parts.items()
        if f'`{name}`' not in text or f'\n::: {part.__module__}.{part.__qualname__}\n' not in text
    }
    assert missing == set()


def test_reference_has_every_command(reference):
    text = reference.commands_page()
    for tool in (ROOT / 'tools').glob('*.py'):
        assert f'## {tool.name}\n' in text
    for option in ('--resume', '--cfg-options', '--half', '--exclude-failed'):
        assert option in text


def test_a_part_in_an_unknown_folder_is_named(reference):
    with pytest.raises(KeyError, match='ROOMS'):
        reference._room_of('mmsr_ext.somewhere.mine')


def test_size_of_a_generator(recipes):
    def size(name: str) -> dict:
        return recipes.generator_size(Config.fromfile(ROOT / 'configs' / name))

    assert size('esrgan_x4.py')['parameters'] == 16_697_987  # RRDBNet as it was published
    # ESPCN has three convolutions on the small image
    additions = (3 * 64 * 25 + 64 * 32 * 9 + 32 * 48 * 9) * 320 * 180
    assert size('espcn_x4.py') == dict(parameters=37_200, gflop=2 * additions / 1e9, input=(180, 320))


@pytest.mark.slow
def test_recipes_have_a_page_each(recipes):
    pages = recipes.recipe_pages()
    assert {f'recipes/{path.stem}.md' for path in (ROOT / 'configs').glob('*.py')} < set(pages)
    assert '1,549,462' in pages['recipes/srgan_x4.md']
    assert 'Deviations from the paper' in pages['recipes/srgan_x4.md']
    assert pages == recipes.recipe_pages()


@pytest.mark.slow
def test_site_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(tmp_path / 'site')],
        cwd=ROOT,
        env=dict(os.environ, PYTHONPATH=str(ROOT), NO_MKDOCS_2_WARNING='1', http_proxy='http://127.0.0.1:9'),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    html = (tmp_path / 'site/reference/models.backbones/index.html').read_text()
    assert 'id="mmsr_ext.models.backbones.srresnet.SRResNet"' in html
    start = (tmp_path / 'site/index.html').read_text()
    assert re.findall(r'<(?:script|img)[^>]+src="https?:', start) == []
    assert re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="https?:', start) == []


@pytest.mark.slow
def test_readme(home):
    photographs(home / 'my_photos')
    photographs(home / 'my_held_out_photos', 2, 97, 110, seed=1)
    blocks = blocks_of(page('README.md'))
    assert blocks.pop(0).startswith('bash tools/quickstart.sh')  # another test's
    run(blocks, home)
    assert (home / 'report.html').stat().st_size > 10_000
    assert Image.open(home / 'by_mine/0.png').size == (1088, 1056)
    assert (home / 'mine.safetensors').exists()


@pytest.mark.slow
def test_data(home):
    photographs(home / 'my_photos')
    run_page('data.md', home)
    assert (home / 'data/example/sharp').is_dir()


def test_datasets_of_the_data_page(tmp_path, monkeypatch):
    """The configs of the page, with stores of small images in the places that they name."""
    monkeypatch.chdir(tmp_path)
    configs = re.findall(r'^```python\n(.*?)^```', page('docs/data.md'), re.MULTILINE | re.DOTALL)
    assert len(configs) == 3
    for name, count, store in (
        ('photos', 3, 'photos_x4'),
        ('text', 2, 'text_x4'),
        ('mine', 2, 'example/pairs'),
    ):
        photographs(tmp_path / name, count, 96, 128)
        pack_images(tmp_path / name, tmp_path / f'data/{store}', 4, workers=0)
    for number, text in enumerate(configs):
        path = tmp_path / f'{number}.py'
        path.write_text(re.sub(r"'(\w+_x4\.py)'", lambda name: repr(str(ROOT / 'configs' / name[1])), text))
        loader = Config.fromfile(path).train_dataloader
        with DefaultScope.overwrite_default_scope('mmsr_ext'):
            data = registry.DATASETS.build(loader.dataset)
            draws = islice(registry.DATA_SAMPLERS.build(loader.sampler, default_args=dict(dataset=data)), 100)
            batch = data.__getitems__(list(draws))
        assert batch['gt'].shape == ((100, 3, 96, 96), (100, 3, 96, 96), (100, 1, 68, 68))[number]
        assert len(data) == (5, 1000, 2)[number]
        assert loader.dataset.get('weighting', 'image') == ('area', 'image', 'image')[number]


@pytest.mark.slow
def test_upscaling(home):
    photographs(home / 'my_photos', 2, 64, 48)
    random_compact(home, 'realesr-general-x4v3.pth', 32)
    run_page('upscaling.md', home)
    assert Image.open(home / 'upscaled/0.png').size == (192, 256)
    assert Image.open(home / 'half/0.png').size == (96, 128)


@pytest.mark.slow
def test_train(home):
    photographs(home / 'my_photos')
    photographs(home / 'my_held_out_photos', 2, 97, 110, seed=1)
    out = run_page('train.md', home)
    assert 'psnr' in out
    assert (home / 'report.html').stat().st_size > 10_000
    assert Image.open(home / 'by_gan/0.png').size == (440, 388)
    assert len(list((home / 'work_dirs').glob('interpolate*/*.pth'))) == 5


@pytest.mark.slow
def test_fine_tune(home):
    photographs(home / 'my_photos')
    photographs(home / 'my_held_out_photos', 2, 96, 112, seed=1)
    random_vgg(home)
    random_compact(home, 'realesr-general-x4v3.pth', 32)
    run_page('fine_tune.md', home)
    assert Image.open(home / 'before/0.png').size == (112, 96)
    before = torch.load(home / 'weights/realesr-general-x4v3.pth', weights_only=True)['params']
    after = torch.load(home / 'mine-x4.pth', weights_only=True)['params_ema']
    assert before.keys() == after.keys()
    drift = max((before[key] - after[key]).abs().max() for key in before)
    assert 0 < drift < 1e-3  # two updates of at most lr, in an average


@pytest.mark.slow
def test_anime(home):
    photographs(home / 'my_drawings')
    photographs(home / 'my_held_out_drawings', 2, 96, 112, seed=1)
    random_vgg(home)
    random_compact(home, 'realesr-animevideov3.pth', 16)
    run_page('anime.md', home)
    for folder in ('drawings_x4', 'drawings_by_mine'):
        assert Image.open(home / folder / '0.png').size == (1088, 1056)


@pytest.mark.slow
def test_deblur(home):
    photographs(home / 'my_sharp_photos')
    photographs(home / 'my_pairs/sharp', 2, 264, 272, seed=1)
    photographs(home / 'my_pairs/blur', 2, 264, 272, seed=1)
    shutil.copytree(home / 'my_pairs', home / 'my_training_pairs')
    random_vgg(home)
    run_page('deblur.md', home, 'train_dataloader.dataset.gt_size=64')
    assert Image.open(home / 'deblurred/0.png').size == (272, 264)
    assert (home / 'work_dirs/mine_deblur_pairs/iter_2.pth').exists()


@pytest.mark.slow
def test_evaluate(home):
    photographs(home / 'data/demo/val/GT', 2, 96, 112, seed=1)
    photographs(home / 'data/demo/val/LQx4', 2, 32, 48, seed=1)
    for path in (home / 'data/demo/val/LQx4').iterdir():
        Image.open(path).resize((28, 24)).save(path)
    for name in ('srresnet_x4_demo/PSNR.pth', 'srgan_x4_demo/SRGAN.pth'):
        (home / 'work_dirs' / name).parent.mkdir(parents=True)
        torch.save(
            EnhanceNet(mid_channels=32, num_blocks=4).state_dict(),
            home / 'work_dirs' / name,
        )
    out = run_page('evaluate.md', home)
    assert 'items of 4 methods' in out
    assert (home / 'figures.json').exists()
    assert (home / 'figures.csv').exists()

"""MMagic's restoration configs build with GANRestorer in the place of their model, and in our scope."""

from contextlib import contextmanager
from pathlib import Path

import mmagic
import pytest
import torch
import torchvision
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmsr_ext.registry import DATASETS, EVALUATORS, MODELS, TRANSFORMS

FOLDER = Path(mmagic.__file__).parent / '.mim/configs'
KINDS = ['srcnn', 'srgan_resnet', 'edsr', 'rdn', 'esrgan', 'real_esrgan']
KINDS += ['swinir', 'nafnet', 'restormer', 'liif', 'deblurganv2']
CONFIGS = sorted(path for kind in KINDS for path in (FOLDER / kind).glob('*.py'))


@pytest.fixture
def without_downloads(monkeypatch):
    """Weights of the right shapes, in the place of files that MMagic's networks download."""
    held = {}

    def zeros(weights, *args, **kwargs):
        name = str(weights).partition('_Weights')[0].lower()
        if name not in held:
            with torch.device('meta'):
                network = getattr(torchvision.models, name)(weights=None)
            held[name] = {key: torch.zeros(value.shape) for key, value in network.state_dict().items()}
        return held[name]

    def load(self, state, *args, **kwargs):
        return None if state is NOTHING else stock(self, state, *args, **kwargs)

    stock = torch.nn.Module.load_state_dict
    monkeypatch.setattr('torchvision.models._api.WeightsEnum.get_state_dict', zeros)
    for place in ('torch.utils.model_zoo.load_url', 'torch.hub.load_state_dict_from_url'):
        monkeypatch.setattr(place, lambda *args, **kwargs: NOTHING)
    monkeypatch.setattr(torch.nn.Module, 'load_state_dict', load)


NOTHING = {}


@contextmanager
def skip_random_weights():
    """Leave out the drawing of random weights, which takes most of the time."""
    names = ('uniform_', 'normal_', 'trunc_normal_', 'kaiming_uniform_', 'kaiming_normal_', 'xavier_uniform_')
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)
        yield


def several(part) -> list:
    return list(part) if isinstance(part, (list, tuple)) else [part]


def build(cfg: Config) -> None:
    """Build the model, the transforms and datasets of all loaders, and all evaluators."""
    with skip_random_weights():
        MODELS.build(cfg.model)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for loader in several(cfg.get(name) or []):
            dataset = loader.dataset
            while 'dataset' in dataset:
                dataset = dataset.dataset
            for transform in dataset.get('pipeline', []):
                TRANSFORMS.build(transform)
            DATASETS.build(dict(dataset, pipeline=[], lazy_init=True))
    for name in ('val_evaluator', 'test_evaluator'):
        for evaluator in several(cfg.get(name) or []):
            if 'metrics' not in evaluator:
                evaluator = dict(metrics=evaluator)
            EVALUATORS.build({'type': 'Evaluator', **evaluator})


@pytest.mark.slow
@pytest.mark.parametrize('how', ['model.type swapped', "default_scope='mmsr_ext'"])
def test_restoration_configs_build(how, without_downloads, capsys):
    failed = {}
    for path in CONFIGS:
        cfg = Config.fromfile(path)
        scope = 'mmsr_ext' if 'scope' in how else 'mmagic'
        if scope == 'mmagic':
            cfg.model.type = 'mmsr_ext.GANRestorer'
        try:
            with DefaultScope.overwrite_default_scope(scope):
                build(cfg)
        except Exception as error:
            failed[path.stem] = f'{type(error).__name__}: {error}'
    with capsys.disabled():
        print(f'\n{how}: {len(CONFIGS) - len(failed)} of {len(CONFIGS)} configs build')
    assert len(CONFIGS) == 59
    assert failed == {}

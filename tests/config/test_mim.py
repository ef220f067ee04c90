"""What MIM and MMEngine's hub find in the package."""

from pathlib import Path

import pytest
import yaml
from mmengine.hub import get_config
from support import ROOT

from mmsr_ext.config.load import load_config

INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())
METAFILE = yaml.safe_load((ROOT / INDEX['Import'][0]).read_text())


def test_every_recipe_is_in_the_metafile():
    names = [model['Name'] for model in METAFILE['Models']]
    assert sorted(names) == sorted(path.stem for path in (ROOT / 'configs').glob('*.py'))
    collections = {collection['Name'] for collection in METAFILE['Collections']}
    for model in METAFILE['Models']:
        assert (ROOT / model['Config']).stem == model['Name']
        assert model['In Collection'] in collections


def test_the_hub_gets_our_configs():
    cfg = get_config('mmsr_ext::srgan_x4.py')
    assert cfg.model.type == 'GANRestorer'
    assert Path(get_config('mmsr_ext::compact_x4.py', pretrained=True).model_path).is_file()
    with pytest.raises(ValueError, match='there is no built-in network'):
        get_config('mmsr_ext::srgan_x4.py', pretrained=True)


def test_commands_load_them_by_the_same_name():
    cfg = load_config('mmsr_ext::srgan_x4.py')
    assert cfg.model.type == 'GANRestorer'
    assert cfg.work_dir == 'work_dirs/srgan_x4'

"""What every config resolves to, compared with what is written down: no recipe changes unseen.

After a change on purpose: python tests/configs/test_resolved.py
"""

import json
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

CONFIGS = Path(__file__).parents[2] / 'configs'
WRITTEN = Path(__file__).with_name('resolved.json')


def plain(value):
    """Without texts for people, and as JSON keeps it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != 'hint'}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def resolved(path):
    config = Config.fromfile(path).to_dict()
    return {key: plain(value) for key, value in config.items() if not key.startswith('_')}


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda path: path.stem)
def test_as_written(path):
    assert resolved(path) == json.loads(WRITTEN.read_text())[path.stem]


if __name__ == '__main__':
    configs = {path.stem: resolved(path) for path in sorted(CONFIGS.glob('*.py'))}
    WRITTEN.write_text(json.dumps(configs, indent=1, sort_keys=True) + '\n')
    sys.stdout.write(f'{len(configs)} configs written to {WRITTEN.name}\n')

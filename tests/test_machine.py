"""How much memory is left."""

import resource
import sys
from pathlib import Path

import pytest

from mmsr_ext.machine import _left_by_container, free_memory


def write(folder, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace('_', '.', 1)).write_text(text)


def test_the_limits_of_containers_count(tmp_path):
    root, own = tmp_path / 'cgroup', tmp_path / 'own'
    own.write_text('0::/job/step\n')
    write(root / 'job' / 'step', memory_max='max\n', memory_current='500\n')
    (root / 'job' / 'memory.max').write_text('1000\n')
    (root / 'job' / 'memory.current').write_text('900\n')
    (root / 'job' / 'memory.stat').write_text('anon 600\ninactive_file 300\n')
    assert _left_by_container(root, own) == [400]  # file caches can be dropped


def test_the_limits_of_older_containers_count(tmp_path):
    own = tmp_path / 'own'
    own.write_text('3:cpu,cpuacct:/a\n7:memory:/docker/unseen\n0::/\n')
    folder = tmp_path / 'memory'
    folder.mkdir()
    for name, text in [
        ('memory.limit_in_bytes', '1000'),
        ('memory.usage_in_bytes', '700'),
        ('memory.stat', 'total_inactive_file 50'),
    ]:
        (folder / name).write_text(text)
    assert _left_by_container(tmp_path, own) == [350]


@pytest.mark.skipif(sys.platform != 'linux', reason='needs /proc')
def test_the_limits_of_the_process_count(monkeypatch):
    monkeypatch.setattr(resource, 'getrlimit', lambda kind: (-1, -1))
    unlimited = free_memory()
    taken = {line.split(':')[0]: line for line in Path('/proc/self/status').read_text().splitlines()}
    size = int(taken['VmSize'].split()[1]) * 1024
    limits = {resource.RLIMIT_AS: size + 10**8, resource.RLIMIT_DATA: -1}
    monkeypatch.setattr(resource, 'getrlimit', lambda kind: (limits[kind], -1))
    assert free_memory() == pytest.approx(10**8, abs=10**7)
    assert free_memory() < unlimited

import errno
import os

import pytest
from mmengine.fileio import get_file_backend

from mmsr_ext.engine.hooks.checkpoint import BACKEND
from mmsr_ext.io.atomic import UNFINISHED, remove_partial, remove_unfinished, whole_file, write_durably


def test_writes_and_replaces(tmp_path):
    backend = get_file_backend(backend_args=dict(backend=BACKEND))
    for content in (b'one', b'another'):
        backend.put(content, str(tmp_path / 'folder' / 'file.pth'))
        assert (tmp_path / 'folder' / 'file.pth').read_bytes() == content
    assert os.listdir(tmp_path / 'folder') == ['file.pth']


def test_a_full_disk_leaves_what_was_there(tmp_path):
    (tmp_path / 'file.pth').write_bytes(b'old')
    (tmp_path / f'.file.pth{UNFINISHED}').symlink_to('/dev/full')
    with pytest.raises(OSError) as raised:  # noqa: PT011
        write_durably(tmp_path / 'file.pth', b'new' * 10_000)
    assert raised.value.errno == errno.ENOSPC
    assert (tmp_path / 'file.pth').read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['file.pth']


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    calls = []

    def record(name):
        stock = getattr(os, name)

        def call(*args):
            calls.append(
                'fsync of the folder'
                if name == 'fsync' and os.path.isdir(f'/proc/self/fd/{args[0]}')
                else name
            )
            return stock(*args)

        monkeypatch.setattr(os, name, call)

    record('fsync')
    record('replace')
    write_durably(tmp_path / 'file', b'content')
    assert calls == ['fsync', 'replace', 'fsync of the folder']


def test_leftovers_are_removed(tmp_path):
    for name in (f'.iter_4.pth{UNFINISHED}', 'iter_2.pth', '.hidden'):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ['.hidden', 'iter_2.pth']


def test_temporary_names_are_short_and_unique(tmp_path):
    path = tmp_path / f'{"n" * 251}.png'
    with whole_file(path) as one, whole_file(path) as other:
        assert one != other
        assert {one.suffix, other.suffix} == {'.png'}
        one.write_text('one')
        other.write_text('other')
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_text() == 'one'  # the outer block ends last


@pytest.mark.parametrize('name', ['n' * 256, 'folder', 'file/a'])
def test_a_name_that_cannot_be_written_fails_before_the_work(tmp_path, name):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    with pytest.raises(OSError), whole_file(tmp_path / name):  # noqa: PT011
        pytest.fail('the block ran')
    assert sorted(os.listdir(tmp_path)) == ['file', 'folder']


def test_old_temporary_files_are_removed(tmp_path):
    with whole_file(tmp_path / 'a.png') as partial:
        remove_partial(tmp_path)
        assert partial.exists()  # another process may be writing it
        os.utime(partial, (0, 0))
        (tmp_path / '.mine.partial.png').touch()
        os.utime(tmp_path / '.mine.partial.png', (0, 0))
        remove_partial(tmp_path)
        assert not partial.exists()
        partial.touch()
    assert sorted(os.listdir(tmp_path)) == ['.mine.partial.png', 'a.png']

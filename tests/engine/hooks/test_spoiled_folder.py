"""The folder of a run is deleted, filled up or made read-only while it runs; what was saved stays whole."""

import os
import resource
import shutil
import traceback
from pathlib import Path

import pytest
from support.runs import At, last, steps, tiny_train

from mmsr_ext import InputError
from mmsr_ext.kill_test.forked_run import ITERATIONS
from mmsr_ext.kill_test.kinds import CLONE_NEWNS, MS_PRIVATE, MS_REC, call_c
from mmsr_ext.kill_test.run import differences
from mmsr_ext.training.resume_point import damage

pytestmark = [pytest.mark.slow, pytest.mark.forks]
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096  # of <sys/mount.h>


def delete(folder):
    shutil.rmtree(folder)


def fill(folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def protect(folder):
    if os.geteuid():
        folder.chmod(0o500)
        return
    name = os.fsencode(folder)  # root writes to any folder, but not to a file system mounted read-only
    call_c('unshare', CLONE_NEWNS)
    call_c('mount', b'none', b'/', None, MS_REC | MS_PRIVATE, None)
    call_c('mount', name, name, None, MS_BIND, None)
    call_c('mount', None, name, None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)


def in_a_copy(call):
    """Call a function in a copy of this process; return how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        ended = 'success'
        try:
            call()
        except InputError as error:
            ended = f'InputError: {error}'
        except BaseException:
            ended = traceback.format_exc()
        os.write(writer, ended[-5000:].encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        ended = pipe.read()
    os.waitpid(child, 0)
    return ended


@pytest.mark.parametrize('spoil', [delete, fill, protect])
def test_what_was_saved_stays_whole(tmp_path, spoil):
    folder = tmp_path / 'run'
    spoiled = [At('after_train_iter', 10, lambda runner: spoil(folder))]
    ended = in_a_copy(lambda: tiny_train(tmp_path, hooks=spoiled))
    assert not [path for path in folder.glob('*.pth') if damage(path)]
    if spoil is delete:  # and made again for the next checkpoint
        assert ended == 'success'
        assert steps(folder) == [18, 21, 24]  # the last three, as without it
    else:
        assert ended.startswith('InputError: ')
        assert ended.count('\n') == 0
        assert f'The last one that is whole is {folder / "iter_9.pth"}' in ended
        assert ('not writable' in ended) == (spoil is protect)
        assert steps(folder)[-1] == 9
        if os.geteuid() and spoil is protect:
            folder.chmod(0o700)
        assert in_a_copy(lambda: tiny_train(tmp_path, resume='auto')) == 'success'
    assert Path((folder / 'last_checkpoint').read_text()) == folder / f'iter_{ITERATIONS}.pth'
    assert in_a_copy(lambda: tiny_train(tmp_path, 'whole')) == 'success'
    assert list(differences(last(tmp_path / 'whole'), last(folder))) == []

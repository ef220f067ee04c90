"""The examples in docstrings run, and the public functions and classes have some."""

import doctest
import importlib
import pkgutil

import pytest
from support import ROOT

import mmsr_ext

MODULES = [
    info.name
    for info in pkgutil.walk_packages(mmsr_ext.__path__, 'mmsr_ext.')
    if not info.name.endswith('__main__')
]
EXAMPLES_OF = {
    name: [test for test in doctest.DocTestFinder().find(importlib.import_module(name)) if test.examples]
    for name in MODULES
}
AT_LEAST = 23  # public objects with an example


def test_public_objects_have_examples():
    public = {
        test.name
        for tests in EXAMPLES_OF.values()
        for test in tests
        if not any(part.startswith('_') for part in test.name.split('.'))
    }
    assert len(public) >= AT_LEAST, sorted(public)


@pytest.mark.parametrize('module', [name for name, tests in EXAMPLES_OF.items() if tests])
def test_examples_run(module, tmp_path, monkeypatch, scope):
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')  # as in a working copy, into which nothing is written
    monkeypatch.chdir(tmp_path)
    failures = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for test in EXAMPLES_OF[module]:
        runner.run(test, out=failures.append)
    assert runner.failures == 0, ''.join(failures)

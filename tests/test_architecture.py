"""The rooms of the package and who may import whom. This table is the architecture; CONTRIBUTING.md explains
it."""

import ast
import re

import pytest
from support import ROOT

PACKAGE = ROOT / 'mmsr_ext'
FLOORS = [
    {'__main__', 'apis', 'cli'},
    {'training', 'evaluation', 'upscaling', 'exporting', 'packing', 'mos', 'benchmark', 'kill_test'},
    {'generators', 'config'},
    {'models'},
    {'engine'},
    {'datasets'},
    {'functional', 'io', 'pretrained', 'weights', 'registry', 'compat', 'arguments', 'machine'},
    {'errors', 'version', 'tool_names'},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(path for path in PACKAGE.rglob('*.py') if path != PACKAGE / '__init__.py')


def room_of(path):
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


def imported_rooms(path, text=None):
    """Rooms that a file imports, inside functions too, but not for annotations alone."""
    tree = ast.parse(path.read_text() if text is None else text)
    package = ['mmsr_ext', *path.relative_to(PACKAGE).parts[:-1]]
    for_annotations = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == 'TYPE_CHECKING'
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_annotations:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module.split('.') if node.module else [])]
            names = ['.'.join([*module, alias.name]) for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split('.')
            if parts[0] == 'mmsr_ext' and len(parts) > 1 and parts[1] in FLOOR_OF:
                yield parts[1]


def test_every_file_is_in_a_room():
    assert {room_of(path) for path in FILES} == set(FLOOR_OF)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_goes_up(path):
    own = FLOOR_OF[room_of(path)]
    assert {room for room in imported_rooms(path) if FLOOR_OF[room] < own} == set()


def test_no_rooms_import_each_other_in_a_circle():
    arrows = {room: set() for room in FLOOR_OF}
    for path in FILES:
        arrows[room_of(path)] |= set(imported_rooms(path)) - {room_of(path)}
    while arrows:
        free = {room for room, targets in arrows.items() if not targets & arrows.keys()}
        assert free, f'these rooms import each other: {arrows}'
        arrows = {room: targets for room, targets in arrows.items() if room not in free}


def test_an_import_that_goes_up_is_seen():
    text = (
        'from ..training import run\nimport mmsr_ext.models.losses\nif TYPE_CHECKING:\n    from ..cli import '
        'exit\n'
    )
    assert sorted(imported_rooms(PACKAGE / 'io' / 'nothing.py', text)) == ['models', 'training']


def test_contributing_has_the_same_table():
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    floors = []
    for layer, names in re.findall(r'^\| (\d?) ?\| ((?:`\w+`(?:, )?)+) \|', text, re.MULTILINE):
        if layer:
            floors.append(set())
        floors[-1] |= set(re.findall(r'\w+', names))
    assert floors == FLOORS

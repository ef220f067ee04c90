import pytest

from mmsr_ext import InputError
from mmsr_ext.benchmark.report import Report, interleaved, median_ratio


def test_sides_take_turns():
    calls = []
    results = interleaved({name: lambda name=name: calls.append(name) or len(calls) for name in 'ab'}, 3)
    assert calls == ['a', 'b', 'b', 'a', 'a', 'b']
    assert results == {'a': [1, 4, 5], 'b': [2, 3, 6]}


def test_ratio_is_taken_round_by_round():
    assert median_ratio([1, 20, 3], [2, 20, 12]) == 0.5


def test_table_and_json(tmp_path):
    report = Report(
        'Widgets a second', [{'side': 'ours', 'ms': 1234.5}, {'side': 'theirs', 'ms': None}], ['a note']
    )
    report.save(tmp_path / 'a.json')
    again = Report.load(tmp_path / 'a.json')
    assert again == report
    text = again.text()
    assert text.startswith('Widgets a second\n')
    assert '| ours   | 1,234 |' in text
    assert '| theirs | -     |' in text
    assert '- a note' in text
    assert f'mmsr_ext {report.machine["versions"]["mmsr_ext"]}' in text


@pytest.mark.parametrize('content', ['', '[]', '{"title": "x"}', '{"rows": 1, "unknown": 2}'])
def test_another_file(tmp_path, content):
    (tmp_path / 'a.json').write_text(content)
    with pytest.raises(InputError, match='--json'):
        Report.load(tmp_path / 'a.json')

"""Scores of a study from files of ratings."""

import csv
import json
import statistics

import numpy as np
import pytest
from PIL import Image
from support.mos import METHODS, line, make_study

from mmsr_ext import InputError
from mmsr_ext.mos import score_study

RATERS = ('anna', 'bert', 'carl')


def opinions(study, raters=RATERS, seed=0):
    """Plausible scores by rater and item."""
    rng = np.random.default_rng(seed)
    usual = dict(zip(study.methods, (1, 2, 4, 5)))
    return {
        rater: {
            name: int(np.clip(usual[item.method] + rng.integers(-1, 2) * (item.answer is None), 1, 5))
            for name, item in sorted(study.items.items(), key=lambda pair: (pair[1].method, pair[1].image))
        }
        for rater in raters
    }


def lines(study, given):
    return [
        line(study, rater, item, score) for rater, scores in given.items() for item, score in scores.items()
    ]


def write(path, study, given):
    path.write_text(''.join(lines(study, given)))


def test_scores_are_means_of_the_ratings(tmp_path):
    study = make_study(tmp_path)
    given = opinions(study)
    write(
        tmp_path / 'study/ratings.jsonl',
        study,
        given | {'anna': given['anna'] | {next(iter(study.training)): 3}},
    )
    result = score_study(tmp_path / 'study')
    assert [row.method for row in result.methods] == ['nearest', *METHODS, 'GT']
    for row in result.methods:
        scores = [
            given[rater][name]
            for rater in RATERS
            for name, item in study.items.items()
            if item.method == row.method
        ]
        assert row.ratings == 9
        assert row.mos == pytest.approx(statistics.mean(scores))
        assert row.counts == [scores.count(score) for score in range(1, 6)]
        assert row.low <= row.mos <= row.high
    assert [row.mos for row in result.methods if row.method in ('nearest', 'GT')] == [1, 5]
    assert [row.rater for row in result.raters] == list(RATERS)
    assert {(row.ratings, row.calibration_error, row.failed) for row in result.raters} == {(12, 0, False)}
    assert result.icc is not None
    assert 'over 6 items without calibration, 3 raters' in result.consistency
    assert result.notes == []


def test_result_does_not_depend_on_the_order_of_files_and_lines(tmp_path):
    study = make_study(tmp_path)
    everything = lines(study, opinions(study))
    (tmp_path / 'study/ratings.jsonl').write_text(''.join(everything))
    expected = score_study(tmp_path / 'study')
    few = [score_study(tmp_path / 'study', resamples=3, seed=seed).methods for seed in (0, 1, 0)]
    assert few[0] == few[2] != few[1]
    (tmp_path / 'study/ratings.jsonl').unlink()
    (tmp_path / 'a').write_text(''.join(everything[:14:-1]))
    (tmp_path / 'b').write_text('\ufeff' + ''.join(everything[:15]).replace('\n', '\r\n'))
    assert score_study(tmp_path / 'study', [tmp_path / 'a', tmp_path / 'b']) == expected
    assert score_study(tmp_path / 'study', [tmp_path / 'b', tmp_path / 'a']) == expected


def test_a_cut_file_counts_as_far_as_it_is_whole(tmp_path):
    study = make_study(tmp_path)
    everything = lines(study, opinions(study))
    path = tmp_path / 'study/ratings.jsonl'
    path.write_text(''.join(everything)[:-30])
    result = score_study(tmp_path / 'study')
    assert sum(row.ratings for row in result.methods) == len(everything) - 1
    assert result.notes == [
        f'{path}: 1 of {len(everything)} lines dropped; line {len(everything)} is cut off'
    ]
    assert result.text().splitlines()[-1] == f'note: {result.notes[0]}'
    path.write_text(everything[0] + '\0\0\0\n' + line(study, 'anna', 'nothing', 3) + everything[1])
    result = score_study(tmp_path / 'study')
    assert sum(row.ratings for row in result.methods) == 2
    assert f'{path}: 2 of 4 lines dropped; line 2 is cut off, ...' in result.notes


def test_duplicate_and_contradictory_ratings_across_files(tmp_path):
    study = make_study(tmp_path)
    given = opinions(study)
    first, second = list(given['anna'])[:2]
    write(tmp_path / 'study/ratings.jsonl', study, given)
    changed = given['anna'][second] % 5 + 1
    write(tmp_path / 'anna.jsonl', study, dict(anna={first: given['anna'][first], second: changed}))
    result = score_study(tmp_path / 'study', [tmp_path / 'anna.jsonl', tmp_path / 'study/ratings.jsonl'])
    assert sum(row.ratings for row in result.methods) == 35
    assert [row.ratings for row in result.raters] == [11, 12, 12]
    assert result.notes[0] == '1 ratings occur again with the same score and count once'
    assert result.notes[1].startswith(
        f'1 ratings contradict each other and do not count, such as those of anna for {second}: '
    )


def test_raters_who_fail_calibration(tmp_path):
    study = make_study(tmp_path)
    given = opinions(study) | dict(
        dora={item: 3 for item in study.items},
        emil={next(name for name, item in study.items.items() if item.answer is None): 4},
    )
    write(tmp_path / 'study/ratings.jsonl', study, given)
    result = score_study(tmp_path / 'study')
    assert [(row.rater, row.calibration_error, row.failed) for row in result.raters] == [
        ('anna', 0, False),
        ('bert', 0, False),
        ('carl', 0, False),
        ('dora', 2, True),
        ('emil', None, False),
    ]
    assert 'above 1; counted above; --exclude-failed leaves them out: dora' in result.text()
    assert result.notes == ['1 raters rated no calibration item and are not judged by it: emil']
    assert next(row for row in result.methods if row.method == 'GT').mos == pytest.approx(
        (9 * 5 + 3 * 3) / 12
    )
    excluded = score_study(tmp_path / 'study', exclude_failed=True)
    assert next(row for row in excluded.methods if row.method == 'GT').mos == 5
    assert 'left out above: dora' in excluded.text()
    assert excluded.text().startswith('Mean opinion scores, 4 raters')
    assert score_study(tmp_path / 'study', threshold=2).raters[3].failed is False
    assert 'No rater fails calibration' in score_study(tmp_path / 'study', threshold=2).text()
    write(tmp_path / 'study/ratings.jsonl', study, dict(dora=given['dora']))
    with pytest.raises(InputError, match='all 1 raters fail calibration at threshold 1'):
        score_study(tmp_path / 'study', exclude_failed=True)


def test_one_rater_and_methods_without_ratings(tmp_path):
    study = make_study(tmp_path)
    given = {name: 4 for name, item in study.items.items() if item.method == 'methodtwo'}
    write(tmp_path / 'study/ratings.jsonl', study, dict(anna=given))
    result = score_study(tmp_path / 'study')
    assert [(row.method, row.mos, row.low, row.ratings) for row in result.methods] == [
        ('nearest', None, None, 0),
        ('methodone', None, None, 0),
        ('methodtwo', 4, 4, 3),
        ('GT', None, None, 0),
    ]
    assert 'methodone has no ratings' in result.notes
    assert 'one rater: the intervals are over images alone' in result.notes
    assert result.icc is None
    assert '0 raters who rated all of them; it takes 2' in result.consistency
    assert '| methodone | -    | -             | 0 ' in result.text()
    result.save_plot(tmp_path / 'plot.png')


def test_files(tmp_path):
    study = make_study(tmp_path)
    write(tmp_path / 'study/ratings.jsonl', study, opinions(study))
    result = score_study(tmp_path / 'study')
    result.save_csv(tmp_path / 'mos.csv')
    result.save_json(tmp_path / 'mos.json')
    with (tmp_path / 'mos.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['method'], float(row['mos']), int(row['score_5'])) for row in rows] == [
        (row.method, row.mos, row.counts[4]) for row in result.methods
    ]
    content = json.loads((tmp_path / 'mos.json').read_text())
    assert content['methods'][1]['mos'] == result.methods[1].mos
    assert content['icc'] == list(result.icc)
    assert [rater['rater'] for rater in content['raters']] == list(RATERS)
    for save in (result.save_csv, result.save_json, result.save_plot):
        with pytest.raises(InputError, match='cannot be written'):
            save(tmp_path / 'nowhere/file.png')
    with pytest.raises(InputError, match=r'mos\.what cannot be written'):
        result.save_plot(tmp_path / 'mos.what')
    assert not list(tmp_path.glob('.*'))


def test_plot_shows_shares_and_means(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    study = make_study(tmp_path)
    write(tmp_path / 'study/ratings.jsonl', study, opinions(study))
    result = score_study(tmp_path / 'study')
    result.save_plot(tmp_path / 'plot.png')
    with Image.open(tmp_path / 'plot.png') as picture:
        assert len(picture.convert('RGB').getcolors(1 << 20)) > 10
    drawn = []
    monkeypatch.setattr(
        Figure, 'savefig', lambda figure, path, **_: (drawn.append(figure), path.write_bytes(b'png'))
    )
    result.save_plot(tmp_path / 'plot.png')
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == study.methods
    shares = axes.images[0].get_array()
    assert shares[:, 0].tolist() == [1, 0, 0, 0, 0]
    assert shares[:, 3].tolist() == [0, 0, 0, 0, 1]
    assert np.allclose(shares.sum(0), 1)
    # row s of the picture is centred on score s, where the means are drawn
    assert axes.images[0].get_extent() == [-0.5, 3.5, 0.5, 5.5]
    assert axes.images[0].origin == 'lower'
    assert axes.lines[0].get_ydata().tolist() == [row.mos for row in result.methods]
    ends = [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()]
    assert np.allclose(ends, [(row.low, row.high) for row in result.methods])


def test_what_cannot_be_scored(tmp_path):
    study = make_study(tmp_path)
    out = tmp_path / 'study'
    with pytest.raises(InputError, match=r'has no ratings\. Collect some: python tools/mos_study\.py serve'):
        score_study(out)
    with pytest.raises(InputError, match='nowhere cannot be read'):
        score_study(out, [tmp_path / 'nowhere'])
    (out / 'ratings.jsonl').touch()
    with pytest.raises(InputError, match=r'no ratings of .* are left'):
        score_study(out)
    other = make_study(tmp_path / 'second')
    write(tmp_path / 'other.jsonl', other, opinions(other))
    with pytest.raises(
        InputError,
        match=r'other\.jsonl has no ratings of the study .*36 of 36 lines dropped; '
        rf"line 1 is no rating of this study: study '{other.name}' is not this one",
    ):
        score_study(out, [tmp_path / 'other.jsonl'])
    write(out / 'ratings.jsonl', study, opinions(study))
    for wrong in (dict(threshold=-1), dict(threshold=float('nan')), dict(resamples=0), dict(seed=-1)):
        with pytest.raises(InputError, match='out of range'):
            score_study(out, **wrong)
    with pytest.raises(InputError, match='holds no study'):
        score_study(tmp_path / 'GT')

"""A mean-opinion-score study from its first command to its last, in a real browser."""

import json
import multiprocessing
import os
import runpy
import shlex
import shutil
import signal
import socket
import sys
import time
import urllib.request
from itertools import pairwise

import pytest
from support import ROOT
from support.mos import make_study, write_images

from mmsr_ext.cli import command, mos
from mmsr_ext.mos import score_study, serve_study
from mmsr_ext.mos.ratings import read_ratings
from mmsr_ext.mos.study import Study

FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
]


@pytest.fixture(scope='module')
def browser():
    playwright = pytest.importorskip('playwright.sync_api', reason='the Python package playwright is missing')
    path = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    with playwright.sync_playwright() as running:
        if path is None and not os.path.exists(running.chromium.executable_path):
            pytest.skip('chromium is missing')
        browser = running.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser):
    """One rater's browser. It may reach this machine alone, and whatever its console or its scripts complain
    of is in ``faults``."""
    context = browser.new_context()
    context.set_default_timeout(10000)
    context.faults = []
    context.on(
        'console',
        lambda message: context.faults.append(message.text) if message.type in ('error', 'warning') else None,
    )
    context.on('weberror', lambda error: context.faults.append(str(error.error)))
    context.on(
        'request',
        lambda request: (
            None
            if request.url.startswith(('http://127.0.0.1:', 'file://', 'data:', 'blob:'))
            else context.faults.append(f'asked for {request.url}')
        ),
    )
    yield context
    context.close()


@pytest.fixture
def serve(tmp_path):
    """Start the server in a process of its own, which can be killed."""
    processes = []

    def start(folder, port):
        process = multiprocessing.get_context('fork').Process(target=serve_study, args=(folder, port))
        process.start()
        processes.append(process)
        wait_for(lambda: listens(port))
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


def wait_for(condition):
    """Not by the page's own polling, which its content security policy forbids."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


def send(port, record):
    request = urllib.request.Request(
        f'http://127.0.0.1:{port}/rating', json.dumps(record).encode(), {'Content-Type': 'application/json'}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.status


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as probe:
        return probe.getsockname()[1]


def current(page):
    """The item on the screen, once it can be rated."""
    wait_for(lambda: page.evaluate("shown !== null && document.getElementById('image').naturalWidth > 0"))
    return page.evaluate('shown')


def rate(page, score, by_mouse=False):
    """Rate the current item, and leave the answer of a training item behind; returns the item and what the
    page said."""
    item = current(page)
    if by_mouse:
        page.get_by_role('button', name=f'{score} ').click()
    else:
        page.keyboard.press(str(score))
    said = ''
    if page.locator('#answer').is_visible():
        said = page.locator('#feedback').inner_text()
        page.keyboard.press('Enter')
    return item, said


def opinion(study, item, rater=0):
    item = study.items.get(item) or study.training[item]
    return item.answer or {'bicubic': 2, 'srgan': 4}.get(item.method, 3) + (rater + len(item.image)) % 2


def begin(page, name):
    page.get_by_label('Your name or a code').fill(name)
    page.keyboard.press('Enter')
    wait_for(lambda: page.evaluate("!document.getElementById('rate').hidden"))


def test_commands_of_the_page_from_folders_to_scores(tmp_path, monkeypatch, capsys, context, serve):
    text = (ROOT / 'docs/opinion_test.md').read_text().split('```')[1]
    commands = [shlex.split(line, comments=True) for line in text.splitlines() if line.startswith('python')]
    assert [words[:3] for words in commands] == [
        ['python', 'tools/mos_study.py', name] for name in ('build', 'serve', 'score')
    ]
    monkeypatch.chdir(tmp_path)
    images = ['first', 'second', 'third']
    for seed, folder in enumerate(['results/bicubic', 'results/srgan', 'data/mine/val/GT']):
        write_images(tmp_path / folder, images, seed=seed)
    write_images(tmp_path / 'data/mine/val/LQx4', images, (6, 8))
    command.start(mos, commands[0][2:])
    assert '12 items of 4 methods, and 4 for practice' in capsys.readouterr().out
    study = Study.load('study')
    key = {**study.items, **study.training}
    ratings = tmp_path / 'study/ratings.jsonl'

    port = free_port()
    server = serve(tmp_path / 'study', port)
    page = context.new_page()
    page.goto(f'http://127.0.0.1:{port}/')
    begin(page, 'Anna')
    given = {}
    for number in range(6):  # 4 of practice, then 2
        item = current(page)
        score = opinion(study, item)
        assert page.locator('#count').inner_text() == f'{number + 1} of 16' + (
            ', practice' if number < 4 else ''
        )
        _, said = rate(page, score, by_mouse=number % 2 == 1)
        assert (said == '') == (number >= 4)
        if number < 4:
            assert said.startswith(f'This image is an example of {study.training[item].answer}, ')
        given[item] = score
    assert set(study.training) < set(given)
    wait_for(lambda: ratings.read_text().count('\n') == 6)

    # a reload in the middle: the same image, the same count
    item = current(page)
    page.reload()
    assert current(page) == item
    assert page.locator('#count').inner_text() == '7 of 16'
    for _ in range(2):
        given[current(page)] = opinion(study, current(page))
        rate(page, opinion(study, current(page)))
    wait_for(lambda: ratings.read_text().count('\n') == 8)

    # the server dies; the rater goes on, and the next server gets what was not sent
    assert context.faults == []
    server.kill()
    server.join()
    with ratings.open('ab') as file:
        file.write(b'{"study": "')  # what a kill may leave
    item = current(page)
    given[item] = opinion(study, item)
    rate(page, given[item])
    status = page.locator('#status')
    status.filter(has_text='1 of your ratings are not sent yet').wait_for()
    assert context.faults
    assert all('ERR_CONNECTION_REFUSED' in fault for fault in context.faults)
    assert ratings.read_text().count('\n') == 8
    serve(tmp_path / 'study', port)
    wait_for(lambda: status.inner_text() == '')
    context.faults.clear()
    while page.locator('#rate').is_visible():
        item = current(page)
        given[item] = opinion(study, item)
        rate(page, given[item], by_mouse=True)
    page.get_by_text('You rated 16 images. All ratings are sent.').wait_for()
    assert given.keys() == key.keys()
    page.reload()
    page.get_by_text('You rated 16 images. All ratings are sent.').wait_for()

    # the next person at the same browser
    order = page.evaluate('state.order')
    page.get_by_role('button', name='Another person rates').click()
    begin(page, '')
    assert page.evaluate('state.order') != order
    for _ in range(16):
        rate(page, opinion(study, current(page), 1))
    page.get_by_text('All ratings are sent').wait_for()
    assert context.faults == []

    whole, dropped = read_ratings(ratings, study)
    assert dropped == f'{ratings}: 1 of 33 lines dropped; line 9 is cut off'
    raters = sorted({rating.rater for rating in whole}, key=lambda name: name.startswith('rater'))
    assert raters[0].startswith('Anna-')
    assert len(raters) == 2
    assert {rating.item: rating.score for rating in whole if rating.rater == raters[0]} == given
    assert len(whole) == 32
    for rater in raters:
        shown = [key[rating.item].image for rating in whole if rating.rater == rater]
        assert all(first != second for first, second in pairwise(shown))

    command.start(mos, commands[2][2:])
    printed = capsys.readouterr().out
    expected = {
        method: [
            opinion(study, name, rater)
            for rater in (0, 1)
            for name, item in study.items.items()
            if item.method == method
        ]
        for method in study.methods
    }
    for row in score_study('study').methods:
        assert row.mos == pytest.approx(sum(expected[row.method]) / 6)
        assert f'| {row.method.ljust(7)} | {row.mos:.2f} |' in printed
    assert 'No rater fails calibration' in printed
    assert (tmp_path / 'study/mos.csv').read_text().startswith('method,mos,low,high,ratings')
    assert (tmp_path / 'study/mos.png').stat().st_size > 10000


def test_without_a_server_the_rater_saves_a_file(tmp_path, context):
    study = make_study(tmp_path)
    shutil.move(tmp_path / 'study/page', tmp_path / 'handed out')
    page = context.new_page()
    page.goto((tmp_path / 'handed out/index.html').as_uri())
    begin(page, 'Åsa')
    given = {}
    for _ in range(5):
        item = current(page)
        given[item] = opinion(study, item)
        rate(page, given[item])
    with page.expect_download() as download:
        page.get_by_role('button', name='Save my ratings to a file').click()
    download.value.save_as(tmp_path / 'early.jsonl')
    page.reload()
    while page.locator('#rate').is_visible():
        item = current(page)
        given[item] = opinion(study, item)
        rate(page, given[item])
    page.get_by_text('You rated 16 images. Save your ratings to a file').wait_for()
    with page.expect_download() as download:
        page.get_by_role('button', name='Save my ratings to a file').click()
    download.value.save_as(tmp_path / 'all.jsonl')
    assert download.value.suggested_filename.startswith(f'ratings_{study.name}_')
    assert context.faults == []

    ratings, dropped = read_ratings(tmp_path / 'all.jsonl', study)
    assert dropped is None
    assert {rating.item: rating.score for rating in ratings} == given
    assert {rating.rater[:4] for rating in ratings} == {'Åsa-'}
    result = score_study(tmp_path / 'study', [tmp_path / 'early.jsonl', tmp_path / 'all.jsonl'])
    assert sum(row.ratings for row in result.methods) == 12
    assert '5 ratings occur again with the same score and count once' in result.notes


def test_orders_are_random_and_never_show_an_image_twice_in_a_row(tmp_path, context):
    make_study(tmp_path)
    page = context.new_page()
    page.goto((tmp_path / 'study/page/index.html').as_uri())
    runs = page.evaluate(
        'Array.from({length: 300}, () => { begin(""); return state.order.map(name => [name, '
        'groups.get(name)]); })'
    )
    names = {tuple(name for name, _ in run) for run in runs}
    assert len(names) == 300
    for run in runs:
        assert len({name for name, _ in run}) == 16
        assert all(first[1] != second[1] for first, second in pairwise(run))
    # no item has a place of its own: each comes first in 83 of 1000 orders and is number 5.5 on average;
    # bounds of 5 standard deviations
    orders = page.evaluate('Array.from({length: 1000}, () => arrange(study.items, null))')
    for name in orders[0]:
        assert 39 < sum(order[0] == name for order in orders) < 127
        assert sum(order.index(name) for order in orders) / 1000 == pytest.approx(5.5, abs=0.55)
    # as far as it is possible where one image has most of the items
    page.evaluate(
        """[...'abcde'].forEach((name, index) => groups.set(name, index < 3 ? 100 : 101 + index))"""
    )
    crowded = page.evaluate(
        """Array.from({length: 50}, () => arrange([...'abcde'].map(name => ({name})), null))"""
    )
    assert all(sum(name in 'abc' for name in order[::2]) == 3 for order in crowded)
    assert len(page.evaluate("arrange([...'abc'].map(name => ({name})), 100)")) == 3


def test_what_the_server_has_already_is_sent_and_what_it_refuses_is_said(tmp_path, context, serve):
    study = make_study(tmp_path)
    port = free_port()
    serve(tmp_path / 'study', port)
    page = context.new_page()
    page.goto(f'http://127.0.0.1:{port}/')
    begin(page, '')
    for score, refused in [(3, 0), (4, 1)]:  # what another tab sent: the same, and something else
        record = dict(study=study.name, rater=page.evaluate('state.rater'), item=current(page), score=score)
        assert send(port, record) == 201
        rate(page, 3)
        wait_for(lambda: page.evaluate('state.unsent.length === 0'))
        assert len(page.evaluate('Object.keys(state.refused)')) == refused
    page.locator('#status').filter(
        has_text='The server refused 1 of your ratings (this rater has rated this item already)'
    ).wait_for()
    assert page.get_by_role('button', name='Save my ratings to a file').is_visible()
    # a second tab shows the same image, and follows the first
    second = context.new_page()
    second.goto(page.url)
    item = current(page)
    assert current(second) == item
    rate(page, 3)
    wait_for(lambda: second.evaluate('state.order.indexOf(shown) === 3'))
    rate(second, 3)
    wait_for(lambda: page.evaluate('state.order.indexOf(shown) === 4'))
    assert len(page.evaluate('Object.keys(state.scores)')) == 4


def test_slips_of_mouse_and_keyboard_rate_nothing(tmp_path, context):
    make_study(tmp_path)
    page = context.new_page()
    page.goto((tmp_path / 'study/page/index.html').as_uri())
    page.keyboard.press('5')  # before the beginning
    begin(page, '')
    for _ in range(4):
        rate(page, 3)
    first = current(page)
    for key in ('0', '6', 'a', 'Control+1', 'Alt+2'):
        page.keyboard.press(key)
    assert current(page) == first
    page.keyboard.down('3')
    second = current(page)
    page.keyboard.down('3')  # held: repeats
    assert current(page) == second != first
    page.keyboard.up('3')
    page.locator('[data-score="4"]').dblclick()
    assert len(page.evaluate('Object.keys(state.scores)')) == 6
    # one pixel of the image is one of the screen
    assert page.locator('#image').bounding_box()['width'] == 32
    assert context.faults == []


def test_every_control_has_a_name_and_the_scale_is_reached_by_keyboard(tmp_path, context):
    make_study(tmp_path)
    page = context.new_page()
    page.goto((tmp_path / 'study/page/index.html').as_uri())
    begin(page, '')
    current(page)
    assert page.get_by_role('group', name='How good is this image?').get_by_role(
        'button'
    ).all_inner_texts() == ['1 bad', '2 poor', '3 fair', '4 good', '5 excellent']
    assert page.get_by_role('img', name='Image 1 of 16').is_visible()
    assert page.get_by_role('progressbar', name='1 of 16').get_attribute('max') == '16'
    page.keyboard.press('Tab')  # from the image
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.dataset.score') == '2'
    page.keyboard.press('Enter')
    assert list(page.evaluate('state.scores').values()) == [2]
    assert page.evaluate('document.activeElement.id') == 'next'
    assert 'You chose 2.' in page.get_by_role('status').filter(has_text='example').inner_text()


def run_tool(log, *arguments):
    """The command line itself, in a process that has imported the package already."""

    def run():
        with open(log, 'w') as file:
            sys.stdout = sys.stderr = file
            sys.argv = ['mos_study.py', *arguments]
            try:
                runpy.run_path(str(ROOT / 'tools/mos_study.py'), run_name='__main__')
            except SystemExit as end:
                print(end)
                file.flush()
                raise

    process = multiprocessing.get_context('fork').Process(target=run)
    process.start()
    return process


def test_command_line_serves_until_interrupted(tmp_path):
    study = make_study(tmp_path)
    port = free_port()
    log = tmp_path / 'log'
    process = run_tool(log, 'serve', str(tmp_path / 'study'), '--port', str(port))
    wait_for(lambda: listens(port))
    assert send(port, dict(study=study.name, rater='r', item=next(iter(study.items)), score=3)) == 201
    os.kill(process.pid, signal.SIGINT)
    process.join(30)
    assert process.exitcode == 0
    lines = log.read_text().split('\n')
    assert lines[0].startswith(
        f'http://127.0.0.1:{port}/ collects ratings in {tmp_path / "study/ratings.jsonl"} (0 so far)'
    )
    assert lines[1:] == [
        '',
        f'1 ratings. Score them: python tools/mos_study.py score {tmp_path / "study"}',
        '',
    ]


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (['build', '--methods', 'a', '--gt', 'x', '-o', 'y'], 'error: --methods a: expected NAME=FOLDER'),
        (['build', '--methods', 'a=x', '--gt', 'nowhere', '-o', 'y'], 'error: image folder x does not exist'),
        (['serve', 'nowhere'], 'error: nowhere holds no study'),
        (['score', 'nowhere'], 'error: nowhere holds no study'),
    ],
)
def test_command_line_ends_with_one_line(tmp_path, arguments, named):
    process = run_tool(tmp_path / 'log', *arguments)
    process.join(30)
    assert process.exitcode == 1
    (line,) = (tmp_path / 'log').read_text().splitlines()
    assert line.startswith(named)

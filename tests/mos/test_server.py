"""Collecting ratings: what is stored, what is refused, what survives a kill."""

import http.client
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from support.mos import line, make_study
from support.rating_faults import rating_faults

from mmsr_ext import InputError
from mmsr_ext.mos import serve_study
from mmsr_ext.mos.ratings import Rating, RatingsFile, merge, read_ratings
from mmsr_ext.mos.server import LIMIT, StudyServer


@contextmanager
def serving(folder):
    with StudyServer(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, method, path, body=None, headers=None):
    """Status and JSON, or bytes, of one raw request: nothing of the path is rewritten on the way."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    connection.endheaders(body)
    reply = connection.getresponse()
    content = reply.read()
    connection.close()
    assert reply.headers['X-Content-Type-Options'] == 'nosniff'
    return reply.status, json.loads(content) if reply.headers[
        'Content-Type'
    ] == 'application/json' else content


def send(server, body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(
        server,
        'POST',
        '/rating',
        body,
        {'Content-Type': 'application/json', 'Content-Length': str(len(body))} | headers,
    )


def test_ratings_are_stored_line_by_line(tmp_path):
    study = make_study(tmp_path)
    first, second = list(study.items)[:2]
    with serving(tmp_path / 'study') as server:
        assert send(server, dict(study=study.name, rater='Åsa-1', item=first, score=4)) == (
            201,
            dict(recorded=4),
        )
        assert send(server, dict(study=study.name, rater='Åsa-1', item=second, score=1)) == (
            201,
            dict(recorded=1),
        )
        charset = {'Content-Type': 'application/json; charset=utf-8'}
        assert send(server, dict(study=study.name, rater='b', item=first, score=2), **charset)[0] == 201
        assert (
            send(server, dict(study=study.name, rater='b', item=next(iter(study.training)), score=5))[0]
            == 201
        )
    lines = (tmp_path / 'study/ratings.jsonl').read_text().splitlines()
    assert json.loads(lines[0]) == dict(study=study.name, rater='Åsa-1', item=first, score=4)
    ratings, dropped = read_ratings(tmp_path / 'study/ratings.jsonl', study)
    assert dropped is None
    assert ratings[:3] == [Rating('Åsa-1', first, 4), Rating('Åsa-1', second, 1), Rating('b', first, 2)]


def test_bad_submissions_are_refused_with_a_reason_and_not_stored(tmp_path):
    study = make_study(tmp_path)
    item = next(iter(study.items))
    good = dict(study=study.name, rater='r', item=item, score=3)
    with serving(tmp_path / 'study') as server:
        for body, headers, status, reason in [
            (good | dict(score=0), {}, 422, 'score 0 is not one of'),
            (good | dict(score=6), {}, 422, 'score 6'),
            (good | dict(score=3.0), {}, 422, 'score 3.0'),
            (good | dict(score=True), {}, 422, 'score True'),
            (good | dict(score='3'), {}, 422, 'score 3'),
            (good | dict(item='0' * 16), {}, 422, "unknown item '0000"),
            (good | dict(item=['x']), {}, 422, 'unknown item'),
            (good | dict(rater=''), {}, 422, 'rater must be'),
            (good | dict(rater='r\n'), {}, 422, 'rater must be'),
            (good | dict(rater='r' * 81), {}, 422, 'rater must be'),
            (good | dict(study='another'), {}, 422, "study 'another' is not this one"),
            (good | dict(more=1), {}, 422, 'exactly the fields item, rater, score, study'),
            ({}, {}, 422, 'exactly the fields'),
            ([good], {}, 422, 'exactly the fields'),
            (b'{"study": ', {}, 400, 'not JSON'),
            (b'[' * 4000, {}, 400, 'not JSON'),
            (b'\xff\xfe', {}, 400, 'not JSON'),
            (good, {'Content-Type': 'text/plain'}, 415, 'application/json'),
            (good, {'Content-Type': 'application/x-www-form-urlencoded'}, 415, 'application/json'),
            (b' ' * (LIMIT + 1), {}, 413, f'at most {LIMIT} bytes'),
            (b' ' * 2_000_000, {}, 413, 'at most'),
            (b'', {'Content-Length': '-1'}, 400, 'Content-Length is no number'),
            (b'', {'Content-Length': '9' * 5000}, 400, 'Content-Length is no number'),
            (b'2\r\n{}\r\n0\r\n\r\n', {'Transfer-Encoding': 'chunked'}, 411, 'Content-Length is required'),
        ]:
            got, answer = send(server, body, **headers)
            assert (got, reason in answer['error']) == (status, True), (
                body[:80] if isinstance(body, bytes) else body,
                got,
                answer,
            )
        assert ask(server, 'POST', '/rating', None, {'Content-Type': 'application/json'})[0] == 411
        assert ask(server, 'POST', '/', b'{}', {'Content-Length': '2'})[0] == 404
        assert (tmp_path / 'study/ratings.jsonl').read_bytes() == b''
        assert send(server, good)[0] == 201
        for score in (3, 4):
            status, answer = send(server, good | dict(score=score))
            assert (status, answer['recorded']) == (409, 3)
            assert 'rated this item already' in answer['error']
    assert (tmp_path / 'study/ratings.jsonl').read_text().count('\n') == 1


def test_only_files_of_the_page_are_served(tmp_path):
    study = make_study(tmp_path)
    name = next(iter(study.items))
    (tmp_path / 'study/page/images/other.png').write_bytes(b'x')
    with serving(tmp_path / 'study') as server:
        assert server.server_address[0] == '127.0.0.1'
        assert ask(server, 'GET', '/')[1] == (tmp_path / 'study/page/index.html').read_bytes()
        assert ask(server, 'GET', f'/images/{name}.png?2') == (
            200,
            (tmp_path / f'study/page/images/{name}.png').read_bytes(),
        )
        assert ask(server, 'HEAD', '/') == (200, b'')
        assert ask(server, 'GET', '/study') == (200, dict(name=study.name))
        for path in (
            '/key.json',
            '/../key.json',
            '/images/../../key.json',
            '/images/%2e%2e/%2e%2e/key.json',
            '/..%2fkey.json',
            '//key.json',
            '/images/',
            '/images/other.png',
            '/ratings.jsonl',
            '/index.html/../../ratings.jsonl',
            'key.json',
            str(tmp_path / 'study/key.json'),
        ):
            assert ask(server, 'GET', path)[0] == 404, path
        for method in ('PUT', 'DELETE', 'OPTIONS'):
            connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
            connection.request(method, '/rating')
            assert connection.getresponse().status == 501
            connection.close()


def test_raters_at_the_same_time_lose_nothing(tmp_path):
    study = make_study(tmp_path)
    with serving(tmp_path / 'study') as server:

        def rate(rater):
            for item in study.items:
                assert send(server, dict(study=study.name, rater=rater, item=item, score=3))[0] == 201

        threads = [threading.Thread(target=rate, args=(f'r{index}',)) for index in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ratings, dropped = read_ratings(tmp_path / 'study/ratings.jsonl', study)
    assert dropped is None
    assert sorted(ratings) == sorted(
        Rating(f'r{index}', item, 3) for index in range(6) for item in study.items
    )


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    study = make_study(tmp_path)
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    process = multiprocessing.get_context('fork').Process(target=serve_study, args=(tmp_path / 'study', port))
    process.start()
    acknowledged = []

    def rate():
        try:
            for rater in range(1000):
                for item in study.items:
                    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
                    record = dict(study=study.name, rater=f'r{rater}', item=item, score=2)
                    connection.request(
                        'POST', '/rating', json.dumps(record), {'Content-Type': 'application/json'}
                    )
                    if connection.getresponse().status == 201:
                        acknowledged.append(Rating(f'r{rater}', item, 2))
        except (OSError, http.client.HTTPException):
            return  # killed

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            break
        except OSError:
            time.sleep(0.02)
    thread = threading.Thread(target=rate)
    thread.start()
    while len(acknowledged) < 20 and thread.is_alive():
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    thread.join()
    process.join()
    assert len(acknowledged) >= 20
    ratings, _ = read_ratings(tmp_path / 'study/ratings.jsonl', study)
    assert ratings[: len(acknowledged)] == acknowledged
    assert len(ratings) <= len(acknowledged) + 1  # one may have been stored whose reply was on its way


def test_other_names_and_other_sites_are_refused(tmp_path):
    study = make_study(tmp_path)
    body = dict(study=study.name, rater='r', item=next(iter(study.items)), score=3)
    with serving(tmp_path / 'study') as server:
        port = server.server_address[1]

        def raw(method, path, hosts, **headers):
            connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
            connection.putrequest(method, path, skip_host=True)
            content = json.dumps(body).encode() if method == 'POST' else b''
            sent = {'Content-Type': 'application/json', 'Content-Length': str(len(content))} | headers
            for name, value in [*(('Host', host) for host in hosts), *sent.items()]:
                connection.putheader(name, value)
            connection.endheaders(content)
            status = connection.getresponse().status
            connection.close()
            return status

        for path in ('/', '/study', f'/images/{next(iter(study.items))}.png'):
            for hosts in (
                ['evil.example'],
                [f'evil.example:{port}'],
                [],
                ['localhost', 'evil.example'],
                ['['],
            ):
                assert raw('GET', path, hosts) == 421, hosts
            for hosts in (['localhost'], [f'localhost:{port}'], ['192.168.1.2'], ['[::1]:80']):
                assert raw('GET', path, hosts) == 200, hosts
        assert raw('POST', '/rating', ['evil.example'], Origin='http://evil.example') == 421
        own = [f'localhost:{port}']
        for origin in ('http://evil.example', 'null', 'http://localhost', 'http://[', 'file://'):
            assert raw('POST', '/rating', own, Origin=origin) == 403, origin
        assert not server.ratings.scores
        assert raw('POST', '/rating', own, Origin=f'http://localhost:{port}') == 201
    with StudyServer(tmp_path / 'study', 0, names=['Rate.Example']) as server:
        assert server.knows('rate.example:8000')
        assert not server.knows('evil.example')


def test_a_client_that_sends_slowly_is_dropped(tmp_path, monkeypatch):
    make_study(tmp_path)
    monkeypatch.setattr('mmsr_ext.mos.server.REQUEST_SECONDS', 0.3)
    with serving(tmp_path / 'study') as server:
        for start in (b'', b'GET / HTTP/1.1\r\n', b'POST / HTTP/1.1\r\nHost: a\r\n'):
            with socket.create_connection(server.server_address[:2], 5) as client:
                client.sendall(start)
                began = time.monotonic()
                with pytest.raises(OSError):  # noqa: PT011, PT012
                    while time.monotonic() < began + 5:
                        client.sendall(b'x')
                        time.sleep(0.05)
                assert time.monotonic() < began + 3
        assert not server.waiting


def test_headers_without_end_are_refused(tmp_path):
    make_study(tmp_path)
    with serving(tmp_path / 'study') as server:
        for headers in ({'X': 'y' * 100_000}, {f'X{number}': 'y' for number in range(200)}):
            with pytest.raises((AssertionError, OSError, TypeError)):  # the reply is the library's own
                assert ask(server, 'GET', '/', headers=headers)[0] == 200


@pytest.mark.slow
def test_200_raters_at_once(tmp_path):
    study = make_study(tmp_path)
    with serving(tmp_path / 'study') as server:
        statuses = []

        def rate(number):
            for item in study.items:
                statuses.append(
                    send(server, dict(study=study.name, rater=str(number), item=item, score=3))[0]
                )

        raters = [threading.Thread(target=rate, args=(number,)) for number in range(200)]
        for rater in raters:
            rater.start()
        for rater in raters:
            rater.join()
    assert statuses == [201] * 200 * len(study.items)
    assert len(read_ratings(tmp_path / 'study/ratings.jsonl', study)[0]) == len(statuses)


@pytest.mark.slow
def test_30_kills_while_8_raters_post(tmp_path):
    kills = rating_faults(tmp_path, 30, 0)
    print(kills)
    assert (kills.kills, kills.lost) == (30, 0)
    assert kills.acknowledged > 300


def test_a_half_line_is_set_apart_at_whatever_byte_it_was_cut(tmp_path):
    study = make_study(tmp_path)
    path = tmp_path / 'study/ratings.jsonl'
    items = list(study.items)
    whole, last = line(study, 'Å', items[0], 1), line(study, 'Å', items[1], 2)
    for cut in range(len(last.encode())):
        path.write_bytes(whole.encode() + last.encode()[:cut])
        before = path.read_bytes()
        file = RatingsFile(path, study)
        kept = 1 + (cut == len(last.encode()) - 1)  # without its line feed alone, it is whole
        assert len(file.scores) == kept
        assert (file.dropped is None) == (kept == 2 or cut == 0)
        assert file.add(Rating('b', items[2], 5)) is None
        file.close()
        assert path.read_bytes().startswith(before)
        ratings, dropped = read_ratings(path, study)
        assert ratings == [Rating('Å', items[0], 1), Rating('Å', items[1], 2)][:kept] + [
            Rating('b', items[2], 5)
        ]
        if file.dropped:
            assert dropped == f'{path}: 1 of 3 lines dropped; line 2 is cut off'


def test_a_full_disk_loses_nothing_that_was_there(tmp_path, monkeypatch):
    study = make_study(tmp_path)
    items = list(study.items)
    body = [dict(study=study.name, rater='r', item=item, score=3) for item in items]
    with serving(tmp_path / 'study') as server:
        assert send(server, body[0])[0] == 201
        write = os.write
        calls = []

        def full(file, data):
            calls.append(data)
            if len(calls) > 1:
                raise OSError(28, 'No space left on device')
            return write(file, data[:10])

        monkeypatch.setattr(os, 'write', full)
        assert send(server, body[1]) == (500, dict(error='not stored: No space left on device'))
        monkeypatch.setattr(os, 'write', write)
        assert send(server, body[1])[0] == 201
        assert send(server, body[2])[0] == 201
    ratings, dropped = read_ratings(tmp_path / 'study/ratings.jsonl', study)
    assert [rating.item for rating in ratings] == items[:3]
    assert '1 of 4 lines dropped; line 2 is cut off' in dropped


def test_every_rating_is_synchronised_before_it_is_acknowledged(tmp_path, monkeypatch):
    study = make_study(tmp_path)
    file = RatingsFile(tmp_path / 'study/ratings.jsonl', study)
    synced = []
    monkeypatch.setattr(os, 'fsync', lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    for number, item in enumerate(study.items, 1):
        file.add(Rating('r', item, 3))
        assert synced[-1] == (tmp_path / 'study/ratings.jsonl').stat().st_size
        assert len(synced) == number
    file.close()


def test_a_server_that_cannot_start_says_why(tmp_path):
    study = make_study(tmp_path)
    with serving(tmp_path / 'study') as server:
        with pytest.raises(InputError, match=r'another server writes .*ratings\.jsonl'):
            serve_study(tmp_path / 'study', 0)
        make_study(tmp_path / 'second')
        with pytest.raises(
            InputError, match=rf'cannot listen on 127.0.0.1:{server.server_address[1]}.*--port'
        ):
            serve_study(tmp_path / 'second/study', server.server_address[1])
    for port in (-1, 70000):
        with pytest.raises(InputError, match='cannot listen'):
            serve_study(tmp_path / 'study', port)
    with pytest.raises(InputError, match='holds no study'):
        serve_study(tmp_path / 'GT')
    (tmp_path / 'study/page/images' / f'{next(iter(study.items))}.png').unlink()
    with pytest.raises(InputError, match='1 files are missing'):
        serve_study(tmp_path / 'study')


def test_merging_does_not_depend_on_the_order():
    ratings = [
        Rating('a', 'x', 3),
        Rating('a', 'x', 3),
        Rating('a', 'y', 2),
        Rating('b', 'x', 1),
        Rating('a', 'y', 4),
        Rating('a', 'y', 2),
    ]
    for order in (ratings, ratings[::-1]):
        merged, notes = merge(order)
        assert merged == dict(a=dict(x=3), b=dict(x=1))
        assert notes[0] == '1 ratings occur again with the same score and count once'
        assert notes[1].startswith(
            '1 ratings contradict each other and do not count, such as those of a for y: '
        )
    assert merge(ratings[:1]) == (dict(a=dict(x=3)), [])

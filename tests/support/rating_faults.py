"""Kill a server of a study at random while raters post."""

import http.client
import json
import multiprocessing
import os
import random
import signal
import socket
import threading
import time
from typing import NamedTuple

from mmsr_ext.mos import serve_study
from mmsr_ext.mos.ratings import Rating, read_ratings
from support.mos import make_study

RATERS = 8


class Kills(NamedTuple):
    """Servers killed, ratings that were acknowledged, and those of them that are not in the file."""

    kills: int
    acknowledged: int
    lost: int


def rating_faults(folder, kills, seed) -> Kills:
    """Serve a study again and again, and kill each server while 8 raters post."""
    study, rng, acknowledged = make_study(folder), random.Random(seed), set()
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    fork = multiprocessing.get_context('fork')
    for kill in range(kills):
        server = fork.Process(target=serve_study, args=(folder / 'study', port))
        server.start()
        stop = threading.Event()
        threads = [
            threading.Thread(target=_rate, args=(study, f'{kill}-{rater}-', port, acknowledged, stop))
            for rater in range(RATERS)
        ]
        before = len(acknowledged)
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while len(acknowledged) < before + 10 and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))
        os.kill(server.pid, signal.SIGKILL)
        server.join()
        stop.set()
        for thread in threads:
            thread.join()
    stored = set(read_ratings(folder / 'study' / 'ratings.jsonl', study)[0])
    return Kills(kills, len(acknowledged), len(acknowledged - stored))


def _rate(study, name, port, acknowledged, stop):
    number = 0
    while not stop.is_set():
        for item in study.items:
            rating = Rating(f'{name}{number}', item, 1 + number % 5)
            body = json.dumps(dict(study=study.name, **rating._asdict()))
            try:
                connection = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
                connection.request('POST', '/rating', body, {'Content-Type': 'application/json'})
                if connection.getresponse().status == 201:
                    acknowledged.add(rating)
                connection.close()
            except (OSError, http.client.HTTPException):  # not started yet, or killed
                time.sleep(0.01)
        number += 1

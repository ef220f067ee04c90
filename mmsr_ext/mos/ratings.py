"""Ratings as lines of JSON: checked, appended so that none is lost, and read from files that were cut."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from ..errors import InputError
from ..io.atomic import sync_folder
from .study import Study

FIELDS = {'study', 'rater', 'item', 'score'}
NAME = 'ratings.jsonl'


class Rating(NamedTuple):
    """What a rater thinks of an item.

    Args:
        rater: 1 to 80 printable characters.
        item: A random name of the study.
        score: 1, bad, to 5, excellent.
    """

    rater: str
    item: str
    score: int


def check_rating(record: Any, study: Study) -> Rating:
    """Return a rating from what was sent or stored, or refuse it.

    Raises:
        ValueError: With the reason why it is none of this study.
    """
    if not isinstance(record, dict) or set(record) != FIELDS:
        raise ValueError(f'a rating has exactly the fields {", ".join(sorted(FIELDS))}')
    if record['study'] != study.name:
        raise ValueError(f'study {str(record["study"])[:80]!r} is not this one, {study.name!r}')
    rater, item, score = record['rater'], record['item'], record['score']
    if not isinstance(rater, str) or not 1 <= len(rater) <= 80 or not rater.isprintable():
        raise ValueError('rater must be a name of 1 to 80 printable characters')
    if not isinstance(item, str) or (item not in study.items and item not in study.training):
        raise ValueError(f'unknown item {str(item)[:80]!r}')
    if type(score) is not int or not 1 <= score <= 5:
        raise ValueError(f'score {str(score)[:80]} is not one of 1, 2, 3, 4, 5')
    return Rating(rater, item, score)


def read_ratings(path: Path, study: Study) -> tuple[list[Rating], str | None]:
    """Return the complete ratings of a file, whatever else it holds.

    Args:
        path: Written by the server or saved by a rater; possibly cut at any byte.
        study: Which the ratings must belong to.

    Returns:
        The ratings in the file's order; and if lines were dropped, a sentence that says how many and why.

    Raises:
        InputError: If the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f'ratings {path} cannot be read ({error.strerror}). Give files that the server wrote or raters '
            'saved.'
        ) from error
    lines = [
        line for line in enumerate(content.removeprefix(b'\xef\xbb\xbf').split(b'\n'), 1) if line[1].strip()
    ]
    ratings, dropped = [], []
    for number, line in lines:
        try:
            ratings.append(check_rating(json.loads(line), study))
        except (ValueError, RecursionError) as error:  # of JSON and of UTF-8 are ValueErrors, too
            cut = not line.rstrip().endswith(b'}')
            dropped.append(f'line {number} {"is cut off" if cut else f"is no rating of this study: {error}"}')
    if not dropped:
        return ratings, None
    return ratings, f'{path}: {len(dropped)} of {len(lines)} lines dropped; {dropped[0]}' + (
        ', ...' if len(dropped) > 1 else ''
    )


def merge(ratings: Iterable[Rating]) -> tuple[dict[str, dict[str, int]], list[str]]:
    """Return scores by item by rater, each once, whatever the order of the ratings.

    A rating that occurs more than once counts once. Where a rater gave an item different scores, none of them
    counts.

    Returns:
        The scores, and a sentence for each of the two cases that occurred.
    """
    given: dict[tuple[str, str], list[int]] = {}
    for rating in ratings:
        given.setdefault((rating.rater, rating.item), []).append(rating.score)
    contradictory = {pair: scores for pair, scores in given.items() if len(set(scores)) > 1}
    repeated = sum(len(scores) - 1 for pair, scores in given.items() if pair not in contradictory)
    merged: dict[str, dict[str, int]] = {}
    for (rater, item), scores in given.items():
        if (rater, item) not in contradictory:
            merged.setdefault(rater, {})[item] = scores[0]
    notes = [f'{repeated} ratings occur again with the same score and count once'] if repeated else []
    if contradictory:
        (rater, item), scores = next(iter(contradictory.items()))
        notes.append(
            f'{len(contradictory)} ratings contradict each other and do not count, such as those of {rater} '
            f'for {item}: {" and ".join(map(str, scores))}'
        )
    return merged, notes


class RatingsFile:
    """The file that a server appends to; a rating that was added is on the disk.

    Args:
        path: Need not exist. Nothing in it is ever changed; a half line that a kill left behind is ended and
            so set apart.
        study: Which the ratings belong to.

    Raises:
        InputError: If the file cannot be written, or another server writes it.
    """

    def __init__(self, path: Path, study: Study) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InputError(
                f'{path} cannot be written ({error.strerror}). Serve the study where you can write.'
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
        except OSError as error:
            os.close(self._file)
            raise InputError(f'another server writes {path}. Use that one, or stop it first.') from error
        sync_folder(path.parent)
        ratings, self.dropped = read_ratings(path, study)
        self.scores: dict[tuple[str, str], int] = {}
        for rating in ratings:
            self.scores.setdefault(rating[:2], rating.score)
        self._study = study
        size = os.fstat(self._file).st_size
        self._whole = size == 0 or os.pread(self._file, 1, size - 1) == b'\n'
        self._lock = Lock()

    def add(self, rating: Rating) -> int | None:
        """Append a rating, and return when it is on the disk.

        Returns:
            The score that the rater gave the item before, in which case nothing is written; otherwise None.

        Raises:
            OSError: If the disk fails or is full. The rating is not counted then, and may be added again.
        """
        line = json.dumps(dict(study=self._study.name, **rating._asdict())).encode() + b'\n'
        with self._lock:
            if rating[:2] in self.scores:
                return self.scores[rating[:2]]
            line = line if self._whole else b'\n' + line
            self._whole = False
            while line:
                line = line[os.write(self._file, line) :]
            self._whole = True
            os.fsync(self._file)
            self.scores[rating[:2]] = rating.score
        return None

    def close(self) -> None:
        """Give the file up to other servers."""
        os.close(self._file)

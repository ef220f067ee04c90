"""A store that is being made."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from ..datasets.store import VERSION, Entry, lengths_of
from ..errors import InputError
from ..io.atomic import whole_file


class Source(NamedTuple):
    """What becomes an image, or pair, of a store.

    Args:
        name: The name that it gets.
        files: LQ, where it is given, and GT.
        height: Of GT as it is stored.
        width: Of GT as it is stored.
        cropped: Whether that is less than the file has.
    """

    name: str
    files: tuple[Path, ...]
    height: int
    width: int
    cropped: bool


class Unfinished:
    """A folder beside the store, removed when the store is finished and kept if the process ends before.

    It keeps a plan, which says where each image goes before the first one is read, and a journal of the
    images that are in their place. So the next process goes on, and the store gets the same bytes. If files
    have come, gone or changed since, what has kept its name and size keeps its place: what is new comes
    behind, what is gone leaves a hole.

    Args:
        store: What the store will be.
        options: What must not change between two processes.
        sources: What is to be packed.

    Raises:
        InputError: On entering, if another process is at it, or one with other options was.
    """

    def __init__(self, store: Path, options: dict[str, Any], sources: list[Source]) -> None:
        self.store = store
        self.folder = store.with_name(f'.{store.name}.partial')
        self.pixels = self.folder / 'store'
        self.options = {'version': VERSION, **options}
        self.sources = sources
        self.plan: list[Entry] = []
        self.in_place: dict[str, Entry] = {}

    def __enter__(self) -> Unfinished:
        self.pixels.mkdir(parents=True, exist_ok=True)
        self.journal = open(self.folder / 'journal', 'a+', encoding='utf-8')
        try:
            self._lock()
            self.plan = self._make_plan()
            self.in_place = self._read_journal()
        except BaseException:
            self.journal.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.journal.close()

    def note(self, entry: Entry, source: Source) -> None:
        """Write down that an image is in its place."""
        print(json.dumps([entry, _state(source)]), file=self.journal, flush=True)

    def finish(self) -> None:
        """Make it the store."""
        os.rename(self.pixels, self.store)
        shutil.rmtree(self.folder)

    def _lock(self) -> None:
        try:
            fcntl.lockf(
                self.journal, fcntl.LOCK_EX | fcntl.LOCK_NB
            )  # ends with this process, and does not pass to its children
        except OSError as error:
            raise InputError(f'{self.store} is being packed by another process. Wait for it.') from error

    def _make_plan(self) -> list[Entry]:
        path = self.folder / 'plan.json'
        places: dict[str, Entry] = {}
        if path.exists():
            kept = json.loads(path.read_text(encoding='utf-8'))
            if kept['options'] != self.options:
                raise InputError(
                    f'{self.folder} has an unfinished store of {kept["options"]}, and now it is to be '
                    f'{self.options}. Repeat the original command, or remove that folder.'
                )
            places = {entry.name: entry for entry in (Entry(*row) for row in kept['images'])}
        scale, plan = self.options['scale'], []
        end = lengths_of(list(places.values()), scale)
        for source in self.sources:
            place = places.get(source.name)
            if place is None or place[1:3] != (source.height, source.width):
                place = Entry(source.name, source.height, source.width, end['gt'], end.get('lq', 0))
                end = lengths_of([place], scale)
            plan.append(place)
        with whole_file(path) as partial:
            partial.write_text(json.dumps(dict(options=self.options, images=plan)), encoding='utf-8')
        return plan

    def _read_journal(self) -> dict[str, Entry]:
        """Return the finished images by name: those noted in their places whose files have not changed."""
        expected = {(*entry[:5], *_state(source)) for entry, source in zip(self.plan, self.sources)}
        self.journal.seek(0)
        noted = {}
        for line in self.journal.read().split('\n'):
            try:
                entry, state = json.loads(line)
            except ValueError:
                continue  # the process ended while it wrote this line
            if (*entry[:5], *state) in expected:
                noted[entry[0]] = Entry(*entry)
        self.journal.write('\n')  # ends such a line
        return noted


def _state(source: Source) -> list[int]:
    """What tells whether files were changed."""
    return [value for path in source.files for value in (path.stat().st_size, path.stat().st_mtime_ns)]

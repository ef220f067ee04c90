"""A store that is being packed, and can be continued after an interruption."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from ..datasets.store import RGB, Entry, Pixels, lengths_of
from ..errors import InputError
from ..io.atomic import whole_file

PLAN_VERSION = 1  # of the plan and the journal


class Source(NamedTuple):
    """The files that become an image, or a pair, of a store.

    Args:
        name: Name of the image in the store.
        files: Paths of LQ, if it is given, and GT.
        height: Height of GT in the store, in pixels.
        width: Width of GT in the store, in pixels.
        cropped: Whether the GT file is cropped to a multiple of the scale.
        inner: Height and width of GT before it is padded to that; None if it is not.
    """

    name: str
    files: tuple[Path, ...]
    height: int
    width: int
    cropped: bool
    inner: tuple[int, int] | None = None


class Unfinished:
    """A folder beside the store, which is removed when the store is complete and kept after an interruption.

    It has a plan, made before the first image is read, of the offset of each image, and a journal of the
    images that have been written. With these the next process continues, and the store gets the same bytes.
    If files have been added, removed or changed meanwhile, an image with the same name and size keeps its
    offset, new ones are appended, and removed ones leave a gap.

    Args:
        store: Folder that the store will have.
        options: Options that must not change when packing continues.
        sources: Images to pack.
        pixels: Kind of the pixels.

    Raises:
        InputError: On entering, if another process packs this store, or it was begun with other options.
    """

    def __init__(
        self, store: Path, options: dict[str, Any], sources: list[Source], pixels: Pixels = RGB
    ) -> None:
        self.store = store
        self.folder = store.with_name(f'.{store.name}.partial')
        self.content = self.folder / 'store'
        self.pixels = pixels
        self.options = {'version': PLAN_VERSION, **options, **({} if pixels == RGB else pixels._asdict())}
        self.sources = sources
        self.plan: list[Entry] = []
        self.in_place: dict[str, Entry] = {}

    def __enter__(self) -> Unfinished:
        self.content.mkdir(parents=True, exist_ok=True)
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
        """Record in the journal that an image has been written."""
        print(json.dumps([entry, _state(source)]), file=self.journal, flush=True)

    def finish(self) -> None:
        """Rename the folder to that of the store, and remove the rest."""
        os.rename(self.content, self.store)
        shutil.rmtree(self.folder)

    def _lock(self) -> None:
        try:
            # the lock ends with this process, and child processes do not inherit it
            fcntl.lockf(self.journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f'{self.store} is being packed by another process. Wait until it ends.'
            ) from error

    def _make_plan(self) -> list[Entry]:
        path = self.folder / 'plan.json'
        places: dict[str, Entry] = {}
        if path.exists():
            kept = json.loads(path.read_text(encoding='utf-8'))
            if kept['options'] != self.options:
                raise InputError(
                    f'{self.folder} has an unfinished store with options {kept["options"]}, and this command '
                    f'has {self.options}. Repeat the original command, or remove that folder.'
                )
            places = {entry.name: entry for entry in (Entry(*row) for row in kept['images'])}
        scale, plan = self.options['scale'], []
        end = lengths_of(list(places.values()), scale, self.pixels)
        for source in self.sources:
            place = places.get(source.name)
            if place is None or place[1:3] != (source.height, source.width):
                place = Entry(source.name, source.height, source.width, end['gt'], end.get('lq', 0))
                end = lengths_of([place], scale, self.pixels)
            plan.append(place)
        with whole_file(path) as partial:
            partial.write_text(json.dumps(dict(options=self.options, images=plan)), encoding='utf-8')
        return plan

    def _read_journal(self) -> dict[str, Entry]:
        """Return the finished images by name: those in the journal whose offset and files are the same."""
        expected = {(*entry[:5], *_state(source)) for entry, source in zip(self.plan, self.sources)}
        self.journal.seek(0)
        noted = {}
        for line in self.journal.read().split('\n'):
            try:
                entry, state = json.loads(line)
            except ValueError:
                continue  # the process was killed while it wrote this line
            if (*entry[:5], *state) in expected:
                noted[entry[0]] = Entry(*entry)
        self.journal.write('\n')  # ends an incomplete line
        return noted


def _state(source: Source) -> list[int]:
    """Return size and modification time of each file, which change when a file does."""
    return [value for path in source.files for value in (path.stat().st_size, path.stat().st_mtime_ns)]

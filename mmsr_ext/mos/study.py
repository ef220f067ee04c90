"""A study's folder, and the key to its blinding."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from ..io.atomic import whole_file
from ..tool_names import tool


@dataclass(frozen=True)
class Item:
    """One picture that raters see.

    Args:
        method: Whose result it is.
        image: Of which image.
        answer: The score that a calibration item stands for.
    """

    method: str
    image: str
    answer: int | None = None


@dataclass(frozen=True)
class Study:
    """What is behind the random names of a study.

    Its folder holds ``page/``, which is all that raters get, ``key.json``, which they must not get, and
    ``ratings.jsonl`` once it is served.

    Args:
        name: Random; ratings carry it, so that those of another study are recognised.
        methods: In the order of tables and plots.
        items: What is rated, by random name.
        training: What is shown first to calibrate the raters, all with known answers, by random name.
    """

    name: str
    methods: list[str]
    items: dict[str, Item]
    training: dict[str, Item]

    def save(self, folder: Path) -> None:
        """Write ``folder/key.json``."""
        with whole_file(folder / 'key.json') as partial:
            partial.write_text(json.dumps(asdict(self), indent=1) + '\n')

    @classmethod
    def load(cls, folder: str | Path) -> Study:
        """Read ``folder/key.json``.

        Raises:
            InputError: If the folder holds no study.
        """
        path = Path(folder) / 'key.json'
        try:
            key = json.loads(path.read_text(encoding='utf-8'))
            parts = {
                part: {name: Item(**item) for name, item in key[part].items()}
                for part in ('items', 'training')
            }
            return cls(key['name'], key['methods'], **parts)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f'{folder} holds no study: {path} cannot be read ({type(error).__name__}: {error}). '
                f'Make one: {tool("mos")} build --methods NAME=FOLDER --gt FOLDER -o {folder}'
            ) from error

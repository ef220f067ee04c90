"""Tables as Markdown, aligned for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[object]]) -> list[str]:
    r"""Format rows of equal length, of which the first is the head.

    >>> print(*markdown_table([['a', 'b'], [1, 'two']]), sep="\n")
    | a | b   |
    |---|-----|
    | 1 | two |

    Args:
        rows: The cells.

    Returns:
        The lines.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ['| ' + ' | '.join(map(str.ljust, row, widths)) + ' |' for row in cells]
    return [lines[0], '|' + '|'.join('-' * (width + 2) for width in widths) + '|', *lines[1:]]

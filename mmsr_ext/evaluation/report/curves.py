"""Curves as SVG."""

from __future__ import annotations

from html import escape

import numpy as np

from .scalars import Series

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 360, 170, 56, 20, 8
POINTS = 400


def draw_all(series: Series) -> str:
    """Draw a chart for every quantity; D(real) and D(fake), a metric and its baseline, share one.

    Args:
        series: (step, value) by name.

    Returns:
        HTML.
    """
    groups: dict[str, Series] = {}
    for name, points in series.items():
        groups.setdefault(_group(name), {})[name] = points
    return '\n'.join(draw(title, lines) for title, lines in groups.items())


def draw(title: str, lines: Series) -> str:
    """Draw one chart with its legend; long curves are averaged, and non-finite values leave a gap."""
    thinned = {name: _thinned(points) for name, points in lines.items()}
    finite = [(step, value) for points, _ in thinned.values() for step, value in points if np.isfinite(value)]
    if not finite:
        return f'<figure class="chart"><figcaption>{escape(title)}: no finite value</figcaption></figure>'
    (x0, y0), (x1, y1) = np.min(finite, axis=0), np.max(finite, axis=0)
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - 4}"/>']
    for value, y, anchor in ((y1, TOP + 8, 'end'), (y0, HEIGHT - BOTTOM, 'end')):
        parts.append(f'<text x="{LEFT - 4}" y="{y}" text-anchor="{anchor}">{value:.4g}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 4}">{x0:.0f}</text>')
    parts.append(f'<text x="{WIDTH - 4}" y="{HEIGHT - 4}" text-anchor="end">step {x1:.0f}</text>')
    for index, (points, _) in enumerate(thinned.values()):
        for stretch in _stretches(points):
            scaled = [
                (
                    _scaled(step, x0, x1, LEFT + 2, WIDTH - 6),
                    _scaled(value, y0, y1, HEIGHT - BOTTOM - 3, TOP + 2),
                )
                for step, value in stretch
            ]
            if len(scaled) == 1:
                parts.append(
                    '<circle class="c{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>'.format(index % 4, *scaled[0])
                )
            else:
                parts.append(
                    f'<polyline class="c{index % 4}" '
                    f'points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in scaled)}"/>'
                )
    legend = ', '.join(
        f'<span class="key c{index % 4}">{escape(name)} <b>{lines[name][-1][1]:.4g}</b></span>'
        for index, name in enumerate(lines)
    )
    mean = max(count for _, count in thinned.values())
    note = f' (means of {mean} values; last value)' if mean > 1 else ' (last value)'
    return (
        f'<figure class="chart"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)} '
        f'over the steps">{"".join(parts)}</svg><figcaption>{legend}{note}</figcaption></figure>'
    )


def _group(name: str) -> str:
    for pair in ('d_real', 'd_fake'), ('p_real', 'p_fake'):
        if name in pair:
            return ', '.join(pair)
    return name.rpartition('/')[2]


def _thinned(points: list[tuple[int, float]]) -> tuple[list[tuple[float, float]], int]:
    """Reduce a series to at most POINTS means; return how many values each has."""
    count = -(-len(points) // POINTS)
    values = np.array(points, dtype=float)
    return [
        tuple(values[start : start + count].mean(axis=0)) for start in range(0, len(points), count)
    ], count


def _stretches(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    stretches: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if np.isfinite(point[1]):
            stretches[-1].append(point)
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _scaled(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (end - start) * ((value - low) / (high - low) if high > low else 0.5)

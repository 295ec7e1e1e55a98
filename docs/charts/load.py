#!/usr/bin/env python3
"""Draws docs/charts/load.svg from what `cargo bench --bench load` printed: `load.py NAME=FILE...`, one file for each binary."""

import re
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 330, 60, 56, 46
COLOURS = ["#b9b3ae", "#14507a", "#7a1f3d"]
ROW = re.compile(r"^(?:(RS256|ES256), )?(\d+) +([\d.]+) ")
PANELS = [(None, "password grants"), ("RS256", "refreshes, RS256"), ("ES256", "refreshes, ES256")]


def read(path):
    """The rate of each row, and the rate that Argon2 allows."""
    rows, limits = {}, []
    for line in open(path, encoding="utf-8"):
        if found := ROW.match(line):
            rows[found[1], int(found[2])] = float(found[3])
        elif found := re.search(r"passgrant-argon2.*, ([\d.]+) a second", line):
            limits.append(float(found[1]))
    return rows, limits[0]


def main():
    names, measured = zip(*(argument.split("=", 1) for argument in sys.argv[1:]))
    runs = [read(path) for path in measured]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">Requests a second by how many are in flight, on two processors</text>',
    ]
    for index, name in enumerate(names):
        x = LEFT + index * 150
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{COLOURS[index]}"/>')
        parts.append(f'<text x="{x + 15}" y="41">{name}</text>')
    panel, height = (WIDTH - LEFT - 10) / len(PANELS), HEIGHT - TOP - BOTTOM
    for number, (algorithm, title) in enumerate(PANELS):
        counts = sorted(count for kind, count in runs[0][0] if kind == algorithm)
        values = [rows[algorithm, count] for rows, _ in runs for count in counts]
        limit = max(limit for _, limit in runs) if algorithm is None else 0
        most = max([*values, limit]) * 1.12
        left, width = LEFT + number * panel, panel - 18
        y = lambda rate: TOP + height * (1 - rate / most)
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y(0)}" y2="{y(0)}" stroke="#666"/>')
        group = width / len(counts)
        for place, count in enumerate(counts):
            bar = group * 0.8 / len(runs)
            for index, (rows, _) in enumerate(runs):
                rate, x = rows[algorithm, count], left + place * group + group * 0.1 + index * bar
                parts.append(
                    f'<rect x="{x:.1f}" y="{y(rate):.1f}" width="{bar - 1:.1f}" height="{y(0) - y(rate):.1f}"'
                    f' fill="{COLOURS[index]}"/>'
                )
                parts.append(f'<text x="{x + bar / 2:.1f}" y="{y(rate) - 3:.1f}" text-anchor="middle" font-size="9">{rate:.0f}</text>')
            parts.append(f'<text x="{left + (place + 0.5) * group:.1f}" y="{HEIGHT - 30}" text-anchor="middle">{count}</text>')
        if limit:
            parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y(limit)}" y2="{y(limit)}" stroke="#7a1f3d" stroke-dasharray="4 3"/>')
            parts.append(f'<text x="{left + width}" y="{y(limit) - 4}" text-anchor="end" fill="#7a1f3d">Argon2\'s limit: {limit:.0f}</text>')
        parts.append(f'<text x="{left + width / 2:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{title}</text>')
    print("\n".join([*parts, "</svg>"]))


if __name__ == "__main__":
    main()

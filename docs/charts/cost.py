#!/usr/bin/env python3
"""Draws docs/charts/cost.svg from what `passgrant cost --output json` prints on standard input."""

import json
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 330, 60, 56, 60
KINDS = [("million_logins", "a million logins"), ("million_refreshes", "a million refreshes")]
SERIES = [
    ("x86_64", "kms", "#7a1f3d"),
    ("arm64", "kms", "#d9869f"),
    ("x86_64", "envelope", "#14507a"),
    ("arm64", "envelope", "#86b9d9"),
]


def main():
    estimates = json.load(sys.stdin)["estimates"]
    sizes = sorted({estimate["memory_mb"] for estimate in estimates})
    value = {
        (estimate["memory_mb"], estimate["architecture"], estimate["signing"], kind): estimate[kind]
        for estimate in estimates
        for kind, _ in KINDS
    }
    most = max(value.values()) * 1.1
    height = HEIGHT - TOP - BOTTOM
    y = lambda dollars: TOP + height * (1 - dollars / most)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">US dollars for a million requests, by memory of the function</text>',
    ]
    for index, (architecture, signing, colour) in enumerate(SERIES):
        x = LEFT + index * 150
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="41">{architecture}, {signing}</text>')
    for dollars in range(0, int(most) + 1, 2):
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(dollars):.1f}" y2="{y(dollars):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(dollars) + 4:.1f}" text-anchor="end">${dollars}</text>')
    panel = (WIDTH - LEFT - 10) / len(KINDS)
    for number, (kind, title) in enumerate(KINDS):
        left = LEFT + number * panel
        group = panel / len(sizes)
        for place, size in enumerate(sizes):
            start = left + place * group + group * 0.1
            bar = group * 0.8 / len(SERIES)
            for index, (architecture, signing, colour) in enumerate(SERIES):
                top = y(value[size, architecture, signing, kind])
                parts.append(
                    f'<rect x="{start + index * bar:.1f}" y="{top:.1f}" width="{bar - 1:.1f}"'
                    f' height="{TOP + height - top:.1f}" fill="{colour}"/>'
                )
            middle = start + group * 0.4
            parts.append(f'<text x="{middle:.1f}" y="{TOP + height + 16}" text-anchor="middle">{size} MB</text>')
        parts.append(f'<text x="{left + panel / 2:.1f}" y="{TOP + height + 38}" text-anchor="middle">{title}</text>')
    parts.append("</svg>")
    print("\n".join(parts))


if __name__ == "__main__":
    main()

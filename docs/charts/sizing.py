#!/usr/bin/env python3
"""Draws docs/charts/sizing.svg from what docs/charts/sizing.sh printed on standard input; `--table` prints it as a table instead.

Each line is a memory in MB, a kernel, and the tenth, the median and the ninetieth percentile of one verification in milliseconds.
Computed is the median of the whole processor, slowed down as much as there is less of it.
"""

import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 760, 330, 60, 56, 46
WHOLE = 1769
COLOURS = {"AVX2": "#14507a", "portable": "#7a1f3d"}


def read(lines):
    rows = [line.split() for line in lines if line.strip()]
    return {(int(memory), kernel): tuple(map(float, times)) for memory, kernel, *times in rows}


def computed(measured, memory, kernel):
    return measured[WHOLE, kernel][1] * WHOLE / memory


def table(measured):
    sizes, kernels = sorted({memory for memory, _ in measured}), sorted({kernel for _, kernel in measured})
    head = ["Memory", "Of a processor"] + [f"{kernel}, {kind}" for kernel in kernels for kind in ("measured", "90 %", "computed")]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for memory in sizes:
        cells = [f"{memory} MB", f"{memory / WHOLE:.2f}"]
        for kernel in kernels:
            _, median, most = measured[memory, kernel]
            cells += [f"{median:.0f} ms", f"{most:.0f} ms", f"{computed(measured, memory, kernel):.0f} ms"]
        yield "| " + " | ".join(cells) + " |"


def chart(measured):
    sizes, kernels = sorted({memory for memory, _ in measured}), sorted({kernel for _, kernel in measured})
    most = max(max(times[2] for times in measured.values()), max(computed(measured, *key) for key in measured)) * 1.05
    height, group = HEIGHT - TOP - BOTTOM, (WIDTH - LEFT - 10) / len(sizes)
    y = lambda milliseconds: TOP + height * (1 - milliseconds / most)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    yield f'<text x="{LEFT}" y="20" font-size="14">One verification by memory of the function, in milliseconds</text>'
    for index, kernel in enumerate(kernels):
        x = LEFT + index * 330
        yield f'<rect x="{x}" y="32" width="10" height="10" fill="{COLOURS[kernel]}"/>'
        yield f'<text x="{x + 15}" y="41">{kernel}: median and 90 % under a quota; line: computed</text>'
    for milliseconds in range(0, int(most) + 1, 50):
        yield f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(milliseconds):.1f}" y2="{y(milliseconds):.1f}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y(milliseconds) + 4:.1f}" text-anchor="end">{milliseconds}</text>'
    for place, memory in enumerate(sizes):
        bar = group * 0.7 / len(kernels)
        for index, kernel in enumerate(kernels):
            _, median, slow = measured[memory, kernel]
            x, wanted = LEFT + place * group + group * 0.15 + index * bar, computed(measured, memory, kernel)
            yield f'<rect x="{x:.1f}" y="{y(median):.1f}" width="{bar - 2:.1f}" height="{y(0) - y(median):.1f}" fill="{COLOURS[kernel]}"/>'
            middle = x + bar / 2 - 1
            yield f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y(median):.1f}" y2="{y(slow):.1f}" stroke="{COLOURS[kernel]}"/>'
            yield f'<line x1="{x - 2:.1f}" x2="{x + bar:.1f}" y1="{y(wanted):.1f}" y2="{y(wanted):.1f}" stroke="#222" stroke-width="2"/>'
        yield f'<text x="{LEFT + (place + 0.5) * group:.1f}" y="{HEIGHT - 26}" text-anchor="middle">{memory} MB</text>'
    yield "</svg>"


if __name__ == "__main__":
    print("\n".join((table if "--table" in sys.argv else chart)(read(sys.stdin))))

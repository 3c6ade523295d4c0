#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Make an SVG of what a program wrote to a terminal

Usage: term_svg.py ROWS COLUMNS TITLE [SECONDS] <RECORDED >SVG

Knows the sequences that pinpool writes, and no others. Whatever stood there when the
cursor went home is a frame; with SECONDS all but the first, which has no rates yet, are
shown one after the other, that long each, else the last one is.
"""

import re
import sys
from html import escape

WIDTH, HEIGHT, MARGIN, BAR = 8, 17, 12, 28
COLOURS = ["#1e2227", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2",
           "#dcdfe4", "#6b7280", "#ff8b94", "#b5e890", "#ffd68a", "#8ac6ff", "#e29bf5",
           "#7fdbe6", "#ffffff"]
FOREGROUND, BACKGROUND = "#abb2bf", "#1e2227"
# Characters that are drawn, for fonts differ in them: how much of the cell, and how dense
BLOCKS = {"█": 1, "▓": .75, "▒": .5, "░": .25}
TOKEN = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r?\n)|(.)", re.DOTALL)
NOTHING = (" ", None, None, False)


class Terminal:
    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.frames = []
        self.clear()
        self.style = (None, None, False)

    def clear(self):
        self.cells = [[NOTHING] * self.columns for _ in range(self.rows)]
        self.row = self.column = 0

    def newline(self):
        self.column = 0
        if self.row + 1 < self.rows:
            self.row += 1
        else:
            self.cells = self.cells[1:] + [[NOTHING] * self.columns]

    def put(self, char):
        if self.column == self.columns:
            self.newline()
        self.cells[self.row][self.column] = (char,) + self.style
        self.column += 1

    def frame(self):
        if any(cell != NOTHING for row in self.cells for cell in row):
            self.frames.append([list(row) for row in self.cells])

    def paint(self, codes):
        fg, bg, bold = self.style
        for code in codes:
            if code == 0:
                fg, bg, bold = None, None, False
            elif code == 1:
                bold = True
            elif 30 <= code <= 37 or 90 <= code <= 97:
                fg = code - 30 if code < 90 else code - 82
            elif 40 <= code <= 47 or 100 <= code <= 107:
                bg = code - 40 if code < 100 else code - 92
        self.style = (fg, bg, bold)

    def control(self, arguments, letter):
        if letter == "m":
            self.paint([int(code or 0) for code in arguments.split(";")])
        elif letter == "H":
            self.frame()
            self.row = self.column = 0
        elif letter == "K":
            self.cells[self.row][self.column:] = [NOTHING] * (self.columns - self.column)
        elif letter == "J":
            self.control("", "K")
            for row in range(self.row + 1, self.rows):
                self.cells[row] = [NOTHING] * self.columns
        elif arguments == "?1049":
            if letter == "l":
                self.frame()
            self.clear()

    def feed(self, text):
        for arguments, letter, newline, char in TOKEN.findall(text):
            if letter:
                self.control(arguments, letter)
            elif newline:
                self.newline()
            elif char >= " ":
                self.put(char)
        self.frame()


def runs(row):
    """Pieces of a row that look alike: column, text, colours, bold"""
    start = 0
    for i in range(1, len(row) + 1):
        cell = row[start]
        same = i < len(row) and row[i][1:] == cell[1:]
        if same and (row[i][0] == cell[0] or not {row[i][0], cell[0]} & set(BLOCKS)):
            continue
        yield start, "".join(c[0] for c in row[start:i]), *cell[1:]
        start = i


def rectangle(x, y, width, colour, opacity=1):
    shade = f' opacity="{opacity}"' if opacity < 1 else ""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" fill="{colour}"{shade}/>'


def draw_text(x, y, text, colour, bold):
    """What has spaces between is drawn in pieces, so that all stand where they should"""
    style = (f' fill="{colour}"' if colour != FOREGROUND else "")
    style += ' font-weight="bold"' if bold else ""
    for word in re.finditer(r"\S+( \S+)*", text):
        yield (f'<text x="{x + word.start() * WIDTH}" y="{y + 13}" '
               f'textLength="{len(word.group()) * WIDTH}"{style}>{escape(word.group())}</text>')


def draw_row(number, row):
    y = BAR + MARGIN + number * HEIGHT
    for column, text, fg, bg, bold in runs(row):
        x = MARGIN + column * WIDTH
        colour = FOREGROUND if fg is None else COLOURS[fg]
        if bg is not None:
            yield rectangle(x, y, len(text) * WIDTH, COLOURS[bg])
        if text[0] in BLOCKS:
            yield rectangle(x, y, len(text) * WIDTH, colour, BLOCKS[text[0]])
        elif text == "│":
            yield f'<path d="M{x + WIDTH // 2} {y}v{HEIGHT}" stroke="{colour}" stroke-width="2"/>'
        else:
            yield from draw_text(x, y, text, colour, bold)


def draw(frames, columns, title, seconds):
    height = max((n + 1 for f in frames for n, row in enumerate(f)
                  if any(c != NOTHING for c in row)), default=1)
    total = (2 * MARGIN + columns * WIDTH, BAR + 2 * MARGIN + height * HEIGHT)
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{total[0]}" height="{total[1]}" '
           f'font-family="monospace" font-size="13" fill="{FOREGROUND}">')
    yield f"<title>{escape(title)}</title>"
    if len(frames) > 1:
        yield ("<style>.f{visibility:hidden;animation:f %gs step-end infinite}"
               ".f0{visibility:visible}"
               "@keyframes f{0%%{visibility:visible}%.4g%%{visibility:hidden}}</style>"
               % (len(frames) * seconds, 100 / len(frames)))
    yield f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    yield f'<text x="{MARGIN}" y="19" fill="{COLOURS[8]}">{escape(title)}</text>'
    # What is the same in all frames is there once.
    still = [n for n in range(height) if all(f[n] == frames[0][n] for f in frames)]
    for n in still:
        yield from draw_row(n, frames[0][n])
    for i, frame in enumerate(frames):
        if len(frames) > 1:
            yield f'<g class="f{" f0" if not i else ""}" style="animation-delay:{i * seconds:g}s">'
        for n in range(height):
            if n not in still:
                yield from draw_row(n, frame[n])
        if len(frames) > 1:
            yield "</g>"
    yield "</svg>"


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__.strip())
    terminal = Terminal(int(sys.argv[1]), int(sys.argv[2]))
    terminal.feed(sys.stdin.buffer.read().decode())
    seconds = float(sys.argv[4]) if len(sys.argv) == 5 else 0
    frames = terminal.frames[1:] if seconds else terminal.frames[-1:]
    if not frames:
        sys.exit("term_svg.py: nothing was written")
    print("\n".join(draw(frames, terminal.columns, sys.argv[3], seconds)))


main()

"""Runs Graphviz's libraries in a process of their own: DOT on stdin, the result on stdout.

Started by path, with the layout engine and the output format as arguments. A crash of the C
libraries ends this process and no other.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Lay out and render one graph."""
    del sys.path[0]  # this folder, whose modules must not hide others
    import pygraphviz

    layout, format_ = sys.argv[1], sys.argv[2]
    graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
    painted = graph.draw(format=format_, prog=layout)
    if painted is None:
        return 1
    sys.stdout.buffer.write(painted)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

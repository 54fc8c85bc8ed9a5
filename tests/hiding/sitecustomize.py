"""Python finds none of the packages in $HIDDEN, in this process and in those it starts."""

import os
import sys


class Without:
    """A finder of ``sys.meta_path`` that does not know the hidden packages."""

    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, *places):
        if name.partition(".")[0] in os.environ.get("HIDDEN", "").split(","):
            return None
        return self._finder.find_spec(name, *places)

    def __getattr__(self, name):
        return getattr(self._finder, name)


sys.meta_path[:] = map(Without, sys.meta_path)

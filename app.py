"""Starts the pages; the same as `assistant serve`."""

import sys

from assistant.__main__ import main

if __name__ == "__main__":
    main(["serve", *sys.argv[1:]])

"""Starts the pages; the same as `assistant serve`."""

import sys

from assistant.config import load_settings
from assistant.errors import AssistantError


def main() -> None:
    """Show the pages until stopped."""
    from assistant.web.server import serve

    serve(load_settings())


if __name__ == "__main__":
    try:
        main()
    except AssistantError as error:
        sys.exit(str(error))

"""`python -m transferui`."""

import sys

from transferui.cli import main

if __name__ == "__main__":
    sys.exit(main())

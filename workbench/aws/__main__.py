"""``python -m workbench.aws --state DIR``: run the local AWS in the foreground."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from workbench.aws.journal import JournalError
from workbench.aws.server import StartError, serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m workbench.aws", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="directory that keeps everything")
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        serve(parser.parse_args().state.resolve())
    except (StartError, JournalError) as error:
        print(f"local AWS: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

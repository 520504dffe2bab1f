"""Write the files of an account, for the bench: `python -m bench.account FOLDER`.

300 functions with roles as the CDK, SAM and the Serverless Framework write them, with AWS-managed policies
and traces. Prints the options of the command line that name the files, one a line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fakes.accounts import account

FUNCTIONS, SEED = 300, 2


def main() -> None:
    """Write the files into the folder that is named."""
    print("\n".join(account(FUNCTIONS, SEED).write(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()

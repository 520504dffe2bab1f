"""`python -m scanner`: the command line, without installing it."""

from scanner.cli import main

raise SystemExit(main())

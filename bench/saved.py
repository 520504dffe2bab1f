"""Write saved traces, for the bench: `python -m bench.saved FOLDER`.

The same traces as JSON lines, as a document in one line, as the AWS CLI prints it, and in 100 files.
Prints the names, one a line.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path

SAVED_TRACES = 100_000
_FILES = 100
_START, _END = 1_795_000_000, 1_795_100_000


def main() -> None:
    """Write the files into the folder that is named."""
    # The bench imports this module, and Linux counts its memory among the peak of what it starts.
    from tests.fakes.traces import bulk_traces

    folder = Path(sys.argv[1])
    (folder / "many").mkdir()
    traces = bulk_traces(SAVED_TRACES, (_START, _END), calls=3, inferred=False)
    with ExitStack() as closing:
        names = ("lines.jsonl", "compact.json", "indented.json")
        lines, compact, indented = (closing.enter_context((folder / name).open("wb")) for name in names)
        compact.write(b'{"Traces": [')
        indented.write(b'{\n    "Traces": [')
        many = closing.enter_context((folder / "many" / "0.jsonl").open("wb"))
        for number, trace in enumerate(traces):
            if number and number % (SAVED_TRACES // _FILES) == 0:
                many.close()
                many = closing.enter_context((folder / "many" / f"{number}.jsonl").open("wb"))
            comma = b"," if number else b""
            lines.write(trace.body + b"\n")
            many.write(trace.body + b"\n")
            compact.write(comma + trace.body)
            indented.write(comma + b"\n" + json.dumps(json.loads(trace.body), indent=4).encode())
        compact.write(b"]}")
        indented.write(b"\n    ]\n}\n")
    print("\n".join((*names, "many")))


if __name__ == "__main__":
    main()

"""What a scan of several accounts would find, in lines, and the command to run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanner.doctor.diagnosis import Diagnosis, findings_of, unable
from scanner.text.escape import counted


@dataclass(frozen=True)
class DiagnosedAccounts:
    """The diagnosis of each account, or why there is none. `options` are those of the command to run."""

    diagnoses: Mapping[str, Diagnosis | str]
    options: Sequence[str] = ()

    @property
    def _ready(self) -> dict[str, Diagnosis]:
        diagnosed = {id_: d for id_, d in self.diagnoses.items() if isinstance(d, Diagnosis)}
        return {id_: diagnosis for id_, diagnosis in diagnosed.items() if diagnosis.can_scan}

    @property
    def can_scan(self) -> bool:
        """Whether a scan would find traces in any of them."""
        return bool(self._ready)

    def lines(self) -> Iterator[str]:
        """All of it, account by account, what to do last."""
        for account, diagnosis in self.diagnoses.items():
            yield f"Account {account}"
            if isinstance(diagnosis, str):
                yield f"  It cannot be read: {diagnosis}."
            else:
                yield from (f"  {line}" if line else "" for line in findings_of(diagnosis))
                if not diagnosis.can_scan:
                    yield f"  {unable(diagnosis)}"
            yield ""
        ready = self._ready
        if not ready:
            yield "No scan can run in any of these accounts."
            return
        yield f"A scan finds traces in {len(ready)} of {counted(len(self.diagnoses), 'account')}."
        hours = max(diagnosis.hours or 0 for diagnosis in ready.values())
        mode = () if any(d.can_compare for d in ready.values()) else ("--usage-only",)
        yield f"Run: {shlex.join(('xray-privilege-scan', *mode, '-r', f'{hours}h', *self.options))}"

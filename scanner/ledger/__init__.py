"""What was seen over many runs: hours that were read, uses, grants of roles, and how each run ended."""

from scanner.ledger.merge import merged
from scanner.ledger.place import ledger_store
from scanner.ledger.store import (
    LedgerError,
    LedgerStore,
    LedgerUnreadError,
    LedgerUnwrittenError,
    MemoryStore,
)
from scanner.ledger.values import (
    DAY,
    EMPTY,
    HOUR,
    LATE,
    PERIOD,
    Bucket,
    BucketKey,
    Fold,
    HourRead,
    Ledger,
    RoleRead,
    Run,
    RunFinding,
    Source,
)
from scanner.model import GrantName
from scanner.usage.state import Seen, Use

__all__ = [
    "DAY",
    "EMPTY",
    "HOUR",
    "LATE",
    "PERIOD",
    "Bucket",
    "BucketKey",
    "Fold",
    "GrantName",
    "HourRead",
    "Ledger",
    "LedgerError",
    "LedgerStore",
    "LedgerUnreadError",
    "LedgerUnwrittenError",
    "MemoryStore",
    "RoleRead",
    "Run",
    "RunFinding",
    "Seen",
    "Source",
    "Use",
    "ledger_store",
    "merged",
]

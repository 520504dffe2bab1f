"""The baseline: excess that was there when a team began, which is known and fails nothing. Pure.

A file holds one entry for each grant (an action on a resource in a statement), one a line, sorted, so that a
change of it is easy to review. Names are written so that a stack that is deployed anew is not new: see
`entries_of`. Where it is unclear whether two names are one, they stay apart: a finding that counts as new is
looked at, one that is hidden is not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from typing import Any, NamedTuple

from scanner.iam import catalog
from scanner.model import EXCESS, Grant, Verdict
from scanner.text.escape import one_line

VERSION = 1
MAX_CHARACTERS = 50_000_000
MAX_PROBLEMS = 20

ACCOUNT = "ACCOUNT"
RANDOM = "{random}"  # no `*`: a policy may grant that, and it would be more


class BaselineError(ValueError):
    """A file that is no baseline. `problems` are lines "NAME: what is wrong"."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Known:
    """The facts of one judged grant, as they are deployed.

    `role` is the role's ARN, `policy_arn` None for an inline policy. `action` and `resource` are as the
    policy spells them; for NotAction (NotResource) they are `*`, less `except_actions` (`except_resources`).
    `condition` is the statement's Condition, as JSON text with sorted keys; empty without one.
    """

    role: str
    policy: str
    policy_arn: str | None
    sid: str | None
    verdict: Verdict
    action: str
    resource: str
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()
    condition: str = ""


def known_of(role: str, grant: Grant, verdict: Verdict) -> Known:
    """The facts of a grant of a role (its ARN)."""
    statement = grant.statement
    return Known(
        role=role,
        policy=grant.policy.name,
        policy_arn=grant.policy.arn,
        sid=statement.sid,
        verdict=verdict,
        action=grant.action,
        resource=grant.resource,
        except_actions=statement.actions if statement.not_actions else (),
        except_resources=statement.resources if statement.not_resources else (),
        condition=json.dumps(_ordered(statement.condition), sort_keys=True) if statement.condition else "",
    )


def _ordered(condition: Any) -> Any:
    """A Condition as it compares: one value is a list of one, and the order of values says nothing."""
    if isinstance(condition, Mapping):
        return {key: _ordered(value) for key, value in condition.items()}
    return sorted(map(str, condition if isinstance(condition, list) else [condition]))


class Entry(NamedTuple):
    """One line of a baseline. The fields sort it.

    `role` is its path and name, `policy` the name of an inline policy or the ARN of a managed one,
    `statement` a Sid or empty. `condition` is a digest of the statement's Condition, empty without one.
    """

    role: str
    policy: str
    statement: str
    verdict: str
    action: str
    resource: str
    condition: str = ""

    @property
    def identity(self) -> tuple[object, ...]:
        """What two entries of the same grant share.

        Unused and broad are one: whichever the evidence of the day says, the excess of the same grant was
        accepted. Excess is not accepted with a grant that was only ineffective (a Deny may be gone) or
        unobservable.
        """
        kind = "excess" if self.verdict in EXCESS else self.verdict
        action = self.action.lower()
        return self.role, self.policy, self.statement, kind, action, self.resource, self.condition


@dataclass(frozen=True)
class Baseline:
    """What is known, sorted. The same entry twice stands for two grants."""

    entries: tuple[Entry, ...] = ()


class Comparison(NamedTuple):
    """Entries against a baseline: `is_known` tells of each, in their order, whether it is.

    `fixed` are the entries of the baseline that are gone from the roles that were compared.
    """

    is_known: tuple[bool, ...]
    known: tuple[Entry, ...]
    new: tuple[Entry, ...]
    fixed: tuple[Entry, ...]


# --- grants -> entries ---------------------------------------------------------------------------


def entries_of(known: Iterable[Known], logical_ids: Mapping[str, str] | None = None) -> list[Entry]:
    """The entries of grants, in their order. Which verdicts belong into a baseline, the caller decides.

    The role's own account id becomes `ACCOUNT`. Random endings of names that CloudFormation generates become
    `{random}`. `logical_ids` maps physical names and ARNs of stacks' resources to "Stack/LogicalId", which
    then stands for the name in braces: what two stacks call alike stays apart. A statement is known by its
    Sid; without one, it is not told from others, since statements move.
    """
    names = _logical_names(logical_ids or {})
    return [_entry(one, names) for one in known]


def role_name(arn: str, logical_ids: Mapping[str, str] | None = None) -> str:
    """A role as its entries name it, for the set of those that were compared."""
    return _role(arn, _logical_names(logical_ids or {}))


def _entry(known: Known, names: Mapping[str, str]) -> Entry:
    account = _account(known.role)
    policy = _without(account, _name(known.policy, names))
    if known.policy_arn is not None:
        policy = _resource(known.policy_arn, account, names)
    action = catalog.spelled(known.action)
    if known.except_actions:
        action += f" except {', '.join(sorted(map(str.lower, known.except_actions)))}"
    resource = _resource(known.resource, account, names)
    if known.except_resources:
        excepted = (_resource(one, account, names) for one in known.except_resources)
        resource += f" except {', '.join(sorted(excepted))}"
    return Entry(
        role=_role(known.role, names),
        policy=policy,
        statement=known.sid or "",
        verdict=str(known.verdict),
        action=action,
        resource=resource,
        condition=_digest(_without(account, known.condition)) if known.condition else "",
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _role(arn: str, names: Mapping[str, str]) -> str:
    path, slash, name = arn.partition(":role/")[2].rpartition("/")
    return _without(_account(arn), f"{path}{slash}{_name(name or arn, names)}")


def _account(arn: str) -> str:
    fields = arn.split(":")
    return fields[4] if len(fields) > 5 else ""


def _without(account: str, text: str) -> str:
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: every account id has twelve digits
    if not re.fullmatch(r"[0-9]{12}", account):
        return text
    return re.sub(rf"(?<![0-9]){account}(?![0-9])", ACCOUNT, text)


def _resource(resource: str, account: str, names: Mapping[str, str]) -> str:
    """An ARN (pattern) with its names normalised; whatever else, only less the account."""
    fields = resource.split(":", 5)
    if len(fields) < 6 or fields[0] != "arn":
        return _without(account, resource)
    service = fields[2]
    name = (
        _secret(fields[5], names)
        if service == "secretsmanager"
        else re.sub(
            r"[^/:]+",
            lambda match: _name(match.group(), names, without_stack=service == "states"),
            fields[5],
            count=1 if service == "s3" else 0,  # keys of objects are no names of resources
        )
    )
    return _without(account, ":".join([*fields[:5], name]))


# Six random characters follow a secret's name in its ARN:
# docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_SECRET = re.compile(r"secret:([^*?:]+)-([A-Za-z0-9]{6}|\?{6}|\*)")


def _secret(rest: str, names: Mapping[str, str]) -> str:
    match = _SECRET.fullmatch(rest)
    if match is None:
        return rest
    whole = names.get(rest.removeprefix("secret:"))
    if whole is not None:
        return f"secret:{whole}"
    name, ending = match.groups()
    base = _generated(name, without_stack=True)
    if base == name:
        return rest
    return f"secret:{base}-{RANDOM if ending.isalnum() else ending}"


def _name(name: str, names: Mapping[str, str], *, without_stack: bool = False) -> str:
    return names.get(name) or _generated(name, without_stack=without_stack)


def _logical_names(logical_ids: Mapping[str, str]) -> dict[str, str]:
    """The names of resources, as they stand in ARNs, and what is written instead, where that is clear."""
    found: dict[str, set[str]] = {}
    for physical, logical in logical_ids.items():
        if "://" in physical:
            name = physical.rpartition("/")[2]  # a queue's URL
        else:
            name = re.split("[/:]", physical)[-1] if physical.startswith("arn:") else physical
        stack, slash, own = logical.rpartition("/")
        found.setdefault(name, set()).add(f"{{{_generated(stack)}{slash}{own}}}")
    return {name: values.pop() for name, values in found.items() if name and len(values) == 1}


# --- names that CloudFormation generates ---------------------------------------------------------

# `STACK-LOGICALID-RANDOM`, a nested stack's own name `PARENT-LOGICALID-RANDOM`; stacks and logical ids are
# alphanumeric, stacks with hyphens. Secrets and state machines: `LOGICALID-RANDOM`.
# docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
_GENERATED = re.compile(r"[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")
# How the ending looks is not documented, only seen: a number in base 36 of 12 digits, or of 13 that begins
# with 1 ("1T2W3H9LZHGGV"), or, in newer ones, 12 letters of both cases and digits ("WAAUK9mx1X1E").
_UPPER = re.compile(r"(?:[A-Z0-9]{12}|1[A-Z0-9]{12})")
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{12}")
_NUMBERED = re.compile(r"[A-Za-z]*[0-9]+|[0-9]+[A-Z]*")  # "PRODUCTION12", "OrdersDb2027": more likely words
_WORDS = re.compile(r"(?=[A-Z]?[a-z]*[aeiouy]|[AEIOUY][a-z])(?:[A-Z][a-z]{2,}|[a-z]{3,})")  # with a vowel
_MOST_IN_WORDS = 7  # characters: "V2NotesTable" has 10; of random endings 19 in 20 have no more


def _generated(name: str, *, without_stack: bool = False) -> str:
    """A name less its random ending, and less that of a nested stack in it; as it is where there is none.

    Names that S3 gives its buckets, all in lower case, cannot be told from words: they stay.
    """
    base, dot, ending = name.partition(".")  # "queue.fifo"
    parts = base.split("-")
    least = 2 if without_stack else 3
    if len(parts) < least or not parts[-2] or not _GENERATED.fullmatch(base) or not _is_random(parts[-1]):
        return name
    stack = [RANDOM if at > 1 and _is_random(part) else part for at, part in enumerate(parts[:-2])]
    return "-".join([*stack, parts[-2], RANDOM]) + dot + ending


def _is_random(part: str) -> bool:
    """Whether a part of a name is surely a random ending. Careful: a word of the same length is none."""
    if _NUMBERED.fullmatch(part):
        return False
    if _UPPER.fullmatch(part):
        return any(c.isdigit() for c in part)
    return _MIXED.fullmatch(part) is not None and sum(map(len, _WORDS.findall(part))) <= _MOST_IN_WORDS


# --- against a baseline --------------------------------------------------------------------------


def compare(baseline: Baseline, entries: Sequence[Entry], compared: Collection[str]) -> Comparison:
    """Which entries are known, which are new, and what of the baseline is gone.

    Each entry of the baseline knows one grant: of two that look alike, the first. One without a Condition
    also knows the grant with one, which is narrower. `compared` are the roles (`role_name`) that were read
    and compared wholly in this run: of others nothing is said.
    """
    left = Counter(entry.identity for entry in baseline.entries)
    is_known = [False] * len(entries)
    for wider in (False, True):
        for at, entry in enumerate(entries):
            if is_known[at] or (wider and not entry.condition):
                continue
            identity = (entry._replace(condition="") if wider else entry).identity
            is_known[at] = left[identity] > 0
            left[identity] -= is_known[at]
    fixed = []
    for entry in sorted(baseline.entries):
        if entry.role in compared and left[entry.identity] > 0:
            fixed.append(entry)
            left[entry.identity] -= 1
    return Comparison(
        is_known=tuple(is_known),
        known=tuple(entry for entry, known in zip(entries, is_known, strict=True) if known),
        new=tuple(entry for entry, known in zip(entries, is_known, strict=True) if not known),
        fixed=tuple(fixed),
    )


def updated(baseline: Baseline, entries: Iterable[Entry], compared: Collection[str]) -> Baseline:
    """The baseline as of this run: its entries of the compared roles, the old ones of all others."""
    now = list(entries)
    replaced = {*compared, *(entry.role for entry in now)}
    return Baseline(tuple(sorted([*now, *(e for e in baseline.entries if e.role not in replaced)])))


# --- the file ------------------------------------------------------------------------------------

_TEXTS = ("role", "policy", "statement", "verdict", "action", "resource")


def dump(baseline: Baseline) -> str:
    """The file's text: JSON, an entry a line, in ASCII."""
    lines = [json.dumps(_row(entry)) for entry in sorted(baseline.entries)]
    body = "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"
    return f'{{\n  "version": {VERSION},\n  "findings": {body}\n}}\n'


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(entry, name) for name in _TEXTS}
    return row | ({"condition": entry.condition} if entry.condition else {})


def load(text: str, name: str) -> Baseline:
    """The baseline of a file's text. Raises BaselineError; `name` is the file's, for the messages."""
    name = one_line(name)
    document = _parsed(text, name)
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise BaselineError([f"{name}: this is no baseline: it has no list `findings`"])
    version = document.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise BaselineError(
            [
                f"{name}: its version is not {VERSION}, the only one known here: delete it, and write it "
                "with --update-baseline"
            ]
        )
    problems = [
        f"{name}: `findings`, entry {number}: {wrong}"
        for number, row in enumerate(document["findings"], start=1)
        if (wrong := _wrong(row))
    ]
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise BaselineError(problems[:MAX_PROBLEMS] + ([f"{name}: and {more:,} more"] if more > 0 else []))
    return Baseline(tuple(sorted(Entry(**row) for row in document["findings"])))


def _parsed(text: str, name: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise BaselineError([f"{name}: the file is longer than {MAX_CHARACTERS:,} characters"])
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        hint = ": a conflict of a merge is left in it" if re.search("^(?:<{7}|={7}|>{7})", text, re.M) else ""
        said = f"{name}:{error.lineno}: this is not JSON ({error.msg}){hint}"
    except (RecursionError, ValueError):  # nested, or a number with thousands of digits
        said = f"{name}: this is no baseline: it nests too deeply, or holds a number that is too long"
    raise BaselineError([said])


def _wrong(row: Any) -> str:
    """What is wrong with an entry, "" where nothing is."""
    if not isinstance(row, dict):
        return "it is no object"
    missing = [key for key in _TEXTS if not isinstance(row.get(key), str)]
    if missing:
        return f"it has no text `{missing[0]}`"
    if row["verdict"] not in {str(verdict) for verdict in Verdict}:
        return f"the verdict {one_line(row['verdict'])[:80]!r} is not known"
    unknown = sorted(set(row) - {*_TEXTS, "condition"})
    if unknown:
        return f"`{one_line(unknown[0])[:80]}` is no key here"
    return "" if isinstance(row.get("condition", ""), str) else "`condition` is no text"


# --- what a pull request changes -----------------------------------------------------------------

MAX_COMPARED_LINES = 2_000
MAX_SHOWN_LINES = 60
MAX_LINE = 300


def changed_lines(before: str | None, after: str | None, name: str) -> str:
    """The difference of two versions of a file as a unified diff, "" where there is none.

    None is a file that is not there. What does not print is escaped, lines are cut at `MAX_LINE` characters,
    and of more than `MAX_SHOWN_LINES` lines the number of the others is told.
    """
    if before == after:
        return ""
    old, new = _lines(before or ""), _lines(after or "")
    shown = one_line(name)[:MAX_LINE]
    head = [
        "--- " + ("/dev/null" if before is None else f"a/{shown}"),
        "+++ " + ("/dev/null" if after is None else f"b/{shown}"),
    ]
    start, end = _common(old, new)
    changed = max(len(old), len(new)) - start - end
    if changed > MAX_COMPARED_LINES:
        return "\n".join([*head, f"too much to show: {changed:,} lines from line {start + 1:,} on"]) + "\n"
    context = max(0, start - 3)
    kept = max(0, end - 3)
    old, new = (lines[context : len(lines) - kept] for lines in (old, new))
    found = list(islice(unified_diff(old, new, lineterm=""), 2, None))
    lines = [_moved(line, context) for line in found[:MAX_SHOWN_LINES]]
    if len(found) > MAX_SHOWN_LINES:
        lines.append(f"and {len(found) - MAX_SHOWN_LINES:,} more lines")
    return "\n".join([*head, *lines]) + "\n"


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*lines, last, "\\ No newline at end of file"] if last else lines


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines two texts share at their beginning, and of the rest at their end."""
    shorter = min(len(old), len(new))
    start = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - start
    return start, next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)


_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def _moved(line: str, offset: int) -> str:
    """A line of a diff, in which hunks count from the beginning of the file."""
    match = _HUNK.fullmatch(line)
    if match:
        old, old_length, new, new_length = match.groups(default="")
        return f"@@ -{int(old) + offset}{old_length} +{int(new) + offset}{new_length} @@"
    line = one_line(line)
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 3] + "..."

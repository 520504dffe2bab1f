"""A smaller grant of the CDK in the place of one that was used in part (`grantReadWrite`). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scanner.model import Finding, Verdict
from scanner.model.findings import BundleUse
from scanner.templates.edits.deployed_role import DeployedRole, is_removable, may_go_along
from scanner.templates.edits.swap import Swap
from scanner.templates.written import Leaf
from scanner.verdict.bundle_table import CDK, Bundle, bundles

_SEEN = (Verdict.USED, Verdict.BROAD)


def smaller_grants(deployed: DeployedRole, findings: Sequence[Finding]) -> Iterator[Swap]:
    """The smaller grants for those that made a policy, each where one call made all of it."""
    uses = dict.fromkeys(f.bundle for f in findings if f.bundle and f.bundle.framework == CDK)
    for use in uses:
        of_use = [finding for finding in findings if finding.bundle == use]
        calls = {_call(deployed, finding) for finding in of_use}
        call = calls.pop() if len(calls) == 1 else None
        beside = [finding for finding in findings if _call(deployed, finding) == call]
        if call is not None and len(beside) == len(of_use):
            yield from _swap(use, of_use, call)


class _Call(NamedTuple):
    """A call that makes a grant, and its name."""

    holder: Leaf
    name: Leaf


def _call(deployed: DeployedRole, finding: Finding) -> _Call | None:
    """The call that makes what a finding is about, None where it is not known."""
    placement = deployed.placements.get(finding.id)
    written = placement.policy.written if placement and placement.policy else None
    if written is None or written.name is None:
        return None
    return _Call(written.leaf, Leaf(written.source.path, written.name))


def _swap(use: BundleUse, findings: Sequence[Finding], call: _Call) -> Iterator[Swap]:
    kept = None if use.smaller is None else _kept(use.name, use.smaller, findings)
    if kept is None or use.smaller is None:
        return
    main, companions = kept
    lost = [f for f in findings if (main | companions).isdisjoint(map(str.lower, f.actions))]
    unless = {action.lower() for action in use.unless}
    for finding in findings:
        may_lack = unless if finding.verdict not in _SEEN else set()
        stays = {action.lower() for action in finding.actions} <= main | companions | may_lack
        if not stays and not may_go_along(finding) and not _comes_along(use.name, finding):
            return
    gone = frozenset(finding.id for finding in lost if is_removable(finding))
    if gone:
        why = f"{use.smaller} in the place of {use.name}"
        if use.unless:
            why += f": it lacks {', '.join(use.unless)}, which traces may not show"
        yield Swap(call.name, (use.smaller,), gone, why, call.holder)


def _kept(
    name: str, smaller: str, findings: Sequence[Finding]
) -> tuple[frozenset[str], frozenset[str]] | None:
    """What a smaller grant allows, and with it on a key: the same for all constructs that may be meant."""
    granted = {action.lower() for finding in findings for action in finding.actions}
    meant = [bundle for bundle in _grants(name) if granted <= bundle.actions | _of_companions(bundle)]
    by_construct = {bundle.of: bundle for bundle in _grants(smaller)}
    found = {
        (by_construct[bundle.of].actions, _of_companions(by_construct[bundle.of]))
        if bundle.of in by_construct
        else None
        for bundle in meant
    }
    return found.pop() if len(found) == 1 else None


def _comes_along(name: str, finding: Finding) -> bool:
    """Whether nothing but the rest of the grant needs it, as the use of a key."""
    actions = {action.lower() for action in finding.actions}
    of_key = any(actions <= _of_companions(bundle) - bundle.actions for bundle in _grants(name))
    return of_key and finding.verdict not in _SEEN and finding.ignored is None


def _grants(name: str) -> list[Bundle]:
    return [bundle for bundle in bundles() if (bundle.framework, bundle.name) == (CDK, name)]


def _of_companions(bundle: Bundle) -> frozenset[str]:
    return frozenset[str]().union(*(part.actions for part in bundle.companions))

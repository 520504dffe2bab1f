"""What could be put in the place of something wider: edits that need a look. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from scanner.iam.variables import literal
from scanner.model import Finding
from scanner.templates.edits.deployed_role import DeployedRole, is_removable, may_go_along
from scanner.templates.edits.smaller_grants import smaller_grants
from scanner.templates.edits.swap import Swap
from scanner.templates.written import Leaf
from scanner.verdict.bundle_table import SAM, bundles


def swaps_of(deployed: DeployedRole) -> Iterator[Swap]:
    """What a role would put in other places."""
    by_policy: dict[str, list[Finding]] = defaultdict(list)
    for finding in deployed.findings:
        by_policy[finding.policy.key].append(finding)
    for findings in by_policy.values():
        yield from _smaller_template(deployed, findings)
        yield from smaller_grants(deployed, findings)
    yield from _used_of_wildcards(deployed)


def _smaller_template(deployed: DeployedRole, findings: Sequence[Finding]) -> Iterator[Swap]:
    """The smaller policy template of SAM, which has all that was used."""
    placement = next((deployed.placements[f.id] for f in findings if f.id in deployed.placements), None)
    place = placement.policy if placement else None
    named = {finding.bundle for finding in findings}
    bundle = next(iter(named)) if len(named) == 1 else None
    if place is None or place.written is None or place.written.name is None:
        return
    if bundle is None or bundle.framework != SAM or bundle.smaller is None:
        return
    kept = {
        action
        for other in bundles()
        if (other.framework, other.name) == (SAM, bundle.smaller)
        for action in other.actions
    }
    gone = [f for f in findings if is_removable(f) and kept.isdisjoint(map(str.lower, f.actions))]
    unless = {action.lower() for action in bundle.unless}
    for finding in findings:
        lost = {action.lower() for action in finding.actions} - kept - unless
        if lost and not may_go_along(finding):
            return
    if gone:
        why = f"{bundle.smaller} in the place of {bundle.name}"
        if bundle.unless:
            why += f": it lacks {', '.join(bundle.unless)}, which traces may not show"
        leaf = Leaf(place.written.source.path, place.written.name)
        yield Swap(leaf, (bundle.smaller,), frozenset(f.id for f in gone), why, place.written.leaf)


def _used_of_wildcards(deployed: DeployedRole) -> Iterator[Swap]:
    """The actions, or the resources, of wildcards that were used or may be needed."""
    for finding in deployed.findings:
        placement = deployed.placements.get(finding.id)
        written = placement.statement.written if placement and placement.statement else None
        if written is None or (placement and placement.policy and placement.policy.no_edit):
            continue
        for what, kept in (("actions", deployed.kept), ("resources", deployed.kept_resources)):
            texts, leaves = finding.actions, written.leaves(literal(finding.actions[0].lower()))
            if what == "resources":
                texts, nodes = finding.resources, written.resources.get(literal(finding.resources[0]), ())
                leaves = tuple(Leaf(written.source.path, node) for node in nodes)
            if finding.id in kept and len(leaves) == len(texts) == 1:
                why = f"the {what} of {texts[0]} that were used or may be needed: the others are gone"
                yield Swap(leaves[0], kept[finding.id], frozenset({finding.id}), why, written.leaf)
                break

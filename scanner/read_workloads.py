"""Which workloads there are and which roles they have: from files, from AWS, or both."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from scanner.aws.api import Aws
from scanner.errors import EXIT_USAGE, NoWorkloadError, ScanError, Warnings
from scanner.model import Usage, Workload, account_of, region_of
from scanner.model.workloads import short_name, shown_id, workload_kind, workload_name
from scanner.request import ScanRequest, is_selected
from scanner.result import WORKLOAD_UNKNOWN
from scanner.workloads.asked import Asked, RoleDirectory
from scanner.workloads.documents import Documents
from scanner.workloads.kinds import KINDS, WorkloadKind
from scanner.workloads.listing import Listing, ReadWorkloads, Workloads, union
from scanner.workloads.role_directory import AwsRoles, FileRoles
from scanner.workloads.versions import unlisted_versions


def read_workloads(request: ScanRequest, aws: Aws, usages: Sequence[Usage], warnings: Warnings) -> Workloads:
    """The workloads of all regions in question, and the roles of those that were seen or asked for by name.

    Raises ScanError where a file of them cannot be used, or AWS refuses the credentials.
    """
    directory = _directory(request, aws, warnings)
    by_kind = {kind: _listed(kind, request, aws, usages, directory, warnings) for kind in KINDS.values()}
    others = _others(usages, directory)
    role_of = {key: role for listing in by_kind.values() for key, role in listing.roles.items()}
    role_of |= {key: workload.role for key, workload in others.known.items() if workload.role}
    renamed = _renamed(by_kind.values())
    traced = {
        renamed.get(usage.workload, usage.workload)
        for usage in usages
        if usage.workload and usage.evidence.was_seen
    }
    selected = _selected(request, traced, role_of)
    compared = [*selected, *_companions(by_kind.values(), selected)]
    roles = dict.fromkeys(role for key in compared for role in _roles_of(key, role_of, request, warnings))
    listings = [
        listing
        if _is_from_file(kind, request)
        else listing.with_configuration(
            aws, [key for role, key in listing.roles_of_versions if role in roles], warnings
        )
        for kind, listing in by_kind.items()
    ]
    workloads = union([*(listing.workloads(traced) for listing in listings), others])
    _warn_of_unknown_roles(selected, workloads.known, warnings)
    listed_ones = {key: workloads.known[key] for key in selected if key in workloads.known}
    _warn_of_unlisted_versions(listed_ones, usages, request, warnings)
    # the role of a workload that its file does not hold is unknown: it may be any of them
    in_file = all(key in role_of for key in selected if _is_from_file(_kind_of(key), request))
    return replace(
        workloads,
        complete=workloads.complete and in_file,
        compared_roles=tuple(roles),
        names=frozenset(role_of),
    )


def _directory(request: ScanRequest, aws: Aws, warnings: Warnings) -> RoleDirectory:
    """The roles of the account, from where its policies are read."""
    if request.iam is not None:
        return FileRoles(request.iam)
    return AwsRoles(aws, warnings)


def _kind_of(workload: str) -> WorkloadKind | None:
    return KINDS.get(workload_kind(workload))


def _is_from_file(kind: WorkloadKind | None, request: ScanRequest) -> bool:
    """Whether files stand for AWS: those of a kind's own option, those of --workload-config that hold any.

    Where traces and roles come from files too, AWS is asked for no kind that --workload-config may hold.
    """
    if kind is None:
        return False
    if kind.name in request.documents:
        return True
    documents = request.workload_config
    if documents is not None and kind.name in documents.kinds:
        return True
    return _is_offline(request) and (documents is not None or not kind.always_listed)


def _listed(
    kind: WorkloadKind,
    request: ScanRequest,
    aws: Aws,
    usages: Sequence[Usage],
    directory: RoleDirectory,
    warnings: Warnings,
) -> Listing:
    """The workloads of a kind, from the files that stand for AWS, or from AWS."""
    of_kind = {u.workload: u for u in usages if u.workload and workload_kind(u.workload) == kind.name}
    if kind.from_file and kind.name in request.documents:
        try:
            return kind.from_file(request.documents[kind.name], warnings)
        except ValueError as error:
            raise ScanError(f"the file of {kind.option} cannot be used: {error}", EXIT_USAGE) from None
    documents = request.workload_config or Documents()
    from_file = _is_from_file(kind, request)
    if not (of_kind or kind.name in documents.kinds or _is_asked_for(kind, request, usages)):
        # which functions there are was not asked: any may use a role that Lambda may assume
        return ReadWorkloads(Workloads(complete=not kind.always_listed))
    regions = ({region_of(key) for key in of_kind} - {""}).union(request.regions)
    if from_file:
        return kind.from_documents(documents, Asked(of_kind, frozenset(regions), directory), warnings)
    return kind.from_aws(aws, Asked(of_kind, frozenset(regions or {aws.region()}), directory), warnings)


def _others(usages: Sequence[Usage], directory: RoleDirectory) -> Workloads:
    """What runs on nothing that is known: its role is inferred where refusals name one of the account's."""
    known, pairs = {}, set()
    for usage in usages:
        if usage.workload is None or workload_kind(usage.workload) in KINDS:
            continue
        names = sorted({hint.denied_role for hint in usage.hints if hint.denied_role})
        account = account_of(usage.workload)
        found = [own.arn for name in names if (own := directory.find(name, account))]
        role = found[0] if len(found) == 1 else None
        if role:
            pairs.add((role, usage.workload))
        known[usage.workload] = Workload(
            usage.workload,
            workload_kind(usage.workload),
            workload_name(usage.workload),
            role=role,
            candidates=() if role else tuple(found),
            inferred=role is not None,
        )
    return Workloads(known=known, roles_of_versions=frozenset(pairs))


def _is_asked_for(kind: WorkloadKind, request: ScanRequest, usages: Sequence[Usage]) -> bool:
    """Whether the workloads of a kind are listed though none was traced.

    Functions are, unless traces and roles come from files and other workloads were traced.
    """
    if any(kind.is_named_by(glob) for glob in request.workloads):
        return True
    others_traced = _is_offline(request) and any(usage.workload for usage in usages)
    return kind.always_listed and not _is_from_file(kind, request) and not others_traced


def _is_offline(request: ScanRequest) -> bool:
    """Whether traces and roles come from files."""
    return bool(request.traces) and request.iam is not None


def _renamed(listings: Iterable[Listing]) -> dict[str, str]:
    return {old: new for listing in listings for old, new in listing.renamed.items()}


def _companions(listings: Iterable[Listing], selected: Sequence[str]) -> list[str]:
    """The workloads that are compared whenever one that is selected is."""
    of_main = {main: keys for listing in listings for main, keys in listing.companions.items()}
    return [key for main in selected for key in of_main.get(main, ())]


def _selected(request: ScanRequest, traced: Set[str], role_of: Mapping[str, str | None]) -> list[str]:
    """The workloads that were seen, and those that were asked for by name."""
    named = {key for key in role_of if request.workloads}
    return sorted(key for key in traced | named if is_selected(key, request.workloads))


def check_names(
    request: ScanRequest, usages: Sequence[Usage], listed: Iterable[Set[str]], warnings: Warnings
) -> None:
    """Warn of names and patterns that match no workload, be it traced or listed.

    Raises NoWorkloadError where none of the workloads that are known was asked for. Where none was traced at
    all, something else is the matter.
    """
    traced = {usage.workload for usage in usages if usage.workload}
    known = traced.union(*listed)
    if traced and not any(is_selected(key, request.workloads) for key in known):
        raise NoWorkloadError(_no_match(request.workloads, known))
    for glob in request.workloads if request.compare else ():
        if not any(is_selected(key, (glob,)) for key in known):
            warnings.add(WORKLOAD_UNKNOWN, _no_match((glob,), known))


def _no_match(globs: Sequence[str], arns: Iterable[str]) -> str:
    """What to say of globs that match nothing, with names that may be meant."""
    names = sorted(set(map(short_name, arns)))
    message = f"no workload matches --workloads {_first(list(map(repr, globs)), ' ')}"
    close = difflib.get_close_matches(globs[0].strip("*"), names, 2)
    if close:
        return f"{message}; did you mean {' or '.join(close)}?"
    return f"{message}; seen: {_first(names, ', ')}" if names else message


def _first(texts: Sequence[str], separator: str) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return separator.join(texts[:3]) + more


def _roles_of(
    workload: str, role_of: Mapping[str, str | None], request: ScanRequest, warnings: Warnings
) -> Iterator[str]:
    """The role of a workload; a warning where it was not read."""
    kind, role = _kind_of(workload), role_of.get(workload)
    if role is not None:
        yield role
    elif kind is None:
        why = "nothing tells what it runs on, so that its role is not compared: let its SDK detect resources"
        warnings.add_of("kind-not-compared", shown_id(workload), f": {why}")
    elif kind.always_listed and workload not in role_of and _is_from_file(kind, request):
        warnings.add(f"{kind.noun}-missing", f"{shown_id(workload)} is not in the {_file_of(kind, request)}")


def _file_of(kind: WorkloadKind, request: ScanRequest) -> str:
    return f"file of {kind.option}" if kind.name in request.documents else "files of --workload-config"


def _warn_of_unknown_roles(
    selected: Iterable[str], known: Mapping[str, Workload], warnings: Warnings
) -> None:
    """Warn of workloads that were read, and whose role is not known."""
    for key in selected:
        workload = known.get(key)
        if workload is None or workload.role is not None:
            continue
        if workload.candidates:
            either = " or ".join(workload.candidates)
            warnings.add_of("role-unknown", shown_id(key), f": its role could not be told: {either}")
        elif workload.kind in KINDS:
            warnings.add(f"{KINDS[workload.kind].noun}-without-role", f"{shown_id(key)} names no role")


def _warn_of_unlisted_versions(
    selected: Mapping[str, Workload], usages: Iterable[Usage], request: ScanRequest, warnings: Warnings
) -> None:
    """Warn of versions that ran and that a list does not hold: what they ran confirms nothing."""
    for usage in usages:
        workload, kind = selected.get(usage.workload or ""), _kind_of(usage.workload or "")
        names = unlisted_versions(workload, usage.evidence) if workload else ()
        if not workload or not kind or not kind.always_listed or not names:
            continue
        saved = f", or no versions were saved in the {_file_of(kind, request)}"
        warnings.add_of(
            "version-unlisted",
            shown_id(workload.key),
            f" ran as version {', '.join(names)}, which is not listed: it confirms nothing. It is deleted"
            f"{saved if _is_from_file(kind, request) else ''}",
        )

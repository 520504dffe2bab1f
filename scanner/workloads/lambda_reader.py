"""Lambda functions' configuration, from AWS or from a file: who uses a role, and for what Lambda needs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.aws.api import Aws
from scanner.aws.ask import THREADS, Failure, attempt, warn_of_denial
from scanner.errors import Warnings
from scanner.model import region_of
from scanner.model.workloads import LATEST, workload_name
from scanner.workloads.documents import Documents
from scanner.workloads.lambda_function import (
    LambdaFunction,
    by_function,
    parse_aliases,
    parse_destinations,
    parse_event_sources,
    parse_function,
    qualifiers_in,
)
from scanner.workloads.lambda_platform import workload_of
from scanner.workloads.listing import Workloads

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

Clients = Callable[[str], "LambdaClient"]
"""The Lambda client of a region."""
Entries = Mapping[str, list[Mapping[str, Any]]]
"""Parts of configurations by the ARN of the function."""


_FORMS = {
    "function": "Functions",
    "event-source-mapping": "EventSourceMappings",
    "event-invoke-config": "FunctionEventInvokeConfigs",
    "alias": "Aliases",
}


@dataclass(frozen=True)
class LambdaFunctions:
    """The functions that were listed, by ARN: as $LATEST is configured. The rest is as in `Workloads`."""

    known: Mapping[str, LambdaFunction] = field(default_factory=dict)
    roles_of_versions: frozenset[tuple[str, str]] = frozenset()
    complete: bool = True
    missing: tuple[str, ...] = ()
    regions: frozenset[str] = frozenset()

    @property
    def roles(self) -> Mapping[str, str | None]:
        """The roles of the functions, by ARN."""
        return {arn: function.role for arn, function in self.known.items()}

    @property
    def renamed(self) -> Mapping[str, str]:
        """None: traces name functions by their ARNs."""
        return {}

    @property
    def companions(self) -> Mapping[str, tuple[str, ...]]:
        """None."""
        return {}

    def workloads(self, traced: Collection[str]) -> Workloads:
        """The functions as workloads. `traced` are the ARNs of those that wrote traces."""
        known = {arn: workload_of(function, traced=arn in traced) for arn, function in self.known.items()}
        return Workloads(
            known=known,
            roles_of_versions=self.roles_of_versions,
            complete=self.complete,
            missing=self.missing,
            regions=self.regions,
        )

    def with_configuration(self, aws: Aws, arns: Iterable[str], warnings: Warnings) -> LambdaFunctions:
        """The functions with the event sources, destinations and aliases of some. Raises ScanError."""
        return with_configuration(self, aws.functions, arns, warnings)


class _Answer(NamedTuple):
    """What AWS answered to one request, as far as it did.

    `complete` tells whether it was answered wholly, `missing` are the rights that were lacking.
    """

    documents: list[Any]
    complete: bool = True
    missing: tuple[str, ...] = ()


# --- from a file ---------------------------------------------------------------------------------


def functions_from_file(document: Any, warnings: Warnings) -> LambdaFunctions:
    """What `aws lambda list-functions` prints. Raises ValueError if it is something else.

    It may also hold the lists that `aws lambda list-event-source-mappings`, `aws lambda
    list-function-event-invoke-configs` and `aws lambda list-aliases` print (`EventSourceMappings`,
    `FunctionEventInvokeConfigs`, `Aliases`): these then count as those of all functions. Without them, event
    sources, destinations and aliases are unread.
    """
    documents = document.get("Functions") if isinstance(document, Mapping) else None
    if not isinstance(documents, list):
        raise ValueError("it holds no list of `Functions`, as `aws lambda list-functions` prints it")
    cut_off = bool(document.get("NextMarker") or document.get("NextToken"))
    functions = _functions([_Answer(documents, complete=not cut_off)], warnings)
    if cut_off:
        warnings.add("functions-cut-off", "the file of --functions holds only the first page of functions")
    sources = _entries_of_file(document, "EventSourceMappings", cut_off, warnings)
    configs = _entries_of_file(document, "FunctionEventInvokeConfigs", cut_off, warnings)
    aliases = _entries_of_file(_with_arns_of_aliases(document, functions.known), "Aliases", cut_off, warnings)
    known = {
        arn: _configured(
            function,
            None if sources is None else sources.get(arn, []),
            None if configs is None else configs.get(arn, []),
            None if aliases is None else aliases.get(arn, []),
        )
        for arn, function in functions.known.items()
    }
    return replace(functions, known=known)


def functions_from_documents(documents: Documents, warnings: Warnings) -> LambdaFunctions:
    """The same from several documents, whichever are there."""
    document: dict[str, Any] = {
        key: list(documents.entries[form]) for form, key in _FORMS.items() if form in documents.entries
    }
    if "function" in documents.partial:
        document["NextMarker"] = "there are more"
    return functions_from_file({"Functions": [], **document}, warnings)


def _with_arns_of_aliases(document: Mapping[str, Any], known: Iterable[str]) -> Mapping[str, Any]:
    """The document with the ARNs of aliases that say only the name of their function, where one has it."""
    aliases = document.get("Aliases")
    arns: dict[str, list[str]] = {}
    for arn in known:
        arns.setdefault(workload_name(arn), []).append(arn)

    def with_arn(entry: Any) -> Any:
        if not isinstance(entry, Mapping) or entry.keys() & {"AliasArn", "FunctionArn"}:
            return entry
        of_name = arns.get(str(entry.get("FunctionName")), [])
        return {**entry, "FunctionArn": of_name[0]} if len(of_name) == 1 else entry

    if not isinstance(aliases, list):
        return document
    return {**document, "Aliases": [with_arn(entry) for entry in aliases]}


def _entries_of_file(
    document: Mapping[str, Any], key: str, cut_off: bool, warnings: Warnings
) -> Entries | None:
    """The entries of a list in the file by function; None where they are not there, or not all of them."""
    if key not in document:
        return None
    entries = document[key]
    if not isinstance(entries, list):
        raise ValueError(f"its `{key}` is no list")
    entries_of, all_named = by_function(entries)
    if not all_named:
        named = "AliasArn" if key == "Aliases" else "FunctionArn"
        warnings.add("configuration-unread", f"an entry of `{key}` holds no {named}: all count as unread")
    return entries_of if all_named and not cut_off else None


def _configured(
    function: LambdaFunction,
    mappings: Iterable[Mapping[str, Any]] | None,
    configs: Iterable[Mapping[str, Any]] | None,
    aliases: Iterable[Mapping[str, Any]] | None,
) -> LambdaFunction:
    """A function with its event sources, destinations and aliases; None: they were not read."""
    return replace(
        function,
        event_sources=None if mappings is None else parse_event_sources(mappings),
        destinations=None if configs is None else parse_destinations(configs),
        aliases=None if aliases is None else parse_aliases(aliases),
        qualifiers=tuple(sorted(qualifiers_in((*(mappings or ()), *(configs or ()))))),
    )


# --- functions and their versions ----------------------------------------------------------------


def _functions(answers: Iterable[_Answer], warnings: Warnings) -> LambdaFunctions:
    """The functions and published versions of them in some answers, in any order."""
    answers = list(answers)
    known: dict[str, LambdaFunction] = {}
    roles_of_versions: set[tuple[str, str]] = set()
    complete = all(answer.complete for answer in answers)
    for document in (document for answer in answers for document in answer.documents):
        function = parse_function(document)
        if function is None:
            complete = False
            warnings.add("function-unread", "a function's configuration holds no FunctionArn")
            continue
        if function.role:
            roles_of_versions.add((function.role, function.arn))
        is_latest = document.get("Version", LATEST) == LATEST
        known[function.arn] = _merged(known.get(function.arn), function, is_latest=is_latest)
    missing = tuple(right for answer in answers for right in answer.missing)
    return LambdaFunctions(
        known=known, roles_of_versions=frozenset(roles_of_versions), complete=complete, missing=missing
    )


def _merged(held: LambdaFunction | None, function: LambdaFunction, *, is_latest: bool) -> LambdaFunction:
    """A function with one more of its versions, which may be the latest."""
    if held is None:
        return function
    main, other = (function, held) if is_latest else (held, function)
    versions = {*held.versions, _as_version(other)} - {_as_version(main)}
    return replace(
        main,
        versions=tuple(sorted(versions, key=repr)),
        published=tuple(sorted({*held.published, *function.published}, key=repr)),
    )


def _has_older_versions(function: LambdaFunction) -> bool:
    """Whether a version was published before the last change, as far as that is known."""
    return any(
        version.made is None or function.last_modified is None or version.made < function.last_modified
        for version in function.published
    )


def _as_version(function: LambdaFunction) -> LambdaFunction:
    """A version without what does not count in it."""
    return replace(
        function,
        role=None,
        last_modified=None,
        event_sources=None,
        destinations=None,
        versions=(),
        published=(),
        runtime="",
        aliases=None,
        qualifiers=(),
    )


# --- from AWS ------------------------------------------------------------------------------------


def functions_from_aws(
    clients: Clients, arns: Iterable[str], regions: Iterable[str], warnings: Warnings
) -> LambdaFunctions:
    """The functions of the regions, where they may be listed; else those of `arns`, one by one.

    Their event sources and destinations are not read yet: see `with_configuration`. Raises ScanError where
    AWS refuses the credentials.
    """
    in_regions = {region: _list_region(clients(region), region, warnings) for region in sorted(set(regions))}
    listed = _functions(in_regions.values(), warnings)
    others = [arn for arn in dict.fromkeys(arns) if arn not in listed.known]
    single = _functions([_get_function(clients(region_of(arn)), arn, warnings) for arn in others], warnings)
    return LambdaFunctions(
        known={**listed.known, **single.known},
        roles_of_versions=listed.roles_of_versions | single.roles_of_versions,
        complete=listed.complete and single.complete,
        missing=listed.missing + single.missing,
        regions=frozenset(region for region, answer in in_regions.items() if answer.complete),
    )


def _list_region(client: LambdaClient, region: str, warnings: Warnings) -> _Answer:
    """All functions of a region, as far as they could be listed."""
    documents: list[Any] = []

    def read() -> None:
        for page in client.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            documents.extend(page["Functions"])

    failure = attempt(read)
    if failure is None:
        return _Answer(documents)
    if failure.denied:
        warnings.add(
            "no-list-functions",
            f"lambda:ListFunctions is denied in {region}: who else uses a role is unknown, and nothing is "
            "confirmed; allow it",
        )
        return _Answer(documents, complete=False, missing=("lambda:ListFunctions",))
    warnings.add("functions-unread", f"functions of {region} could not be listed: {failure.detail}")
    return _Answer(documents, complete=False)


def _get_function(client: LambdaClient, arn: str, warnings: Warnings) -> _Answer:
    """A function that no list holds. One that is gone leaves the answer complete."""
    answer = attempt(lambda: client.get_function_configuration(FunctionName=arn))
    if not isinstance(answer, Failure):
        return _Answer([answer])
    if answer.denied:
        warnings.add(
            "no-function-configuration",
            "lambda:GetFunctionConfiguration is denied: a function's role is unknown; allow it",
        )
        return _Answer([], complete=False, missing=("lambda:GetFunctionConfiguration",))
    if answer.missing:
        warnings.add("function-gone", f"{arn} was traced but does not exist (any more)")
    else:
        warnings.add("function-unread", f"{arn} could not be read: {answer.detail}")
    return _Answer([], complete=answer.missing)


def with_configuration(
    functions: LambdaFunctions, clients: Clients, arns: Iterable[str], warnings: Warnings
) -> LambdaFunctions:
    """The functions with the event sources and the destinations of some of them.

    Event source mappings are listed once a region, destinations function by function, and so are the aliases
    of functions with versions that are older than their last change. What may not be read stays None; the
    right that is missing is noted in `missing`, and everything else is warned of. Raises ScanError where AWS
    refuses the credentials.
    """
    selected = sorted(arn for arn in set(arns) if arn in functions.known)
    client_of = {region: clients(region) for region in sorted({region_of(arn) for arn in selected})}
    mappings = {region: _list_mappings(client, region, warnings) for region, client in client_of.items()}
    entries_of = {region: _by_function(answer, region, warnings) for region, answer in mappings.items()}
    with ThreadPoolExecutor(THREADS) as pool:
        configs = list(
            pool.map(lambda arn: _list_configs(client_of[region_of(arn)], arn, warnings), selected)
        )
        versioned = [arn for arn in selected if _has_older_versions(functions.known[arn])]
        listed = pool.map(lambda arn: _list_aliases(client_of[region_of(arn)], arn, warnings), versioned)
        aliases = dict(zip(versioned, listed, strict=True))
    known = dict(functions.known)
    for arn, config in zip(selected, configs, strict=True):
        entries = entries_of[region_of(arn)]
        known[arn] = _configured(
            known[arn],
            None if entries is None else entries.get(arn, []),
            config.documents if config.complete else None,
            aliases[arn].documents if arn in aliases and aliases[arn].complete else None,
        )
    answers = (*mappings.values(), *configs, *aliases.values())
    missing = (right for answer in answers for right in answer.missing)
    return replace(functions, known=known, missing=(*functions.missing, *missing))


def _by_function(answer: _Answer, region: str, warnings: Warnings) -> Entries | None:
    """The event source mappings of a region by function, None where they could not be read."""
    entries_of, all_named = by_function(answer.documents)
    if not all_named:
        warnings.add("configuration-unread", f"an event source mapping of {region} holds no FunctionArn")
    return entries_of if all_named and answer.complete else None


class _Configuration(NamedTuple):
    """A part of the configuration that takes a request of its own, in the words of its warnings."""

    action: str
    what: str
    means: str


def _list_mappings(client: LambdaClient, region: str, warnings: Warnings) -> _Answer:
    """The event source mappings of a region."""

    def read() -> list[Any]:
        pages = client.get_paginator("list_event_source_mappings").paginate()
        return [entry for page in pages for entry in page["EventSourceMappings"]]

    part = _Configuration(
        "lambda:ListEventSourceMappings",
        f"those of {region}",
        "whether Lambda itself needs a role to read an event source is unknown",
    )
    return _ask(part, read, warnings)


def _list_configs(client: LambdaClient, arn: str, warnings: Warnings) -> _Answer:
    """The configurations of asynchronous invocation of all versions and aliases of a function."""

    def read() -> list[Any]:
        pages = client.get_paginator("list_function_event_invoke_configs").paginate(FunctionName=arn)
        return [entry for page in pages for entry in page["FunctionEventInvokeConfigs"]]

    part = _Configuration(
        "lambda:ListFunctionEventInvokeConfigs",
        f"those of {arn}",
        "whether Lambda itself needs a role to send to a destination is unknown",
    )
    return _ask(part, read, warnings)


def _list_aliases(client: LambdaClient, arn: str, warnings: Warnings) -> _Answer:
    """The aliases of a function."""

    def read() -> list[Any]:
        pages = client.get_paginator("list_aliases").paginate(FunctionName=workload_name(arn))
        return [entry for page in pages for entry in page["Aliases"]]

    part = _Configuration(
        "lambda:ListAliases",
        f"those of {arn}",
        "whether older published versions still serve is unknown, and nothing is confirmed where they may",
    )
    return _ask(part, read, warnings)


def _ask(part: _Configuration, read: Callable[[], list[Any]], warnings: Warnings) -> _Answer:
    """A part of the configuration; a warning where it cannot be read."""
    answer = attempt(read)
    if not isinstance(answer, Failure):
        return _Answer(answer)
    if answer.denied:
        warn_of_denial(part.action, part.means, warnings)
        return _Answer([], complete=False, missing=(part.action,))
    failed = f"{part.action} failed for {part.what} ({answer.detail})"
    warnings.add("configuration-unread", f"{failed}: {part.means}")
    return _Answer([], complete=False)

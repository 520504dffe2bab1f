"""What the CDK made of an app (`cdk.out`), if it lies in the checkout: roles, and where each was made. Pure.

Nothing is run to make it. Its files are no more trusted than others of the checkout: a path counts where it
makes just the logical id that stands in the template.

Source: aws/aws-cdk packages/aws-cdk-lib/core/lib/stack-trace.ts, metadata-resource and
@aws-cdk/cloud-assembly-schema (manifest.json, `additionalMetadataFile`), as aws-cdk-lib 2.276.0 writes them.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from scanner.iam.variables import literal
from scanner.templates.cdk.ids import Path, logical_id
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.written import Checkout
from scanner.text.yaml_document import Lines

MAX_FILES = 200  # of an output
MAX_ROLES = 2_000  # of an output
_MAX_ASSEMBLIES = 5  # within each other: the stages of an app
_CHARACTERS_A_STEP = 50
_MAX_NAME = 300  # characters
_FOLDER = "cdk.out"
# Where metadata have the stack of a making: newer releases, and older ones with `cdk --debug` alone.
_STACKS = {"aws:cdk:creationStack": "data", "aws:cdk:logicalId": "trace"}
_FRAME = re.compile(r"\((?:file://)?([^()]{1,1000}):(\d{1,7}):(\d{1,7})\)$")
_LIBRARY = re.compile(r"^\.\.\.|\bnode_modules\b|\bnode:|\(internal/")


class Site(NamedTuple):
    """The place of a call in a file of the app: the first character is in line 1, column 1."""

    path: str
    line: int
    column: int


class MadeRole(NamedTuple):
    """A role of a stack: its logical id, the path of its construct below the stack, and what made it.

    `stack` is the stack's name, empty where it is unknown; `name` that of the role, empty where
    CloudFormation makes it; `construct` the whole path as the CDK shows it.
    """

    stack: str
    id: str
    path: Path
    construct: str
    name: str = ""
    site: Site | None = None


class _Stack(NamedTuple):
    """What the manifest says of a template: its stack's name, and the metadata of constructs by path."""

    name: str
    metadata: Mapping[str, Any]


def made_roles(path: str, text: str, sources: Collection[str], checkout: Checkout) -> list[MadeRole]:
    """The roles of the output of the app at a cdk.json, empty where there is none.

    `sources` are the paths of the app's files: a place is known only in these.
    """
    folder = _mapping(_json(text)).get("output", _FOLDER)
    if not isinstance(folder, str) or not folder or "://" in folder:
        return []
    output = _Output(sources, checkout)
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), folder))
    return list(islice(output.roles(place), MAX_ROLES))


def notes_of(roles: Iterable[MadeRole]) -> dict[str, tuple[PolicyPlace, ...]]:
    """What makes the roles, by logical id: told of policies that have no line."""
    by_id: dict[str, list[MadeRole]] = {}
    for role in roles:
        by_id.setdefault(role.id, []).append(role)
    return {id_: (_note(its),) for id_, its in by_id.items()}


def _note(roles: Sequence[MadeRole]) -> PolicyPlace:
    constructs = " or ".join(dict.fromkeys(role.construct for role in roles[:2]))
    sites = dict.fromkeys(f"{role.site.path}:{role.site.line}" for role in roles if role.site)
    made_at = f", made at {' and '.join(list(sites)[:2])}" if sites else ""
    note = f"the CDK makes the role: construct {constructs}{made_at}"
    return PolicyPlace(Name(ANY), "inline", Lines(1, 1), (), note=note)


def name_seen(roles: Iterable[MadeRole], id_: str) -> Name:
    """The name of the role with a logical id; derived where it has none of its own in all stacks."""
    names = {role.name for role in roles if role.id == id_}
    name = names.pop() if len(names) == 1 else ""
    return Name(literal(name)) if name else Name(id_, derived=True)


class _Output:
    """Reads an output."""

    def __init__(self, sources: Collection[str], checkout: Checkout) -> None:
        self._sources = sorted(sources, key=len, reverse=True)
        self._checkout = checkout
        self._left = MAX_FILES

    def roles(self, folder: str, depth: int = 0) -> Iterator[MadeRole]:
        """The roles of the assembly in a folder, and of those within it."""
        artifacts = _mapping(self._read(folder, "manifest.json").get("artifacts"))
        stacks = {file: stack for file, stack in self._stacks(folder, artifacts) if file}
        known = {path: its for stack in stacks.values() for path, its in stack.metadata.items()}
        for file in self._checkout.names(folder) if artifacts else ():
            if file.endswith(".template.json"):
                stack = stacks.get(file, _Stack("", {}))
                yield from self._of_template(self._read(folder, file), stack, known)
        for artifact in artifacts.values():
            within = _text(_mapping(_mapping(artifact).get("properties")).get("directoryName"))
            if within and _is_name(within) and depth < _MAX_ASSEMBLIES:
                yield from self.roles(posixpath.join(folder, within), depth + 1)

    def _stacks(self, folder: str, artifacts: Mapping[str, Any]) -> Iterator[tuple[str, _Stack]]:
        for id_, artifact in artifacts.items():
            its = _mapping(artifact)
            properties = _mapping(its.get("properties"))
            if its.get("type") != "aws:cloudformation:stack":
                continue
            metadata, more = _mapping(its.get("metadata")), _text(its.get("additionalMetadataFile"))
            if more and _is_name(more):
                metadata = {**metadata, **self._read(folder, more)}
            name = _text(properties.get("stackName")) or id_
            yield _text(properties.get("templateFile")), _Stack(name, metadata)

    def _of_template(
        self, template: Mapping[str, Any], stack: _Stack, known: Mapping[str, Any]
    ) -> Iterator[MadeRole]:
        paths = dict(_paths(stack.metadata))
        for id_, resource in _mapping(template.get("Resources")).items():
            self._checkout.steps.spend(1)
            its = _mapping(resource)
            if its.get("Type") != "AWS::IAM::Role":
                continue
            construct = _text(_mapping(its.get("Metadata")).get("aws:cdk:path")) or paths.get(id_, "")
            below = _below_stack(construct, id_)
            if below is None:
                continue
            name = _text(_mapping(its.get("Properties")).get("RoleName"))
            shown = construct.removesuffix("/Resource")
            yield MadeRole(stack.name, id_, below, shown, name, self._site(known.get(f"/{construct}")))

    def _site(self, entries: Any) -> Site | None:
        """The first place of the app's own files in the stack of a construct's making."""
        for frame in _frames(entries):
            match = None if _LIBRARY.search(frame) else _FRAME.search(frame)
            if match is not None:
                file = match.group(1).replace("\\", "/")
                path = next((own for own in self._sources if f"/{file}".endswith(f"/{own}")), None)
                return None if path is None else Site(path, int(match.group(2)), int(match.group(3)))
        return None

    def _read(self, folder: str, name: str) -> Mapping[str, Any]:
        self._left -= 1
        text = self._checkout.text(posixpath.join(folder, name)) if self._left >= 0 else None
        if text is None:
            return {}
        self._checkout.steps.spend(1 + len(text) // _CHARACTERS_A_STEP)
        return _mapping(_json(text))


def _below_stack(construct: str, id_: str) -> Path | None:
    """The path below the stack of the construct of a role; None where its logical id is another one."""
    if len(construct) > _MAX_NAME or not construct.isprintable():
        return None
    parts = tuple(construct.split("/"))
    for index in range(1, len(parts)):
        if parts[-1] == "Resource" and logical_id(parts[index:]) == id_:
            return parts[index:-1]
    return None


def _paths(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The paths of constructs by the logical ids of their resources."""
    for path, entries in metadata.items():
        for entry in entries if isinstance(entries, list) else ():
            its = _mapping(entry)
            if its.get("type") == "aws:cdk:logicalId" and _text(its.get("data")):
                yield its["data"], path.removeprefix("/")


def _frames(entries: Any) -> Iterator[str]:
    """The stack of a construct's making, the innermost call first."""
    for entry in entries if isinstance(entries, list) else ():
        its = _mapping(entry)
        frames = its.get(_STACKS.get(its.get("type", ""), ""))
        yield from (frame for frame in frames if isinstance(frame, str)) if isinstance(frames, list) else ()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= _MAX_NAME and value.isprintable() else ""


def _is_name(text: str) -> bool:
    """Whether a text names a file or folder of the same folder."""
    return "/" not in text and "\\" not in text and text not in (".", "..")

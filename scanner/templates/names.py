"""Whose a deployed name is: the names that templates spell, against those of roles and workloads. Pure.

Source of derived names (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html):
CloudFormation makes `STACK-LOGICALID-RANDOM`, shortened where the service's limit asks for it. Logical
ids have no `-`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from scanner.iam.patterns import matches
from scanner.iam.variables import literal
from scanner.templates.places import ANY, Name, RolePlace, TemplatePlace
from scanner.templates.tree import KEPT_OF_ID

# Words that stand in the names of roles and functions everywhere, and so do not tell whose they are.
_COMMON_WORDS = re.compile(
    "arn|aws|iam|policy|role|lambda|function|execution|service|stage|dev|test|staging|prod|terraform"
    "|[^a-z0-9]"
)
_WILDCARD = re.compile("[*?]")
_MIN_DISTINCTIVE = 3  # characters that remain without the common words
_LONG_NAME = 60  # characters: names are cut to 64 at the most, so that a longer name than this may be cut
_MIN_RANDOM = 8  # characters of the suffix that CloudFormation makes


def is_distinctive(name: Name) -> bool:
    """Whether a name has a part that few other names have."""
    return name.derived or len(_COMMON_WORDS.sub("", name.text.lower())) >= _MIN_DISTINCTIVE


def matches_name(name: Name, deployed: str) -> bool:
    """Whether a template's name can be the deployed one."""
    return _is_derived(name.text, deployed) if name.derived else matches_text(name.text, deployed)


def _is_derived(logical_id: str, deployed: str) -> bool:
    """Whether CloudFormation can have made a name of a logical id: `STACK-LOGICALID-RANDOM`."""
    parts = deployed.rsplit("-", 2)
    if len(parts) != 3 or not parts[2].isalnum() or len(parts[2]) < _MIN_RANDOM:
        return False
    cut = len(deployed) > _LONG_NAME and len(parts[1]) >= KEPT_OF_ID and logical_id.startswith(parts[1])
    return cut or parts[1] == logical_id


def is_spelled(names: Iterable[Name], deployed: Sequence[str]) -> bool:
    """Whether a template spells any of the deployed names in full."""
    return any(not name.derived and name.text == literal(text) for name in names for text in deployed)


def matches_text(pattern: str, deployed: str) -> bool:
    """Whether a template's pattern matches a deployed text, in which `*` and `?` are literal."""
    return matches(pattern, literal(deployed))


def spelled_length(name: Name, deployed: str) -> int:
    """How many characters of a deployed name a template decides.

    The logical id decides a derived name but for the name of the stack.
    """
    if name.derived:
        return len(deployed) - len(deployed.rsplit("-", 2)[0]) - 1
    return len(name.text.replace(ANY, ""))


class Services:
    """The services of a checkout, with whose names the names of what they deploy begin.

    Of `notes` and `notes-local`, `notes-local-dev-api` belongs to the second: it names most of it literally.
    """

    def __init__(self, templates: Iterable[TemplatePlace]) -> None:
        names = {template.service for template in templates if template.service is not None}
        self._names = {name for name in names if name and ANY not in name}

    def may_own_stack(self, template: TemplatePlace, stack: str) -> bool:
        """Whether a template can be that of a stack by its name: CloudFormation's own say nothing of it."""
        matching = matches_text(template.stack, stack)
        return matching and self.may_own(template, Name(template.stack), stack)

    def may_own(self, template: TemplatePlace, name: Name, deployed: str) -> bool:
        """Whether no other service names more of the beginning of a deployed name than this template does."""
        if template.service is None:
            return True
        spelled = template.service if name.derived else name.text
        return len(spelled.partition(ANY)[0]) >= len(self._owner(literal(deployed)))

    def _owner(self, deployed: str) -> str:
        """The service that names most of a deployed name, empty where none does."""
        at = len(deployed)
        while (at := deployed.rfind("-", 0, at)) > 0:
            if deployed[:at] in self._names:
                return deployed[:at]
        return ""


class RoleIndex:
    """The roles of templates by what their names begin with: most cannot be a deployed role."""

    def __init__(self, roles: Iterable[RolePlace]) -> None:
        self._by_id: dict[str, list[RolePlace]] = defaultdict(list)
        self._by_start: dict[str, list[RolePlace]] = defaultdict(list)
        self._by_logical_id: dict[str | None, list[RolePlace]] = defaultdict(list)
        for role in roles:
            self._by_logical_id[role.logical_id].append(role)
            if role.name is not None and role.name.derived:
                self._by_id[role.name.text[:KEPT_OF_ID]].append(role)
            else:
                start = "" if role.name is None else _WILDCARD.split(role.name.text, maxsplit=1)[0]
                self._by_start[start].append(role)

    def declared(self, logical_id: str) -> Sequence[RolePlace]:
        """All roles of a logical id."""
        return self._by_logical_id.get(logical_id, ())

    def of(self, role_name: str) -> Iterator[RolePlace]:
        """All roles that can have a deployed name, and few others."""
        text = literal(role_name)
        for end in range(len(text) + 1):
            yield from self._by_start.get(text[:end], ())
        parts = role_name.rsplit("-", 2)
        if len(parts) == 3:
            yield from self._by_id.get(parts[1][:KEPT_OF_ID], ())

"""The roles of templates, with the lines of their policies and statements.

A pattern is a text in which every part that the template alone does not decide is `*`. The characters `*` and
`?` of the template's own text are literal in it (`scanner.iam.variables.literal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from scanner.templates.written import Written
from scanner.text.yaml_document import Lines

ANY = "*"

PolicyKind = Literal["inline", "managed"]


class Name(NamedTuple):
    """A pattern of a deployed name, or with `derived` the logical id that the name is made of."""

    text: str
    derived: bool = False


@dataclass(frozen=True)
class StatementPlace:
    """An Allow statement. `actions` maps each action, in lower case, to its line.

    `index` is its position among the statements of its policy, from 0. `unknown_actions` is True where an
    action could not be read. `sid` and `condition` are None where there is none and where it is unknown
    whether there is one. `resources` are patterns. `written` is None where it cannot be edited by itself.
    `path` is the file that it stands in, empty where that is the template; None: the file of its policy.
    """

    lines: Lines
    index: int
    sid: str | None
    actions: Mapping[str, int]
    unknown_actions: bool
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    condition: bool | None
    written: Written | None = None
    path: str | None = None


@dataclass(frozen=True)
class PolicyPlace:
    """A policy's document, or with `statements` None only its mention.

    `statement_count` is the number of statements (those that deny included), None where their positions may
    differ from the deployed ones, `other_statements` that of those that deny. `indexed_name` is the name that
    the policy gets from its position among others, which a change of the template may shift. `made_by` names
    what makes the framework write it, empty where the template has it written. `written` is None where it
    cannot be removed by itself: without it the template would be another one, as where it is a resource of
    its own. With `is_open` the deployed policy may have statements that stand elsewhere. `unsure` tells why
    it may be another role's, empty where it surely is this one's. `path` is the file that it stands in, empty
    where that is the template. `no_edit` tells why nothing of it is cut, if that is so. `after` is the number
    of statements that follow in the deployed policy, where the framework puts some before and others write
    some after; None where the statements are all of the policy. `note` tells what makes one that stands
    nowhere.
    """

    name: Name
    kind: PolicyKind
    lines: Lines
    statements: tuple[StatementPlace, ...] | None = None
    statement_count: int | None = None
    indexed_name: str | None = None
    made_by: str = ""
    other_statements: int = 0
    written: Written | None = None
    is_open: bool = False
    unsure: str = ""
    note: str = ""
    path: str = ""
    no_edit: str = ""
    after: int | None = None


@dataclass(frozen=True)
class TemplatePlace:
    """A template of a checkout, with what it says of the stacks that it is deployed as.

    `path` is relative to the checkout. `service` is a pattern of the service's name, with which all its
    names begin, None where the framework has no services. `stack` is a pattern of the names of its stacks.
    `resources` are its resources (logical id, type), empty where the framework makes others of them. `parts`
    are the files that are parts of it, and so no templates of their own. `dangling` are its references to
    what is nowhere.
    """

    path: str
    service: str | None = None
    stack: str = ANY
    resources: frozenset[tuple[str, str]] = frozenset()
    parts: frozenset[str] = frozenset()
    dangling: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, eq=False)
class RolePlace:
    """A role of a template and the workloads that use it, as far as the template says. Each is its own.

    With `name` None it can be any role. `logical_id` is None for a stand-in of a role that another template
    makes, to which this one adds policies. `made_by` names what writes the role, or changes it, before it is
    deployed: what stands there is not known.
    """

    template: TemplatePlace
    name: Name | None
    workloads: tuple[Name, ...]
    policies: tuple[PolicyPlace, ...]
    logical_id: str | None = None
    made_by: str = ""

    @property
    def path(self) -> str:
        """The template's path."""
        return self.template.path


@dataclass(frozen=True)
class Templates:
    """The roles of all templates of a checkout.

    `files` is the number of templates that were read, `unread` are the paths of those that could not be.
    `truncated` is True where the checkout has more files than are read: another one may grant the same.
    `not_installed` are sentences on frameworks whose files cannot be read here.
    """

    roles: tuple[RolePlace, ...] = ()
    files: int = 0
    unread: tuple[str, ...] = ()
    truncated: bool = False
    not_installed: tuple[str, ...] = ()

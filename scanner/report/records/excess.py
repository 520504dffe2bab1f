"""The shape of excessive_permissions.json."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from scanner.model import EXCESS
from scanner.report.records.keys import Json, about
from scanner.verdict.reasons import Reason


class ExcessUsed(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A permission that a grant was used for."""

    action: Annotated[str, about("the IAM action")]
    resource: Annotated[str, about("the ARN")]


class ExcessStatement(Struct, frozen=True, kw_only=True, rename="pascal"):
    """A finding as a policy statement. Keys that do not apply are absent."""

    action: Annotated[
        tuple[str, ...] | UnsetType,
        about("the actions in question, as the policy spells them; always an array"),
    ] = UNSET
    not_action: Annotated[
        tuple[str, ...] | UnsetType, about("in the place of `Action` where the policy has it")
    ] = UNSET
    resource: Annotated[
        str | tuple[str, ...] | UnsetType,
        about("one resource, or an array of several, as the policy spells them"),
    ] = UNSET
    not_resource: Annotated[
        str | tuple[str, ...] | UnsetType, about("in the place of `Resource` where the policy has it")
    ] = UNSET
    effect: Annotated[Literal["Allow"], about("Allow")]
    sid: Annotated[str | UnsetType, about("the statement's Sid, if it has one")] = UNSET
    condition: Annotated[Json | UnsetType, about("the statement's conditions, if it has any")] = UNSET
    verdict: Annotated[str, about("what the comparison says", [verdict.value for verdict in EXCESS])]
    confirmed: Annotated[bool, about("true or false")]
    reasons: Annotated[tuple[Reason, ...], about("why it is not confirmed; empty when it is")]
    used: Annotated[tuple[ExcessUsed, ...], about("for `broad`, which part was used")]


_ACTION_AND_RESOURCE = Meta(
    extra_json_schema={
        "allOf": [
            {"oneOf": [{"required": ["Action"]}, {"required": ["NotAction"]}]},
            {"oneOf": [{"required": ["Resource"]}, {"required": ["NotResource"]}]},
        ]
    }
)


class Excess(Struct, frozen=True, kw_only=True, rename="camel"):
    """A workload whose role holds more than it needs."""

    arn: Annotated[str, about("the ARN of the workload; of one without an ARN its `id` in report.json")]
    role: Annotated[str, about("the ARN of its role")]
    excess_permissions: Annotated[
        tuple[Annotated[ExcessStatement, _ACTION_AND_RESOURCE], ...],
        Meta(min_length=1),
        about("the findings, as policy statements"),
    ]


ExcessivePermissions = Annotated[tuple[Excess, ...], Meta(min_length=1)]

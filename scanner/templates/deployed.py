"""The template with which a stack was deployed, as CloudFormation hands it out. Pure.

It was submitted by somebody who may deploy, and is read within the bounds of a checkout's templates all the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanner.templates.cloudformation import resource_types
from scanner.templates.yaml_text import tree_of

# docs.aws.amazon.com/cdk/v2/guide/constructs.html: the CDK writes it where path metadata are on (the default)
_CONSTRUCT = "aws:cdk:path"


@dataclass(frozen=True)
class DeployedTemplate:
    """The logical ids and types of the resources, and the CDK constructs by their logical ids."""

    resources: frozenset[tuple[str, str]] = frozenset()
    constructs: Mapping[str, str] = field(default_factory=dict)


NOT_READ = DeployedTemplate()


def deployed_template(text: str | None) -> DeployedTemplate:
    """What a stack's template says, nothing where it is unknown or cannot be read."""
    try:
        tree = None if text is None else tree_of(text)
        if tree is None:
            return NOT_READ
        constructs = {}
        for logical_id, resource in tree.fields(tree.top.get("Resources")).items():
            path = tree.fields(tree.fields(resource).get("Metadata")).get(_CONSTRUCT)
            if path is not None:
                constructs[logical_id] = str(path.value)
        return DeployedTemplate(resource_types(tree.with_resources([tree.root])), constructs)
    except Exception:  # whatever a parser makes of hostile text: nothing is known then
        return NOT_READ

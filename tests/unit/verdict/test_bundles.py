"""Grants that a framework writes as one: recognised, and a smaller one proposed where it covers the use."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scanner.iam import catalog
from scanner.iam.fit import fits
from scanner.iam.patterns import contains, is_pattern
from scanner.model import BundleUse, Certainty, Finding, Need, Observation, Permission, Policy
from scanner.result import RoleResult
from scanner.text.tables import rows
from scanner.verdict.bundle_table import AWS, SAM_CONNECTOR, Bundle, bundles
from scanner.verdict.bundles import bundles_of
from tests.unit.cases import (
    ACCOUNT,
    NOW,
    REGION,
    allow,
    arn,
    compared,
    deny,
    function,
    of_aws,
    policy,
    table,
    usage,
    used,
)

POLICY_NAMES = {
    "CDK": "FServiceRoleDefaultPolicy0A1B2C3D",
    "SAM": "FRolePolicy0",
    "SAM connector": "app-JobsConnectorPolicy-AbCdEf123456",
    "SST": "inline",
    "Serverless Framework": "app-dev-lambda",
}
FIXED = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT, "Keys": "*", "Bucket": "uploads"}
BUCKET = "arn:aws:s3:::uploads"
ON_BUCKET, ON_OBJECTS = [BUCKET, f"{BUCKET}/*"], [f"{BUCKET}/*"]
TABLE, QUEUE = table("orders"), arn("sqs", "jobs")
ON_INDEXES = [TABLE, f"{TABLE}/index/*"]
ARNS = {
    "dynamodb": "table/name",
    "secretsmanager": "secret:name-AbCdEf",
    "kinesis": "stream/name",
    "firehose": "deliverystream/name",
    "logs": "log-group:name:*",
    "ecr": "repository/name",
    "states": "stateMachine:name",
    "kms": "key/name",
    "lambda": "function:name",
    "events": "event-bus/name",
    "es": "domain/name",
}
KEY = arn("kms", "key/1")
MORE_ARNS = {
    "KeyArn": KEY,
    "StreamArn": arn("dynamodb", "table/name/stream/2026"),
    "SecretArn": arn("secretsmanager", "secret:name-AbCdEf"),
    "CertificateArn": arn("acm", "certificate/name"),
    "TaskDefinition": "name:1",
    "Method": "GET/",
}
# Granted on a type of resource that the action does not know, so that nothing of it can be used.
WITHOUT_EFFECT = {"EC2CopyImagePolicy"}
# What IAM does not know, though SAM's template grants it.
NO_ACTIONS = {"sqs:changemessagevisibilitybatch", "sqs:deletemessagebatch"}
# Those that are known by what they say; of a connector the policy's name alone tells too little.
OF_FRAMEWORKS = [
    b for b in bundles() if b.framework != AWS and (b.is_telling or b.framework != SAM_CONNECTOR)
]


def instance(
    bundle: Bundle, alternative: int = 0, encrypted: bool = False
) -> list[tuple[list[str], list[str]]]:
    """The statements of a bundle as a deployment writes them: actions and resources."""
    values = FIXED | MORE_ARNS | {"Arn": arn(bundle.service, ARNS.get(bundle.service, "name"))}
    if bundle.service in ("iam", "sts"):
        values["Arn"] = f"arn:aws:iam::{ACCOUNT}:role/name"
    return [
        (
            sorted(part.actions),
            [
                re.sub(r"\$\{(\w+)\}", lambda m: values.get(m[1], "name"), shape)
                for shape in part.shapes[min(alternative, len(part.shapes) - 1)]
            ],
        )
        for part in (*bundle.parts, *(bundle.companions if encrypted else ()))
    ]


def grants(bundle: Bundle, alternative: int = 0, encrypted: bool = False) -> Policy:
    """A policy that grants a bundle, with the name that its framework gives it."""
    conditions = [part.conditions for part in (*bundle.parts, *bundle.companions)]
    statements = [
        allow(
            actions, resources, **({"Condition": {"StringEquals": dict.fromkeys(keys, "x")}} if keys else {})
        )
        for (actions, resources), keys in zip(
            instance(bundle, alternative, encrypted), conditions, strict=False
        )
    ]
    granted = policy(*statements, name=POLICY_NAMES[bundle.framework])
    return replace(granted, kind="managed") if bundle.framework == SAM_CONNECTOR else granted


def pairs(statements: Iterable[tuple[list[str], list[str]]]) -> list[tuple[str, str]]:
    """The single actions of statements, on the resources that they work on."""
    return sorted(
        {
            (action, resource)
            for actions, resources in statements
            for pattern in actions
            for action in catalog.expand(pattern)
            for resource in resources
            if action in works(action, resource, pattern)
        }
    )


def works(action: str, resource: str, pattern: str) -> frozenset[str]:
    """The action if it may work on a resource; one that knows no resources may where it is named."""
    by_fit = fits(frozenset({action}), resource)
    return by_fit.works | (frozenset() if is_pattern(pattern) else by_fit.account_wide)


def uses(result: RoleResult) -> set[BundleUse]:
    """What is said of the bundles of a role."""
    return {finding.bundle for finding in result.findings if finding.bundle}


def use_of(policies: Policy, *seen: tuple[str, str]) -> BundleUse:
    """What is said of the one bundle of a role whose function was seen to use this."""
    (use,) = uses(compared([policies], [usage(used(*seen))]))
    return use


ALL = [
    pytest.param(bundle, alternative, id=f"{bundle.framework} {bundle.of} {bundle.name} {alternative}")
    for bundle in OF_FRAMEWORKS
    for alternative in range(max(len(part.shapes) for part in bundle.parts))
]


def test_the_table_names_a_source_for_each_row_and_actions_that_iam_knows() -> None:
    for row in rows("verdict", "bundles"):
        assert row["source"] and row["framework"] in {*POLICY_NAMES, AWS}
        assert {a.lower() for a in row["actions"].split() if not catalog.expand(a)} <= NO_ACTIONS


@pytest.mark.parametrize(("bundle", "alternative"), ALL)
def test_each_bundle_is_recognised_as_one(bundle: Bundle, alternative: int) -> None:
    (granted,) = bundles_of(grants(bundle, alternative))
    assert (granted.framework, granted.name.split(" or ")[0]) == (bundle.framework, _first_name(bundle))
    assert len(granted.resources) == len(bundle.parts)


def _first_name(bundle: Bundle) -> str:
    """The name of the first bundle of the table that looks the same."""
    alike = (b for b in OF_FRAMEWORKS if b.framework == bundle.framework and instance(b) == instance(bundle))
    return next(alike).name


@pytest.mark.parametrize(("bundle", "alternative"), ALL)
def test_a_bundle_of_which_all_is_used_fits(bundle: Bundle, alternative: int) -> None:
    use = use_of(grants(bundle, alternative=alternative), *pairs(instance(bundle, alternative)))
    assert (use.framework, use.smaller) == (bundle.framework, None)
    grants_service = any(action.endswith(":*") for action in bundle.actions)
    assert use.fits is not (grants_service or bundle.name in WITHOUT_EFFECT)


@pytest.mark.parametrize(
    "bundle", [b for b in OF_FRAMEWORKS if b.companions], ids=lambda b: f"{b.of} {b.name}"
)
def test_what_comes_with_a_bundle_belongs_to_it(bundle: Bundle) -> None:
    whole = grants(bundle, encrypted=True)
    (granted,) = bundles_of(whole)
    assert (granted.name, list(granted.companions.values())) == (bundle.name, [(KEY,)])
    assert KEY not in granted.target
    result = compared([whole], [usage(used(*pairs(instance(bundle))))])
    on_key = [finding.bundle for finding in result.findings if KEY in finding.resources]
    assert on_key and all(use and use.name == bundle.name and not use.unless for use in on_key)


def _smaller_ones() -> list[tuple[Bundle, Bundle]]:
    """Bundles with the bundles of their framework and service that have fewer actions."""

    alike: dict[tuple[str, str], list[tuple[Bundle, frozenset[str]]]] = defaultdict(list)
    for bundle in OF_FRAMEWORKS:
        if not bundle.has_conditions and bundle.framework != SAM_CONNECTOR:
            actions = frozenset[str]().union(*(catalog.expand(action) for action in bundle.actions))
            alike[bundle.framework, bundle.service].append((bundle, actions))
    return [
        (whole, part)
        for of_service in alike.values()
        for whole, all_actions in of_service
        for part, fewer in of_service
        if fewer < all_actions
    ]


# What else is proposed: the smaller one stands on other resources, or lacks what a presigned URL may need.
OTHER = {
    ("grantFullAccess", "grantTableListStreams"): None,
    ("grantFullAccess", "grantStreamRead"): None,
    ("RekognitionNoDataAccessPolicy", "RekognitionFacesPolicy"): None,
    ("RekognitionNoDataAccessPolicy", "RekognitionLabelsPolicy"): None,
    ("S3FullAccessPolicy", "S3ReadPolicy"): "S3CrudPolicy",
    ("S3FullAccessPolicy", "S3WritePolicy"): "S3CrudPolicy",
}


@pytest.mark.parametrize(
    ("whole", "part"),
    [pytest.param(w, p, id=f"{w.framework} {w.name} {p.name} {w.service}") for w, p in _smaller_ones()],
)
def test_a_smaller_bundle_is_proposed_where_only_that_is_used(whole: Bundle, part: Bundle) -> None:
    granted = pairs(instance(whole))
    seen = [
        (action, resource)
        for action, resource in pairs(instance(part))
        if any(action == other and contains(pattern, resource) for other, pattern in granted)
    ]
    use = use_of(grants(whole), *seen)
    assert use.smaller == (OTHER.get((whole.name, part.name), part.name) if seen else None), use
    assert not use.fits


@given(st.data())
def test_a_proposed_bundle_covers_all_that_was_seen(data: st.DataObject) -> None:
    bundle = data.draw(st.sampled_from([b for b in OF_FRAMEWORKS if b.name not in WITHOUT_EFFECT]))
    granted = pairs(instance(bundle))
    assume(granted)
    seen = data.draw(st.sets(st.sampled_from(granted), min_size=1))
    use = use_of(grants(bundle), *seen)
    if use.smaller is None:
        return
    assert not use.fits
    proposing = "SAM" if bundle.framework == SAM_CONNECTOR else bundle.framework
    (smaller,) = (
        b
        for b in bundles()
        if (b.framework, b.service, b.name) == (proposing, bundle.service, use.smaller)
        and (bundle.framework == SAM_CONNECTOR or bundle.of == b.of)
    )
    proposed = {action for action, _ in pairs(instance(smaller))}
    assert {action for action, _ in seen} <= proposed
    assert proposed < {action for action, _ in granted}


# --- which policies are bundles --------------------------------------------------------------------

GRANT_READ = ["s3:GetObject*", "s3:GetBucket*", "s3:List*"]
READ_DATA = "BatchGetItem ConditionCheckItem DescribeTable GetItem GetRecords GetShardIterator Query Scan"
GRANT_READ_DATA = [f"dynamodb:{name}" for name in READ_DATA.split()]
CONSUME = "ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage"
GRANT_CONSUME = [f"sqs:{name}" for name in CONSUME.split()]
TASKS = [f"states:SendTask{end}" for end in ("Failure", "Heartbeat", "Success")]


def names(policies: Policy) -> list[str]:
    """The bundles of a policy, with their framework."""
    return [f"{granted.framework} {granted.name}" for granted in bundles_of(policies)]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (policy(allow(GRANT_READ, ON_BUCKET)), ["CDK grantRead"]),
        (policy(allow(GRANT_READ, [BUCKET, f"{BUCKET}/in/*"])), ["CDK grantRead"]),  # objectsKeyPattern
        (policy(allow(GRANT_READ, [*ON_BUCKET, f"{BUCKET}2", f"{BUCKET}2/*"])), ["CDK grantRead"] * 2),
        (
            policy(allow([*GRANT_CONSUME, "sqs:SendMessage"], QUEUE)),
            ["CDK grantConsumeMessages and grantSendMessages"],
        ),
        (
            policy(allow(TASKS, arn("states", "stateMachine:s"))),
            ["CDK grantTaskResponse or SAM StepFunctionsCallbackPolicy"],
        ),
        (
            policy(allow(TASKS, arn("states", "stateMachine:s")), name="FRolePolicy1"),
            ["SAM StepFunctionsCallbackPolicy"],
        ),
        (
            policy(allow(TASKS, arn("states", "stateMachine:s")), name=POLICY_NAMES["CDK"]),
            ["CDK grantTaskResponse"],
        ),
        (policy(allow("dynamodb:*", TABLE), name=POLICY_NAMES["CDK"]), ["CDK grantFullAccess"]),
        # what no framework wrote
        (policy(allow("dynamodb:*", TABLE)), []),
        (policy(allow(GRANT_READ, "*")), []),
        (policy(allow(GRANT_READ, ["arn:aws:s3:::*", "arn:aws:s3:::*/*"])), []),
        (policy(allow(GRANT_READ, [*ON_BUCKET, "arn:aws:s3:::other/*"])), []),
        (policy(allow([*GRANT_READ, "s3:PutObject"], ON_BUCKET)), []),
        (policy(allow(GRANT_READ_DATA, table("*"))), []),
        (policy(allow(GRANT_READ, ON_BUCKET, Condition={"Bool": {"aws:SecureTransport": "true"}})), []),
        (policy(deny(GRANT_READ, ON_BUCKET)), []),
    ],
)
def test_bundles_of_a_policy(policies: Policy, expected: list[str]) -> None:
    assert names(policies) == expected


def test_a_template_of_two_statements_needs_both() -> None:
    (bundle,) = (b for b in bundles() if b.name == "S3FullAccessPolicy")
    whole = grants(bundle)
    assert names(whole) == ["SAM S3FullAccessPolicy"]
    assert names(Policy(whole.name, None, "inline", whole.statements[:1])) == []
    bucket = "arn:aws:s3:::name"
    seen = ("s3:GetObject", f"{bucket}/*"), ("s3:ListBucket", bucket)
    assert use_of(whole, *seen).smaller == "S3CrudPolicy"  # a presigned URL may put objects


# --- what is said of them --------------------------------------------------------------------------

CRUD = [
    *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"),
    *("dynamodb:DescribeTable", "dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
    *("dynamodb:UpdateItem", "dynamodb:BatchWriteItem"),
]


def test_sam_crud_of_which_only_reads_were_used() -> None:
    use = use_of(policy(allow(CRUD, ON_INDEXES)), ("dynamodb:GetItem", TABLE), ("dynamodb:Query", TABLE))
    seen = ("dynamodb:GetItem", "dynamodb:Query")
    assert use == BundleUse("SAM", "DynamoDBCrudPolicy", TABLE, False, seen, "DynamoDBReadPolicy")


def test_what_may_be_needed_too_is_named() -> None:
    grants_ = policy(allow(CRUD, ON_INDEXES))
    seen, possible = used(("dynamodb:GetItem", TABLE)), used(("dynamodb:DeleteItem", TABLE), required=False)
    (use,) = uses(compared([grants_], [usage({**seen, **possible})]))
    assert (use.fits, use.smaller, use.unless) == (False, "DynamoDBReadPolicy", ("dynamodb:DeleteItem",))


@pytest.mark.parametrize("more", [[], [("dynamodb:GetItem", TABLE)]])
def test_a_call_that_needed_one_of_several_actions_needs_a_bundle_with_all_of_them(
    more: list[tuple[str, str]],
) -> None:
    """A transaction writes, deletes or checks: only the larger bundle surely covers it."""
    writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")
    needs = [Need(Permission(action, TABLE, False), Certainty.ONE_OF) for action in writes]
    seen = usage({**dict.fromkeys(needs, Observation(1, 1, NOW, NOW)), **used(*more)})
    (use,) = uses(compared([policy(allow(CRUD, ON_INDEXES))], [seen]))
    assert (use.fits, use.smaller) == (True, None)


def test_nothing_is_proposed_for_a_bundle_that_nothing_used() -> None:
    use = use_of(policy(allow(CRUD, ON_INDEXES)), ("dynamodb:GetItem", table("other")))
    assert (use.fits, use.smaller, use.used) == (False, None, ())


def test_each_target_of_a_merged_statement_is_judged_alone() -> None:
    both = policy(allow(GRANT_READ_DATA, [TABLE, table("other")]))
    result = compared([both], [usage(used(("dynamodb:GetItem", TABLE)))])
    assert {(use.target, use.fits) for use in uses(result)} == {(TABLE, True), (table("other"), False)}
    assert all(_targets(finding) == {finding.bundle.target} for finding in result.findings if finding.bundle)


def _targets(finding: Finding) -> set[str]:
    return set(finding.resources)


def test_a_policy_of_aws_is_one_bundle() -> None:
    aws = of_aws("AmazonDynamoDBFullAccess", allow("dynamodb:*"), allow("sns:ListTopics"))
    result = compared([aws], [usage(used(("dynamodb:GetItem", TABLE)))])
    assert uses(result) == {BundleUse("AWS", aws.name, "*", fits=False, used=("dynamodb:GetItem",))}


def test_patterns_of_the_table_are_no_patterns_of_names() -> None:
    """A `*` in a value of a variable is the author's; the table's own stand at the end of a resource."""
    for bundle in bundles():
        for _, resources in instance(bundle):
            assert all(not is_pattern(resource[:-1]) for resource in resources), bundle


# --- what comes with a bundle, connectors, policies of AWS -------------------------------------------

DECRYPT, ENCRYPT = (
    ["kms:Decrypt", "kms:DescribeKey"],
    ["kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
)
READ_WRITE = [
    *GRANT_READ,
    *("s3:Abort*", "s3:DeleteObject*", "s3:PutObject", "s3:PutObjectLegalHold", "s3:PutObjectRetention"),
    *("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
]


def default_policy(*statements: dict[str, Any]) -> Policy:
    """The policy that CDK makes of grants."""
    return policy(*statements, name=POLICY_NAMES["CDK"])


def test_a_smaller_bundle_is_proposed_with_its_part_of_the_key() -> None:
    encrypted = default_policy(allow(READ_WRITE, ON_BUCKET), allow([*DECRYPT, *ENCRYPT], KEY))
    use = use_of(encrypted, ("s3:GetObject", f"{BUCKET}/a"))
    assert (use.name, use.target, use.smaller) == ("grantReadWrite", BUCKET, "grantRead")
    own_use_of_the_key = use_of(encrypted, ("s3:GetObject", f"{BUCKET}/a"), ("kms:Encrypt", KEY))
    assert (own_use_of_the_key.fits, own_use_of_the_key.smaller) == (True, None)


@pytest.mark.parametrize(
    "statements",
    [
        [
            allow(GRANT_READ, [*ON_BUCKET, f"{BUCKET}2", f"{BUCKET}2/*"]),
            allow(DECRYPT, KEY),
        ],  # of which bucket?
        [allow(GRANT_READ, ON_BUCKET), allow(DECRYPT, [KEY, f"{KEY}2"])],  # which key?
        [allow(GRANT_READ, ON_BUCKET), allow(DECRYPT, "*")],
        [allow(GRANT_READ, ON_BUCKET), allow([*DECRYPT, "kms:Sign"], KEY)],
    ],
)
def test_a_key_that_may_be_anothers_belongs_to_no_bundle(statements: list[dict[str, Any]]) -> None:
    assert all(not granted.companions for granted in bundles_of(default_policy(*statements)))


SEND_OR_PURGE = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:PurgeQueue", "sqs:SendMessage"]


def test_a_policy_template_is_proposed_in_place_of_a_connector() -> None:
    connector = replace(
        policy(allow(SEND_OR_PURGE, QUEUE)), kind="managed", name=POLICY_NAMES["SAM connector"]
    )
    use = use_of(connector, ("sqs:SendMessage", QUEUE))
    assert (use.framework, use.name, use.smaller) == ("SAM connector", "Write", "SQSSendMessagePolicy")


def test_what_has_another_name_is_no_connector_and_no_link() -> None:
    assert names(policy(allow(SEND_OR_PURGE, QUEUE))) == []
    assert names(policy(allow("s3:*", ON_BUCKET))) == []
    assert names(policy(allow("s3:*", ON_BUCKET), name="inline")) == ["SST link"]


def test_a_condition_is_part_of_a_bundle() -> None:
    rotation = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"]
    actions, secrets = [f"secretsmanager:{name}" for name in rotation], arn("secretsmanager", "secret:*")
    password = allow("secretsmanager:GetRandomPassword")
    of_lambda = {
        "StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": arn("lambda", "function:f")}
    }
    assert names(policy(allow(actions, secrets, Condition=of_lambda), password)) == [
        "SAM AWSSecretsManagerRotationPolicy"
    ]
    for other in ({}, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, {"Condition": {"Bool": "x"}}):
        assert names(policy(allow(actions, secrets, **other), password)) == []


def test_a_merged_statement_of_single_actions_tells_nothing() -> None:
    both = allow(["sns:Publish", "sns:Subscribe"], arn("sns", "news"))
    assert names(policy(both)) == []
    assert names(default_policy(both)) == ["CDK grantPublish and grantSubscribe"]


LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
POLLING = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
BASIC = of_aws("AWSLambdaBasicExecutionRole", allow(LOGS))


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([of_aws("AWSLambdaSQSQueueExecutionRole", allow([*POLLING, *LOGS]))], "AWSLambdaBasicExecutionRole"),
        (
            [of_aws("AWSLambdaSQSQueueExecutionRole", allow([*POLLING, *LOGS])), BASIC],
            None,
        ),  # it has it already
        ([of_aws("Other", allow([*POLLING, *LOGS], arn("logs", "log-group:/aws/lambda/f:*")))], None),
        ([BASIC], None),
    ],
)
def test_a_smaller_policy_of_aws_is_proposed(policies: list[Policy], expected: str | None) -> None:
    result = compared(policies, [usage(services=["sqs"])], functions=[function()])
    use = next(use for use in uses(result) if use.name == policies[0].name)
    assert (use.framework, use.smaller, use.fits) == ("AWS", expected, False)


def test_a_policy_of_aws_that_may_need_more_keeps_its_place() -> None:
    """Where the configuration was not read, the function may have a queue."""
    queue = of_aws("AWSLambdaSQSQueueExecutionRole", allow([*POLLING, *LOGS]))
    result = compared([queue], [usage(services=["sqs"])], functions=[function(event_sources=None)])
    (use,) = uses(result)
    assert use.smaller is None

"""AWS's words for a denial, as they were documented or seen, and what is read from each."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.mapping.access_denied import DENIAL_HELP, Denial, DenialCause, denial_of, is_identity_matter

# The pages that the messages are from.
IAM = "docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"
S3 = "docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html"
ARNS = "aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns"
SCP = "repost.aws/knowledge-center/iam-organizations-scp-deny-error"
KMS = "repost.aws/knowledge-center/kms-ciphertext-key-error"
SECRETS = "github.com/aws-samples/aws-secrets-manager-rotation-lambdas/issues/53"
EC2 = "docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html"
EC2_BOUNDARY = "github.com/nebari-dev/nebari/issues/2152"
SQS = "github.com/aws/aws-sdk-php/issues/188"
SQS_BATCH = "github.com/aws/serverless-application-model/issues/3633"
BEFORE_2021 = "github.com/cloud-custodian/cloud-custodian/issues/4736"
LAMBDA = "github.com/cattle-ops/terraform-aws-gitlab-runner/pull/1253"

USER = "User: arn:aws:sts::123456789012:assumed-role/orders/orders is not authorized to perform: "
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
QUEUE = "arn:aws:sqs:us-west-2:123456789012:orders"
GET_ITEM = f"{USER}dynamodb:GetItem on resource: {TABLE}"
POLICY = "arn:aws:iam::123456789012:policy/NoDeletes"
GROUP = "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SCP_ARN = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd"


def lacks(kind: str) -> str:
    return f"because no {kind} allows the codedeploy:ListDeployments action"


def public(what: str, setting: str) -> str:
    return f"because public {what} are prevented by the {setting} setting in S3 Block Public Access."


@pytest.mark.parametrize(
    ("page", "context", "cause"),
    [
        (IAM, lacks("identity-based policy"), "no-identity-policy"),
        (IAM, "with an explicit deny in an identity-based policy", "explicit-deny"),
        (IAM, lacks("permissions boundary"), "boundary"),
        (IAM, "with an explicit deny in a permissions boundary", "boundary-deny"),
        (IAM, lacks("service control policy"), "service-control-policy"),
        (SCP, "with an explicit deny in a service control policy", "service-control-policy"),
        (IAM, "with an explicit deny in a resource control policy", "resource-control-policy"),
        (IAM, lacks("resource-based policy"), "resource-policy"),
        (IAM, "with an explicit deny in a resource-based policy", "resource-policy-deny"),
        (IAM, lacks("role trust policy"), "resource-policy"),
        (IAM, "with an explicit deny in the role trust policy", "resource-policy-deny"),
        (IAM, lacks("session policy"), "session-policy"),
        (IAM, "with an explicit deny in a session policy", "session-policy"),
        (IAM, "with an explicit deny in a sessions policy", "session-policy"),  # so on the page
        (IAM, lacks("VPC endpoint policy"), "vpc-endpoint-policy"),
        (IAM, "with an explicit deny in a VPC endpoint policy", "vpc-endpoint-policy"),
        (
            IAM,
            "with an explicit deny in a VPC endpoint policy transitively through a service control policy",
            "service-control-policy",
        ),
        (S3, public("ACLs", "BlockPublicAcls"), "block-public-access"),
        (S3, public("policies", "BlockPublicPolicy"), "block-public-access"),
        (BEFORE_2021, "with an explicit deny", "unnamed-deny"),
        (BEFORE_2021, "", "unknown"),
    ],
)
def test_the_cause(page: str, context: str, cause: str) -> None:
    named = denial_of(f"{USER}codedeploy:ListDeployments on resource: {GROUP} {context}")
    assert named == Denial("codedeploy:ListDeployments", GROUP, DenialCause(cause), None), page
    unnamed = denial_of(f"{USER}codedeploy:ListDeployments {context}")
    assert unnamed == Denial("codedeploy:ListDeployments", None, DenialCause(cause), None), page


@pytest.mark.parametrize(
    ("page", "message", "action", "resource", "cause"),
    [
        pytest.param(
            IAM,
            f"An error occurred (AccessDeniedException) when calling the GetItem operation: {GET_ITEM} "
            "because no identity-based policy allows the dynamodb:GetItem action",
            "dynamodb:GetItem",
            TABLE,
            DenialCause.NO_IDENTITY_POLICY,
            id="the prefix of Python's SDK",
        ),
        pytest.param(
            IAM,
            f"{GET_ITEM} because no identity-based policy allows the dynamodb:GetItem action "
            "(Service: AmazonDynamoDBv2; "
            "Status Code: 400; Error Code: AccessDeniedException; Request ID: 2VQ; Proxy: null)",
            "dynamodb:GetItem",
            TABLE,
            DenialCause.NO_IDENTITY_POLICY,
            id="the suffix of Java's first SDK",
        ),
        pytest.param(
            IAM,
            f"{GET_ITEM} (Service: DynamoDb, Status Code: 400, Request ID: 2VQ)",
            "dynamodb:GetItem",
            TABLE,
            DenialCause.UNKNOWN,
            id="the suffix of Java's second SDK",
        ),
        pytest.param(
            IAM,
            "User: arn:aws:sts::111122223333:assumed-role/role-name/session is not authorized to perform: \n"
            "SNS:Publish on resource: arn:aws:sns:us-east-1:444455556666:role-name-2 \n"
            "with an explicit deny in a VPC endpoint policy transitively through a service control policy",
            "SNS:Publish",
            "arn:aws:sns:us-east-1:444455556666:role-name-2",
            DenialCause.SERVICE_CONTROL_POLICY,
            id="broken into lines",
        ),
        pytest.param(
            S3,
            f'{USER}s3:GetObject on resource: "arn:aws:s3:::amzn-s3-demo-bucket1/a file.txt" because no '
            "identity-based policy allows the s3:GetObject action",
            "s3:GetObject",
            "arn:aws:s3:::amzn-s3-demo-bucket1/a file.txt",
            DenialCause.NO_IDENTITY_POLICY,
            id="S3 quotes the resource",
        ),
        pytest.param(
            S3,
            f"{USER}s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets "
            "action",
            "s3:ListAllMyBuckets",
            None,
            DenialCause.NO_IDENTITY_POLICY,
            id="an action without resources",
        ),
        pytest.param(S3, "Access Denied", None, None, DenialCause.UNKNOWN, id="S3 across accounts"),
        pytest.param(S3, "Forbidden", None, None, DenialCause.UNKNOWN, id="a HEAD request"),
        pytest.param(
            SQS_BATCH,
            f"{USER}sqs:sendmessage on resource: {QUEUE} because no identity-based policy allows the "
            "sqs:sendmessage action",
            "sqs:sendmessage",
            QUEUE,
            DenialCause.NO_IDENTITY_POLICY,
            id="SQS writes small letters",
        ),
        pytest.param(
            SQS,
            "Access to the resource https://sqs.us-west-2.amazonaws.com/ is denied. (Service: AmazonSQS; "
            "Status Code: 403; Error Code: AccessDenied; Request ID: c61c0698-505c-50fe-8c67-5602cb84e824)",
            None,
            None,
            DenialCause.UNKNOWN,
            id="SQS before 2022",
        ),
        pytest.param(
            BEFORE_2021,
            f"{USER}lambda:GetFunction on resource: arn:aws:lambda:us-east-1:111111111111:function:f",
            "lambda:GetFunction",
            "arn:aws:lambda:us-east-1:111111111111:function:f",
            DenialCause.UNKNOWN,
            id="no reason is given",
        ),
        pytest.param(
            EC2,
            "You are not authorized to perform this operation. Encoded authorization failure message: "
            "oGsbAaIV7w",
            None,
            None,
            DenialCause.UNKNOWN,
            id="EC2 encodes what it has to say",
        ),
        pytest.param(
            EC2_BOUNDARY,
            f"You are not authorized to perform this operation. {USER}ec2:RunInstances on resource: "
            "arn:aws:ec2:us-east-1:123456789012:instance/* because no permissions boundary allows the "
            "ec2:RunInstances action. Encoded authorization failure message: oGsbAaIV7w",
            "ec2:RunInstances",
            "arn:aws:ec2:us-east-1:123456789012:instance/*",
            DenialCause.BOUNDARY,
            id="EC2 says it in clear, too",
        ),
        pytest.param(
            IAM,
            f"{USER}sts:AssumeRole on resource: arn:aws:iam::123456789012:role/Admin",
            "sts:AssumeRole",
            "arn:aws:iam::123456789012:role/Admin",
            DenialCause.UNKNOWN,
            id="STS",
        ),
        pytest.param(
            IAM,
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "sts:AssumeRoleWithWebIdentity",
            None,
            DenialCause.UNKNOWN,
            id="STS, with a web identity",
        ),
        pytest.param(
            IAM,
            f"{USER}iam:GetRole on resource: role Admin because no identity-based policy allows the "
            "iam:GetRole action",
            "iam:GetRole",
            None,
            DenialCause.NO_IDENTITY_POLICY,
            id="IAM names a role by its name",
        ),
        pytest.param(
            IAM,
            f"{USER}iam:GetPolicy on resource: policy arn:aws:iam::123456789012:policy/p "
            "with an explicit deny",
            "iam:GetPolicy",
            "arn:aws:iam::123456789012:policy/p",
            DenialCause.UNNAMED_DENY,
            id="IAM tells that an ARN is a policy's",
        ),
        pytest.param(
            IAM,
            f"{USER}secretsmanager:GetSecretValue on resource: db-password because no identity-based policy "
            "allows the secretsmanager:GetSecretValue action",
            "secretsmanager:GetSecretValue",
            None,
            DenialCause.NO_IDENTITY_POLICY,
            id="a secret that is not there",
        ),
        pytest.param(
            "docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-troubleshooting-lambda.html",
            "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
            "arn:aws:execute-api:us-east-2:********9012:fy/api/GET/orders",
            "execute-api:Invoke",
            "arn:aws:execute-api:us-east-2:********9012:fy/api/GET/orders",
            DenialCause.UNKNOWN,
            id="API Gateway masks the account",
        ),
        pytest.param(
            KMS,
            f"{USER}kms:Decrypt on resource: {KEY} because no identity-based policy allows the kms:Decrypt "
            "action",
            "kms:Decrypt",
            KEY,
            DenialCause.NO_IDENTITY_POLICY,
            id="KMS, the role's fault",
        ),
        pytest.param(
            KMS,
            f"{USER}kms:Decrypt on the resource associated with this ciphertext because the resource does "
            "not exist in this Region, no resource-based policies allow access, or a resource-based policy "
            "explicitly denies access",
            "kms:Decrypt",
            None,
            DenialCause.KMS_KEY_POLICY,
            id="KMS, the key's fault",
        ),
        pytest.param(
            KMS,
            "The ciphertext refers to a customer master key that does not exist, does not exist in this "
            "region, or you are not allowed to access.",
            None,
            None,
            DenialCause.KMS,
            id="KMS before 2021",
        ),
        pytest.param(
            SECRETS, "Access to KMS is not allowed", None, None, DenialCause.KMS, id="a secret's key"
        ),
        pytest.param(
            LAMBDA,
            "Lambda was unable to decrypt the environment variables because KMS access was denied. Please "
            "check the function's KMS key settings. KMS Exception: AccessDeniedExceptionKMS Message: "
            f"{USER}kms:Decrypt on resource: {KEY} because no identity-based policy allows the kms:Decrypt "
            "action (Service: Kms, Status Code: 400, Request ID: 1)",
            "kms:Decrypt",
            KEY,
            DenialCause.NO_IDENTITY_POLICY,
            id="a message in a message",
        ),
        pytest.param(
            IAM,
            f"{USER}sso:ListPermissionSets on resource: arn:aws:sso:::instance/ssoins-1 because the "
            "resource does not exist in this Region, no resource-based policies allow access, or a "
            "resource-based policy explicitly denies access",
            "sso:ListPermissionSets",
            "arn:aws:sso:::instance/ssoins-1",
            DenialCause.RESOURCE_POLICY,
            id="of another account",
        ),
    ],
)
def test_a_message(
    page: str, message: str, action: str | None, resource: str | None, cause: DenialCause
) -> None:
    assert denial_of(message) == Denial(action, resource, cause, None), page


@pytest.mark.parametrize(
    ("where", "cause", "policy"),
    [
        (f"a service control policy: {SCP_ARN}", "service-control-policy", SCP_ARN),
        (
            f"an identity-based policy: {POLICY}. Encoded authorization failure message: GHi3Mmcy",
            "explicit-deny",
            POLICY,
        ),
        (f"a permissions boundary: {POLICY} (Service: Ec2, Status Code: 403)", "boundary-deny", POLICY),
        (f"a session policy:\n{POLICY}", "session-policy", POLICY),
        (f"an identity-based policy, with policy ARN:\n{POLICY}", "explicit-deny", POLICY),
        ("a service control policy: arn:aws:organizations", "service-control-policy", None),
        ("a service control policy: ask Anna", "service-control-policy", None),
    ],
)
def test_the_policy_that_denied(where: str, cause: str, policy: str | None) -> None:
    """aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns"""
    roles = "arn:aws:iam::123456789012:role/*"
    found = denial_of(f"{USER}iam:ListRoles on resource: {roles} with an explicit deny in {where}")
    assert found == Denial("iam:ListRoles", roles, DenialCause(cause), policy)


WHOLE = (
    f'{USER}s3:GetObject on resource: "arn:aws:s3:::bucket/key" with an explicit deny in an identity-based '
    f"policy: {POLICY}"
)


def test_a_message_that_is_cut_off_never_says_something_else() -> None:
    whole = denial_of(WHOLE)
    less_sure = {DenialCause.UNKNOWN, DenialCause.UNNAMED_DENY, whole.cause}
    for length in range(len(WHOLE)):
        cut = denial_of(WHOLE[:length])
        assert cut.action in (None, whole.action)
        assert cut.resource in (None, whole.resource)
        assert cut.cause in less_sure


def test_a_name_that_speaks_of_kms_is_no_key() -> None:
    found = denial_of(
        "User: arn:aws:sts::123456789012:assumed-role/kms/kms is not authorized to perform: "
        "sso:ListInstances because the resource does not exist in this Region, no resource-based policies "
        "allow access"
    )
    assert found.cause is DenialCause.RESOURCE_POLICY
    found = denial_of(
        "Service or caller is not authorized to use the provided AWS KMS key, because the resource\n"
        "does not exist in this Region, no resource-based policies allow access"
    )
    assert found.cause is DenialCause.KMS_KEY_POLICY


@pytest.mark.parametrize("end", ["...", "…"])
def test_what_ends_in_dots_is_not_whole(end: str) -> None:
    assert denial_of(f"{USER}dynamodb:GetItem{end}").action is None
    assert denial_of(f"{USER}dynamodb:GetItem on resource: {TABLE}{end}").resource is None


def test_a_message_that_lost_its_beginning_names_the_action_all_the_same() -> None:
    found = denial_of("...table/orders because no identity-based policy allows the dynamodb:GetItem action")
    assert found == Denial("dynamodb:GetItem", None, DenialCause.NO_IDENTITY_POLICY, None)


def test_the_key_of_an_object_is_no_reason() -> None:
    key = "with an explicit deny in a service control policy"
    found = denial_of(
        f'{USER}s3:GetObject on resource: "arn:aws:s3:::bucket/{key}" because no identity-based policy '
        "allows the s3:GetObject action"
    )
    assert found.cause is DenialCause.NO_IDENTITY_POLICY


def test_two_denials_in_one_message_say_nothing_for_sure() -> None:
    one, other = (
        f"{USER}s3:GetObject because no session policy allows",
        f"{USER}kms:Decrypt with an explicit deny",
    )
    assert denial_of(f"{one}; {other}") == Denial(None, None, DenialCause.UNKNOWN, None)
    assert denial_of(f"{other}; caused by {other}").action == "kms:Decrypt"


def test_other_letters_that_look_alike_are_no_reason() -> None:
    assert (
        denial_of(f"{USER}s3:GetObject because no \u017fe\u017f\u017fion policy allows").cause
        is DenialCause.UNKNOWN
    )


PIECES = st.sampled_from(
    [
        *(
            USER,
            "is not authorized to perform: ",
            "s3:GetObject",
            " on resource: ",
            '"',
            "arn:aws:s3:::b/",
            TABLE,
        ),
        *(
            " because no ",
            "identity-based policy",
            " with an explicit deny in ",
            "a ",
            "permissions boundary",
        ),
        *(": ", " transitively through ", "because the resource does not exist in this Region"),
        *("\n", " ", "\0", "\ud800"),
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join)))
def test_no_text_is_an_error(message: str) -> None:
    found = denial_of(message)
    assert found.cause in DENIAL_HELP
    assert found.action is None or found.action in message
    assert found.resource is None or found.resource in message
    assert found.policy is None or found.policy in message


@given(st.lists(st.one_of(PIECES, st.sampled_from("a :\t")), min_size=1, max_size=6), st.integers(1, 5))
def test_long_texts_take_no_time(pieces: list[str], repeated: int) -> None:
    message = "".join(piece * 10**repeated for piece in pieces)[: 10**6]
    start = time.process_time()
    denial_of(message)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("no-identity-policy", True),
        ("boundary", True),
        ("kms", True),  # the role's kms:Decrypt may be what is missing, or the key's policy
        ("unknown", True),
        ("explicit-deny", False),
        ("boundary-deny", False),
        ("unnamed-deny", False),
        ("service-control-policy", False),
        ("resource-control-policy", False),
        ("resource-policy", False),
        ("resource-policy-deny", False),
        ("session-policy", False),
        ("vpc-endpoint-policy", False),
        ("kms-key-policy", False),
        ("block-public-access", False),
    ],
)
def test_whether_an_allow_could_help(cause: str, expected: bool) -> None:
    assert is_identity_matter(DenialCause(cause)) is expected


def test_every_cause_is_explained_in_one_line() -> None:
    assert set(DENIAL_HELP) == set(DenialCause)
    assert all(line and "\n" not in line and not line.endswith(".") for line in DENIAL_HELP.values())

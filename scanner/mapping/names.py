"""What the parameters of a call name, service by service: queue URLs, aliases, secrets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from scanner.mapping.partitions import partition_of, region_in


class Names(NamedTuple):
    """The names in the parameters of a call.

    `values` are by the variables of the ARN formats ("table_name"). `account` and `region` are those of the
    resource, empty where the parameters do not say.
    """

    values: Mapping[str, str]
    account: str = ""
    region: str = ""


def names_in(prefix: str, values: Mapping[str, str]) -> Names:
    """The names in the parameters of a call of a service, given by its IAM prefix."""
    reader = _READERS.get(prefix)
    return Names(values) if reader is None else reader(values)


def _sqs(values: Mapping[str, str]) -> Names:
    """The queue, its account and region from a queue URL of any shape.

    docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html;
    older and other hosts: queue.amazonaws.com, REGION.queue.amazonaws.com, *.sqs.REGION.vpce.amazonaws.com.
    """
    url = values.get("queue_url", "")
    parts = _split(url)
    path = [part for part in (parts.path if parts else url).split("/") if part]
    account = values.get("queue_owner_aws_account_id", "")
    if len(path) > 1 and path[-2].isdigit():
        account = path[-2]
    host = (parts.hostname or "") if parts else ""
    region = region_in(host) or ("us-east-1" if host == "queue.amazonaws.com" else "")
    return Names({**values, "queue_name": path[-1]} if path else values, account, region)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url) if "//" in url else None
    except ValueError:  # "https://[x/1/q"
        return None


def _lambda(values: Mapping[str, str]) -> Names:
    """A function's name may be "name:alias", "123456789012:function:name" or come with a qualifier.

    docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, FunctionName
    """
    name, account, region = values.get("function_name", ""), "", ""
    if ":function:" in name:
        owner, _, name = name.partition(":function:")
        last = owner.rpartition(":")[2]
        account = last if last.isdigit() else ""
        region = next((field for field in owner.split(":") if partition_of(field)), "")
    if name and "qualifier" in values and ":" not in name:
        name = f"{name}:{values['qualifier']}"
    return Names({**values, "function_name": name} if name else values, account, region)


def _s3(values: Mapping[str, str]) -> Names:
    """An access point's alias is no bucket. The trace does not say which bucket it stands for.

    docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
    """
    if values.get("bucket_name", "").endswith(("-s3alias", "-ext-s3alias", "--ol-s3", ".mrap")):
        values = {name: value for name, value in values.items() if name != "bucket_name"}
    return Names(values)


def _sagemaker(values: Mapping[str, str]) -> Names:
    """Endpoint names are in lower case in ARNs."""
    if "endpoint_name" in values:
        values = {**values, "endpoint_name": values["endpoint_name"].lower()}
    return Names(values)


def _secretsmanager(values: Mapping[str, str]) -> Names:
    """A secret's ARN ends with six characters that its name does not have."""
    if "secret_id" in values:
        values = {**values, "secret_id": f"{values['secret_id']}-??????"}
    return Names(values)


def _ssm(values: Mapping[str, str]) -> Names:
    """A parameter's name begins with a slash, or not; its ARN has it once."""
    if "name" in values:
        values = {**values, "parameter_name_without_leading_slash": values["name"].lstrip("/")}
    return Names(values)


def _bedrock(values: Mapping[str, str]) -> Names:
    """A model's id is that of a foundation model, of a profile or of another type: see excluded_resources."""
    if "model_id" in values:
        values = {**values, "resource_id": values["model_id"]}
    return Names(values)


_READERS: Mapping[str, Callable[[Mapping[str, str]], Names]] = {
    "bedrock": _bedrock,
    "sqs": _sqs,
    "lambda": _lambda,
    "s3": _s3,
    "sagemaker": _sagemaker,
    "secretsmanager": _secretsmanager,
    "ssm": _ssm,
}

"""The AWS clients of a scan, made from the user's configuration when first asked for."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scanner.aws.api import AssumedRole, Stack
from scanner.aws.concurrency import XRAY_THREADS
from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials, is_denied
from scanner.aws.failures import check_region, no_credentials, not_asked
from scanner.aws.interruption import Interruption
from scanner.aws.patience import Patience
from scanner.aws.sessions import assumed_session
from scanner.errors import EXIT_USAGE, ScanError, WrongRegionError

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudtrail.client import CloudTrailClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_xray.client import XRayClient

    from scanner.aws.logs import LogsClient

# "standard" repeats what AWS throttles or fails, with growing pauses:
# docs.aws.amazon.com/boto3/latest/guide/retries.html. X-Ray's requests also share a concurrency limit.
_RETRY_MODE = "standard"
_ATTEMPTS = 5


def _none_found(profile: str | None, needed_for: str) -> str:
    """What to do where there are no credentials."""
    sign_in = (
        f"run `aws configure sso --profile {profile}`"
        if profile
        else ("run `aws configure sso` and name the profile (AWS_PROFILE), or let CI assume a role")
    )
    none = f"the AWS profile {profile!r} holds no credentials" if profile else "no AWS credentials"
    if needed_for:
        return f"{none}, {needed_for}, or {sign_in}"
    saved = "" if profile else "; saved traces (--traces, --iam, --functions) need none"
    return f"{none}: {sign_in}{saved}"


class Clients:
    """boto3 clients for a region and profile, None meaning: as configured.

    `needed_for` completes "no AWS credentials, " for a scan of files: what they are needed for, what to do.
    """

    def __init__(self, region: str | None, profile: str | None, needed_for: str = "") -> None:
        self._needed_for = needed_for
        # boto3 itself knows only AWS_DEFAULT_REGION; the AWS CLI and most CI systems set this one
        self._region = region or os.environ.get("AWS_REGION") or None
        self._profile = profile
        self._by_region: dict[tuple[str, str], Any] = {}
        self._by_role: dict[AssumedRole, Clients] = {}
        self._lock = threading.Lock()
        self._patience = Patience()
        self.interruption = Interruption()

    def assuming(self, role: AssumedRole) -> Clients:
        """The clients of another account. Raises ScanError where the role cannot be assumed."""
        with self._lock:
            clients = self._by_role.get(role)
        if clients is None:
            clients = _OfRole(self, role)
            with self._lock:
                self._by_role[role] = clients
        return clients

    @cached_property
    def _session(self) -> boto3.Session:
        """The session, whose credentials are at hand: what is wrong with them ends the scan here."""
        import boto3

        profile = self._profile or os.environ.get("AWS_PROFILE") or None
        try:
            session = boto3.Session(
                region_name=self._region, profile_name=self._profile, botocore_session=self._configuration
            )
            credentials = session.get_credentials()
            if credentials is not None:
                credentials.get_frozen_credentials()  # those of SSO and of roles are fetched only now
        except Exception as error:  # whatever a provider of credentials trips over
            raise no_credentials(error, profile) from error
        if credentials is None:
            raise ScanError(_none_found(profile, self._needed_for))
        return session

    def region(self) -> str:
        """The scanned region. Raises ScanError where none is configured."""
        region = self._session.region_name
        if not region:
            raise WrongRegionError("no AWS region is configured: name one (--region), or set AWS_REGION")
        return region

    def xray(self, region: str) -> XRayClient:
        """The X-Ray client of a region, good for XRAY_THREADS requests at once."""
        config = self._config(connections=XRAY_THREADS + 16)
        return self._client("xray", region, config)  # type: ignore[no-any-return]  # made by its name

    def iam(self) -> IAMClient:
        """The IAM client."""
        # IAM is the same everywhere: saved traces need no region
        region = self._session.region_name or "us-east-1"
        return self._client("iam", region, self._config())  # type: ignore[no-any-return]  # as above

    def functions(self, region: str) -> LambdaClient:
        """The Lambda client of a region."""
        return self._of_region("lambda", region)  # type: ignore[no-any-return]  # as above

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """The CloudTrail client of a region."""
        return self._of_region("cloudtrail", region)  # type: ignore[no-any-return]  # as above

    def cloudwatch(self, region: str) -> CloudWatchClient:
        """The CloudWatch client of a region."""
        return self._of_region("cloudwatch", region)  # type: ignore[no-any-return]  # as above

    def logs(self, region: str) -> LogsClient:
        """The CloudWatch Logs client of a region."""
        return self._of_region("logs", region)  # type: ignore[no-any-return]  # as above

    def cloudformation(self, region: str) -> CloudFormationClient:
        """The CloudFormation client of a region."""
        return self._of_region("cloudformation", region)  # type: ignore[no-any-return]  # as above

    def client(self, service: str, region: str) -> Any:
        """The client of a service, by boto3's name of it, for a region."""
        return self._of_region(service, region)

    def _of_region(self, service: Any, region: str) -> Any:
        """A client of a region, made once."""
        with self._lock:
            if (service, region) not in self._by_region:
                self._by_region[service, region] = self._client(service, region, self._config())
            return self._by_region[service, region]

    def _client(self, service: Any, region: str, config: Any) -> Any:
        """A new client. Raises ScanError where the region or the configuration cannot be used."""
        check_region(self._session, region)
        try:
            client = self._session.client(service, region_name=region, config=config)
        except Exception as error:  # a ValueError for an endpoint, BotoCoreError for most else
            raise ScanError(f"the AWS configuration cannot be used: {error}") from error
        if service != "xray":  # whose requests are counted where they are sent: `traces.xray_requests`
            self._patience.watch(client)
        self.interruption.watch(client)
        return client

    def stack(self, stack: str) -> Stack:
        """A CloudFormation stack with those nested in it.

        Raises ScanError where the stack cannot be read, or holds no function.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.cloudformation(self.region())
        todo, names, logical_ids = [stack], [], {}
        try:
            while todo:
                name = todo.pop()
                pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
                for resource in (r for page in pages for r in page["StackResourceSummaries"]):
                    if "PhysicalResourceId" not in resource:
                        continue  # not made yet
                    logical_ids[resource["PhysicalResourceId"]] = f"{name}/{resource['LogicalResourceId']}"
                    if resource["ResourceType"] == "AWS::Lambda::Function":
                        names.append(resource["PhysicalResourceId"])
                    elif resource["ResourceType"] == "AWS::CloudFormation::Stack":
                        todo.append(resource["PhysicalResourceId"])
        except ClientError as error:
            if is_bad_credentials(error):
                raise bad_credentials(error) from error
            what = "allow cloudformation:ListStackResources" if is_denied(error) else error_code(error)
            raise ScanError(f"the stack {stack!r} cannot be read: {what}", EXIT_USAGE) from error
        except BotoCoreError as error:
            raise not_asked(error) from error
        if not names:
            raise ScanError(f"the stack {stack!r} holds no Lambda function", EXIT_USAGE)
        return Stack(tuple(names), logical_ids)

    @cached_property
    def _configuration(self) -> botocore.session.Session:
        """The user's configuration: the environment, and the profile of `_session`."""
        import botocore.session

        return botocore.session.get_session()

    def _config(self, connections: int = 16) -> Any:
        from botocore.config import Config

        retries: dict[str, Any] = {"mode": _RETRY_MODE}
        # what is set here would come before AWS_MAX_ATTEMPTS and the profile's max_attempts
        if self._session and self._configuration.get_config_variable("max_attempts") is None:
            retries["total_max_attempts"] = _ATTEMPTS
        return Config(
            retries=retries,  # type: ignore[arg-type]  # a plain dictionary is what botocore wants
            max_pool_connections=connections,
            user_agent_extra="xray-privilege-scan",
        )


class _OfRole(Clients):
    """The clients of a role that is assumed, made as those of the own account."""

    def __init__(self, own: Clients, role: AssumedRole) -> None:
        super().__init__(own._region, own._profile)
        self.interruption = own.interruption
        self._own = own
        self._session = assumed_session(own._session, own._profile, role, own._config())

    @cached_property
    def _configuration(self) -> botocore.session.Session:
        return self._own._configuration

"""Sessions of other accounts: with the credentials of a role that is assumed, renewed before they expire."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from scanner.aws.api import AssumedRole
from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials, is_denied
from scanner.aws.failures import not_asked
from scanner.errors import ScanError

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

# STS answers for every account of a partition in any region of it.
_REGION = "us-east-1"


def assumed_session(own: boto3.Session, profile: str | None, role: AssumedRole, config: Config) -> Any:
    """The session of a role that `own` may assume. Raises ScanError where it may not."""
    import boto3
    import botocore.session
    from botocore.credentials import (
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        RefreshableCredentials,
    )

    fetcher = AssumeRoleCredentialFetcher(
        partial(own.client, region_name=own.region_name or _REGION, config=config),
        own.get_credentials(),
        role.arn,
        extra_args={
            "RoleSessionName": role.session_name,
            **({"ExternalId": role.external_id} if role.external_id else {}),
        },
    )

    def fetch() -> Any:
        """Credentials for an hour: asked for again when they are about to expire."""
        try:
            return fetcher.fetch_credentials()
        except Exception as error:  # whatever a provider of the own credentials trips over
            raise _not_assumed(role, error) from error

    class Provider(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> RefreshableCredentials:
            return RefreshableCredentials.create_from_metadata(fetch(), fetch, self.METHOD)

    core = botocore.session.get_session()
    # botocore's files are large: they are parsed once for all accounts
    components = {
        "credential_provider": CredentialResolver([Provider()]),
        "data_loader": own._session.get_component("data_loader"),
    }
    for name, component in components.items():
        core.get_component(name)  # one that was not made yet would take the place of this
        core.register_component(name, component)
    session = boto3.Session(botocore_session=core, region_name=own.region_name, profile_name=profile)
    session.get_credentials()
    return session


def _not_assumed(role: AssumedRole, error: Exception) -> ScanError:
    """Why there are no credentials of a role, and what to do. None of what AWS answered is shown but that."""
    from botocore.exceptions import ClientError

    if isinstance(error, ScanError):
        return error
    if not isinstance(error, ClientError):
        return ScanError(f"{role.arn} could not be assumed: {not_asked(error)}")
    if is_bad_credentials(error):
        return bad_credentials(error)
    if error_code(error) == "RegionDisabledException":  # a 403, too
        return ScanError(
            f"{role.arn} could not be assumed: STS is not active in the configured region for an account: "
            "activate it there, or name a region first where it is (--region)"
        )
    if is_denied(error):
        external = " and that external id" if role.external_id else ""
        return ScanError(
            f"sts:AssumeRole on {role.arn} is denied: allow it to your own identity, and name that{external} "
            "in the trust policy of the role"
        )
    return ScanError(f"{role.arn} could not be assumed: {error_code(error)}")

"""What keeps AWS from being asked at all, in words that say what to do."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from scanner.aws.errors import bad_credentials, error_code, is_bad_credentials
from scanner.errors import EXIT_USAGE, ScanError, WrongRegionError

if TYPE_CHECKING:
    import boto3

_LONGEST = 300  # characters of a message that is not ours

_SSO = "there is no valid SSO token: run `aws sso login{as_option}` ({error})"
_CREDENTIALS = (
    "AWS credentials could not be had{of_profile}: {error} (check the lines of the profile; `aws sts "
    "get-caller-identity{as_option}` asks for credentials, too)"
)
_UNREACHABLE = (
    "AWS cannot be reached at {endpoint_url}: check the network, the proxy (HTTPS_PROXY, NO_PROXY), the name "
    "of the region, and AWS_ENDPOINT_URL if it is set"
)

# By the name of the exception's class, or of one that it inherits from; the words in braces are the
# exception's own. The classes: botocore/exceptions.py.
_MEANINGS = {
    "ProfileNotFound": "the AWS profile {profile!r} does not exist: choose one that `aws configure "
    "list-profiles` shows",
    "ConfigParseError": "the AWS configuration file {path} cannot be parsed: it must hold sections "
    "(`[default]`) of lines `key = value`, as UTF-8",
    "ConfigNotFound": "the AWS configuration file {path} does not exist: check AWS_CONFIG_FILE",
    "PartialCredentialsError": "the AWS credentials{of_profile} are incomplete: {cred_var} is missing "
    "({provider})",
    "UnauthorizedSSOTokenError": _SSO,
    "SSOTokenLoadError": _SSO,
    "TokenRetrievalError": _SSO,
    "CredentialRetrievalError": "AWS credentials could not be had from {provider}{of_profile}: {error_msg}",
    "SSLError": "TLS with AWS failed: if a proxy opens TLS, AWS_CA_BUNDLE must name the file with its "
    "certificate authority; if AWS_CA_BUNDLE is set, it must hold the right ones ({error})",
    "ProxyConnectionError": "the proxy {proxy_url} does not connect to AWS: check HTTPS_PROXY and NO_PROXY",
    "EndpointConnectionError": _UNREACHABLE,
    "ConnectTimeoutError": _UNREACHABLE,
    "ReadTimeoutError": "AWS does not answer at {endpoint_url}: check the network and the proxy "
    "(HTTPS_PROXY, NO_PROXY)",
    "ResponseParserError": "what answered is no answer of AWS: check the proxy (HTTPS_PROXY, NO_PROXY), and "
    "AWS_ENDPOINT_URL if it is set",
    "InvalidDefaultsMode": "the AWS configuration cannot be used: {error}",
    "JSONDecodeError": "AWS credentials could not be had{of_profile}: what `credential_process` prints is "
    "not the JSON that the AWS CLI reads ({error})",
    "FileNotFoundError": "a file or program that the AWS configuration{of_profile} names does not exist: "
    "{filename} (check `credential_process`, AWS_WEB_IDENTITY_TOKEN_FILE, `web_identity_token_file`)",
}


_NOT_REACHED = frozenset(
    {
        *("SSLError", "ProxyConnectionError", "EndpointConnectionError"),
        *("ConnectTimeoutError", "ReadTimeoutError"),
    }
)


def no_credentials(error: Exception, profile: str | None = None) -> ScanError:
    """The error to end with where credentials could not be had, for whatever reason."""
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _refused(error, profile)
    return ScanError(_meaning(error, profile) or _filled(_CREDENTIALS, error, profile))


def not_asked(error: Exception) -> ScanError:
    """The error to end with where a request could not be sent or answered."""
    return ScanError(_meaning(error) or f"AWS cannot be asked: {_text(error)}")


def check_region(session: boto3.Session, region: str) -> None:
    """Raise ScanError for a region that does not exist."""
    from botocore.exceptions import UnknownRegionError

    if not re.fullmatch(r"[A-Za-z0-9-]+", region):
        raise ScanError(f"--region: {region!r} is not the name of a region, such as us-east-1", EXIT_USAGE)
    try:
        session.get_partition_for_region(region)
    except UnknownRegionError:
        known = [
            name
            for partition in session.get_available_partitions()
            for name in session.get_available_regions("xray", partition)
        ]
        near = difflib.get_close_matches(region.lower(), known, 1)
        advice = f"did you mean {near[0]}?" if near else "its name is such as us-east-1"
        raise WrongRegionError(
            f"the AWS region {region!r} does not exist: {advice} (--region, AWS_REGION)"
        ) from None


def sentence(error: Exception) -> str:
    """What went wrong with a request, in a sentence without an end: that of the exception, else its first."""
    return _meaning(error) or re.split(r"\.\s|\n", str(error).strip(), maxsplit=1)[0].removesuffix(".")


def unreachable(error: Exception) -> str:
    """What keeps AWS from being reached, and what to do; empty where it was something else."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return _meaning(error) if kinds & _NOT_REACHED else ""


def _refused(error: Any, profile: str | None) -> ScanError:
    """What a service that gives out credentials (STS, SSO) says."""
    if is_bad_credentials(error):
        return bad_credentials(error)
    message = _text(error.response.get("Error", {}).get("Message", ""))
    return ScanError(
        f"AWS credentials could not be had{_of_profile(profile)}: {error.operation_name} failed with "
        f"{error_code(error)}: {message}"
    )


def _meaning(error: Exception, profile: str | None = None) -> str:
    for kind in type(error).__mro__:
        if kind.__name__ in _MEANINGS:
            return _filled(_MEANINGS[kind.__name__], error, profile)
    return ""


def _filled(meaning: str, error: Exception, profile: str | None) -> str:
    words: dict[str, Any] = {
        **dict.fromkeys(re.findall(r"\{(\w+)", meaning), "?"),
        **getattr(error, "kwargs", {}),
        "filename": getattr(error, "filename", ""),
        "error": _text(error),
        "as_option": f" --profile {profile}" if profile else "",
        "of_profile": _of_profile(profile),
    }
    if words.get("endpoint_url"):
        words["endpoint_url"] = re.sub(r"(\w://[^/]*).*", r"\1", str(words["endpoint_url"]))
    if "error_msg" in words:
        words["error_msg"] = _text(words["error_msg"]) or "it failed without a message"
    return meaning.format(**words)


def _of_profile(profile: str | None) -> str:
    return f" (profile {profile!r})" if profile else ""


def _text(value: object) -> str:
    """A message in one line, with the type of an exception that may not say what it is about."""
    text = " ".join(str(value).split())[:_LONGEST].removesuffix(".")
    if isinstance(value, Exception) and not type(value).__module__.startswith("botocore"):
        return f"{type(value).__name__}: {text}" if text else type(value).__name__
    return text

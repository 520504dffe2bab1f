"""EKS: the roles of service accounts, by Pod Identity and by web identity. Pure.

Neither traces nor AWS tell which service account a pod has: the only role of a namespace is inferred to be
that of its pods, unless a refusal names it. Which other pods use it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from scanner.aws.times import time_of
from scanner.errors import Warnings
from scanner.iam.patterns import matches
from scanner.model import Workload, account_of
from scanner.model.workloads import WorkloadKey
from scanner.workloads.asked import Asked, settled
from scanner.workloads.documents import Documents, Entry, part, text
from scanner.workloads.features import Feature, Remedies, needs_of, unread_needs
from scanner.workloads.listing import ReadWorkloads, Workloads
from scanner.workloads.trusts import ServiceAccount, service_accounts_of
from scanner.workloads.warnings import explained, with_role

PRINCIPAL = "pods.eks.amazonaws.com"
# what the trust policy of a role for service accounts names: an OIDC provider of EKS
_PROVIDER = ":oidc-provider/"
TABLE = "eks"
_POD = "pod"
_REMEDIES = Remedies(((_POD, "what runs in the pods is in no configuration that is read"),))
_UNKNOWN = "?"
_NODE = (
    "no Pod Identity association of its namespace and no trust policy names a role, so that it may use that "
    "of its node (allow eks:ListPodIdentityAssociations, eks:DescribePodIdentityAssociation and "
    "iam:ListRoles, or add what `aws eks describe-pod-identity-association` prints to --workload-config)"
)
# When a deployment changed is known to Kubernetes alone; the times of role and policies count.
_ANY_TIME = datetime.fromtimestamp(0, UTC)


class _Candidate(NamedTuple):
    role: str
    changed: datetime


def unread_pods(workload: str) -> Workload:
    """Pods of which nothing was read."""
    return Workload(
        workload, "eks", WorkloadKey.parse(workload).name, platform=unread_needs(TABLE, _POD, _REMEDIES)
    )


def pods_of(documents: Documents, asked: Asked, warnings: Warnings) -> ReadWorkloads:
    """The workloads on EKS that traces show, with the roles of the service accounts of their namespaces."""
    known, pairs = {}, set()
    for traced in sorted(asked.usages):
        workload = explained(_pods(traced, documents, asked), _NODE, warnings)
        known[traced] = workload
        if workload.role:
            pairs.add((workload.role, traced))
    return ReadWorkloads(
        Workloads(
            known=known,
            roles_of_versions=frozenset(pairs),
            missing=documents.missing,
        )
    )


def _pods(traced: str, documents: Documents, asked: Asked) -> Workload:
    key = WorkloadKey.parse(traced)
    cluster, _, rest = key.name.partition("/")
    candidates = [
        *_by_pod_identity(cluster, rest.partition("/")[0], key, documents),
        *_by_web_identity(cluster, rest.partition("/")[0], key, documents, asked),
    ]
    roles = dict.fromkeys(candidate.role for candidate in candidates)
    role = settled(roles, traced, asked, PRINCIPAL, inferred=True)
    if role.role is None and not roles:
        by_web = settled(roles, traced, asked, _PROVIDER, inferred=True)
        role = by_web if by_web.role else role
    changed = [candidate.changed for candidate in candidates if candidate.role == role.role]
    workload = Workload(
        traced,
        "eks",
        key.name,
        changed=max(changed, default=_ANY_TIME),
        platform=needs_of(TABLE, [Feature("tracing")], (), _REMEDIES),
    )
    return with_role(workload, role)


def _by_pod_identity(
    cluster: str, namespace: str, key: WorkloadKey, documents: Documents
) -> Iterator[_Candidate]:
    """The roles of the Pod Identity associations of a namespace.

    Where a target role is set, it is that one's credentials that pods get:
    docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html
    """
    for entry in documents.of("pod-identity"):
        same = cluster in (_UNKNOWN, text(entry, "clusterName")) and namespace in (
            _UNKNOWN,
            text(entry, "namespace"),
        )
        if same and _is_of(key, text(entry, "associationArn")):
            changed = time_of(entry.get("modifiedAt")) or time_of(entry.get("createdAt")) or _ANY_TIME
            yield _Candidate(text(entry, "targetRoleArn") or text(entry, "roleArn"), changed)


def _is_of(key: WorkloadKey, arn: str) -> bool:
    """Whether something may be in the account of a workload."""
    return not arn or key.account in ("", account_of(arn))


def _by_web_identity(
    cluster: str, namespace: str, key: WorkloadKey, documents: Documents, asked: Asked
) -> Iterator[_Candidate]:
    """The roles whose trust policies let in a service account of a namespace, of this cluster if known."""
    issuers = {issuer for entry in documents.of("cluster") for issuer in _issuers(entry, cluster)}
    for role in asked.roles.trusts():
        accounts = service_accounts_of(role.trust)
        if _is_of(key, role.arn) and any(_lets_in(account, namespace, issuers) for account in accounts):
            yield _Candidate(role.arn, _ANY_TIME)


def _issuers(entry: Entry, cluster: str) -> Iterator[str]:
    issuer = text(part(entry, "identity", "oidc"), "issuer")
    if issuer and text(entry, "name") == cluster:
        yield issuer.partition("://")[2] or issuer


def _lets_in(account: ServiceAccount, namespace: str, issuers: set[str]) -> bool:
    """Whether a service account may be one of the namespace: that of a role may be a pattern."""
    return (not issuers or account.issuer in issuers) and (
        namespace == _UNKNOWN or matches(account.namespace, namespace)
    )

"""Whose a document of a trace is: that of the workload which it names itself, else its parent's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from scanner.model.workloads import workload_arn
from scanner.traces.attributes import own_workload
from scanner.traces.documents import Node, dict_of, is_call, is_opentelemetry, is_part, nodes_below

LAMBDA_ORIGINS = ("AWS::Lambda", "AWS::Lambda::Function")
STATE_MACHINE_ORIGIN = "AWS::StepFunctions::StateMachine"
_OF_A_WORKLOAD = (*LAMBDA_ORIGINS, STATE_MACHINE_ORIGIN)
_PHASES = frozenset({"Initialization", "Invocation", "Overhead"})


class Owner(NamedTuple):
    """The workload (its ARN) of a document, None for none.

    `known` is False where the document may be of a workload all the same: what it belongs to did not arrive.
    """

    workload: str | None
    known: bool = True


class Owners:
    """Finds the owners of the documents of one trace."""

    def __init__(self, segments: Iterable[Node]) -> None:
        self._segments = segments
        self._nodes: dict[str, tuple[Node, str | None]] | None = None

    def of(self, segment: Node) -> Owner:
        """The owner of a document."""
        arn = own_arn(segment)
        if arn or segment.get("parent_id") is None:
            return Owner(arn)
        return self._climb(segment)

    def leads_to(self, segment: Node, others: Iterable[Node]) -> bool:
        """Whether one of other documents stands below this one, however deep."""
        return any(parent is segment for other in others for parent in self._above(other))

    def arrived(self, node_id: Any) -> bool:
        """Whether a document or subsegment is in the trace."""
        return self._parent(node_id)[0] is not None

    def _above(self, node: Node) -> Iterator[Node]:
        visited: set[str] = set()
        parent_id = node.get("parent_id")
        while str(parent_id) not in visited:
            visited.add(str(parent_id))
            parent, parent_id = self._parent(parent_id)
            if parent is not None:
                yield parent

    def _climb(self, node: Node) -> Owner:
        visited: set[str] = set()
        parent_id = node.get("parent_id")
        while True:
            arn = own_arn(node)
            if arn:
                return Owner(arn)
            parent, grandparent_id = self._parent(parent_id)
            if parent is None:
                # a part of a document without the document: what it belongs to did not arrive
                return Owner(None, known=not is_part(node))
            if _is_another_process(node, parent):
                # whose a document without an origin is cannot be known, unless a call led to it
                return Owner(None, known=node.get("origin") is not None or _is_request(parent))
            if str(parent_id) in visited:
                return Owner(None)
            visited.add(str(parent_id))
            node, parent_id = parent, grandparent_id

    def _parent(self, node_id: Any) -> tuple[Node | None, str | None]:
        if self._nodes is None:
            self._nodes = {}
            for segment in self._segments:
                for node, parent_id in nodes_below(segment):
                    self._nodes.setdefault(str(node.get("id")), (node, parent_id))
        return self._nodes.get(str(node_id), (None, None))


def own_arn(node: Node) -> str | None:
    """The key of the workload that a document or subsegment names itself: its ARN where it has one."""
    function_arn = dict_of(node.get("aws")).get("function_arn")
    if isinstance(function_arn, str) and not is_call(node):
        arn = workload_arn(function_arn)
        if arn:
            return arn
    resource_arn = node.get("resource_arn")
    if isinstance(resource_arn, str) and node.get("origin") in _OF_A_WORKLOAD:
        return workload_arn(resource_arn)
    workload = own_workload(node)
    return workload.text if workload is not None else None


def _is_another_process(node: Node, parent: Node) -> bool:
    """Whether the step from a node to its parent leaves the process that the node ran in.

    A segment whose parent is a call was made by what was called; so was one of another origin. A document
    of Lambda's belongs to the function, and one without an origin if it is of OpenTelemetry in Lambda: it
    says so, or stands right below a document of Lambda's.
    """
    if is_part(node):
        return False
    origin = node.get("origin")
    if origin is not None:
        return origin not in LAMBDA_ORIGINS or _is_request(parent)
    right_below = "trace_id" in parent or parent.get("name") in _PHASES
    return _is_request(parent) or not (right_below or is_opentelemetry(node))


def _is_request(node: Node) -> bool:
    """Whether a node is a request to another process."""
    return node.get("namespace") == "remote" or is_call(node)

"""The edits of one file, checked together and each alone. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple, Protocol

from scanner.model import Disposition, Finding, Fix
from scanner.templates.edits.agreement import leaves_of
from scanner.templates.edits.compose import Composed, composed
from scanner.templates.edits.declared import are_without
from scanner.templates.edits.namers import DATA, check_namers
from scanner.templates.edits.pieces import Piece, pieces, without
from scanner.templates.edits.recheck import are_less
from scanner.templates.edits.swap import Swap
from scanner.templates.edits.texts import Changed, sources_of
from scanner.templates.places import PolicyPlace, RolePlace
from scanner.templates.read import roles_in, text_of
from scanner.templates.steps import Steps
from scanner.templates.written import CannotCutError, Leaf, Span
from scanner.text.escape import well_formed
from scanner.text.patch import Change, hunks_around

MAX_CHECKED = 4_000_000  # characters: of texts that are read again with edits, some seconds
_NOT_THE_SAME = "the text would not be the same without it"
_OTHER_ROLES = "the template would declare other roles, not the same ones without it"
_NOT_CUT = "nothing of the file is cut for it alone"
_UNREAD = "the file cannot be read"
_MARK = b"\xef\xbb\xbf"  # a byte order mark


class Removal(NamedTuple):
    """A finding, what to remove so that it is gone, and the policy that it stands in."""

    finding: Finding
    leaves: frozenset[Leaf]
    policy: PolicyPlace


class Files(Protocol):
    """The files of a checkout, with their bytes."""

    @property
    def steps(self) -> Steps:
        """The steps that are left."""

    def content(self, path: str) -> bytes | None:
        """The bytes of a file, None where there is none or it is not read."""

    def text(self, path: str) -> str | None:
        """The text of a file, None where there is none or it is not read."""

    def names(self, folder: str) -> Sequence[str]:
        """The names of the files in a folder."""


class FileEdits:
    """Edits of the file at a path, which is a template or a part of some."""

    def __init__(self, path: str, files: Files, roles: Sequence[RolePlace]) -> None:
        self._path = path
        self._files = files
        self._content = files.content(path) or b""
        self._text = text_of(path, self._content) or ""
        sources = {role: sources_of(role) for role in roles}
        self._syntax = next(
            source.syntax for its in sources.values() for source in its if source.path == path
        )
        templates = {role.path for role, its in sources.items() if any(s.path == path for s in its)}
        self._roles = {
            template: [role for role in roles if role.path == template] for template in sorted(templates)
        }
        self._others = {role.path for role in roles} - templates
        self._users: dict[Leaf, list[RolePlace]] = defaultdict(list)
        for its in self._roles.values():
            for user in its:
                for leaf in leaves_of(user):
                    self._users[leaf].append(user)
        self._left = MAX_CHECKED

    def fixes(self, removals: Sequence[Removal]) -> tuple[list[Fix], dict[str, str]]:
        """The edits for findings, and why there is none for others."""
        notes: dict[str, str] = {}
        try:
            found = self._pieces(removals)
        except CannotCutError:
            removals = self._possible(removals, notes)
            try:
                found = self._pieces(removals) if removals else []
            except CannotCutError as error:
                return [], {**notes, **{removal.finding.id: str(error) for removal in removals}}
        cut = frozenset[str]().union(*(piece.findings for piece in found))
        notes |= {r.finding.id: _NOT_CUT for r in removals if r.finding.id not in cut}
        return [self._fix(piece, removals) for piece in self._independent(found, removals)], notes

    def swap(self, swap: Swap) -> Fix | None:
        """The edit that puts something smaller in a place, None where that is not what it would do."""
        node = swap.leaf.node
        try:
            self._check_namers({node})
            replacement = self._syntax.replaced(self._text, node, swap.values)
            new = self._text[: node.start] + replacement + self._text[node.end :]
            is_less = all(are_less(roles, self._roles_in(path, new)) for path, roles in self._roles.items())
        except CannotCutError:
            return None
        if not is_less:
            return None
        change = Change(self._byte(node.start), self._byte(node.end), replacement.encode())
        return self._record(change, swap.findings, "needs-a-look", swap.why)

    def _possible(self, removals: Sequence[Removal], notes: dict[str, str]) -> list[Removal]:
        """The removals that can be made alone."""
        possible = []
        for removal in removals:
            try:
                self._pieces([removal])
                possible.append(removal)
            except CannotCutError as error:
                notes[removal.finding.id] = str(error)
        return possible

    def _pieces(self, removals: Sequence[Removal]) -> list[Piece]:
        """The pieces to cut for all of these. Raises CannotCutError where the result is not as it must be."""
        if self._left < 0:
            raise CannotCutError("the file has more findings than edits are made for")
        self._left -= len(self._text)
        leaves, its, cuts = self._cuts(removals)
        nodes = its.nodes
        spans = {leaf.node for leaf in nodes}
        self._check_namers(spans)
        new = without(self._text, cuts)
        if not self._syntax.is_without(self._text, spans, new):
            raise CannotCutError(_NOT_THE_SAME)
        for template, roles in self._roles.items():
            if not are_without(roles, leaves | nodes, self._roles_in(template, new)):
                raise CannotCutError(_OTHER_ROLES)
        gone = {leaf: {leaf.node, *(other.node for other in its.instead.get(leaf, ()))} for leaf in leaves}
        return pieces(
            cuts, {r.finding.id: frozenset().union(*(gone[leaf] for leaf in r.leaves)) for r in removals}
        )

    def _cuts(self, removals: Sequence[Removal]) -> tuple[frozenset[Leaf], Composed, tuple[Span, ...]]:
        """What goes with some removals, what to remove for that, and the cuts. Raises CannotCutError."""
        leaves = frozenset(leaf for removal in removals for leaf in removal.leaves)
        roles = dict.fromkeys(role for leaf in leaves for role in self._users.get(leaf, ()))
        its = composed(leaves, tuple(roles))
        return leaves, its, self._syntax.cuts(self._text, {leaf.node for leaf in its.nodes})

    def _check_namers(self, nodes: Collection[Span]) -> None:
        """Raises CannotCutError where something else may read the file, which is a part of templates."""
        if self._path not in self._roles and self._path.endswith(DATA):
            check_namers(self._path, self._text, nodes, *self._templates)

    @cached_property
    def _templates(self) -> tuple[dict[str, str], dict[str, str]]:
        """The texts of the templates that the file is a part of, and of the others."""
        users, others = (
            {template: self._files.text(template) or "" for template in sorted(its)}
            for its in (self._roles, self._others)
        )
        return users, others

    def _roles_in(self, template: str, new: str) -> Sequence[RolePlace]:
        text = new if template == self._path else self._files.text(template)
        roles = roles_in(template, text or "", Changed(self._files, self._path, new, Steps()))
        if roles is None:
            raise CannotCutError(_UNREAD)
        return roles

    def _independent(self, found: Sequence[Piece], removals: Sequence[Removal]) -> list[Piece]:
        """The pieces that can be cut alone as together; one that cannot is one with the nearest."""
        independent: list[Piece] = []
        todo = list(found)
        while todo:
            if len(todo) == 1 and not independent:
                return todo
            piece = todo.pop()
            if self._is_independent(piece, removals):
                independent.append(piece)
                continue
            nearest = min([*independent, *todo], key=piece.distance)
            (todo if nearest in todo else independent).remove(nearest)
            todo.append(piece.with_other(nearest))
        return sorted(independent)

    def _is_independent(self, piece: Piece, removals: Sequence[Removal]) -> bool:
        """Whether the same is cut for a piece alone. What it leaves is checked again when it is made."""
        of_piece = [removal for removal in removals if removal.finding.id in piece.findings]
        try:
            return self._cuts(of_piece)[2] == piece.cuts
        except CannotCutError:
            return False

    def _fix(self, piece: Piece, removals: Sequence[Removal]) -> Fix:
        of_piece = [removal for removal in removals if removal.finding.id in piece.findings]
        start, end = self._byte(piece.span.start), self._byte(piece.span.end)
        careful = any(r.policy.kind == "managed" and r.policy.statements is not None for r in of_piece)
        change = Change(start, end, self._original(piece))
        how: Disposition = "needs-a-look" if careful else "safe"
        return self._record(change, piece.findings, how, _why(of_piece, careful=careful))

    def _record(self, change: Change, findings: frozenset[str], disposition: Disposition, why: str) -> Fix:
        start, end, replacement = change
        difference = b"".join(hunks_around(self._content, change)).decode(errors="replace")
        line = self._content.count(b"\n", 0, start) + 1
        return Fix(
            path=self._path,
            start=start,
            end=end,
            line=line,
            end_line=line + self._content.count(b"\n", start, max(start, end - 1)),
            before=self._content[start:end].decode(),
            replacement=replacement.decode(),
            digest=sha256(self._content).hexdigest(),
            findings=tuple(sorted(findings)),
            disposition=disposition,
            why=why,
            diff=tuple(well_formed(line.rstrip("\r")) for line in difference.split("\n")[:-1]),
        )

    def _byte(self, place: int) -> int:
        """The place of a character among the bytes of the file."""
        mark = len(_MARK) if self._content.startswith(_MARK) else 0
        return mark + len(self._text[:place].encode())

    def _original(self, piece: Piece) -> bytes:
        """What stays between the cuts of a piece, as the file has it."""
        kept, place = [], piece.span.start
        for cut in piece.cuts:
            kept.append(self._content[self._byte(place) : self._byte(cut.start)])
            place = cut.end
        return b"".join(kept)


def _why(removals: Sequence[Removal], *, careful: bool) -> str:
    """What an edit does."""
    actions = list(dict.fromkeys(action for removal in removals for action in removal.finding.actions))
    more = f" and {len(actions) - 3} more" if len(actions) > 3 else ""
    what = f"removes {', '.join(actions[:3])}{more}: nobody used what it removes"
    if careful:
        return f"{what}; the policy may be attached to roles that were not compared"
    if any(removal.policy.indexed_name for removal in removals):
        return f"{what}; where a whole policy goes, SAM names the role's later ones anew"
    return what

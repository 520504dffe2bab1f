"""The reader of Terraform's and OpenTofu's files. Pure.

A file's declarations are the roles that stand in it, with all that their module says of them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from scanner.templates.framework import Declarations, Framework
from scanner.templates.hcl import hcl
from scanner.templates.steps import Steps
from scanner.templates.terraform.blocks import SUFFIXES, Module
from scanner.templates.terraform.module import found_in
from scanner.templates.written import Checkout

_WORDS = ("aws_iam_", "terraform-aws-modules/lambda", "terraform-aws-lambda", '"./', '"../')


class _WithText(NamedTuple):
    """A checkout in which the file that is read has the text that is given."""

    checkout: Checkout
    path: str
    given: str

    @property
    def steps(self) -> Steps:
        """The steps that are left."""
        return self.checkout.steps

    def text(self, path: str) -> str | None:
        """The text of a file."""
        return self.given if path == self.path else self.checkout.text(path)

    def names(self, folder: str) -> Sequence[str]:
        """The names of the files in a folder."""
        return self.checkout.names(folder)


def _read(path: str, text: str, checkout: Checkout) -> Declarations:
    hcl(text)  # raises where this file cannot be read; others of the module may be left out
    found = found_in(Module(posixpath.dirname(path), _WithText(checkout, path, text)))
    its = found.get(path)
    if its is None:
        return Declarations()
    declared = {address for other in found.values() for address in other.roles}
    attachments = [
        attachment
        for file, other in found.items()
        for attachment in other.attachments
        if attachment.role_id in its.roles or (file == path and attachment.role_id not in declared)
    ]
    uses = [use for other in found.values() for use in other.uses if use.role_id in its.roles]
    return Declarations(its.roles, tuple(uses), tuple(attachments))


TERRAFORM = Framework(
    suffixes=SUFFIXES,
    is_named=lambda file: file.endswith(SUFFIXES),
    may_be=lambda _, text: any(word in text for word in _WORDS),
    read=_read,
)

"""The reader of Terraform's and OpenTofu's files. Pure.

A file's declarations are the roles that stand in it, with all that their module says of them.
"""

from __future__ import annotations

import posixpath

from scanner.templates.framework import Declarations, Framework
from scanner.templates.hcl import hcl
from scanner.templates.terraform.blocks import SUFFIXES, Module
from scanner.templates.terraform.module import found_in
from scanner.templates.written import Checkout

_WORDS = ("aws_iam_", "terraform-aws-modules/lambda", "terraform-aws-lambda", '"./', '"../')


def _read(path: str, text: str, checkout: Checkout) -> Declarations:
    hcl(text)  # raises where this file cannot be read; others of the module may be left out
    found = found_in(Module(posixpath.dirname(path), checkout))
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

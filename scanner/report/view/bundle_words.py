"""What was used of a framework's bundle and what fits in its place, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.report.records import BundleUse
from scanner.report.view.viewed import listed
from scanner.verdict.bundle_table import AWS


def use_of_bundle(bundle: BundleUse, confirmed: bool, replacement: str) -> str:
    """What was used of a bundle, and what fits in its place.

    `confirmed` tells of its findings; `replacement` is what a policy of AWS can give way to.
    """
    if not bundle.used and (bundle.fits or bundle.smaller):
        return f"used, though not known for what; {_what_fits(bundle, replacement)}"
    if not bundle.used:
        unused = "never used" if confirmed else "not surely used"
        return f"{unused}; detach it" if bundle.framework == AWS and confirmed else unused
    was = "was" if len(bundle.used) == 1 else "were"
    return f"only {listed(_names(bundle.used))} {was} used; {_what_fits(bundle, replacement)}"


def _what_fits(bundle: BundleUse, replacement: str) -> str:
    if bundle.smaller is None and bundle.framework == AWS:
        return f"replace by {replacement}"
    if bundle.smaller is None:
        return "no smaller one fits" if bundle.fits else "a policy of your own fits"
    if not bundle.unless:
        return f"{bundle.smaller} fits"
    needed = "is" if len(bundle.unless) == 1 else "are"
    return f"{bundle.smaller} fits unless {listed(_names(bundle.unless))} {needed} needed unseen"


def _names(actions: Iterable[str]) -> list[str]:
    return [action.partition(":")[2] for action in actions]

"""The Markdown: harmless whatever the names are, complete, and within its limit."""

from __future__ import annotations

import re
from dataclasses import replace

from scanner.gate.config import TeamConfig
from scanner.gate.rules import IgnoreRule
from scanner.mapping.overrides import ExtraUntraced
from scanner.model import Denied
from scanner.report.markdown import comment, markdown
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.cases import allow, compared, deny, function, function_arn, policy, table, usage, used
from tests.unit.report.examples import COMPARE, EVIL, GET, SCAN, bundle_scan, scan_result
from tests.unit.report.views import viewed


def test_the_markdown_of_odd_names_holds_none_of_their_markup() -> None:
    seen = usage(name=EVIL, services=["dynamodb"])
    odd = function(EVIL)
    grant = policy(allow(f"dynamodb:{EVIL}", EVIL, Sid=EVIL), name=EVIL)
    scan = scan_result([compared([grant], [seen], functions=[odd])], [seen], [odd])
    text = markdown(viewed(scan, COMPARE))
    for outside in text.split("```")[0::2]:
        assert "<b>" not in outside
        assert "@team" not in outside
        assert "[a](b)" not in outside
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_no_claim_and_no_reason_of_a_rule_can_dress_up_the_table() -> None:
    evil = "x | y @org/team <img src=x> [a](http://evil)"
    config = TeamConfig(untraced=(ExtraUntraced(1, "dynamodb:scan", "unobservable", evil),))
    reads = usage(used((GET, table("t"))))
    role = compared([policy(allow(SCAN, table("t")))], [reads], config=config)
    scan = scan_result([role], [reads], [function()])
    text = markdown(viewed(scan, COMPARE, failing_ids={finding.id for finding in scan.findings}))
    assert "#### What fails the check" in text
    assert not any(part in text for part in ("<img", "@org", "x | y", "[a](http"))


def test_the_reason_of_a_rule_is_hidden_in_public_as_all_else() -> None:
    rule = IgnoreRule(1, "role of account 999988887777 needs it", action="dynamodb:scan")
    reads = usage(used((GET, table("t"))))
    grants = policy(allow([GET, SCAN], table("t")))
    role = compared([grants], [reads], config=TeamConfig(ignores=(rule,)))
    scan = scan_result([role], [reads], [function()])
    assert "999988887777" in markdown(viewed(scan, COMPARE))
    assert "999988887777" not in markdown(viewed(scan, COMPARE, PUBLIC_REDACTION))


def test_denials_of_many_workloads_stand_below_their_cause() -> None:
    denials = (Denied(SCAN, EVIL, 2, "no", "no-identity-policy"), Denied(GET, "t", 1, "no", "boundary"))
    seen = [replace(usage(name=name), denied=denials) for name in ("f", "g")]
    view = viewed(scan_result([], seen), COMPARE)
    for text in (markdown(view), comment(view, 60_000)):
        assert text.count("no policy of the role allows it") == 1
        assert text.count("permissions boundary does not allow it") == 1
        assert "  - <code>dynamodb&#58;GetItem</code> on <code>t</code> (2): <code>f, g</code>\n" in text
        assert "<b>" not in text


def test_how_much_was_sampled_and_what_is_always_denied_is_in_the_comment() -> None:
    reads = usage(used((GET, table("t"))))
    grants = policy(allow(GET, table("t")), allow("sqs:SendMessage"), deny("sqs:*"))
    scan = scan_result([compared([grants], [reads])], [reads], [function()])
    text = markdown(viewed(replace(scan, invocations={function_arn("f"): 400}), COMPARE))
    assert "1 trace of 400 invocations" in text
    assert "always denied" in text


def test_however_many_findings_fail_beside_the_excess_the_comment_keeps_within_its_limit() -> None:
    reads = usage(used((GET, table("t"))))
    keys = [
        allow("kms:Decrypt", f"arn:aws:kms:us-east-1:123456789012:key/{n}", Sid=f"S{n}") for n in range(400)
    ]
    role = compared([policy(allow([GET, SCAN], table("t")), *keys)], [reads])
    scan = scan_result([role], [reads], [function()])
    text = markdown(viewed(scan, COMPARE, failing_ids={finding.id for finding in scan.findings}), 20_000)
    assert len(text.encode()) <= 20_000
    assert "dynamodb&#58;Scan" in text
    assert re.search(r"and \d+ more", text)


def test_the_grants_of_a_bundle_stand_below_it_in_its_row() -> None:
    lines = markdown(viewed(bundle_scan(), COMPARE)).splitlines()
    bundle = "<code>CDK grantReadData</code> on <code>table/t</code>"
    row, fold = (line for line in lines if bundle in line)
    assert row.startswith("| 🟠 ") and "<sub>only GetItem was used; no smaller one fits</sub>" in row
    below = lines[lines.index(fold) :]
    assert any(line.startswith("  - <code>dynamodb&#58;BatchGetItem, ") for line in below)

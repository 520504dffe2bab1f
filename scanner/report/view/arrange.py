"""A report, arranged for reading. Pure."""

from __future__ import annotations

from scanner.model import EXCESS, Verdict
from scanner.report.records import Report
from scanner.report.view import accepted, parts
from scanner.report.view.bundles import in_bundles
from scanner.report.view.denials import denials_of
from scanner.report.view.filter_notice import filter_notice
from scanner.report.view.groups import groups_of, totals_of
from scanner.report.view.headline import facts, headline
from scanner.report.view.history import since_last_run
from scanner.report.view.merged import merged_calls, merged_rows
from scanner.report.view.never_traced import never_traced
from scanner.report.view.rows import rows_of
from scanner.report.view.suggestions import suggestions
from scanner.report.view.values import Row, View
from scanner.report.view.viewed import ViewedReport, is_remainder, is_to_act_on


def view_of(report: Report, *, names_hidden: bool = False) -> View:
    """Everything that is shown of a scan: the worst first. The report holds only what may be shown.

    With `names_hidden`, rows that look the same are one.
    """
    merged = merged_rows if names_hidden else list[Row]
    viewed = ViewedReport(report)
    all_rows = rows_of(viewed)
    rows = [row for row in all_rows if not row.finding.accepted]
    every_excess = [row for row in rows if row.finding.verdict in EXCESS]
    excess = [row for row in every_excess if is_to_act_on(row.role, row.finding)]
    remainders = [row for row in every_excess if is_remainder(row.role, row.finding)]
    shown = in_bundles(excess)
    confirmed = merged([row for row in shown if row.confirmed])
    unconfirmed = merged([row for row in shown if not row.confirmed])
    rest = [row for row in rows if row.finding.verdict not in EXCESS]
    others = merged([row for row in rest if row.fails])
    totals = totals_of(viewed)
    denied = merged_calls(parts.denied_calls(viewed))
    return View(
        noun=viewed.noun,
        names_hidden=names_hidden,
        headline=filter_notice(report) or headline(viewed, totals, confirmed),
        facts=facts(report),
        gate=report.gate,
        totals=totals,
        delta=accepted.delta(report),
        since=since_last_run(viewed, (*others, *confirmed, *unconfirmed)),
        never_traced=never_traced(viewed),
        others=others,
        other_groups=groups_of(others),
        groups=groups_of(confirmed),
        doubts=groups_of(unconfirmed),
        remainders=groups_of(merged(in_bundles(remainders))),
        confirmed=confirmed,
        unconfirmed=unconfirmed,
        reasons=parts.reasons(viewed, excess),
        suggestions=suggestions(viewed, excess),
        unobservable=[row for row in rest if not row.fails and row.finding.verdict is Verdict.UNOBSERVABLE],
        ineffective=parts.ineffective_grants(rows),
        traced_shares=parts.traced_shares(viewed),
        accepted=merged([row for row in all_rows if row.finding.accepted]),
        accepted_facts=accepted.lines(report),
        redundant_grants=parts.redundant_grants(viewed),
        dangers=parts.dangers(report, excess),
        workloads=parts.workload_counts(viewed),
        denied=denied,
        denials=denials_of(denied),
        allowed_elsewhere=merged_calls(parts.allowed_elsewhere(viewed)),
        policies_for_denied=parts.policies_for_denied(viewed),
        unmapped=parts.unmapped_calls(report),
        warnings=parts.warnings(report),
    )

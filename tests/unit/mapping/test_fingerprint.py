"""The fingerprint of what turns calls into permissions."""

from __future__ import annotations

from scanner.mapping.fingerprint import fingerprint
from scanner.mapping.overrides import Operation, ResourceTemplate

PUT = Operation(3, "dynamodb", "putitem", ("dynamodb:PutItem",))
STREAM = ResourceTemplate(4, "kinesis:*", "arn:{partition}:kinesis:{region}:{account}:stream/{stream_name}")


def test_what_a_team_knows_better_makes_another_one() -> None:
    all_of_them = {fingerprint(), fingerprint([PUT]), fingerprint((), [STREAM]), fingerprint([PUT], [STREAM])}
    assert len(all_of_them) == 4


def test_where_it_stands_in_the_file_does_not_matter() -> None:
    moved = Operation(30, PUT.service, PUT.operation, PUT.requires)
    assert fingerprint([PUT]) == fingerprint([moved])

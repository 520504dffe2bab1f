"""Partitions, regions and hosts: botocore's data decide."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from scanner.mapping.names import names_in
from scanner.mapping.partitions import partition_of, partitions, region_in, service_part
from scanner.mapping.services import prefix_of


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("us-east-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("ap-newest-9", "aws"),
        ("de-east-1", None),
        ("sqs", None),
        ("", None),
    ],
)
def test_the_partition_of_a_region(region: str, partition: str | None) -> None:
    assert partition_of(region) == partition


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("sqs.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("vpce-1a2b.sqs.us-east-1.vpce.amazonaws.com", "us-east-1"),
        ("my-us-east-1-proxy.internal", ""),
        ("queue.amazonaws.com", ""),
    ],
)
def test_a_region_is_a_whole_label_of_a_host(host: str, region: str) -> None:
    assert region_in(host) == region
    assert names_in("sqs", {"queue_url": f"https://{host}/123456789012/q"}).region in (region, "us-east-1")


def test_hosts_of_every_partition_name_their_service() -> None:
    for partition in partitions():
        region = min(region for region in partition.regions if not region.endswith("-global"))
        for suffix in partition.suffixes:
            assert service_part(f"sqs.{region}.{suffix}") == f"sqs.{region}"
            assert prefix_of(f"sqs.{region}.{suffix}") == "sqs"
    assert service_part("amazonaws.com.example.org") is None


def test_the_table_is_botocores() -> None:
    data = json.loads(resources.files("botocore").joinpath("data/partitions.json").read_text("utf-8"))
    assert {p["id"]: p["regionRegex"] for p in data["partitions"]} == {
        partition.name: partition.pattern.pattern for partition in partitions()
    }


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("sqs-fips.us-east-1.amazonaws.com", "sqs"),
        ("fips.s3.us-gov-west-1.amazonaws.com", "s3"),
        ("bucket.s3-us-west-2.amazonaws.com", "s3"),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3"),
        ("123456789012.ddb.us-east-1.amazonaws.com", "dynamodb"),
    ],
)
def test_hosts_name_their_service_in_several_ways(host: str, service: str) -> None:
    assert prefix_of(host) == service

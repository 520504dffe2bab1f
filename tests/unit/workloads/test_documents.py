"""What the AWS command line prints, recognised by its content."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.workload_config import workload_config
from scanner.workloads.documents import forms, joined, recognised
from tests.unit.workloads.computes import MADE, clusters, definition, families, role, service, task

INSTANCE = {"InstanceId": "i-0a1b2c3d4e", "LaunchTime": MADE}
PRINTED: dict[str, Any] = {
    "task-definition": definition(),
    "task": task(),
    "service": service(),
    "family": families("api"),
    "task-cluster-arn": clusters()[0],
    "task-cluster": clusters()[1],
    "job-definition": {"jobDefinitions": []},
    "instance": {"Reservations": [{"Instances": [INSTANCE]}]},
    "profile-association": {"IamInstanceProfileAssociations": []},
    "profile": {"InstanceProfiles": [{"InstanceProfileName": "p", "Roles": []}]},
    "pod-identity": {"association": {"clusterName": "c", "serviceAccount": "s", "roleArn": role("p")}},
    "pod-identity-summary": {"associations": [{"clusterName": "c", "serviceAccount": "s"}]},
    "cluster": {"cluster": {"name": "c", "identity": {}}},
    "state-machine": {"stateMachineArn": "m", "definition": "{}", "roleArn": role("m")},
    "execution": {"stateMachineArn": "m", "definition": "{}", "roleArn": role("m"), "updateDate": MADE},
    "state-machine-version": {"stateMachineVersions": []},
    "state-machine-summary": {"stateMachines": []},
    "app-runner-service": {"Service": {"ServiceArn": "a", "ServiceName": "n"}},
    "app-runner-summary": {"ServiceSummaryList": []},
    "function": {"Functions": []},
    "event-source-mapping": {"EventSourceMappings": []},
    "event-invoke-config": {"FunctionEventInvokeConfigs": []},
    "alias": {"Aliases": []},
}


def test_every_form_has_an_example() -> None:
    assert {form.name for form in forms()} == PRINTED.keys()


@pytest.mark.parametrize("form", PRINTED)
def test_what_a_command_prints_is_recognised(form: str) -> None:
    found = recognised(PRINTED[form])
    assert found and found.entries.keys() == {form}
    assert found.has_all(form)


@pytest.mark.parametrize(
    "other", [1, "x", None, {}, {"Traces": []}, {"taskDefinition": "x"}, {"tasks": [1]}, [{}]]
)
def test_anything_else_is_not(other: Any) -> None:
    assert recognised(other) is None


def test_a_page_is_not_all() -> None:
    found = recognised({**families("api"), "nextToken": "more"})
    assert found and not found.has_all("family")


def test_an_entry_on_its_own_is_recognised_and_not_all_of_a_list() -> None:
    alone = recognised(INSTANCE)
    assert alone and alone.of("instance") == (INSTANCE,) and not alone.has_all("instance")
    definition_alone = recognised(definition()["taskDefinition"])
    assert definition_alone and definition_alone.has_all("task-definition")


def test_entries_of_several_documents_are_joined_each_once() -> None:
    parts = [recognised(definition()), recognised([definition(), definition("web")])]
    found = joined([part for part in parts if part])
    assert [entry["family"] for entry in found.of("task-definition")] == ["api", "web"]


# --- the option ----------------------------------------------------------------------------------


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def forms_in(*paths: Path) -> set[str]:
    documents = workload_config(paths).documents
    assert documents is not None
    return set(documents.entries)


def test_files_lines_and_packed_files_are_read_whatever_they_are_called(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(one) for one in (definition(), service()))
    pretty = "\n".join(json.dumps(one, indent=2) for one in (definition("web"), task()))
    paths = [
        write(tmp_path / "a.txt", json.dumps(definition())),
        write(tmp_path / "b", lines),
        write(tmp_path / "c", pretty),
        write(tmp_path / "d", gzip.compress(json.dumps(families("api")).encode())),
    ]
    assert forms_in(*paths) == {"task-definition", "service", "task", "family"}


def test_in_a_folder_other_files_are_skipped_and_named(tmp_path: Path) -> None:
    write(tmp_path / "ecs" / "api.json", json.dumps(definition()))
    write(tmp_path / "iam.json", json.dumps({"RoleDetailList": []}))
    write(tmp_path / "notes.txt", "x")
    config = workload_config([tmp_path])
    assert config.documents and set(config.documents.entries) == {"task-definition"}
    (warning,) = config.warnings
    assert warning.code == "file-ignored" and "--iam takes it" in warning.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"RoleDetailList": []}', "a file of roles and policies: --iam takes it"),
        ('{"Traces": []}', "saved traces: --traces takes it"),
        ("{}", "JSON of another kind"),
        ("<html>", "it looks like an HTML page"),
        ('{"taskDefinition": {', "not JSON"),
        (json.dumps(definition()) + '\n{"Traces": []}', "also holds something else"),
    ],
)
def test_a_named_file_that_is_something_else_ends_the_run(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ScanError) as raised:
        workload_config([write(tmp_path / "x.json", content)])
    assert raised.value.exit_code == EXIT_USAGE
    assert said in str(raised.value), str(raised.value)
    assert str(raised.value).startswith("--workload-config: ")


def test_a_folder_without_any_and_a_path_without_anything_end_the_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ScanError) as raised:
            workload_config([path])
        assert raised.value.exit_code == EXIT_USAGE


def test_without_the_option_nothing_is_read() -> None:
    assert workload_config(()).documents is None

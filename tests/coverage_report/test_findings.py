"""The findings for Security Hub (ASFF) and in OCSF: valid, and with the same identifiers from run to run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.security_hub_api import errors_in
from coverage_report.tasks import ACCOUNT, PLANTED, REGION, instrumented, plain, registered
from sysdig_instrument.coverage import asff, ocsf
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.findings import findings_of
from sysdig_instrument.coverage.report import Report
from sysdig_instrument.coverage.survey import Scope, survey
from sysdig_instrument.engine.settings.layers import merge_layers

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PAGE = "https://example.com/troubleshooting.md"


def region(web: dict[str, Any], revision: int = 1) -> FakeEcsRegion:
    made = FakeEcsRegion()
    made.run("shop", web, 2, revision, group="service:web")
    made.run("shop", registered(plain(), family="batch"), revision=revision, group="anything, once")
    made.run("shop", registered(plain(), family="left", tags=[{"key": "sysdig-instrument", "value": "false"}]))
    made.run("shop", registered(plain("host"), family="host"), launchType="EC2")
    made.error_codes["DescribeTaskDefinition"] = ""
    return made


def report_on(*regions: FakeEcsRegion) -> Report:
    return survey(FakeEcs(*regions).account, Scope(tuple(each.name for each in regions)), merge_layers(), NOW)


def by_name(items: list[Any]) -> dict[str, Any]:
    return {each["Resources"][0]["Id"].rsplit("/", 1)[-1]: each for each in items}


def asff_of(report: Report, now: datetime = NOW, page: str = PAGE) -> list[Any]:
    text = asff.render(report, now, page)
    assert PLANTED not in text
    found: list[Any] = json.loads(text)
    return found


def test_security_hub_takes_the_findings() -> None:
    found = asff_of(report_on(region(registered(plain())))) + asff_of(report_on(region(instrumented(family="web"))))
    assert errors_in("BatchImportFindings", {"Findings": found}) == []
    for each in found:
        assert each["SchemaVersion"] == "2018-10-08"
        assert each["ProductArn"] == f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"
        assert each["Types"][0].startswith("Software and Configuration Checks/")
        # The limits of the user guide, «AWS Security Finding Format syntax».
        assert (len(each["Title"]) <= 256, len(each["Description"]) <= 1024, len(each["Id"]) <= 512) == (True,) * 3
        assert len(each["Remediation"]["Recommendation"]["Text"]) <= 512
        datetime.strptime(each["UpdatedAt"], "%Y-%m-%dT%H:%M:%S.%f%z")


def test_what_is_protected_resolves_the_finding_that_failed() -> None:
    before = by_name(asff_of(report_on(region(registered(plain())))))
    later = report_on(region(instrumented(family="web"), revision=2))
    after = by_name(asff_of(later, NOW + timedelta(days=1)))
    assert {name: each["Id"] for name, each in before.items()} == {name: each["Id"] for name, each in after.items()}
    assert len({each["Id"] for each in after.values()}) == 4
    statuses = {name: (before[name]["Compliance"]["Status"], after[name]["Compliance"]["Status"]) for name in before}
    assert statuses == {
        "web": ("FAILED", "PASSED"),
        "batch": ("FAILED", "FAILED"),
        "left": ("NOT_AVAILABLE", "NOT_AVAILABLE"),
        "host": ("NOT_AVAILABLE", "NOT_AVAILABLE"),
    }
    assert (before["web"]["Severity"]["Label"], after["web"]["Severity"]["Label"]) == ("HIGH", "INFORMATIONAL")
    assert after["web"]["UpdatedAt"] > before["web"]["UpdatedAt"]


def test_the_most_urgent_task_decides_about_a_service() -> None:
    made = FakeEcsRegion()
    made.run("shop", instrumented(family="web"), 3, 1, group="service:web")
    made.run("shop", registered(plain()), 1, 2, group="service:web")
    (found,) = findings_of(report_on(made))
    assert (found.status, found.task_count, len(found.task_definitions)) == (TaskStatus.UNPROTECTED, 4, 2)


def test_regions_and_clusters_have_findings_of_their_own() -> None:
    first, second = FakeEcsRegion(), FakeEcsRegion("us-east-1")
    for made, cluster in ((first, "a"), (first, "b"), (second, "a")):
        made.run(cluster, registered(plain()), group="service:web")
    identifiers = [found.identifier for found in findings_of(report_on(first, second))]
    assert len(set(identifiers)) == 3


def test_a_definition_that_was_not_read_is_a_warning() -> None:
    made = region(registered(plain()))
    made.error_codes["DescribeTaskDefinition"] = "AccessDeniedException"
    assert by_name(asff_of(report_on(made)))["web"]["Compliance"]["Status"] == "WARNING"


def test_remediation_links_to_the_code() -> None:
    found = by_name(asff_of(report_on(region(registered(plain())))))
    assert found["web"]["Remediation"]["Recommendation"]["Url"] == f"{PAGE}#si001"
    without = by_name(asff_of(report_on(region(registered(plain()))), page=""))
    assert "Url" not in without["web"]["Remediation"]["Recommendation"]


def test_a_long_description_is_cut() -> None:
    names = [plain(f"container-with-a-rather-long-name-{number}") for number in range(9)]
    made = FakeEcsRegion()
    made.run("c" * 255, registered(*names, family="f" * 255), group=f"service:{'s' * 255}")
    (found,) = asff_of(report_on(made))
    assert len(found["Description"]) == 1024


def test_an_archived_finding_is_one_that_security_hub_takes() -> None:
    earlier = {**asff_of(report_on(region(registered(plain()))))[0], "Sample": False, "WorkflowState": "NEW"}
    earlier["ProductFields"]["aws/securityhub/ProductName"] = "Default"  # as Security Hub adds it
    gone = asff.archived(earlier, NOW + timedelta(hours=1))
    assert errors_in("BatchImportFindings", {"Findings": [gone]}) == []
    assert gone["ProductFields"] == (asff_of(report_on(region(registered(plain()))))[0]["ProductFields"])
    assert (gone["Id"], gone["RecordState"]) == (earlier["Id"], "ARCHIVED")
    assert gone["UpdatedAt"] > earlier["UpdatedAt"]


REQUIRED = {
    "activity_id", "category_uid", "class_uid", "compliance", "finding_info", "metadata", "severity_id", "time", "type_uid",
    "cloud",
}  # fmt: skip
"""What the public schema of OCSF 1.3.0 requires of a Compliance Finding with the profile cloud: events/findings/finding.json,
compliance_finding.json, base_event.json and profiles/cloud.json in ocsf/ocsf-schema."""


@pytest.mark.parametrize("protected", [False, True])
def test_ocsf(*, protected: bool) -> None:
    web = instrumented(family="web") if protected else registered(plain())
    report = report_on(region(web))
    text = ocsf.render(report, NOW, PAGE)
    assert PLANTED not in text
    events = json.loads(text)
    assert len(events) == 4
    for event in events:
        assert event.keys() >= REQUIRED
        assert (event["category_uid"], event["class_uid"]) == (2, 2003)
        assert event["type_uid"] == 200300 + event["activity_id"]
        assert event["metadata"]["version"] == "1.3.0"
        assert event["metadata"]["product"]["vendor_name"]
        assert (event["cloud"]["provider"], event["cloud"]["account"]["uid"]) == ("AWS", ACCOUNT)
        assert event["finding_info"]["uid"]
        assert event["compliance"]["standards"]
        assert event["remediation"]["desc"]
        assert event["severity_id"] in range(7)
        assert event["compliance"]["status_id"] in (0, 1, 2, 3, 99)
        assert event["time"] == int(NOW.timestamp() * 1000)
    (of_web,) = (each for each in events if each["resources"][0]["name"] == "web")
    assert (of_web["compliance"]["status"], of_web["status"]) == (
        ("Pass", "Resolved") if protected else ("Fail", "New")
    )
    ids = {each["finding_info"]["uid"] for each in events}
    assert ids == {each["Id"] for each in asff_of(report)}

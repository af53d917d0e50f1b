"""What scanners find is mended, or stands in tests/security/exceptions.toml with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from .security import scanners
from .security.scanners import Finding


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    scanners.installed()
    return scanners.scan()


@pytest.fixture(scope="module")
def findings(said: dict[str, Any]) -> list[Finding]:
    return scanners.findings(said)


@pytest.mark.parametrize("name", scanners.READERS)
def test_no_finding_is_unexplained(name: str, findings: list[Finding]) -> None:
    known = scanners.exceptions()
    unexplained = [
        str(finding)
        for finding in findings
        if finding.scanner == name and not any(each.matches(finding) for each in known)
    ]
    assert unexplained == []


def test_no_exception_outlives_its_finding(findings: list[Finding]) -> None:
    idle = [
        f"{each.scanner} {each.rule} {each.where}"
        for each in scanners.exceptions()
        if not any(each.matches(finding) for finding in findings)
    ]
    assert idle == []
    assert all(len(each.reason) > 20 for each in scanners.exceptions())


def test_no_package_has_a_known_vulnerability(said: dict[str, Any]) -> None:
    """As far as the advisory service can be asked: what it has not looked at it has not cleared."""
    answer = said["pip-audit"]
    packages = answer.get("dependencies", [])
    looked = [each for each in packages if "vulns" in each]
    if not looked:
        why = answer.get("failed") or packages[0]["skip_reason"]
        pytest.skip(f"pip-audit: no advisory service can be reached from here: {why[-200:]}")
    known = scanners.exceptions()
    found = [
        finding
        for each in looked
        for vuln in each["vulns"]
        if not any(
            known_.matches(finding := Finding("pip-audit", vuln["id"], each["name"], ""))
            for known_ in known
        )
    ]
    assert [str(each) for each in found] == []
    assert [each["name"] for each in packages if "vulns" not in each] == []


def test_no_scanner_is_overwritten_by_what_another_brings() -> None:
    """checkov's fork of detect-secrets is installed as the same package."""
    scanners.installed()
    for folder in (scanners.FOLDER / "scanners", scanners.FOLDER / "secrets"):
        owners: dict[str, set[str]] = {}
        for record in folder.glob("lib/*/site-packages/*.dist-info/RECORD"):
            for line in record.read_text().splitlines():
                name = line.partition(",")[0]
                if name.endswith(".py") and "/" in name:
                    owners.setdefault(name, set()).add(record.parent.name)
        assert len(owners) > 100
        assert {name: both for name, both in owners.items() if len(both) > 1} == {}

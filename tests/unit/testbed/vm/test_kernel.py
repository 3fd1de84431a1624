"""The machine's kernel: its configuration has what the VNFs ask for, and a setting that is lost is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testbed.vm import kernel
from testbed.vm.kernel import CONFIG, kernel_file, missing_options

ROOT = Path(__file__).resolve().parents[4]
FAMILIES = {"inet": "INET", "ip": "IPV4", "ip6": "IPV6", "netdev": "NETDEV", "bridge": "BRIDGE", "arp": "ARP"}


def test_every_family_of_nftables_that_a_vnf_uses_is_asked_for() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "vnfs").glob("*/*") if path.suffix in (".sh", ".jq"))
    used = set(re.findall(rf"\btable ({'|'.join(FAMILIES)})\b", sources))
    assert {"inet", "bridge", "netdev", "ip"} <= used
    assert not [name for name in used if f"CONFIG_NF_TABLES_{FAMILIES[name]}=y" not in CONFIG.read_text().splitlines()]


def test_no_setting_is_there_twice() -> None:
    names = [line.split("=")[0] for line in CONFIG.read_text().splitlines() if line.startswith("CONFIG_")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        ('CONFIG_A=y\nCONFIG_B="b"\nCONFIG_C=y\n', ()),
        ('# CONFIG_A is not set\nCONFIG_B="b"\n', ("CONFIG_A=y",)),
        ("CONFIG_A=m\n", ("CONFIG_A=y", 'CONFIG_B="b"')),
    ],
)
def test_settings_that_kconfig_dropped_are_named(made: str, lost: tuple[str, ...]) -> None:
    assert missing_options('# why\nCONFIG_A=y\nCONFIG_B="b"\n# CONFIG_D is not set\n', made) == lost


def test_another_configuration_is_another_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = kernel_file(tmp_path)
    assert kernel_file(tmp_path) == before
    changed = tmp_path / "kernel.config"
    changed.write_text(f"{CONFIG.read_text()}CONFIG_MORE=y\n")
    monkeypatch.setattr(kernel, "CONFIG", changed)
    assert kernel_file(tmp_path) != before


def test_progress_counts_what_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    now = [0.0]
    monkeypatch.setattr("testbed.vm.kernel.time.monotonic", lambda: now[0])
    progress = kernel._Progress(said.append)
    for second, line in enumerate(["  CC      mm/a.o", "  LD      mm/built-in.o", "", "  CC      net/core/b.o"], 28):
        now[0] = second
        progress(line)
    assert said == ["2 files of the kernel compiled, now net/core"]

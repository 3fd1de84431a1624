"""The text that tells whoever opens a bundle what is in it."""

from __future__ import annotations

from reports.model import RunResult

NAME = "README.md"

_TEXT = """\
# Proof bundle of the run {run}

Scenario *{title}*, started {started:%Y-%m-%d %H:%M:%S} UTC, verdict **{verdict}**.

| file | what it is |
|---|---|
| `attestation.dsse.json` | the SHA-256 of every other file, signed: an in-toto Statement v1 in a DSSE envelope |
| `public-key.pem` | the Ed25519 key that verifies it; its fingerprint is {fingerprint} |
| `result.json`, `junit.xml`, `report.html` | the results, with product version, images, kernel and engines |
| `inputs/scenario.yaml`, `scenario.resolved.json` | the scenario as it was written, and with every default |
| `inputs/order.json` | the requests that ordered the service, as they were sent |
| `inputs/templates/`, `types/`, `vnfs/` | the TOSCA template of the sites and what it imports |
| `evidence/STEP/` | what each step observed (`step.observed.json`), captures: its verdict follows from these alone |
| `state/before-removal/`, `end/` | plans; per site flows, OVSDB, containers; per VNF its status, nft rules, SAs |
| `wireshark/` | a Wireshark profile with the keys of the lab's own tunnels, worthless outside it |

## Verify it

With the test-bed installed (`pip install`), without root, Docker or Open vSwitch:

    lso bundle verify FILE --public-key KEY

It compares the signature, every file, and judges every step again from its evidence.

## Open the captures

    WIRESHARK_CONFIG_DIR=wireshark tshark -r evidence/STEP/NAME.pcap

shows the packets inside the ESP, and so does Wireshark when it is started with that variable.
"""


def readme(result: RunResult, fingerprint: str) -> str:
    """Return the text for the bundle of *result*, signed with the key of that *fingerprint*."""
    scenario = result.scenario
    return _TEXT.format(
        run=result.run_id,
        title=scenario.title,
        started=result.started_at,
        verdict=result.verdict,
        fingerprint=fingerprint,
    )

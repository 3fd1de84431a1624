"""How the commands of each page and help are run: what a reader has done before them, and what he changes in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ELSEWHERE = {
    "make demo": "setup.sh, then the scenario that tests/e2e runs",
    "make test": "that is this run",
    "make setup": "setup.sh, which made what this run needs",
    ".venv/bin/pre-commit install": "writes into the clone; test_habits.py has the file that it reads",
    ".venv/bin/pytest tests/": "they run beside this one",
    "LSO_RECORD_EVIDENCE=/tmp/cases": "as above; what it recorded is in tests/unit/scenarios/evidence",
    "make test-vm": "needs an hour of one core: by hand, before a release; its parts are in tests/unit/testbed/vm",
    "testbed/vm/run.sh": "as make test-vm",
    "vagrant": "needs hardware virtualisation and a box: `vagrant validate` by hand; it runs setup.sh, as this run did",
    "LSO_EXAMPLES=300": "the same tests run with 10 examples, in tests/integration/presto",
    "LSO_STORM=300,40": "the same test runs with fewer orders, in tests/integration/presto",
    "pytest tests/": "they run beside this one",
    "python -m pytest tests/": "they run beside this one",
    "python -m benchmarks": "minutes on a machine of its own; the server and the load are those of test_storm.py",
    "chromium": "it makes a picture anew; test_page_in_a_browser.py opens pages where there is a browser",
    "docker exec -i gateway /vnf/probe": "tests/integration/vnfs/test_probe.py",
    "lso serve --inventory /etc/lso/inventory.json --database postgresql": "the same is on docs/presto-persistence.md",
    "lso ucpe check": "tests/integration/orchestrator/test_ucpe_check.py",
    "lso vnf check": "tests/integration/vnfs/test_check.py",
    "lso vnf add": "as above; here it would be the catalogue of the machine",
    "lso serve --lab poc-two-sites-123456 --auth clients.yaml --host": "needs that address; test_access.py has TLS",
    ".venv/bin/lso run scenarios/poc-two-sites": "tests/e2e/test_endurance.py, several times in a row",
    "lso run scenarios/poc-two-sites": "as above",
    "lso run scenarios/poc-two-sites --prove": "tests/e2e/test_prove.py",
    "lso run my.yaml --prove": "as above",
    "lso run scenarios --report": "test_paths.py finds them all, and tests/e2e runs both",
    "python3 -m venv there": "by hand; tests/unit/lso/bundles/test_offline.py verifies without the rest",
    "there/bin/lso bundle verify": "as above",
    "WIRESHARK_CONFIG_DIR": "tshark is a hundred megabytes that nothing else needs: by hand",
    "lso run scenarios --parallel": "tests/e2e/test_parallel.py, with smaller ones",
    "lso matrix scenarios/matrix/": "tests/e2e/test_matrix.py",
    "lso matrix --rejudge": "as above",
    "./setup.sh": "setup.sh, as this run did",
    ".venv/bin/dask worker": "tests/integration/test_many_machines.py has scheduler and worker with such keys",
    "python3 -m venv .venv": "by hand",
    ".venv/bin/dask scheduler": "as for .venv/bin/dask worker",
    "lso reap": "test_reap.py, in tests/unit/lso/commands and tests/integration/testbed; here labs of others stand",
    "lso down --all": "tests/integration/testbed/test_running_network.py; here labs of others stand",
}
"""Beginning of a command → why the tests of commands do not run it, and what covers it."""


@dataclass(frozen=True)
class Session:
    """A page's commands in one shell: what comes before them, what is changed in them (as a whole, or in part), which
    end with another exit code than 0, and which print something else than the page shows, and why.
    """

    before: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    unlike: Mapping[str, str] = field(default_factory=dict)


RESTCONF = """
API=http://127.0.0.1:8181/restconf/operations
post() { curl -s -H 'Content-Type: application/yang-data+json' -d "$2" $API/$1/; }
state() { post get-connectivity-service-details '{"input":{"service-id-or-name":"acme-office"}}' |
    jq -r '.output.service.name[]? | select(."value-name" == "lso-state").value'; }
until_active() { for try in $(seq 100); do [ "$(state)" = active ] && return; sleep 0.05; done; false; }
until_gone() { for try in $(seq 100); do [ -z "$(state)" ] && return; sleep 0.05; done; false; }
create() { post create-connectivity-service @order.json >create.json && until_active; }
"""
MEF = """
API=http://127.0.0.1:8181/mefApi/legato
ORDERS=$API/serviceOrderingManagement/v6/serviceOrder
order() { curl -s -H 'Content-Type: application/json;charset=utf-8' -d @$1 $ORDERS; }
until_ended() { for try in $(seq 100); do
    curl -s $ORDERS/$1 | grep -Eq 'acknowledged|inProgress' || return 0
    sleep 0.05; done; false; }
"""
DETAILS = 'post get-connectivity-service-details "$NAME"'
FAILING = """order docs/examples/orders/add-ucs.json >/dev/null
listeners=http://127.0.0.1:8181/presto-sdwan/v1/event/listener
for try in $(seq 100); do curl -s $listeners | grep -q failingSince && break; sleep 0.1; done
curl -s $listeners"""
SECRET = """ --role operate --tenant acme --uni site-a-lan0 --uni site-b-lan0 | tee acme.txt
SECRET=$(sed -n 's/^client_secret: \\([^ ]*\\).*/\\1/p' acme.txt)"""
TOKEN = """localhost:8189/oauth2/token | tee token.json
TOKEN=$(jq -r .access_token token.json)"""
SAMPLE = """python - <<'END'
from pathlib import Path
from reports.read import load_run
from reports.write import write_report
write_report(load_run(Path("tests/unit/reports/samples/passed.json")), Path("runs/20260101-120000-poc-two-sites"))
END"""
BUNDLED = """export XDG_STATE_HOME=$PWD/state
python - <<'END'
from pathlib import Path
from tests.bundled import recorded_run
recorded_run(Path("runs/20260101-120000-poc-two-sites"))
END
openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout -out key.pub.pem
"""
"""A run, and a key to sign it with."""
MEASURED = "the sites in memory have no tunnels, whose state and delay could be told"

SERVING = """
SERVE() { lso serve --port 8181 "$@" >serve.txt 2>&1 & SERVER=$!
    for try in $(seq 300); do grep -q ^serving serve.txt && break; sleep 0.1; done
    cat serve.txt; grep -q ^serving serve.txt; }
STOP() { kill -INT $SERVER; wait $SERVER; SERVER=; }
"""
"""A server that is there as soon as it says so, and its end."""

IN_MEMORY = {
    "docs/presto-api.md": Session(
        RESTCONF,
        {
            "post update-": "until_active && post update-",
            "curl -si": "until_active && curl -si",
            DETAILS: f"until_gone; {DETAILS}",
            "post get-topology-list": "create && post get-topology-list",
        },
        unlike={
            "post get-node-edge-point-details": MEASURED,
            DETAILS + """ | jq -c '.output.service | {name, "lifecycle-state"}'""": "it may be gone already",
        },
    ),
    "docs/presto-mef.md": Session(
        MEF, {"curl -s $API/serviceOrderingManagement": "until_ended $ID; curl -s $API/serviceOrderingManagement"}
    ),
    "docs/presto-extensions.md": Session(
        RESTCONF + "create; API=http://127.0.0.1:8181/presto-sdwan/v1",
        unlike={
            "curl -s $API/explain": "the service shown has groups of applications",
            'curl -s "$API/tunnel': MEASURED,
        },
    ),
    "docs/presto-notifications.md": Session(
        MEF + "order order.json >made.json; until_ended $(jq -r .id made.json)",
        {
            "curl -sN": "timeout 2 curl -sN",
            "curl -s http://127.0.0.1:8181/presto-sdwan/v1/event/listener": FAILING,
        },
        codes={"curl -sN": 124},
    ),
    "docs/presto-persistence.md": Session(
        SERVING, {"lso serve ": "SERVE --port 0 ", "/run/postgresql'": "/run/postgresql'; STOP"}
    ),
    "docs/presto-security.md": Session(
        changes={
            " --role operate --tenant acme --uni site-a-lan0 --uni site-b-lan0": SECRET,
            "--port 8189": "--port 8189 & until curl -s localhost:8189/.well-known/jwks.json; do sleep 0.2; done",
            "localhost:8189/oauth2/token": TOKEN,
        }
    ),
    "docs/scenarios.md": Session(codes={"lso run broken.yaml": 2}),
    "docs/matrix.md": Session(codes={"lso matrix mine.yaml": 2}),
    "docs/many-machines.md": Session(),
    "docs/bundles.md": Session(BUNDLED, {"~/.local/state": "$XDG_STATE_HOME"}),
    "docs/reports.md": Session(changes={"/tmp/sample": "sample"}),  # noqa: S108  (what the page says)
    "bundle": Session(BUNDLED),
    "vnf": Session(),
    "client": Session("openssl ecparam -genkey -name prime256v1 -noout | openssl ec -pubout >robot.pem"),
    "order": Session(changes={"0b1c7f3e-2f0c-4d0f-9f55-5a4b6ad9c0f1": "$(lso order list --json | jq -r '.[0].id')"}),
    "docs/prove.md": Session(),
    "validate": Session("cp orchestrator/templates/poc-site.yaml my-site.yaml"),
    "report": Session(SAMPLE),
}
"""Pages and helps whose commands need no lab; a server over uCPEs in memory runs."""

STARTING = (
    SERVING
    + """UP() { lso up "$@" | tee up.txt; LAB=$(sed -n 's/^lab \\([^ ]*\\) is up.*/\\1/p' up.txt); [ "$LAB" ]; }
DOWN() { lso down $LAB && LAB=; }
trap '[ -z "${SERVER:-}" ] || STOP; [ -z "${LAB:-}" ] || DOWN' EXIT
"""
)
"""A lab and a server that are gone with the shell."""
SHORT = """python - <<'END'
from pathlib import Path
import yaml
from scenarios.file.source import read
scenario = read(Path("scenarios/poc-two-sites/scenario.yaml")).data
steps = scenario["steps"]
scenario["steps"] = [step for step in steps if step["id"] in ("POC-01", "POC-02", "POC-03", "POC-04", "POC-05")]
Path("my.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
END"""
"""The user's own scenario: five steps of ours."""
MOMENTS = "which moments of the progress are seen differs"


def touring(lab: str) -> dict[str, str]:
    """The changes of a page that starts a lab of that name and a server."""
    return {
        ".venv/bin/lso": "lso",
        "lso up ": "UP ",
        f"lso serve --lab {lab} &": "SERVE --lab $LAB",
        f"lso down {lab}": "DOWN",
        lab: "$LAB",
    }


ORDERED = """
UP scenarios/poc-two-sites && SERVE --lab $LAB && lso order example >order.yaml && lso order create order.yaml --wait"""
ENROLLED = """STOP
cp $(lso ls --json | jq -r ".[] | select(.id == \\"$LAB\\").folder")/inventory.json .
SERVE --inventory inventory.json --database presto.db; STOP"""
WITH_URL = """echo sqlite:///$PWD/from-file.db >database-url
SERVE --inventory inventory.json --database-from database-url; STOP"""
KEPT = """--keep --until POC-05 | tee kept.txt
LAB=$(sed -n 's/^lab \\([^ ]*\\) is left up.*/\\1/p' kept.txt); DOWN"""

IN_A_LAB = {
    "README.md": Session(
        STARTING,
        touring("poc-two-sites-8123e2"),
        unlike={".venv/bin/lso order create": MOMENTS},
    ),
    "docs/ordering.md": Session(
        STARTING,
        touring("poc-two-sites-19528d"),
        codes={"lso order create order.yaml": 2, "lso order create order.yaml --wait": 0},
        unlike={"lso order create order.yaml --wait": MOMENTS, "lso order example delete-service": MOMENTS},
    ),
    "docs/add-a-vnf.md": Session(),
    "build": Session(),
    "doctor": Session(),
    "ls": Session(STARTING + "UP scenarios/poc-two-sites", touring("poc-two-sites-123456")),
    "up": Session(
        STARTING,
        {"lso serve --lab poc-two-sites-123456": "SERVE --lab $LAB; STOP", **touring("poc-two-sites-123456")},
    ),
    "exec": Session(
        STARTING + ORDERED,
        {"poc-two-sites-123456": "$LAB", "-- tcpdump": "-- timeout 1 tcpdump"},
        codes={"lso exec poc-two-sites-123456 internet -- tcpdump": 124},
    ),
    "down": Session(STARTING + "UP scenarios/poc-two-sites", touring("poc-two-sites-123456")),
    "serve": Session(
        STARTING,
        {
            "lso up ": "UP ",
            "curl -s -X POST": "SERVE --lab $LAB; curl -s --fail -X POST",
            "lso client add": "STOP; lso client add",
            "lso serve --lab poc-two-sites-123456": "SERVE --lab $LAB",
            "lso serve --inventory /etc/lso/inventory.json --database /var/lib/lso/presto.db": ENROLLED,
            "lso serve --inventory /etc/lso/inventory.json --database-from /etc/lso/database-url": WITH_URL,
        },
    ),
    "run": Session(STARTING + SHORT, {"--keep --until POC-05": KEPT}),
}
"""Pages and helps whose commands need a lab, or the Docker Engine."""

"""`lso order …` against a running server: each verb, each exit code, findings at the line they are about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from orchestrator.southbound.memory import MemorySouthbound
from presto.docs.examples import TYPES

NO_ORDER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def order(lso: Any, server: str) -> Callable[..., Any]:
    """`lso order VERB …` at the server."""

    def run(*arguments: str) -> Any:
        return lso("order", *arguments, LSO_URL=server)

    return run


@pytest.fixture
def file(order: Any, tmp_path: Path) -> Path:
    """A file with an order of a service."""
    path = tmp_path / "order.yaml"
    path.write_text(order("example").out, encoding="utf-8")
    return path


def placed(order: Any, file: Path) -> str:
    created = order("create", str(file))
    assert (created.code, created.err) == (0, "")
    return str(created.out.strip())


def test_an_order_is_placed_watched_shown_and_listed(order: Any, file: Path) -> None:
    order_id = placed(order, file)
    watched = order("watch", order_id)
    assert watched.code == 0
    assert watched.out.splitlines()[-1].endswith("order: completed")
    shown = order("show", order_id)
    assert shown.code == 0
    assert f"order {order_id}  completed" in shown.out
    for identifier in ("site-00001-lan0", "offices", "site-00002"):
        assert identifier in shown.out
    assert order_id in order("list", "--state", "completed").out
    assert order("list", "--state", "failed").out == ""
    assert [one["id"] for one in order("list", "--json").json] == [order_id]
    assert order("show", order_id, "--json").json["state"] == "completed"


def test_wait_follows_to_the_end_and_prints_what_programs_read(order: Any, file: Path) -> None:
    ran = order("create", str(file), "--wait", "--json")
    assert (ran.code, ran.json["state"]) == (0, "completed")
    assert "order: completed" in ran.err


def test_every_example_is_carried_out(order: Any, tmp_path: Path) -> None:
    for form, name in enumerate(TYPES):
        file = tmp_path / name
        file.write_text(order("example", name, *(["--json"] if form % 2 else [])).out, encoding="utf-8")
        ran = order("create", str(file), "--wait")
        assert ran.code == 0, (name, ran)
    assert len(order("list", "--json").json) == len(TYPES) == 7


@pytest.mark.parametrize("name", ["add-site", "modify-service", "modify-end-point", "delete-site", "delete-service"])
def test_an_example_that_is_not_possible_yet_says_what_is_missing(order: Any, name: str) -> None:
    ran = order("example", name)
    assert (ran.code, ran.out) == (2, "")
    assert "There is no service" in ran.err


def test_the_first_example_needs_no_server(lso: Any) -> None:
    ran = lso("order", "example", LSO_URL="http://127.0.0.1:9")
    assert ran.code == 0
    identifiers = [item["id"] for item in yaml.safe_load(ran.out)["serviceOrderItem"]]
    assert identifiers == ["uni-site-a", "uni-site-b", "swvc", "end-point-site-a", "end-point-site-b"]


def test_a_failed_site_makes_the_order_fail(order: Any, file: Path, southbound: MemorySouthbound) -> None:
    southbound.fail("site-00002", "create_container", "no space left on device", times=9)
    ran = order("create", str(file), "--wait")
    assert ran.code == 1
    assert "no space left on device" in ran.out
    assert ran.out.splitlines()[-1].startswith("item ")
    (listed,) = order("list", "--json").json
    shown = order("show", listed["id"])
    assert (shown.code, listed["state"]) == (1, "partial")
    assert "no space left on device" in shown.out


def test_what_is_refused_is_told_at_its_line(order: Any, file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    wrong = {"polName: block": "polName: blok", "maxL2FrameSize: 1522": "maxL2FrameSize: 9000"}
    for number, line in enumerate(lines):
        lines[number] = line.replace(line.strip(), wrong.get(line.strip(), line.strip()))
    lines[lines.index(next(line for line in lines if "blok" in line))] = " " * 10 + "polName: block"
    file.write_text("\n".join(lines), encoding="utf-8")
    ran = order("create", str(file))
    assert (ran.code, ran.out) == (2, "")
    for number, line in enumerate(lines, 1):
        if "blok" in line or "9000" in line:
            assert f"{file}:{number}:{len(line) - len(line.lstrip()) + 1}: serviceOrderItem[" in ran.err
    assert ran.err.count("There is no policy") == 1
    assert ran.err.endswith(f"lso: 3 findings, nothing was ordered from {file}\n")
    assert order("list").out == ""


def test_what_is_missing_is_told_at_what_surrounds_it(order: Any, file: Path) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    del document["serviceOrderItem"][2]["service"]["state"]
    file.write_text(json.dumps(document, indent="\t"), encoding="utf-8")
    line = (
        next(n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if '"id": "swvc"' in text) + 2
    )
    ran = order("create", str(file))
    assert ran.code == 2
    assert ran.err.startswith(f"{file}:{line}:4: serviceOrderItem[2].service.state: MEF 99.1 R20: state is missing")


WRONG = {
    "": "1:1: the file is empty",
    "a: [1,\n b: }": "2:5: this is not YAML",
    "- 1\n- 2\n": "1:1: an order is a map",
    "a: 1\na: 2\n": "2:1: a: the key a is here a second time",
    '{"a": 1, "a": 2}': "1:10: a: the key a is here a second time",
    "a: !!python/object:os.system x\n": "the tag tag:yaml.org,2002:python/object:os.system is not allowed",
}


@pytest.mark.parametrize("text", WRONG)
def test_files_that_hold_no_order(order: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text, encoding="utf-8")
    ran = order("create", str(file))
    assert (ran.code, ran.out) == (2, "")
    assert WRONG[text] in ran.err
    assert str(file) in ran.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1,\n "b": }', "2:7: this is not JSON: Expecting value\n"),
        ('{"a": 1,\n "b": ' + "9" * 5000 + "}", "2:7: a number of 5000 characters is too long (text"),
    ],
    ids=["no value", "long number"],
)
def test_bad_json_is_told_as_json(order: Any, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(text, encoding="utf-8")
    ran = order("create", str(file))
    assert ran.code == 2
    assert ran.err.startswith(f"{file}:{told}")


def test_all_files_are_read_before_anything_is_ordered(order: Any, file: Path, tmp_path: Path) -> None:
    ran = order("create", str(file), str(tmp_path / "none.yaml"))
    assert ran.code == 2
    assert "none.yaml: cannot be read: No such file or directory" in ran.err
    assert order("list").out == ""


def test_an_order_under_way_is_cancelled(order: Any, file: Path, southbound: MemorySouthbound) -> None:
    southbound.delay = 0.1
    order_id = placed(order, file)
    cancelled = order("cancel", order_id)
    assert cancelled.code == 0, cancelled
    southbound.delay = 0.0
    assert order("watch", order_id).code == 1
    again = order("cancel", order_id)
    assert (again.code, again.out) == (2, "")


def test_a_cancel_whose_answer_is_lost_is_told_as_done(
    order: Any, file: Path, southbound: MemorySouthbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    southbound.delay = 0.1
    order_id, lost, send = placed(order, file), list[str](), httpx.HTTPTransport.handle_request

    def lose_first(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        answer = send(transport, request)
        if not lost:
            lost.append(answer.read().decode())
            raise httpx.ReadError("connection reset by peer")
        return answer

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lose_first)
    ran = order("cancel", order_id)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"order {order_id} is {json.loads(lost[0])['state']}\n"


def test_an_order_that_is_not_there(order: Any) -> None:
    for verb in ("show", "watch", "cancel"):
        ran = order(verb, NO_ORDER)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("lso: ") and NO_ORDER in ran.err


@pytest.mark.parametrize("verb", [["show", NO_ORDER], ["list"], ["watch", NO_ORDER], ["cancel", NO_ORDER]])
def test_a_server_that_is_not_there(lso: Any, verb: list[str]) -> None:
    ran = lso("order", *verb, "--url", "http://127.0.0.1:9")
    assert (ran.code, ran.out) == (3, "")
    assert "http://127.0.0.1:9 does not answer" in ran.err


def test_credentials_come_from_the_environment_or_files_and_are_never_shown(lso: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden\n", encoding="utf-8")
    away = "http://presto.invalid"
    for environment, told in (
        ({"LSO_TOKEN": "hidden"}, "use https"),
        ({"LSO_CLIENT_ID": "a", "LSO_CLIENT_SECRET_FILE": str(secret)}, "use https"),
        ({"LSO_CLIENT_ID": "a"}, "LSO_CLIENT_ID needs LSO_CLIENT_SECRET"),
        ({"LSO_TOKEN": "hidden", "LSO_CLIENT_ID": "a", "LSO_CLIENT_SECRET": "hidden"}, "keep one of them"),
        ({"LSO_TOKEN_FILE": str(tmp_path / "none")}, "cannot be read: No such file"),
    ):
        ran = lso("order", "list", "--url", away, **environment)
        assert ran.code == 2
        assert told in ran.err
        assert "hidden" not in ran.err + ran.out


@pytest.mark.parametrize("name", ["LSO_TOKEN", "LSO_CLIENT_SECRET"])
@pytest.mark.parametrize("value", ["hid\rden", "hid\nden", "hidd\u00e9n"])
def test_credentials_that_no_header_can_carry_are_not_shown(lso: Any, tmp_path: Path, name: str, value: str) -> None:
    file = tmp_path / "secret"
    file.write_text(value, encoding="utf-8")
    for place, environment in ((name, {name: value}), (f"{name}_FILE: {file}", {f"{name}_FILE": str(file)})):
        ran = lso("order", "list", "--url", "http://127.0.0.1:9", **environment)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == f"lso: {place} has characters that are not printable ASCII: set it anew\n"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_the_line_end_of_a_variable_is_not_the_credentials(lso: Any, server: str, end: str) -> None:
    ran = lso("order", "list", LSO_URL=server, LSO_TOKEN=f"hidden{end}")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("key", ["a\nb", "a\rb", "\u00e9", ""])
def test_a_key_that_no_header_can_carry(order: Any, file: Path, key: str) -> None:
    ran = order("create", str(file), "--key", key)
    assert (ran.code, ran.out) == (2, "")
    assert "argument --key: the Idempotency-Key is not 1 to 255 printable ASCII characters" in ran.err
    assert order("list").out == ""

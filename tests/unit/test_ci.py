"""What CI runs: the tests of a fresh clone with nothing beside it, their last words and their exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")

MAKEFILE = """
test:
	@echo beside: $$(ls ..)
	@echo standards: $${LSO_STANDARDS:-none}
	@echo files: $$(ls)
	%s
"""


class Checkout:
    """A repository with `.ci/run` whose tests end as they are told, in a folder of its own."""

    def __init__(self, folder: Path, last: str) -> None:
        self.path, self.temporary = folder / "checkout", folder / "tmp"
        self.temporary.mkdir(parents=True)
        (self.path / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", self.path / ".ci" / "run")
        (self.path / "Makefile").write_text(MAKEFILE % last, encoding="utf-8")
        self.git("init", "--quiet")
        self.commit("first")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.path, env=self.environment(), check=True, timeout=30)

    def commit(self, name: str) -> None:
        (self.path / name).write_text(name, encoding="utf-8")
        self.git("add", "--all")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", name)

    def environment(self) -> dict[str, str]:
        left_out = {"LSO_STANDARDS", *(name for name in os.environ if name.startswith("GIT_"))}
        return {k: v for k, v in os.environ.items() if k not in left_out} | {"TMPDIR": str(self.temporary)}

    def start(self, **more: str) -> subprocess.Popen[str]:
        command = ["./.ci/run"]
        environment = self.environment() | more
        return subprocess.Popen(
            command, cwd=self.path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def run(self, **more: str) -> tuple[int, list[str]]:
        with self.start(**more) as running:
            out, _ = running.communicate(timeout=60)
        assert list(self.temporary.iterdir()) == [], "nothing is left behind"
        return running.returncode, out.splitlines()


@pytest.mark.parametrize(("last", "code"), [("@echo 3 passed", 0), ("@echo 1 failed; exit 1", 1), ("@exit 5", 5)])
def test_the_exit_code_and_the_last_words_are_those_of_the_tests(tmp_path: Path, last: str, code: int) -> None:
    ended, lines = Checkout(tmp_path, last).run()
    assert ended == code
    assert lines[:2] == ["beside: lso-testbed", "standards: none"]
    assert lines[3:] == [last.removeprefix("@echo ").removesuffix("; exit 1")][: last.count("echo")]


AGAIN = ".venv/bin/pytest --last-failed --last-failed-no-failures=none tests"


def _failing(folder: Path, failures: int, again: str) -> Checkout:
    """A checkout whose pytest remembers that many *failures*, and does *again* when it is called again."""
    checkout = Checkout(folder, "@mkdir -p .pytest_cache/v/cache; cp failures .pytest_cache/v/cache/lastfailed; exit 1")
    names = {f"tests/a.py::test[{number} b]": True for number in range(failures)}
    (checkout.path / "failures").write_text(json.dumps(names, indent=2), encoding="utf-8")
    pytest_again = checkout.path / ".venv" / "bin" / "pytest"
    pytest_again.parent.mkdir(parents=True)
    pytest_again.write_text(f"#!/bin/sh\necho $0 $*\n{again}\n", encoding="utf-8")
    pytest_again.chmod(0o755)
    checkout.commit("failing")
    return checkout


@pytest.mark.parametrize("code", [0, 1])
def test_few_failed_tests_are_run_again_and_named(tmp_path: Path, code: int) -> None:
    ended, lines = _failing(tmp_path, 2, f"exit {code}").run()
    names = ["tests/a.py::test[0 b]", "tests/a.py::test[1 b]"]
    unstable = [f"unstable, to be mended: {name}" for name in names]
    again = [f"failed beside others, run again alone: {name}" for name in names]
    assert (ended, lines[3:]) == (code, [*again, AGAIN, *([] if code else unstable)])


def test_many_failed_tests_are_not_run_again(tmp_path: Path) -> None:
    ended, lines = _failing(tmp_path, 4, "exit 0").run()
    assert (ended, lines[3:]) == (1, [])


def test_what_is_not_committed_does_not_count(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, "@true")
    (checkout.path / "stray").touch()
    assert checkout.run()[1][2] == "files: Makefile first"


def test_published_files_beside_the_checkout_are_used(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, "@true")
    (tmp_path / "shared" / "standards").mkdir(parents=True)
    assert checkout.run()[1][1] == f"standards: {tmp_path}/shared/standards"
    assert checkout.run(LSO_STANDARDS="/elsewhere")[1][1] == "standards: /elsewhere"


def test_a_checkout_of_one_commit_alone(tmp_path: Path) -> None:
    """As CI makes them: shallow, detached, and called with what Git tells its hooks."""
    origin = Checkout(tmp_path / "origin", "@true")
    origin.commit("second")
    checkout = Checkout(tmp_path / "here", "@false")
    shutil.rmtree(checkout.path)
    command = ["git", "clone", "--quiet", "--depth=1", f"file://{origin.path}", str(checkout.path)]
    subprocess.run(command, check=True, env=origin.environment(), timeout=30)
    checkout.git("checkout", "--quiet", "--detach")
    code, lines = checkout.run(GIT_DIR="/nonexistent")
    assert (code, lines[2]) == (0, "files: Makefile first second")


def test_a_checkout_of_another_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    checkout = Checkout(tmp_path, "@true")
    for path in (checkout.path, *checkout.path.rglob("*")):
        os.chown(path, 65534, 65534)
    assert checkout.run()[0] == 0


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["interrupted", "terminated"]
)
def test_stopped_tests_end_in_their_order_and_nothing_is_left(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    """They get SIGINT, at which pytest takes its labs down, and have the time that takes."""
    slow = "@trap 'sleep 0.5; echo taken down; exit 2' INT; echo at work; while :; do sleep 0.1 || :; done"
    checkout = Checkout(tmp_path, slow)
    with checkout.start() as running:
        assert running.stdout
        while "at work" not in running.stdout.readline():
            assert running.poll() is None
        started = time.monotonic()
        running.send_signal(sent)
        out, _ = running.communicate(timeout=30)
    assert time.monotonic() - started < 30
    assert (running.returncode, out) == (code, "taken down\n")
    assert list(checkout.temporary.iterdir()) == []

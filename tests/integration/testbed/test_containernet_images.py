from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

from testbed.containernet import Containernet, NamespaceBridge
from testbed.host.engine import EngineError, engine
from testbed.polling import poll

BASE = "lso/base"
BUSYBOX = """
FROM lso/base AS tools
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static && apt-get clean
FROM scratch
"""
DOCKERFILES = {
    "busybox": BUSYBOX + 'COPY --from=tools /bin/busybox /bin/\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n',
    "shell-less": BUSYBOX + 'COPY --from=tools /bin/busybox /bin/sleep\nENTRYPOINT ["/bin/sleep"]\nCMD ["1000"]\n',
    "entrypoint": f'FROM {BASE}\nENTRYPOINT ["sleep"]\nCMD ["1234"]\n',
    "command": f'FROM {BASE}\nCMD ["sh", "-c", "echo it runs: $0 $HOME; exec sleep 4321", "a b"]\n',
    "user": f"FROM {BASE}\nRUN useradd --create-home -G audio app\nUSER app\nWORKDIR /srv/app\nENV COLOUR=green\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """Images of all kinds, by a word for each; gone after the tests."""
    tags = {word: f"lso-test/{word}" for word in DOCKERFILES}
    for word, text in DOCKERFILES.items():
        engine().images.build(fileobj=io.BytesIO(text.encode()), tag=tags[word], rm=True, forcerm=True)
    yield tags
    for tag in tags.values():
        engine().images.remove(tag, force=True)


def test_an_entry_point_runs_at_start_and_not_before(net: Containernet, images: dict[str, str]) -> None:
    d1 = net.addDocker("d1", dimage=images["entrypoint"])
    assert "1234" not in d1.cmd("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    d1.start()
    assert poll(lambda: "sleep 1234" in d1.cmd("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"), 10, 0.05)
    assert d1.get_entrypoint_field(d1.dimage) == ["sleep"]
    assert d1.get_cmd_field(d1.dimage) == ["1234"]


def test_a_command_runs_with_its_words_and_prints_into_the_containers_log(
    net: Containernet, images: dict[str, str]
) -> None:
    d1 = net.addDocker("d1", dimage=images["command"])
    net.start()
    assert "it runs" not in d1.logs()
    d1.start()
    assert poll(lambda: "it runs: a b /root" in d1.logs(), 10, 0.05)


def test_a_shell_alone_is_not_run_again(net: Containernet) -> None:
    d1 = net.addDocker("d1", dimage=BASE)
    d1.start()
    assert d1.get_cmd_field(BASE) is None
    assert d1.cmd("echo still here").strip() == "still here"


def test_commands_are_the_images_users_in_its_folder_with_its_home(net: Containernet, images: dict[str, str]) -> None:
    d1 = net.addDocker("d1", dimage=images["user"])
    command = ["docker", "exec", d1.dname if d1.pid else "", "sh", "-c", "id; pwd; echo $HOME $COLOUR"]
    want = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.split()
    assert want[-3:] == ["/srv/app", "/home/app", "green"]
    assert d1.cmd("id; pwd; echo $HOME $COLOUR").split() == want
    out, _ = d1.popen("id; pwd; echo $HOME $COLOUR | cat", shell=True).communicate()  # noqa: S604
    assert out.decode().split() == want


def test_words_of_ones_own_set_user_and_folder(net: Containernet) -> None:
    d1 = net.addDocker("d1", dimage=BASE, user="1000:1000", working_dir="/usr", hostname="other")
    assert d1.cmd("id -u; pwd; hostname").split() == ["1000", "/usr", "other"]


def test_popen_takes_a_shell_that_the_node_has(
    net: Containernet, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHELL", raising=False)
    for node in (net.addDocker("d1", dimage=images["busybox"]), net.addHost("h1")):
        out, _ = node.popen("echo $HOME | cat", shell=True).communicate()  # noqa: S604
        assert out.decode().strip() in ("/", "/root")


def test_an_image_with_busybox_alone_has_a_shell(net: Containernet, images: dict[str, str]) -> None:
    d1, d2 = (net.addDocker(name, dimage=images["busybox"]) for name in ("d1", "d2"))
    net.addLink(d1, d2)
    net.start()
    assert d1.cmd("echo from $(hostname)").strip() == "from d1"
    assert d1.cmd("echo again").strip() == "again"
    assert net.pingAll() == 0.0


def test_an_image_without_a_shell_runs_its_own_command_and_says_so(net: Containernet, images: dict[str, str]) -> None:
    d1, s1 = net.addDocker("d1", dimage=images["shell-less"]), net.addSwitch("s1", cls=NamespaceBridge)
    net.addLink(d1, s1)
    net.start()
    with pytest.raises(EngineError, match="d1: the image lso-test/shell-less has no shell, so no command can be typed"):
        d1.cmd("echo")
    assert d1.popen(["/bin/sleep", "0"]).wait() == 0
    d1.start()
    assert d1.dcmd == ""


@pytest.mark.parametrize("image", ["busybox", None])
@pytest.mark.parametrize("length", [999, 1000, 1001, 1500, 4094, 4095, 4096, 50_000])
def test_a_long_command_is_not_cut(net: Containernet, images: dict[str, str], image: str | None, length: int) -> None:
    node = net.addDocker("d1", dimage=images[image]) if image else net.addHost("h1")
    text = ('it\'s "5 $HOME" ü; ' * length)[: length - 20]
    quoted = text.replace("'", "'\\''")
    assert node.cmd(f"printf %s '{quoted}' | wc -c").split()[-1] == str(len(text.encode()))
    assert node.cmd("echo after").strip() == "after"


def test_a_command_tells_its_number_and_can_be_interrupted(net: Containernet, images: dict[str, str]) -> None:
    for name, image in (("d1", BASE), ("d2", images["busybox"])):
        node = net.addDocker(name, dimage=image)
        node.sendCmd("sleep 1000", printPid=True)
        while not node.lastPid:
            node.monitor(timeoutms=1000)
        assert "sleep" in node.popen(["cat", f"/proc/{node.lastPid}/cmdline"]).communicate()[0].decode()
        node.sendInt()
        node.waitOutput()
        assert node.cmd("echo after").strip() == "after"


def test_a_shell_that_ends_is_told_and_the_next_command_has_a_new_one(net: Containernet) -> None:
    d1 = net.addDocker("d1", dimage=BASE)
    with pytest.raises(RuntimeError, match="d1: its shell ended with exit code 3"):
        d1.cmd("exit 3")
    assert d1.cmd("echo new").strip() == "new"


def test_an_image_is_built_when_it_is_asked_for_and_again_when_its_recipe_changed(
    net: Containernet, tmp_path: Path
) -> None:
    def dockerfile(colour: str) -> dict[str, Any]:
        (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nENV COLOUR={colour}\n")
        return {"path": str(tmp_path), "rm": True}

    tag = "lso-test/built:1"
    try:
        plain = net.addDocker("d1", build_params=dockerfile("red"))
        assert plain.cmd("echo $COLOUR").strip() == "red"
        assert plain.dimage.startswith("sha256:")
        assert plain._check_image_exists(_id=plain.dimage)
        for number, colour in enumerate(("green", "blue"), 2):
            tagged = net.addDocker(f"d{number}", dimage=tag, build_params=dockerfile(colour))
            assert tagged._check_image_exists(tag)
            assert tagged.cmd("echo $COLOUR").strip() == colour
        other = net.addDocker("d4", build_params={**dockerfile("grey"), "tag": tag})
        assert other.cmd("echo $COLOUR").strip() == "grey"
        assert not other._check_image_exists("lso-test/no-such")
    finally:
        net.stop()
        with pytest.raises(ImageNotFound):
            engine().images.get("lso-test/no-such")
        engine().images.remove(tag, force=True)


def test_a_build_that_fails_shows_its_output(net: Containernet, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo my last words {tmp_path}; false\n")
    d1 = net.addDocker("d1", build_params={"path": str(tmp_path)})
    with pytest.raises(EngineError, match=r"d1: the image cannot be built: [\s\S]*my last words"):
        net.start()
    assert d1._did == ""
    left = engine().api.containers(all=True)
    assert not [one for one in left if str(tmp_path) in one["Command"]], "the container of the failed step is gone"


def test_sysfs_and_private_folders_are_the_hosts_in_cmd_and_popen(net: Containernet, tmp_path: Path) -> None:
    h1, h2 = net.addHost("h1", privateDirs=[("/mnt", str(tmp_path))]), net.addHost("h2")
    net.addLink(h1, h2)
    net.start()
    (tmp_path / "mine").touch()
    assert h1.cmd("ls /sys/class/net").split() == ["h1-eth0", "lo"]
    assert int(h1.cmd("cat /sys/class/net/h1-eth0/statistics/rx_bytes")) >= 0
    out, _ = h1.popen(["ls", "/sys/class/net", "/mnt"]).communicate()
    assert out.decode().split() == ["/mnt:", "mine", "/sys/class/net:", "h1-eth0", "lo"]
    assert h1.popen(["pwd"]).communicate()[0].decode().strip() == str(Path.cwd())
    entered = ["nsenter", "--target", str(h1.pid), "--net", "ls", "/sys/class/net"]
    assert subprocess.run(entered, check=True, capture_output=True, timeout=10).returncode == 0

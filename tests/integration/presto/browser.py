"""A headless Chromium, told what to do over a pair of pipes in its DevTools protocol: no driver, no library."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
ANSWER_SECONDS = 60.0
# The protocol's descriptors are 3, which the browser reads, and 4, which it writes.
START = 'in=$1 out=$2; shift 2; exec "$@" 3<&"$in" 4>&"$out"'


class Page:
    """One page of a browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from, self._read = to_browser, from_browser, b""
        self._last, self._session = 0, None
        self.faults: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Begin to load a page."""
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression says, as JSON has it."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str, timeout: float = 20) -> Any:
        """What a JavaScript expression says once that is true."""
        deadline = time.monotonic() + timeout
        while not (found := self.value(expression)):
            assert time.monotonic() < deadline, (expression, self.faults, self.value("document.body.innerText")[-3000:])
            time.sleep(0.05)
        return found

    def click(self, element: str) -> None:
        """Click on what a JavaScript expression finds, once it is there: where the mouse would meet it."""
        self.until(f"!!({element})")
        self.value(f"({element}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = self.value(
            f"(() => {{ const box = ({element}).getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2} })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, **box, button="left", clickCount=1)

    def type(self, element: str, text: str) -> None:
        """Type text into a field."""
        self.click(element)
        self._call("Input.insertText", text=text)

    def _call(self, method: str, **parameters: Any) -> Any:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._to, json.dumps({**message, **session}).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _message(self) -> Any:
        while b"\0" not in self._read:
            assert select.select([self._from], [], [], ANSWER_SECONDS)[0], "the browser does not answer"
            more = os.read(self._from, 1 << 20)
            assert more, "the browser has ended"
            self._read += more
        whole, _, self._read = self._read.partition(b"\0")
        return json.loads(whole)

    def _note(self, event: Any) -> None:
        """Keep what the page complains about: refused by its policy, not found, exceptions."""
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.faults.append(f"{event['params']['entry']['text']} {event['params']['entry'].get('url', '')}")
        if event.get("method") == "Runtime.exceptionThrown":
            self.faults.append(event["params"]["exceptionDetails"]["exception"].get("description", "exception"))


@contextmanager
def browser(program: str, folder: Path) -> Iterator[Page]:
    """A page of a browser of its own, which keeps its files in the folder."""
    its_end, to_browser = os.pipe()
    from_browser, other_end = os.pipe()
    command = [program, *OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={folder}", "--window-size=1280,1600"]
    process = subprocess.Popen(
        ["bash", "-c", START, "browser", str(its_end), str(other_end), *command],
        pass_fds=(its_end, other_end),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_end)
    os.close(other_end)
    try:
        yield Page(to_browser, from_browser)
    finally:
        process.terminate()
        process.wait(10)
        os.close(to_browser)
        os.close(from_browser)

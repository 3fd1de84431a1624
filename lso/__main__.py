"""The command line: ``lso VERB …``. One verb is one file in ``lso.commands``."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import os
import pkgutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import FrameType

from lso import commands
from lso.exits import BAD_INPUT, ERROR, INTERRUPTED, PASSED, UsageError, reason, tell_the_end
from lso.lasting import lasting
from lso.verbs import add_verb

DESCRIPTION = "Order, run, attack and measure an SD-WAN on one Linux machine."
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
UNTIL_ASKED = frozenset({"serve"})  # verbs that run until they are asked to end, which is no fault then
EPILOG = """examples:
  lso doctor                         what this machine can do
  lso run scenarios/poc-two-sites    order a two-site SD-WAN and prove it on the wire
  lso up scenarios/poc-two-sites     only the network, to look around in
  lso ls                             the labs of this machine

Each verb has its own help with examples: lso VERB --help"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code (``lso.exits``); never shows a traceback."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has it ignored
            signal.signal(number, _interrupt)
    sys.unraisablehook = _not_lost
    try:
        with contextlib.redirect_stdout(lasting(sys.stdout)):  # lso doctor | head -1
            options = _parser(argv).parse_args(argv)
            return int(options.run(options))
    except KeyboardInterrupt:
        return _interrupted(argv)
    except UsageError as error:
        print(f"lso: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
        return ERROR
    except Exception as error:  # noqa: BLE001  (the last line of defence: a sentence and a file, not a traceback)
        return _interrupted(argv) if _comes_of_interruption(error) else _report_trouble(error)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the verb that is asked for is imported, so that each starts fast."""
    names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    wanted = _verb(argv)
    parser = argparse.ArgumentParser(
        prog="lso", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name in [wanted] if wanted in names else names:
        add_verb(verbs, name, importlib.import_module(f"lso.commands.{name}"))
    return parser


def _verb(argv: Sequence[str]) -> str | None:
    return next((word for word in argv if not word.startswith("-")), None)


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: the look-up takes longer than most verbs' parsers."""

    def __call__(self, parser: argparse.ArgumentParser, *_arguments: object) -> None:
        print(f"lso {importlib.metadata.version('lso-testbed')}")
        parser.exit()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End, once: what runs is being removed from then on, and only another Ctrl-C can interrupt that."""
    after = {signal.SIGINT: signal.default_int_handler if number == signal.SIGINT else _ctrl_c_at_the_same_time}
    for other in ENDINGS:
        if signal.getsignal(other) is _interrupt:
            signal.signal(other, after.get(other, _ignore))
    raise KeyboardInterrupt


def _ctrl_c_at_the_same_time(number: int, frame: FrameType | None) -> None:
    """Ignore a Ctrl-C that came with another signal, as when a terminal is closed; the next one counts again."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupted(argv: Sequence[str]) -> int:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # all is removed, only the exit code is left to tell
    exec("")  # noqa: S102  (else `python -m` ends itself with SIGINT when the interrupt came out of one)
    by_request = _verb(argv) in UNTIL_ASKED
    tell_the_end("stopped" if by_request else "interrupted")
    return PASSED if by_request else INTERRUPTED


def _comes_of_interruption(error: BaseException | None) -> bool:
    """Tell whether *error* was raised on the way out of an interruption, such as by a lock that was not taken yet."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _not_lost(ignored: sys.UnraisableHookArgs) -> None:
    """Interrupt once more where Python had to ignore it: in a destructor, or a callback of a library."""
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
    else:
        sys.__unraisablehook__(ignored)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Go on with ending. Not ``SIG_IGN``: programs that are started meanwhile would ignore the signal too."""


def _report_trouble(error: Exception) -> int:
    """Tell the user in one sentence; keep what a developer needs in a file."""
    where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    words = f"lso: {type(error).__name__}: {where}{reason(error)}\n     this is the test-bed's own trouble; "
    with contextlib.suppress(OSError):
        print(words + _kept("".join(traceback.format_exception(error))), file=sys.stderr)
    return ERROR


def _kept(details: str) -> str:
    """Return where the *details* are now, or why they are nowhere: the temporary folder can be full."""
    try:
        with tempfile.NamedTemporaryFile("w", prefix="lso-trouble-", suffix=".txt", delete=False) as file:
            file.write(details)
    except OSError as full:
        return f"its details cannot be kept in a file: {full.strerror or full}"
    return f"details: {file.name}"


if __name__ == "__main__":
    sys.exit(main())

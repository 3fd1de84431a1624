"""Labs by their ids, as verbs are given them."""

from __future__ import annotations

from lso.exits import UsageError
from testbed.lab import Lab, LabError


def attach(lab: str) -> Lab:
    """Return the running lab of that id. Raises UsageError, with the ids of those that run."""
    try:
        return Lab.attach(lab)
    except LabError as error:
        raise UsageError(str(error)) from error

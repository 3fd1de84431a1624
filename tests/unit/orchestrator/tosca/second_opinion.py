"""Compile templates with puccini: reads [[path, inputs], …] from stdin, prints for each its nodes or its problems.

A process of its own, because puccini is Go code that ends the whole process when it runs out of stack.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from puccini import tosca


def opinion(path: str, inputs: dict[str, Any]) -> dict[str, Any]:
    try:
        clout = tosca.compile(path, inputs)
    except tosca.Problems as error:
        return {"problems": [str(problem.get("message")) for problem in error.problems]}
    except Exception as error:  # noqa: BLE001  # the binding raises nothing more special
        return {"problems": [str(error)]}
    nodes = [vertex["properties"] for vertex in clout["vertexes"].values()]
    return {"nodes": {node["name"]: node["properties"] for node in nodes if "types" in node and "name" in node}}


if __name__ == "__main__":
    json.dump([opinion(path, inputs) for path, inputs in json.load(sys.stdin)], sys.stdout, default=dict)

"""Where each published file comes from, and under which licence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """The published files of one folder: a repository on GitHub, its commit, and the terms it states."""

    folder: str
    repository: str
    commit: str
    path: str
    """The folder in the repository; the files keep their places below it."""
    licence: str
    files: tuple[str, ...]


SOURCES = (
    Source(
        "presto-sdwan",
        "bartoszm/sd-wan-presto-server-stub-example",
        "d30effe",
        ".",
        "Apache-2.0",
        ("presto-sdwan.yaml",),
    ),
    Source(
        "mef-lso-ordering-inventory",
        "api-evangelist/mef",
        "eb0a834",
        "openapi",
        "Apache-2.0, Copyright 2025 Mplify Alliance and its contributors; with content of TMF638 and TMF641, TM Forum",
        tuple(
            f"mef-lso-legato-service-{api}-{part}-openapi.yml"
            for api in ("inventory", "ordering")
            for part in ("management", "notification")
        ),
    ),
    Source(
        "mef-lso-sdwan-schemas",
        "MEF-GIT/MEF-LSO-Allegro-SDK",
        "e94bb24",
        ".",
        "Apache-2.0, Copyright (C) 2025 Mplify Alliance",
        (
            "schema/common/common.yaml",
            "schema/common/ip/ipCommon.yaml",
            "schema/common/ip/ipRoutingProtocolsCommon.yaml",
            *(
                f"schema/serviceSchema/sdWan/{name}.yaml"
                for name in ("sdWanCommon", "sdWanTypes", "sdWanUni", "swVc", "swVcEndPoint")
            ),
            *(f"schema/serviceSchema/sdWan/{name}.yaml" for name in ("ucs", "ucsEndPoint", "ucsUni")),
        ),
    ),
)

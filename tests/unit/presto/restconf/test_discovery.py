"""A RESTCONF client finds the root and the operations without having been told (RFC 8040 sections 3.1 to 4.2)."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from presto.restconf.operations import OPERATIONS
from presto.web.app import create_app
from presto.web.server import BackgroundServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
XRD = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
ROOTS = ("", "/", "/data", "/operations", "/yang-library-version")


async def test_from_the_host_to_an_operation(lasting_client: Any) -> None:
    http: httpx.AsyncClient = lasting_client.http
    meta = await http.get("/.well-known/host-meta", headers={"Accept": "application/xrd+xml"})
    assert meta.headers["content-type"].startswith("application/xrd+xml")
    (link,) = ElementTree.fromstring(meta.text).iter(f"{XRD}Link")  # noqa: S314  (our own text)
    assert link.attrib["rel"] == "restconf"
    jrd = (await http.get("/.well-known/host-meta.json")).json()
    assert jrd == {"links": [{"rel": "restconf", "href": link.attrib["href"]}]}
    root = await http.get(link.attrib["href"], headers={"Accept": "application/yang-data+json"})
    assert root.headers["content-type"] == "application/yang-data+json"
    found = root.json()["ietf-restconf:restconf"]
    assert (found["data"], found["yang-library-version"]) == ({}, "2016-06-21")
    assert len(found["operations"]) == len(OPERATIONS) == 17
    for name in found["operations"]:
        path = f"{link.attrib['href']}/operations/{name}"
        for each in (path, f"{path}/"):
            options = await http.options(each)
            assert (options.status_code, options.headers["allow"]) == (200, "OPTIONS, POST")
        refused = await http.get(path)
        assert refused.status_code == 405
        assert set(refused.headers["allow"].split(", ")) == {"OPTIONS", "POST"}
    listed = await http.post(f"{link.attrib['href']}/operations/tapi-common:get-service-interface-point-list")
    assert listed.status_code == 200


@pytest.mark.parametrize("path", ROOTS)
async def test_every_resource_of_the_root(lasting_client: Any, path: str) -> None:
    http: httpx.AsyncClient = lasting_client.http
    found = await http.get(f"/restconf{path}", headers={"Accept": "application/json"})
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
    (member,) = found.json()
    assert member == f"ietf-restconf:{path.strip('/') or 'restconf'}"
    assert (await http.get(f"/restconf{path}", headers={"Accept": "text/html"})).status_code == 406
    options = await http.options(f"/restconf{path}")
    assert (options.status_code, options.headers["allow"]) == (200, "GET, HEAD, OPTIONS")
    refused = await http.post(f"/restconf{path}", json={})
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", ROOTS)
async def test_a_query_parameter_that_a_resource_does_not_have(lasting_client: Any, path: str) -> None:
    http: httpx.AsyncClient = lasting_client.http
    for query in ("depth=1", "x", "content=some", "content=all&content=all", "Content=all"):
        for method in ("GET", "HEAD"):
            refused = await http.request(method, f"/restconf{path}?{query}")
            assert refused.status_code == 400, query
        (error,) = (await http.get(f"/restconf{path}?{query}")).json()["ietf-restconf:errors"]["error"]
        assert (error["error-type"], error["error-tag"]) == ("application", "invalid-value")
        assert query.partition("=")[0] in error["error-message"]
    content = [(await http.get(f"/restconf{path}?content={value}")).status_code for value in ("all", "config")]
    assert content == ([200, 200] if path == "/data" else [400, 400])


async def test_what_is_not_there(lasting_client: Any) -> None:
    for path in ("operations/no-such", "operations/tapi-topology:create-connectivity-service"):
        assert (await lasting_client.http.options(f"/restconf/{path}")).status_code == 404
    assert (await lasting_client.http.get("/restconf/data/no:such")).status_code == 404


def test_heads_have_no_body(new_core: Any) -> None:
    with BackgroundServer(create_app(new_core())) as server:
        for path in (*(f"/restconf{path}" for path in ROOTS), "/.well-known/host-meta", "/.well-known/host-meta.json"):
            head, get = httpx.head(server.url + path), httpx.get(server.url + path)
            assert (head.status_code, head.content) == (200, b"")
            for name in ("content-type", "content-length"):
                assert head.headers[name] == get.headers[name]

"""`/service`: services as the core has them, changed and removed under the guard of their entity tag (RFC 9110)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response
from pydantic import Field

from common.findings import Finding, Rejected, Tag
from presto.domain.model import Application, Criterion, EndPoint, Policy, PolicyAssignment, Service, State, Swvc
from presto.extensions.problems import Refused, declared
from presto.persistence.idempotency import keyed_request
from presto.service.core import Core
from presto.web.segments import Written
from presto_api.wire import Wire

LARGEST_PAGE = 100

ServiceId = Annotated[str, Path(description="Id or name of the service", max_length=64, examples=["acme"]), Written]
IfMatch = Annotated[
    str | None,
    Header(description="Required: the entity tag of what the change was made from, or *", max_length=200),
]


class CriterionForm(Wire):
    """A criterion of MEF 70."""

    name: str = Field(examples=["DPORT"])
    parameters: list[str] = Field(default_factory=list, examples=[["443"]])


class ApplicationForm(Wire):
    """An application flow; all its criteria must hold."""

    identifier: str = Field(examples=["web"])
    group: str | None = None
    criteria: list[CriterionForm]


class PolicyForm(Wire):
    """A policy."""

    identifier: str = Field(examples=["secure"])
    criteria: list[CriterionForm]


class Assignment(Wire):
    """An entry of a policy map."""

    application: str = Field(description="An application flow or a group", examples=["web"])
    policy: str = Field(examples=["secure"])


class EndPointForm(Wire):
    """An end point of the service."""

    identifier: str = Field(examples=["a"])
    uni: str = Field(description="Id or name", examples=["site-a-lan0"])
    role: Literal["symmetric", "root", "leaf"] = "symmetric"
    policy_map: list[Assignment] = Field(default_factory=list, description="Overrides the service's")


class ServiceForm(Wire):
    """What can be changed; a member that is given takes the place of the whole one (RFC 7396)."""

    mtu: int = Field(1400, examples=[1400])
    locked: bool = Field(False, description="Kept off the network, with its UNIs held")
    reserved_prefixes: list[str] = Field(default_factory=list)
    applications: list[ApplicationForm] = Field(default_factory=list, description="In order of precedence")
    policies: list[PolicyForm] = Field(default_factory=list)
    policy_map: list[Assignment] = Field(default_factory=list)
    end_points: list[EndPointForm] = Field(default_factory=list)


_LEFT_ASIDE = "Told by the server, and left aside when it comes back"
_SAME = "As it is, when it is given: it cannot be changed here"


class EndPointView(EndPointForm):
    """An end point, and how the last work ended there."""

    working: bool
    error: str | None


class ServiceView(ServiceForm):
    """A service."""

    id: str
    name: str
    service_type: str
    state: State
    error: str | None
    missing: str | None = Field(None, description="Which of its tunnels are not up yet, after the work on it")
    generation: int = Field(description="Counts accepted changes")
    created: datetime
    changed: datetime
    end_points: list[EndPointView]  # type: ignore[assignment]  # what is shown has more members than what is sent


class EndPointChange(EndPointForm):
    """An end point, as it shall be, or as it was shown."""

    working: bool | None = Field(None, description=_LEFT_ASIDE)
    error: str | None = Field(None, description=_LEFT_ASIDE)


class ServiceChange(ServiceForm):
    """What can be changed, and what is shown besides: so what was read can be sent back."""

    end_points: list[EndPointChange] = Field(default_factory=list)  # type: ignore[assignment]  # as shown
    id: str | None = Field(None, description=_SAME)
    name: str | None = Field(None, description=_SAME)
    service_type: str | None = Field(None, description=_SAME)
    state: State | None = Field(None, description=_LEFT_ASIDE, strict=False)
    error: str | None = Field(None, description=_LEFT_ASIDE)
    missing: str | None = Field(None, description=_LEFT_ASIDE)
    generation: int | None = Field(None, description=_LEFT_ASIDE)
    created: str | None = Field(None, description=_LEFT_ASIDE)
    changed: str | None = Field(None, description=_LEFT_ASIDE)


_TAGGED: dict[str, Any] = {"headers": {"ETag": {"description": "Entity tag", "schema": {"type": "string"}}}}
_KNOWN: dict[int | str, dict[str, Any]] = {
    200: _TAGGED,
    304: {**_TAGGED, "description": "Not modified: the client has it, as its If-None-Match says"},
}


def services_router(core: Core) -> APIRouter:
    """The operations on services."""
    router = APIRouter(tags=["service"])

    @router.get("/service", operation_id="listServices", responses=declared(404, 422))
    async def find(
        response: Response,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Services of one page")] = LARGEST_PAGE,
        after: Annotated[str | None, Query(description="The id of the last one of the page before")] = None,
    ) -> list[ServiceView]:
        """Services, oldest first; a Link header leads to the next page."""
        found = await core.service_page(after, limit + 1)
        if found is None:
            raise Rejected([Finding(Tag.NOT_FOUND, ("after",), "There is no such service", "Begin anew.")])
        if len(found) > limit:
            response.headers["Link"] = f'<service?limit={limit}&after={found[limit - 1].id}>; rel="next"'
        return [shown(service, core.missing(service)) for service in found[:limit]]

    @router.get("/service/{service_id}", operation_id="getService", responses=_KNOWN | declared(404, 409, 422))
    async def get(service_id: ServiceId, response: Response) -> ServiceView:
        """One service, with its entity tag."""
        service = await core.service(service_id)
        response.headers["ETag"] = etag(service)
        return shown(service, core.missing(service))

    @router.patch(
        "/service/{service_id}",
        operation_id="patchService",
        status_code=202,
        responses={202: _TAGGED, **declared(404, 409, 412, 422, 428)},
    )
    async def patch(
        service_id: ServiceId,
        form: Annotated[ServiceChange, Body()],
        request: Request,
        response: Response,
        if_match: IfMatch = None,
    ) -> ServiceView:
        """Have a service changed: accepted, and carried out in the background."""
        guard = _guard(if_match, form)
        keyed = keyed_request(request.scope)
        changed = await core.update(service_id, lambda swvc: merged(swvc, form), guard=guard, request=keyed)
        response.headers["ETag"] = etag(changed)
        return shown(changed)

    @router.delete(
        "/service/{service_id}",
        operation_id="deleteService",
        status_code=202,
        responses={202: _TAGGED, **declared(404, 409, 412, 422, 428)},
    )
    async def remove(
        service_id: ServiceId, request: Request, response: Response, if_match: IfMatch = None
    ) -> ServiceView:
        """Have a service removed: accepted, and carried out in the background."""
        leaving = await core.delete(service_id, guard=_guard(if_match), request=keyed_request(request.scope))
        response.headers["ETag"] = etag(leaving)
        return shown(leaving)

    return router


def etag(service: Service) -> str:
    """The entity tag: it differs after every accepted change, and after every step of the work on it."""
    return f'"{service.generation}-{int(service.changed.timestamp() * 1_000_000):x}"'


def shown(service: Service, missing: str | None = None) -> ServiceView:
    """The service as this API shows it; `missing` says which of its tunnels are not up yet."""
    swvc = service.swvc
    return ServiceView(
        id=service.id,
        name=swvc.identifier,
        service_type=swvc.service_type,
        state=service.state,
        error=service.error,
        missing=missing,
        generation=service.generation,
        created=service.created,
        changed=service.changed,
        mtu=swvc.mtu,
        locked=swvc.locked,
        reserved_prefixes=list(swvc.reserved_prefixes),
        applications=[
            ApplicationForm(identifier=flow.identifier, group=flow.group, criteria=criteria(flow.criteria))
            for flow in swvc.applications
        ],
        policies=[PolicyForm(identifier=one.identifier, criteria=criteria(one.criteria)) for one in swvc.policies],
        policy_map=_map(swvc.mappings),
        end_points=[_end_point(service, end_point) for end_point in swvc.end_points],
    )


def merged(swvc: Swvc, form: ServiceForm) -> Swvc:
    """The SWVC with the members that the form gives; what only another API knows of an end point stays."""
    before = {end_point.identifier: end_point for end_point in swvc.end_points}
    given: dict[str, Callable[[], object]] = {
        "mtu": lambda: form.mtu,
        "locked": lambda: form.locked,
        "reserved_prefixes": lambda: tuple(form.reserved_prefixes),
        "applications": lambda: tuple(
            Application(flow.identifier, flow.group, _criteria(flow.criteria)) for flow in form.applications
        ),
        "policies": lambda: tuple(Policy(one.identifier, _criteria(one.criteria)) for one in form.policies),
        "policy_map": lambda: _assignments(form.policy_map),
        "end_points": lambda: tuple(_merged_end_point(one, before.get(one.identifier)) for one in form.end_points),
    }
    core_name = {"policy_map": "mappings"}
    values = {core_name.get(name, name): given[name]() for name in form.model_fields_set & given.keys()}
    # What is the same stays as it is: there is more to it than this API shows.
    values = {name: value for name, value in values.items() if value != getattr(swvc, name)}
    if "end_points" in values:
        values["listed_end_points"] = ()
    return replace(swvc, **values)  # type: ignore[arg-type]  # the table above has the fields' types


def criteria(found: tuple[Criterion, ...]) -> list[CriterionForm]:
    """Criteria as this API shows them."""
    return [CriterionForm(name=one.name, parameters=list(one.parameters)) for one in found]


def _guard(if_match: str | None, form: ServiceChange | None = None) -> Callable[[Service], None]:
    """Refuses a change that was made from another state than the present one, or that does not say from which.

    And one of what a service keeps as long as it is there.
    """

    def check(service: Service) -> None:
        if if_match is None:
            raise Refused(428, f"Send If-Match: {etag(service)}, or * to change it whatever it is now")
        if if_match.strip() != "*" and etag(service) not in [tag.strip() for tag in if_match.split(",")]:
            raise Refused(412, f"The service has changed since; it is {etag(service)} now")
        if form and (findings := list(_kept(service, form))):
            raise Rejected(findings)

    return check


def _kept(service: Service, form: ServiceChange) -> Iterator[Finding]:
    swvc = service.swvc
    for name, value in (("id", service.id), ("name", swvc.identifier), ("service_type", swvc.service_type)):
        if getattr(form, name) not in {None, value}:
            message, hint = f'This is "{value}" and cannot be changed here', "Leave it out, or as it is."
            yield Finding(Tag.INVALID_VALUE, (name,), message, hint)


def _end_point(service: Service, end_point: EndPoint) -> EndPointView:
    state = service.end_points.get(end_point.identifier)
    return EndPointView(
        identifier=end_point.identifier,
        uni=end_point.uni,
        role=end_point.role,
        policy_map=_map(end_point.overrides),
        working=state is not None and state.working,
        error=state.error if state else None,
    )


def _map(assignments: tuple[PolicyAssignment, ...]) -> list[Assignment]:
    return [Assignment(application=one.application, policy=one.policy) for one in assignments]


def _assignments(form: list[Assignment]) -> tuple[PolicyAssignment, ...]:
    return tuple(PolicyAssignment(one.application, one.policy) for one in form)


def _criteria(form: list[CriterionForm]) -> tuple[Criterion, ...]:
    return tuple(Criterion(one.name, tuple(one.parameters)) for one in form)


def _merged_end_point(form: EndPointForm, before: EndPoint | None) -> EndPoint:
    overrides = _assignments(form.policy_map)
    if before is None:
        return EndPoint(form.identifier, form.uni, role=form.role, overrides=overrides)
    return replace(before, uni=form.uni, role=form.role, overrides=overrides)

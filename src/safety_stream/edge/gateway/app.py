"""The application: every address, who may ask for it, and in which order a request is looked at.

Who calls, what the body is said to be, how large it is and how much the caller may still send: all that is known before
a report is read. An answer that is no problem is for what was acknowledged and written down, and for nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safety_stream.core.model.incidents import Action
from safety_stream.core.model.times import Instant
from safety_stream.edge.gateway import openapi
from safety_stream.edge.gateway.accepting import Accepting, Address, said_of
from safety_stream.edge.gateway.broker import Broker
from safety_stream.edge.gateway.partners import BEGIN, Caller, Partners
from safety_stream.edge.gateway.problems import TITLES, Problem
from safety_stream.edge.gateway.rates import Rates
from safety_stream.edge.gateway.reading import JSON, read_whole, texts_of
from safety_stream.edge.gateway.receipts import Answer, Book, Claim, NotWritten, Receipt
from safety_stream.edge.gateway.tokens import NotVerified, Tokens
from safety_stream.observability.metrics import GatewayMetrics

_log = logging.getLogger(__name__)

ACTIONS: Final[Mapping[str, Action]] = {
    "corrections": "correct",
    "withdrawals": "withdraw",
    "erasures": "erase",
    "disputes": "dispute",
    "restrictions": "restrict",
}
"""What becomes of a report, by the last part of its address."""

ACKNOWLEDGED: Final = "acknowledged"
OUTCOMES: Final = (ACKNOWLEDGED, *TITLES)
"""What a report may come to, for the figures."""

PAGE: Final = 100
PAGE_MAX: Final = 500
"""Receipts in one answer."""

BODY_SECONDS: Final = 30.0
"""How long a body may take to come."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REF: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_PLAIN: Final = str.maketrans({"/": "-", "{": "", "}": "", ":": "-"})
_HEALTH_SECONDS: Final = 5.0
_WHO: Final = "Send Authorization: Bearer, with a key of yours or a token of the issuer's."

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True)
class Gateway:
    """What the application stands on. `wall` is the clock of receipts, `seconds` one that never goes back."""

    partners: Callable[[], Partners]
    broker: Broker
    book: Book
    metrics: GatewayMetrics
    wall: Callable[[], Instant]
    seconds: Callable[[], float]
    tokens: Tokens | None = None


def make_app(gateway: Gateway) -> ASGIApp:
    """The application, guarded and counted."""
    return Guarded(made(gateway), gateway.metrics, gateway.seconds)


def made(gateway: Gateway) -> FastAPI:
    """The application itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gateway.broker.start()
        gateway.book.start()
        yield
        gateway.broker.close()
        gateway.book.close()

    app = FastAPI(
        title="safety_stream gateway",
        summary="Partners' reports in, with a receipt for each.",
        version="1",
        openapi_url="/v1/openapi.json",
        # Their pages would be fetched from elsewhere.
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    desk = _Desk(gateway)
    _add(app, "POST", "/v1/reports", partial(desk.take, None), "Send reports", openapi.taking_many(), openapi.SENDING)
    for name, action in ACTIONS.items():
        _add(
            app,
            "POST",
            f"/v1/reports/{{ref:path}}/{name}",
            partial(desk.take, action),
            f"Send what becomes of a report: {action}",
            openapi.taking_one(action),
            (openapi.REF, *openapi.SENDING),
        )
    _add(app, "GET", "/v1/receipts", desk.receipts, "Receipts", openapi.many_receipts(), openapi.ASKING)
    _add(app, "GET", "/v1/receipts/{receipt_id}", desk.receipt, "One receipt", openapi.one_receipt(), (openapi.ID,))
    _add(app, "GET", "/v1/health", desk.health, "Whether reports are taken", openapi.health(), (), is_open=True)
    app.add_exception_handler(Problem, _as_problem)
    app.add_exception_handler(HTTPException, _as_problem)
    app.add_exception_handler(Exception, _as_problem)
    app.openapi = partial(_described, app)  # type: ignore[method-assign] # FastAPI's own way of saying it
    return app


def _add(
    app: FastAPI,
    method: str,
    path: str,
    answer: Callable[[Request], Awaitable[Response]],
    summary: str,
    described: openapi.Schema,
    parameters: Sequence[openapi.Schema],
    *,
    is_open: bool = False,
) -> None:
    async def endpoint(request: Request) -> Response:
        return await answer(request)

    more = {"parameters": list(parameters), "security": [] if is_open else [{"bearer": []}]}
    app.add_api_route(
        path,
        endpoint,
        methods=[method],
        summary=summary,
        operation_id=path.removeprefix("/v1/").translate(_PLAIN),
        status_code=int(min(described["responses"])),
        response_class=Response,
        openapi_extra={**described, **more},
    )


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        made["components"] = {
            "schemas": openapi.components(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": _WHO}},
        }
        app.openapi_schema = made
    return app.openapi_schema


class _Desk:
    """What is done at each address."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._rates = Rates(gateway.seconds)
        self._accepting = Accepting(gateway.broker, gateway.book, gateway.wall)
        self._health: tuple[float, bool] | None = None
        self._asking = asyncio.Lock()

    async def take(self, action: Action | None, request: Request) -> Response:
        """Take reports, or what becomes of one."""
        try:
            return await self._taken(action, request)
        except Problem as problem:
            # One that was met before any report was read counts as one report, whatever it held.
            for name, count in _outcomes(problem).items():
                self._gateway.metrics.reported(name, count)
            raise

    async def _taken(self, action: Action | None, request: Request) -> Response:
        caller = await self._caller(request)
        headers = request.headers
        body = await _body(request)
        texts, is_many = texts_of(body, headers.get("content-type", ""), headers.get("content-encoding", ""))
        address = None
        if action is not None:
            if is_many:
                raise Problem("not-json", "Send one report here, as one object.")
            address = Address(request.path_params["ref"], action)
        self._allow(caller, len(texts))
        claim = self._claim_of(caller, request, body)
        if claim is not None and (answer := await self._answered(claim)):
            return _answer(answer)
        answer, fates = await self._accepting.take(caller, texts, address, claim, is_many=is_many)
        for name, count in Counter(one.name if isinstance(one, Problem) else ACKNOWLEDGED for one in fates).items():
            self._gateway.metrics.reported(name, count)
        return _answer(answer)

    async def receipt(self, request: Request) -> Response:
        """One receipt of the caller's."""
        caller = await self._caller(request)
        receipt = await self._receipt(caller, request.path_params["receipt_id"])
        if receipt is None:
            raise Problem("not-found", "There is no such receipt of yours.")
        return _json(said_of(receipt))

    async def receipts(self, request: Request) -> Response:
        """Receipts of the caller's, the oldest first."""
        caller = await self._caller(request)
        asked = request.query_params
        if unknown := sorted(asked.keys() - {"source", "ref", "after", "limit"}):
            raise Problem("bad-parameter", f"{len(unknown)} of the parameters are not known here.")
        sources = caller.sources
        if (source := asked.get("source")) is not None:
            if source not in sources:
                raise Problem("not-yours", "Ask for a source of your own.")
            sources = frozenset({source})
        ref = asked.get("ref")
        if ref is not None and not _REF.fullmatch(ref):
            raise Problem("bad-parameter", "ref: a reference of one line, of at most 200 characters.")
        limit = asked.get("limit", str(PAGE))
        if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= PAGE_MAX:
            raise Problem("bad-parameter", f"limit: a whole number from 1 to {PAGE_MAX}.")
        after = await self._after(caller, asked.get("after"))
        try:
            found = await self._gateway.book.receipts(sources, ref, after, int(limit) + 1)
        except NotWritten:
            raise _no_book() from None
        page = found[: int(limit)]
        return _json(
            {
                "receipts": [said_of(one) for one in page],
                "next": page[-1].receipt_id if len(found) > len(page) else None,
            }
        )

    async def health(self, _: Request) -> Response:
        """Whether reports are taken now; asked of the broker and the database at most every few seconds."""
        async with self._asking:
            if self._health is None or self._gateway.seconds() >= self._health[0]:
                broker, book = await asyncio.gather(
                    asyncio.to_thread(self._gateway.broker.answers), asyncio.to_thread(self._gateway.book.answers)
                )
                self._health = (self._gateway.seconds() + _HEALTH_SECONDS, broker and book)
        if not self._health[1]:
            raise Problem("not-acknowledged", "The broker or the database does not answer.")
        return _json({"status": "ok"})

    async def _caller(self, request: Request) -> Caller:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Problem("not-let-in", _WHO)
        partners = self._gateway.partners()
        if secret.startswith(BEGIN):
            caller = partners.by_key(secret, self._gateway.wall())
        else:
            caller = await self._by_token(partners, secret, request)
        if caller is None:
            raise Problem("not-let-in", "The key or token is not known, or has expired.")
        return caller

    async def _by_token(self, partners: Partners, token: str, request: Request) -> Caller | None:
        tokens = self._gateway.tokens
        if tokens is None:
            return None
        name = tokens.issuer.thumbprint_header
        said = request.headers.getlist(name) if name else []
        # Said twice, one of the two is not from whoever speaks TLS for us.
        thumbprint = said[0] if len(said) == 1 else None
        try:
            client = await tokens.client_of(token, thumbprint)
        except NotVerified:
            raise Problem("not-verified", "Send the same again later.") from None
        return None if client is None else partners.by_client(client)

    def _allow(self, caller: Caller, count: int) -> None:
        if count > caller.per_minute:
            raise Problem("too-many", f"Send at most {caller.per_minute} reports in one request: a minute's allowance.")
        wait = self._rates.wait_for(caller.partner, count, caller.per_minute)
        if wait:
            raise Problem("too-fast", f"You may send {caller.per_minute} reports a minute.", retry_seconds=wait)

    def _claim_of(self, caller: Caller, request: Request, body: bytes) -> Claim | None:
        key = request.headers.get("idempotency-key")
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise Problem("bad-parameter", "Idempotency-Key: 1 to 255 visible characters of ASCII.")
        digest = hashlib.sha256(request.url.path.encode() + b"\0" + body).hexdigest()
        return Claim(caller.partner, key, digest, self._gateway.wall())

    async def _answered(self, claim: Claim) -> Answer | None:
        try:
            claimed = await self._gateway.book.claim(claim)
        except NotWritten:
            raise _no_book() from None
        if not claimed.is_same:
            raise Problem("key-used-before", "Take a new key for another request.")
        return claimed.answer

    async def _after(self, caller: Caller, receipt_id: str | None) -> Receipt | None:
        if receipt_id is None:
            return None
        receipt = await self._receipt(caller, receipt_id)
        if receipt is None:
            raise Problem("not-found", "after: there is no such receipt of yours.")
        return receipt

    async def _receipt(self, caller: Caller, receipt_id: str) -> Receipt | None:
        if not _ID.fullmatch(receipt_id):
            return None
        try:
            return await self._gateway.book.receipt(receipt_id, caller.sources)
        except NotWritten:
            raise _no_book() from None


class Guarded:
    """An application whose answers say how they are to be treated, and are counted."""

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics, seconds: Callable[[], float]) -> None:
        """Wrap an application; `seconds` is a clock that never goes back."""
        self._app = app
        self._metrics = metrics
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; one that fails in a way nobody foresaw is answered with 500, and says nothing of why."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._seconds()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
                self._metrics.answered(int(message["status"]), self._seconds() - began)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - answered already, by `_as_problem`
            # Neither its words nor its traceback: they may hold what somebody sent.
            _log.error("gateway.gone_wrong: %s", type(error).__name__)


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await read_whole(request.stream(), request.headers.get("content-length"))
    except TimeoutError:
        raise Problem("too-slow", f"Send a body within {BODY_SECONDS:.0f} seconds.") from None
    except ClientDisconnect:
        raise Problem("not-json", "The body ended too early.") from None


def _outcomes(problem: Problem) -> Counter[str]:
    if problem.items is None:
        return Counter({problem.name: 1})
    return Counter(str(item["problem"]["type"]).rpartition(":")[2] for item in problem.items)  # type: ignore[index]


def _answer(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=JSON)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type=JSON)


def _no_book() -> Problem:
    return Problem("not-written-down", "Send the same again later: that changes nothing twice.")


async def _as_problem(_: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return error.response()
    if not isinstance(error, HTTPException):
        return Problem("gone-wrong", "Send the same again later.").response()
    name = "no-such-method" if error.status_code == 405 else "not-found"  # noqa: PLR2004
    response = Problem(name, "See /v1/openapi.json for what there is.").response()
    for header, value in (error.headers or {}).items():
        response.headers[header] = value
    return response

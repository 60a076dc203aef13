"""A request as the views see it, taken from what API Gateway (or its local stand-in) passes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from chalicelib.api import allowed_hosts as hosts
from chalicelib.api.exceptions import BadRequest
from chalicelib.settings import Settings

ROOT = "/api/v4"
#: Django's DATA_UPLOAD_MAX_NUMBER_FIELDS: more parameters than that are answered with 400.
MAX_PARAMETERS = 1000
_SAFE_IN_PATH = "/:@&+$,-_.!~*'()"
_SAFE_IN_URI = "/#%[]=:;$&()+,!?*@'~"


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    ``path`` is decoded and has no stage in front; ``prefix`` is what stood there, quoted.
    ``query`` is the query string as sent, where the gateway tells it. Header names are in lower
    case.
    """

    method: str
    path: str
    prefix: str
    query: str
    headers: dict[str, str]
    base_url: str | None = None
    allowed_hosts: tuple[str, ...] = (hosts.ANY,)

    @cached_property
    def host(self) -> str:
        """The Host header as sent; raises BadRequest if it is no host, or none of those allowed."""
        host = self.headers.get("host", "")
        domain = hosts.domain_of(host)
        if domain is None or not hosts.is_allowed(domain, self.allowed_hosts):
            raise BadRequest("Invalid Host header.")
        return host

    @property
    def scheme(self) -> str:
        """``https`` if the first X-Forwarded-Proto says exactly so, else ``http``."""
        forwarded = self.headers.get("x-forwarded-proto", "")
        return "https" if forwarded.split(",", 1)[0].strip() == "https" else "http"

    @cached_property
    def base(self) -> str:
        """Scheme, host and prefix that every link starts with."""
        return self.base_url or f"{self.scheme}://{self.host}{self.prefix}"

    @cached_property
    def parameters(self) -> dict[str, list[str]]:
        """Query parameters with all their values, in the order sent; raises BadRequest."""
        try:
            pairs = parse_qsl(
                self.query,
                keep_blank_values=True,
                errors="replace",
                max_num_fields=MAX_PARAMETERS,
            )
        except ValueError:
            raise BadRequest("Too many query parameters.") from None
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return values

    def parameter(self, name: str) -> str | None:
        """The last value of a parameter, as Django takes it."""
        values = self.parameters.get(name)
        return values[-1] if values else None

    @property
    def quoted_path(self) -> str:
        """The path on the host, percent-encoded as Django does it."""
        prefix = urlsplit(self.base_url).path if self.base_url else self.prefix
        return prefix + quote(self.path, safe=_SAFE_IN_PATH)

    @property
    def quoted_query(self) -> str:
        """The query string, with what no URI may hold percent-encoded."""
        return quote(self.query, safe=_SAFE_IN_URI, errors="replace")

    @property
    def url(self) -> str:
        """The absolute URL of this request."""
        path = self.base + quote(self.path, safe=_SAFE_IN_PATH)
        return path + ("?" + self.quoted_query if self.query else "")


def from_chalice(request: Any, settings: Settings) -> Request:
    """The ``Request`` of Chalice's ``current_request``."""
    context = request.context
    prefix, path = _divided(_decoded(context.get("path") or "/"), _resource(request))
    return Request(
        # Chalice routes by the method that stands in the context, and not all have a route.
        method=request.to_original_event().get("httpMethod") or request.method,
        path=path,
        prefix=prefix,
        query=_query(request),
        headers={name.lower(): value for name, value in request.headers.items()},
        base_url=settings.base_url,
        allowed_hosts=_allowed_hosts(context, settings),
    )


def _allowed_hosts(context: Any, settings: Settings) -> tuple[str, ...]:
    """Those of the settings; without any, the domain that API Gateway itself was asked by."""
    if settings.allowed_hosts:
        return settings.allowed_hosts
    return tuple(
        domain
        for domain in (context.get("domainName"), urlsplit(settings.base_url or "").hostname)
        if domain
    )


def _resource(request: Any) -> str:
    """The resource that the gateway found; for the one that catches all, what it caught."""
    resource: str = request.context.get("resourcePath") or ""
    if not resource.endswith("+}"):
        return resource
    caught = (request.uri_params or {}).values()
    return f"/{next(iter(caught), None) or ''}"


def _divided(path: str, resource: str) -> tuple[str, str]:
    """What API Gateway puts before a path (stage, or base path of a domain), and the path.

    A stage may itself be called ``api``, so only the resource tells whether the API's root is in
    a path. Where it is not, nothing is served, so nothing needs to be divided.
    """
    start = path.find(ROOT) if resource.startswith(ROOT) else -1
    if start <= 0:
        return "", path
    # Never two slashes in front: a browser would take what follows for a host.
    prefix = path[:start].strip("/")
    return (f"/{quote(prefix, safe=_SAFE_IN_PATH)}" if prefix else ""), path[start:]


def _query(request: Any) -> str:
    """The query string: as sent if the gateway passes it on, else put together again.

    A REST API of API Gateway passes decoded parameters only, in an order of its own.
    """
    raw = request.context.get("rawQueryString")
    if raw is not None:
        return str(raw)
    parameters = request.query_params
    if not parameters:
        return ""
    pairs = [(name, value) for name in parameters for value in parameters.getlist(name)]
    return urlencode(pairs, quote_via=quote, errors="replace")


def _decoded(path: str) -> str:
    """The path decoded; bytes that are not UTF-8 stay percent-encoded (RFC 3987, 3.2)."""
    parts: list[str] = []
    # Half a surrogate pair, which only a hand-made event can hold, is not UTF-8 either.
    rest = unquote_to_bytes(path.encode(errors="surrogatepass"))
    while True:
        try:
            return "".join([*parts, rest.decode()])
        except UnicodeDecodeError as error:
            broken = quote(rest[error.start : error.end])
            parts.append(rest[: error.start].decode() + broken)
            rest = rest[error.end :]

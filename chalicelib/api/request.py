"""The HTTP request, built from an event of API Gateway or of its local stand-in."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from chalicelib.api.allowed_hosts import ANY_HOST, is_allowed, parse_domain
from chalicelib.api.exceptions import BadRequest
from chalicelib.settings import Settings

ROOT = "/api/v4"
#: Django's DATA_UPLOAD_MAX_NUMBER_FIELDS: requests with more parameters get 400.
MAX_PARAMETERS = 1000
_SAFE_IN_PATH = "/:@&+$,-_.!~*'()"
_SAFE_IN_URI = "/#%[]=:;$&()+,!?*@'~"


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    ``path`` is decoded and begins with ``/api/v4``; ``prefix`` is the stage or base path before it,
    quoted. ``query`` is the query string as sent, if the gateway passes it on. Header names are
    in lower case.
    """

    method: str
    path: str
    prefix: str
    query: str
    headers: dict[str, str]
    base_url: str | None = None
    allowed_hosts: tuple[str, ...] = (ANY_HOST,)

    @cached_property
    def host(self) -> str:
        """The Host header as sent; raises BadRequest if it is malformed or not allowed."""
        host = self.headers.get("host", "")
        domain = parse_domain(host)
        if domain is None or not is_allowed(domain, self.allowed_hosts):
            raise BadRequest("Invalid Host header.")
        return host

    @property
    def scheme(self) -> str:
        """``https`` if the first X-Forwarded-Proto is exactly that, else ``http``."""
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
        """Return the last value of a parameter, as Django does."""
        values = self.parameters.get(name)
        return values[-1] if values else None

    @property
    def quoted_path(self) -> str:
        """The path on the host, percent-encoded as Django does it."""
        prefix = urlsplit(self.base_url).path if self.base_url else self.prefix
        return prefix + quote(self.path, safe=_SAFE_IN_PATH)

    @property
    def quoted_query(self) -> str:
        """The query string, with characters that a URI must not contain percent-encoded."""
        return quote(self.query, safe=_SAFE_IN_URI, errors="replace")

    @property
    def url(self) -> str:
        """The absolute URL of this request."""
        path = self.base + quote(self.path, safe=_SAFE_IN_PATH)
        return path + ("?" + self.quoted_query if self.query else "")


def from_chalice(request: Any, settings: Settings) -> Request:
    """Build a ``Request`` from Chalice's ``current_request``."""
    context = request.context
    path = _decode_path(context.get("path") or "/")
    prefix, path = _split_prefix(path, _get_resource(request))
    return Request(
        # The context holds a method that Chalice can route; the event has the true one.
        method=request.to_original_event().get("httpMethod") or request.method,
        path=path,
        prefix=prefix,
        query=_get_query(request),
        headers={name.lower(): value for name, value in request.headers.items()},
        base_url=settings.base_url,
        allowed_hosts=_get_allowed_hosts(context, settings),
    )


def _get_allowed_hosts(context: Any, settings: Settings) -> tuple[str, ...]:
    """Return the settings' hosts; without any, the domain of API Gateway and of the base URL."""
    if settings.allowed_hosts:
        return settings.allowed_hosts
    return tuple(
        domain
        for domain in (context.get("domainName"), urlsplit(settings.base_url or "").hostname)
        if domain
    )


def _get_resource(request: Any) -> str:
    """Return the resource that the gateway matched; for ``{proxy+}``, the path that it caught."""
    resource: str = request.context.get("resourcePath") or ""
    if not resource.endswith("+}"):
        return resource
    values = (request.uri_params or {}).values()
    return f"/{next(iter(values), None) or ''}"


def _split_prefix(path: str, resource: str) -> tuple[str, str]:
    """Split off what API Gateway puts before a path: the stage, or a domain's base path.

    A stage may itself be called ``api``, so only the resource says whether the path contains the
    API's root. If it does not, nothing is served under it, and there is nothing to split.
    """
    start = path.find(ROOT) if resource.startswith(ROOT) else -1
    if start <= 0:
        return "", path
    # Never begin with two slashes: a browser would take what follows for a host.
    prefix = path[:start].strip("/")
    return (f"/{quote(prefix, safe=_SAFE_IN_PATH)}" if prefix else ""), path[start:]


def _get_query(request: Any) -> str:
    """Return the query string as sent if the gateway passes it on, else rebuild it.

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


def _decode_path(path: str) -> str:
    """Decode a path; bytes that are not UTF-8 stay percent-encoded (RFC 3987, 3.2)."""
    parts: list[str] = []
    # Half of a surrogate pair, which only a hand-made event can contain, is not UTF-8 either.
    remaining = unquote_to_bytes(path.encode(errors="surrogatepass"))
    while True:
        try:
            return "".join([*parts, remaining.decode()])
        except UnicodeDecodeError as error:
            invalid = quote(remaining[error.start : error.end])
            parts.append(remaining[: error.start].decode() + invalid)
            remaining = remaining[error.end :]

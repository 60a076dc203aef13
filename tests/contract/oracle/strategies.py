"""Requests as they come: most of them plain, many odd, some hostile.

Whatever HTTP itself rules out is left to the tests of hostile requests: white space, controls and
``#`` in it, white space around a header's value. Bytes beyond ASCII are sent in paths only: in
a query Django reads each as a character of its own, and its links say so; ours read UTF-8.
"""

from urllib.parse import quote

from hypothesis import strategies as st

from tests.contract.oracle.catalogue import GRID_IDS, HUGE, PACKAGE_IDS, SLUGS
from tests.contract.oracle.doors import Asked

Text = st.SearchStrategy[str]
Headers = tuple[tuple[str, str], ...]


def _words(text: str) -> Text:
    """Any word of a text."""
    return st.sampled_from(text.split())


def _lines(text: str) -> Text:
    """Any line of a text; also, once, the empty one."""
    return st.sampled_from([line.strip() for line in text.splitlines()])


def _mostly(common: Text, odd: Text, times: int) -> Text:
    """``common``, and one time in ``times`` what is odd."""
    return st.integers(0, times - 1).flatmap(lambda draw: odd if draw == times - 1 else common)


def _joined(*parts: Text) -> Text:
    return st.tuples(*parts).map("".join)


def _quoted(text: str) -> str:
    return quote(text.encode(errors="replace"), safe="")


def _spelt(text: str) -> Text:
    """A path segment: quoted as usual, as little as goes, or every byte."""
    every = "".join(f"%{byte:02x}" for byte in text.encode())
    return st.sampled_from([_quoted(text), quote(text, safe="~!$&'()*+,;=:@"), every])


def _as_bytes(text: str) -> str:
    """Text as clients send it that do not quote at all; one character a byte."""
    return text.encode().decode("latin-1")


# Paths

_slugs = st.sampled_from([*SLUGS, *(slug.swapcase() for slug in SLUGS)]).flatmap(_spelt)
_ids = st.sampled_from([*PACKAGE_IDS, *GRID_IDS]).map(str)
_no_ids = st.one_of(
    st.integers(-2, 120).map(str),
    st.integers(0).map(str),
    _words("0 00 01 0003 -1 +1 %2B1 1.0 1e3 0x1 1_0 1,2 1;x %201 1%20 1%00 1%0A"),
    # Digits of other scripts: decimal ones, which int() reads, and others, which it does not.
    _words("٣ ১ \uff11 ৩٤ 1٣ ² ① ½").map(quote),
    st.sampled_from([str(HUGE + 1), str(2**64), "9" * 4300, "9" * 4301, "9" * 5000]),
)
_no_slugs = st.one_of(
    _words("""
        . .. %2E %2e%2e %2F a%2Fb %2f%2f %00 %FF %C3 %ED%A0%80 %0A %0D%0A % %2 %zz %u0031 %25
        %2541 None null * ' " <x> {} | ^ ` ~ @ : package-%31 Package-30 package-30%20 a;b=c&d
        """),
    st.text(max_size=6).map(_quoted),
    st.text("abc019-_.~%", max_size=8),
)
_names = st.one_of(
    _ids,
    _ids,
    _ids,
    _slugs,
    _slugs,
    _words("package-30 package-99 grid-65535"),
    _words("naïve 日本語").map(_as_bytes),
)
_collections = _words("packages packages grids grids categories")
_endings = _mostly(
    _words("/ / / / / / / .json .json/"),
    st.one_of(
        st.just(""),
        st.just(""),
        _words("""
            .json .json/ .api .api/ .xml .JSON .html . .. .0 .json.json .json// .jso%6E %2Ejson
            .json%0A .j-son .js%C3%B6n json // /?/ /%0A %2F %20/
            """),
    ),
    8,
)
_plain_paths = st.one_of(
    _joined(_collections, _endings),
    _joined(_words("packages/ grids/"), _names, _endings),
    _joined(_words("packages/ grids/"), _names, _endings),
    _joined(st.just("categories/"), st.integers(1, 23).map(str), _endings),
    _joined(st.just("search"), _endings),
    _lines("\n.json\n.json/\n.api\n.xml"),
).map("/api/v4/".__add__)
_odd_paths = st.one_of(
    _joined(_collections, st.just("/"), st.one_of(_no_ids, _no_slugs), _endings).map(
        "/api/v4/".__add__
    ),
    _words("""
        / // /api /api/ /api/v4 /api/v4// /api/v4.json /api/v5/ /API/v4/ /api/v4/nope /%FF/
        /api/v4/nope/ /api/v4/nope.json /api/v4/PACKAGES/ //api/v4/ /api/v4/packages//1/ /x/api/v4/
        /api/v4/packages/1// /api/v4/packages/1/2/ /api/v4/search/1/ /api/v4/search/a.json
        /api/v4/../v4/ /api/./v4/packages /api/v4/./packages/ /api/v4/packages/../grids/ /%61pi/v4/
        /api%2Fv4/packages /api/v4/packages%2F /api/v4/packages%2F1 /api/v4/packages;x/
        /api/v4/%70ackages /api/v4/%70ackages/ //evil.example/api/v4/packages /api/v4/packages%00/
        /x/api/v4/packages /api/v4/api/v4/packages/ /api/v4/x/../packages /api/v4/%20/
        """),
)
_paths = _mostly(_plain_paths, _odd_paths, 8)

# Queries

_small = st.integers(1, 9).map(str)
_numbers = st.one_of(
    _small,
    st.integers(0, 60).map(str),
    _lines("""
        -1\n0\n-0\n+3\n%2B3\n%203%20\n3+\n1_0\n_1\n03\n3.0\n1e1\n0x2\nabc\nnull\n1%00
        %D9%A3\n%C2%B2\n%0A5\n5%C2%A0\nTrue\n%EF%BC%91\n4%E2%80%A8"""),
    st.sampled_from([str(2**31), str(HUGE), str(HUGE + 1), "9" * 25, "9" * 4301, "-" + "9" * 30]),
    st.integers().map(str),
)
_few = _joined(st.just("limit="), _small)
_pages = _joined(_words("limit= offset="), _numbers)
_formats = _mostly(
    st.just("format=json"),
    _words("""
        format=api format=xml format= format format=JSON FORMAT=x format=json%20 format=%FF
        f%6Frmat=json format=js%6Fn format=%22%0A format[]=x format=xml&format=json format=j+s
        format=json&format=xml format=json&format= format=.json format=json/ format=*
        """),
    2,
)
_characters = _words("""
    a b = & + ; , / ? : @ ! $ ' ( ) * - . _ ~ [ ] %20 %2B %26 %3D %25 %00 %C3%A9 %E2%80%A8
    %F0%9F%90%8D %FF %ED%A0%80 %zz % %2 " < > \\ ^ ` { | }
    """)
_others = st.one_of(
    st.lists(_characters, max_size=6).map("".join),
    _lines("page=2\nordering=title\na=1&a=2&a=0\n=\n=x\n&\n&&\na\na=\n?a=b\nq=\nq=+%20"),
    st.text(max_size=4).map(lambda text: "x=" + _quoted(text)),
)
# Django takes 1,000 parameters and no more; whether one is empty makes no difference to it.
_too_many = st.one_of(
    st.integers(997, 1003).map(lambda count: "&".join(["a=1"] * count)),
    st.integers(997, 1003).map(lambda count: "&" * count),
)
# Pages that begin or end where the first does, or a few before or behind it.
_around_the_first = st.tuples(st.integers(1, 5), st.integers(-1, 1)).map(
    lambda pair: f"limit={pair[0]}&offset={pair[0] + pair[1]}"
)
_parts = st.lists(st.one_of(_pages, _pages, _few, _formats, _others), min_size=1, max_size=4)
_queries = st.one_of(
    _mostly(st.just(""), st.just("?"), 20),
    _few.map("?".__add__),
    st.one_of(_few, _around_the_first).map("?".__add__),
    _joined(st.just("?"), _mostly(_parts.map("&".join), _too_many, 40)),
)

# Headers

_browsers = _lines(
    """text/html
    text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
    text/html,application/xml;q=0.9,image/avif,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7
    text/html;q=0.9, application/json;q=0.1
    text/*
    text/html; charset=utf-8"""
)
_clients = _lines(
    """*/*
    application/json
    application/json, text/plain, */*
    application/json;q=0.9
    APPLICATION/json
    application/*
    */*;q=0.1
    application/xml, */*;q=0.1
    application/json; charset=utf-8
    application/json;q=0
    application/json, text/*;q=0.5"""
)
_indents = st.one_of(
    st.integers(1, 9).map(str),
    _lines('0\n-1\n100\nx\n\n1.5\n+4\n4_\n0_2\n"2"\n" 5"\n\'4\'\n\xb2\n4;q=1\n4;indent=2\n"4'),
    st.integers().map(str),
    st.just("9" * 5000),
)
_indented = _joined(
    _lines("application/json\n*/*\napplication/*\na/b, application/json\ntext/html"),
    _mostly(
        _lines(";indent=\n; indent="), _lines("; INDENT=\n;indent*=\n;indent*0=\n;a;indent="), 4
    ),
    _mostly(st.integers(1, 9).map(str), _indents, 3),
)
_media = st.one_of(
    _lines(
        "\n,\n*\n*/\n/*\n/\njson\nimage/png\n*/json\n*/html\na/b;c=d\n;\n;q=1\napplication/ json"
    ),
    _lines("\n;\n;;=\n;=x\n;x\n;x=\"a,b\"\n;x*=utf-8''%FF\n;x*1=a;x*0=b\n ;q=1\n/x").map(
        "application/json".__add__
    ),
    st.sampled_from(["application/json, " * 300 + "*/*", "x" * 3000, "a\xe9/b"]),
    st.text("aj*/;=,q0.1 \"'\\%", max_size=8).map(str.strip),
)
_lists = st.lists(st.one_of(_clients, _browsers, _media, _indented), max_size=3)
_accepts = _mostly(
    st.one_of(_clients, _clients, _clients, _clients, _browsers, _indented),
    st.one_of(_media, _lists.map(", ".join).map(str.strip)),
    8,
)
_hosts = _mostly(
    _words("djangopackages.org a.example a.example:8080 [::1]:80"),
    st.one_of(
        _words("DjangoPackages.ORG 127.0.0.1 a.example. localhost:0 [2001:DB8::1] a..b -"),
        _lines("\na b\na_b.c\na/b\na@b\na,b\na:b\na:\n[::1\n[1:2]\n.\n:80\na:80:80\na?b\n[::1]x"),
        st.sampled_from(["[fe80::1%25eth0]", "\xe9.org", "a" * 300]),
        st.text("ab.:[]0-_%", max_size=6),
    ),
    16,
)
_protocols = _mostly(
    st.just("https"),
    _lines(
        'http\nHTTPS\n\nhttps, http\nhttp, https\n,https\nhttps,\nhttps ,x\nwss\nhttps;x\n"https"'
    ),
    3,
)
_bodies = st.tuples(
    _lines("""
        application/json\napplication/x-www-form-urlencoded\nmultipart/form-data
        multipart/form-data; boundary=x\nno/such; x=\xe9"""),
    st.sampled_from([b"", b"{}", b"{", b"a=1", b"--x", b"\xff"]),
)
_methods = _words("GET " * 24 + "HEAD " * 6 + "OPTIONS " * 3 + "POST PUT PATCH DELETE")


@st.composite
def _headers(draw: st.DrawFn) -> Headers:
    found: list[tuple[str, str]] = []
    if draw(st.integers(0, 30)):
        found.append(("Host", draw(_hosts)))
    for _ in range(draw(st.sampled_from([0, *[1] * 12, 2]))):
        found.append(("Accept", draw(_accepts)))
    for _ in range(draw(st.sampled_from([0, *[1] * 6, 2]))):
        found.append(("X-Forwarded-Proto", draw(_protocols)))
    return tuple(found)


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    """Any request that API Gateway would pass on."""
    method = draw(_methods)
    headers, body = draw(_headers()), b""
    for_people = any("text/" in value for _, value in headers)
    # The oracle takes long for a page for people that shows many things.
    query = draw(_mostly(_few.map("?".__add__), _queries, 3)) if for_people else draw(_queries)
    target = draw(_paths) + query
    if method in {"POST", "PUT", "PATCH", "DELETE"}:
        kind, body = draw(_bodies)
        headers += (("Content-Length", str(len(body))),)
        headers += (("Content-Type", kind),) if kind else ()
    return Asked(method, target, headers, body)

"""The proxy between two sockets: it changes no byte of a message."""

import socket
import threading

import pytest

from tools.iamcheck.permissions import Call
from tools.iamcheck.proxy import Proxy

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, Signature=abc"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_nothing_of_a_message_is_changed(is_chunked: bool) -> None:
    content = bytes(range(256)) * 1000
    head = [
        "PUT /bucket//key%2f%C3%BC?partNumber=1&uploadId=a+b%20c HTTP/1.1",
        "Host: the-host-that-was-signed:4566",
        "X-Amz-Date: 20260101T000000Z",
        "x-odd-CASE: caf\u00e9",
        f"Authorization: {AUTHORIZATION}",
        "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(content)}",
    ]
    body = b"%X\r\n%s\r\n0\r\n\r\n" % (len(content), content) if is_chunked else content
    sent = "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body
    reply = b"HTTP/1.1 206 Odd Words\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 3\r\n\r\na\r\n"
    with _Upstream(reply, len(body)) as upstream, Proxy(upstream.url, ["one"]) as proxy:
        with socket.create_connection(_address(proxy.get_url("one"))) as connection:
            connection.sendall(sent)
            connection.settimeout(20)
            received = b""
            while not received.endswith(b"a\r\n"):
                received += connection.recv(1 << 16)
    assert received == reply
    got_head, _, got_body = upstream.received.partition(b"\r\n\r\n")
    assert got_head.decode("latin-1").split("\r\n") == head
    assert got_body == body
    assert proxy.calls == [Call("one", "s3:PutObject", "arn:aws:s3:::bucket//key/ü")]


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


class _Upstream:
    """Takes one request with a body of so many bytes as it comes, and answers with bytes."""

    def __init__(self, reply: bytes, body_length: int) -> None:
        self._reply, self._length = reply, body_length
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._take)
        self.received = b""
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "_Upstream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(20)
        self._socket.close()

    def _take(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(20)
            while len(self.received.partition(b"\r\n\r\n")[2]) < self._length:
                if not (data := connection.recv(1 << 16)):
                    break
                self.received += data
            connection.sendall(self._reply)

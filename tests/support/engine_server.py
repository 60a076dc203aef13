"""The embedded engine behind uvicorn: ``python -m tests.support.engine_server``.

The engine's own server, hypercorn, takes a third more CPU for a call. uvicorn runs the same ASGI
application with a parser in C, so the engine and its bytes are the same.
"""

from typing import Any

import hypercorn.asyncio
import uvicorn
from ministack.app import main


async def serve(application: Any, config: Any) -> None:
    """Serve until a signal stops it, as hypercorn's ``serve`` does."""
    host, _, port = config.bind[0].rpartition(":")
    settings = uvicorn.Config(
        application,
        host,
        int(port),
        http="httptools",
        loop="asyncio",
        ws="none",
        access_log=False,
        log_level="warning",
        date_header=False,
        server_header=False,
        timeout_keep_alive=int(config.keep_alive_timeout),
    )
    await uvicorn.Server(settings).serve()


if __name__ == "__main__":
    servers: Any = hypercorn.asyncio
    servers.serve = serve
    main()

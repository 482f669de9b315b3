"""What request ids and instrumentation cost: the same FastAPI application, bare and with our outermost middlewares."""

import statistics
from typing import Final

from benchmarks.measure import Result, Target, asgi, in_turns
from fastapi import FastAPI

from photo_api.context import RequestContextMiddleware
from photo_metrics import InstrumentationMiddleware, Recorder, RouteTable

STARTS: Final = 5
ROUNDS: Final = 3


def bare() -> FastAPI:
    """Twenty routes, one of them ``/health``."""
    app = FastAPI(openapi_url=None)

    for number in range(19):

        @app.get(f"/things/{number}/{{thing_id}}")
        async def thing(thing_id: str) -> dict[str, str]:
            return {"id": thing_id}

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return app


def instrumented() -> FastAPI:
    """The same with what every request of the service passes first."""
    app = bare()
    recorder = Recorder(app="bench", version="0", environment="development", node="bench")
    app.add_middleware(InstrumentationMiddleware, recorder=recorder, routes=RouteTable.from_fastapi(app))
    app.add_middleware(RequestContextMiddleware, trusted_proxies=())
    return app


def run(seconds: float) -> list[Result]:
    """Throughput of ``/health``, bare against instrumented, and bare against bare: what the machine itself makes up.

    Processes of one program differ by some per cent, by where their memory happens to lie: so each is started anew
    several times.
    """
    ratios, controls = [], []
    for _ in range(STARTS):
        with (
            asgi("benchmarks.instrumentation:bare") as plain,
            asgi("benchmarks.instrumentation:instrumented") as measured,
            asgi("benchmarks.instrumentation:bare") as again,
        ):
            servers = {"bare": plain, "instrumented": measured, "bare again": again}
            targets = {name: Target(f"{url}/health", pid) for name, (url, pid) in servers.items()}
            loads = in_turns(targets, seconds=seconds, rounds=ROUNDS)
        ratios.append(loads["bare"].cpu_us / loads["instrumented"].cpu_us)
        controls.append(loads["bare"].cpu_us / loads["bare again"].cpu_us)
    ratio = statistics.median(ratios)
    return [
        Result(
            "instrumentation",
            "instrumented /health reaches 95 % of the bare application's throughput",
            ratio >= 0.95,
            {
                "requests per second of processor time, instrumented / bare": round(ratio, 3),
                "the same, each start": ", ".join(f"{value:.3f}" for value in sorted(ratios)),
                "bare / bare, each start": ", ".join(f"{value:.3f}" for value in sorted(controls)),
            },
        )
    ]

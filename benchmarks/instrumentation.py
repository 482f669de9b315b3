"""What request ids and instrumentation cost: the same FastAPI application, bare and with our outermost middlewares."""

from benchmarks.measure import Result, Target, asgi, in_turns
from fastapi import FastAPI

from photo_api.context import RequestContextMiddleware
from photo_metrics import InstrumentationMiddleware, Recorder, RouteTable


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
    """Throughput of ``/health``, bare against instrumented."""
    with asgi("benchmarks.instrumentation:bare") as plain, asgi("benchmarks.instrumentation:instrumented") as measured:
        loads = in_turns(
            {
                "bare": Target(f"{plain[0]}/health", plain[1]),
                "instrumented": Target(f"{measured[0]}/health", measured[1]),
            },
            seconds=seconds,
            rounds=9,
        )
    ratio = loads["bare"].cpu_us / loads["instrumented"].cpu_us
    return [
        Result(
            "instrumentation",
            "instrumented /health reaches 95 % of the bare application's throughput",
            ratio >= 0.95,
            {"requests per second of processor time, instrumented / bare": round(ratio, 3)},
        )
    ]

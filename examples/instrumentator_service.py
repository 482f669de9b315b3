"""A service that was there before this monitoring: FastAPI with prometheus-fastapi-instrumentator and its defaults.

    uvicorn --app-dir examples instrumentator_service:app --port 8010
    photo-monitoring doctor --metrics http://127.0.0.1:8010/metrics --lang en

What `doctor` says of it: how many requests there are and how many fail is seen, most else is not. The histogram has no
bucket at 3 and 5 seconds, nothing tells a ready instance from one that starts, and with `--workers 2` every scrape
meets another process. See docs/adopt.md.
"""

from typing import Annotated

from fastapi import Body, FastAPI, HTTPException
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI(title="An example with prometheus-fastapi-instrumentator")


@app.get("/items/{item_id}")
async def item(item_id: int) -> dict[str, int]:
    """An item, 404 for those that are not there, and a fault (500) at 0."""
    if item_id > 100:
        raise HTTPException(404)
    return {"item_id": item_id, "share": 100 // item_id}


@app.post("/auth/login")
async def login(phrase: Annotated[str, Body(embed=True)]) -> dict[str, str]:
    """A login: 401 for every phrase but one."""
    if phrase != "open sesame":
        raise HTTPException(401)
    return {"token": "example"}


Instrumentator().instrument(app).expose(app)

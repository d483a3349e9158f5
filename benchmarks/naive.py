"""What a webhook relay usually is: an RQ job with Retry that writes to RT. Run as a worker: python -m benchmarks.naive.

It doubles comments when an answer is lost, loses jobs when Redis is wiped and knows no order; it is here for its speed.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec
import redis
import requests
from rq import Queue, Worker

_NUMBERS = "naive:tickets"


def carry(body: str) -> None:
    """Carry one webhook to RT."""
    told: dict[str, Any] = msgspec.json.decode(body)
    detail, name = told["detail"], told["type"].rpartition(".")[2]
    memory = redis.Redis.from_url(os.environ["REDIS_URL"])
    if name == "created":
        made = _ask("POST", "/ticket", Queue="Support", Subject=detail["subject"], Content=detail["description"])
        memory.hset(_NUMBERS, detail["id"], made["id"])
        return
    number = memory.hget(_NUMBERS, detail["id"])
    if number is None:
        msg = f"ticket {detail['id']} is not in RT yet"
        raise LookupError(msg)
    path = f"/ticket/{int(number)}"
    if name == "comment_added":
        text = told["event"]["comment"]["body"]
        _ask("POST", f"{path}/correspond", Content=text, ContentType="text/plain")
    else:
        _ask("PUT", path, Subject=detail["subject"])


def _ask(method: str, path: str, **given: Any) -> Any:
    answer = requests.request(
        method,
        f"{os.environ['DEMO_RT_URL']}/REST/2.0{path}",
        json=given,
        headers={"Authorization": f"token {os.environ['DEMO_RT_TOKEN']}"},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()


if __name__ == "__main__":
    connection = redis.Redis.from_url(os.environ["REDIS_URL"])
    Worker([Queue("naive", connection=connection)], connection=connection).work(
        logging_level="WARNING", with_scheduler=True
    )

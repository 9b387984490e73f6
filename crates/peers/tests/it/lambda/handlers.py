"""What AWS's own runtime client for Python is asked to do behind the runtime API."""

import os
import sys
import time


def echo(event, context):
    print("heard", event.get("say"), flush=True)
    return {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "memory": context.memory_limit_in_mb,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "pid": os.getpid(),
        "stray": sorted(name for name in os.environ if name.startswith("CARGO")),
    }


def misbehave(event, context):
    what = event["do"]
    if what == "raise":
        raise ValueError("no such luck")
    if what == "sleep":
        time.sleep(60)
    if what == "exit":
        os._exit(7)
    if what == "large":
        return "x" * (7 * 1024 * 1024)
    return {"pid": os.getpid()}


def slow(event, context):
    time.sleep(0.3)
    return os.getpid()


if os.environ.get("BROKEN"):
    sys.exit("broken at the start")

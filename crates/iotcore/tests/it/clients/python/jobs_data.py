"""The data plane of jobs: a device that works its jobs over HTTPS with its certificate, and an operator by boto3."""

import json

from awscrt import mqtt5
from aws import client, refused
from device import DEVICE, Client5, done
from plain_https import request

me = DEVICE["client_id"]
iot, jobs = client("iot"), client("iot-jobs-data")
THING = f"arn:aws:iot:local:000000000000:thing/{me}"
document = '{"operation": "update", "n": 1.50}'


def refused_as_device(error, status, *asked, **query):
    got = request(*asked, **query)
    assert (got[0], got[1]) == (status, error), got
    assert got[2]["message"], got
    return got[2]


def device(*asked, **query):
    status, error, answer = request(*asked, **query)
    assert status == 200, (status, error, answer)
    return answer


def send(**members):
    return json.dumps(members).encode()


# It hears of what changes by messages, as ever.
listener = Client5()
filters = [f"$aws/things/{me}/jobs/notify-next"]
subscriptions = [mqtt5.Subscription(topic_filter=filter, qos=mqtt5.QoS.AT_LEAST_ONCE) for filter in filters]
done(listener.client.subscribe(mqtt5.SubscribePacket(subscriptions=subscriptions)))


def notified():
    return json.loads(listener.inbox.next().payload).get("execution", {}).get("jobId")


# Nothing to do.
mine = f"/things/{me}/jobs"
assert device("GET", mine) == {"inProgressJobs": [], "queuedJobs": []}
assert device("PUT", f"{mine}/$next", b"") == {}
assert device("GET", f"{mine}/$next") == {}

for name in ["first", "second"]:
    iot.create_job(jobId=name, targets=[THING], document=document, timeoutConfig={"inProgressTimeoutInMinutes": 20})
assert notified() == "first"
pending = device("GET", mine)
assert [job["jobId"] for job in pending["queuedJobs"]] == ["first", "second"], pending
assert set(pending["queuedJobs"][0]) == {"jobId", "queuedAt", "lastUpdatedAt", "executionNumber", "versionNumber"}, pending

# It begins the next one. The document is the text that it was created with.
started = device("PUT", f"{mine}/$next", send(statusDetails={"step": "1"}, stepTimeoutInMinutes=5))["execution"]
assert (started["jobId"], started["thingName"], started["status"]) == ("first", me, "IN_PROGRESS"), started
assert started["jobDocument"] == document and started["statusDetails"] == {"step": "1"}, started
assert started["approximateSecondsBeforeTimedOut"] == 300 and started["versionNumber"] == 2, started
described = device("GET", f"{mine}/first", includeJobDocument="false", executionNumber=1)["execution"]
assert "jobDocument" not in described and described["startedAt"] == started["startedAt"], described
assert device("GET", f"{mine}/$next")["execution"] == {**started}, "the one in progress is next"
assert device("GET", f"{mine}/first")["execution"]["jobDocument"] == document
assert [job["jobId"] for job in device("GET", mine)["inProgressJobs"]] == ["first"]

# It says how it goes.
answer = device("POST", f"{mine}/first", send(
    status="IN_PROGRESS", expectedVersion=2, stepTimeoutInMinutes=-1, includeJobExecutionState=True, includeJobDocument=True,
    statusDetails={"step": "2"},
))
state = {"status": "IN_PROGRESS", "statusDetails": {"step": "2"}, "versionNumber": 3}
assert answer == {"executionState": state, "jobDocument": document}, answer
assert device("GET", f"{mine}/first")["execution"]["approximateSecondsBeforeTimedOut"] == 1200
stale = refused_as_device("InvalidStateTransitionException", 409, "POST", f"{mine}/first",
                          send(status="SUCCEEDED", expectedVersion=2))
assert stale["executionState"] == state, stale
assert device("POST", f"{mine}/first", send(status="SUCCEEDED")) == {}
assert notified() == "second"

# What it must not say.
late = refused_as_device("InvalidStateTransitionException", 409, "POST", f"{mine}/first", send(status="FAILED"))
assert late["executionState"]["status"] == "SUCCEEDED", late
refused_as_device("TerminalStateException", 410, "GET", f"{mine}/first")
refused_as_device("ResourceNotFoundException", 404, "GET", f"{mine}/third")
refused_as_device("ResourceNotFoundException", 404, "GET", f"{mine}/second", executionNumber=2)
refused_as_device("ResourceNotFoundException", 404, "POST", f"{mine}/third", send(status="FAILED"))
for wrong in [send(), send(status="QUEUED"), send(status="NEW"), send(status="FAILED", statusDetails={"a b": "c"}),
              send(status="IN_PROGRESS", stepTimeoutInMinutes=0), b"no JSON", b"[]"]:
    refused_as_device("InvalidRequestException", 400, "POST", f"{mine}/second", wrong)
refused_as_device("InvalidRequestException", 400, "GET", f"{mine}/second", includeJobDocument="maybe")
refused_as_device("InvalidRequestException", 400, "GET", f"{mine}/second", executionNumber="one")
refused_as_device("InvalidRequestException", 400, "GET", f"{mine}/a%20b")
assert device("GET", f"{mine}/second")["execution"]["versionNumber"] == 1, "none of it has changed anything"

# It may do what its policies allow, to the things that they name.
assert device("GET", "/things/other/jobs") == {"inProgressJobs": [], "queuedJobs": []}
for asked in [("PUT", "/things/other/jobs/$next", b"{}"), ("GET", "/things/other/jobs/first"),
              ("POST", "/things/other/jobs/first", send(status="FAILED")), ("GET", "/things/third/jobs"),
              # The control plane is for operators.
              ("PUT", f"{mine}/second/cancel", b"{}"), ("DELETE", f"{mine}/second/executionNumber/1"), ("GET", "/jobs")]:
    refused_as_device("ForbiddenException", 403, *asked)

# An operator may do the same by AWS's SDK.
pending = jobs.get_pending_job_executions(thingName=me)
assert [job["jobId"] for job in pending["queuedJobs"]] == ["second"], pending
described = jobs.describe_job_execution(thingName=me, jobId="$next")["execution"]
assert (described["jobId"], described["jobDocument"]) == ("second", document), described
started = jobs.start_next_pending_job_execution(thingName=me, statusDetails={"by": "operator"})["execution"]
assert (started["jobId"], started["statusDetails"]) == ("second", {"by": "operator"}), started
updated = jobs.update_job_execution(thingName=me, jobId="second", status="REJECTED", includeJobExecutionState=True)
assert updated["executionState"]["status"] == "REJECTED", updated
assert notified() is None
refused("InvalidStateTransitionException", 409, jobs.update_job_execution, thingName=me, jobId="second", status="FAILED")
refused("TerminalStateException", 410, jobs.describe_job_execution, thingName=me, jobId="second")
refused("ResourceNotFoundException", 404, jobs.get_pending_job_executions, thingName="nobody")
refused("ResourceNotFoundException", 404, jobs.start_next_pending_job_execution, thingName="nobody")
refused("ResourceNotFoundException", 404, jobs.describe_job_execution, thingName="nobody", jobId="$next")
refused("InvalidRequestException", 400, jobs.get_pending_job_executions, thingName="a b")
listener.stop()

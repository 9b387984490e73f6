"""The control plane of jobs by boto3. There are the things `den`, `lamp` and `late`, and `lamp` in the group `house`."""

import datetime
import json

from aws import client, refused

iot, device = client("iot"), client("iot-jobs-data")
ARN = "arn:aws:iot:local:000000000000"
DEN, HOUSE = f"{ARN}:thing/den", f"{ARN}:thinggroup/house"
document = json.dumps({"operation": "reboot", "n": 1.50})


def recent(time):
    return abs(time - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)


# A job is made as it is asked for, or not at all.
job = dict(
    jobId="reboot",
    targets=[DEN, HOUSE],
    document=document,
    description="once",
    targetSelection="SNAPSHOT",
    timeoutConfig={"inProgressTimeoutInMinutes": 20},
    jobExecutionsRetryConfig={"criteriaList": [{"failureType": "FAILED", "numberOfRetries": 2}]},
)
made = iot.create_job(**job)
assert (made["jobArn"], made["jobId"], made["description"]) == (f"{ARN}:job/reboot", "reboot", "once"), made
assert iot.create_job(**job)["jobArn"] == made["jobArn"]
refused("ResourceAlreadyExistsException", 409, iot.create_job, **{**job, "document": "{}"})
other = {**job, "jobId": "other"}
refused("ResourceNotFoundException", 404, iot.create_job, **{**other, "targets": [f"{ARN}:thing/nobody"]})
refused("ResourceNotFoundException", 404, iot.create_job, **{**other, "targets": [f"{ARN}:thinggroup/nobody"]})
for wrong in [
    dict(targets=[f"{ARN}:cert/x"]),
    dict(targets=["arn:aws:iot:us-east-1:000000000000:thing/den"]),
    dict(document="no JSON"),
    dict(document="x" * 32769),
    dict(description="\n"),
    dict(targetSelection="SOME"),
    dict(timeoutConfig={"inProgressTimeoutInMinutes": 10081}),
    dict(jobExecutionsRetryConfig={"criteriaList": [{"failureType": "ALL", "numberOfRetries": 11}]}),
    dict(jobExecutionsRetryConfig={"criteriaList": [{"failureType": "NEVER", "numberOfRetries": 1}]}),
]:
    refused("InvalidRequestException", 400, iot.create_job, **{**other, **wrong})
refused("InvalidRequestException", 400, iot.create_job, **{**other, "jobId": "a b"})
refused("InvalidRequestException", 400, iot.create_job, jobId="other", targets=[DEN])
for name, unsupported in dict(
    documentSource="https://s3.local/document",
    presignedUrlConfig={"roleArn": "arn:aws:iam::000000000000:role/any"},
    jobExecutionsRolloutConfig={"maximumPerMinute": 1},
    abortConfig={"criteriaList": [
        {"failureType": "ALL", "action": "CANCEL", "thresholdPercentage": 1.0, "minNumberOfExecutedThings": 1}]},
    schedulingConfig={"startTime": "2030-01-01 00:00"},
    jobTemplateArn=f"{ARN}:jobtemplate/x",
    documentParameters={"a": "b"},
    destinationPackageVersions=[f"{ARN}:package/a/version/1"],
    namespaceId="n",
    tags=[{"Key": "a", "Value": "b"}],
).items():
    message = refused("InvalidRequestException", 400, iot.create_job, **{**other, name: unsupported})
    assert message.startswith(f"{name} is not supported"), message

# It is described with its progress.
described = iot.describe_job(jobId="reboot")["job"]
assert (described["status"], described["targetSelection"]) == ("IN_PROGRESS", "SNAPSHOT"), described
assert (described["targets"], described["description"]) == ([DEN, HOUSE], "once"), described
assert described["timeoutConfig"] == job["timeoutConfig"], described
assert described["jobExecutionsRetryConfig"] == job["jobExecutionsRetryConfig"], described
assert recent(described["createdAt"]) and "completedAt" not in described and not described["forceCanceled"], described
progress = described["jobProcessDetails"]
assert progress["numberOfQueuedThings"] == 2 and sum(progress.values()) == 2, progress
assert iot.get_job_document(jobId="reboot")["document"] == document
for missing in [iot.describe_job, iot.get_job_document, iot.delete_job, iot.cancel_job, iot.update_job]:
    refused("ResourceNotFoundException", 404, missing, jobId="none")

# What may change of it.
iot.update_job(
    jobId="reboot",
    description="twice",
    timeoutConfig={"inProgressTimeoutInMinutes": 30},
    jobExecutionsRetryConfig={"criteriaList": [{"failureType": "ALL", "numberOfRetries": 1}]},
)
iot.update_job(jobId="reboot")
described = iot.describe_job(jobId="reboot")["job"]
assert (described["description"], described["timeoutConfig"]) == ("twice", {"inProgressTimeoutInMinutes": 30}), described
criteria = described["jobExecutionsRetryConfig"]["criteriaList"]
assert criteria == [{"failureType": "ALL", "numberOfRetries": 1}], criteria
refused("InvalidRequestException", 400, iot.update_job, jobId="reboot", timeoutConfig={"inProgressTimeoutInMinutes": 0})
message = refused("InvalidRequestException", 400, iot.update_job, jobId="reboot",
                  jobExecutionsRolloutConfig={"maximumPerMinute": 1})
assert message.startswith("jobExecutionsRolloutConfig is not supported"), message

# Its executions. The device's own data plane has the same paths: who has signed for it gets that.
device.start_next_pending_job_execution(thingName="den", statusDetails={"step": "1"})
execution = iot.describe_job_execution(jobId="reboot", thingName="den")["execution"]
assert (execution["status"], execution["thingArn"]) == ("IN_PROGRESS", DEN), execution
assert execution["statusDetails"] == {"detailsMap": {"step": "1"}}, execution
assert (execution["executionNumber"], execution["versionNumber"]) == (1, 2), execution
assert execution["approximateSecondsBeforeTimedOut"] == 30 * 60 and recent(execution["startedAt"]), execution
assert iot.describe_job_execution(jobId="reboot", thingName="den", executionNumber=1)["execution"] == execution
refused("ResourceNotFoundException", 404, iot.describe_job_execution, jobId="reboot", thingName="den", executionNumber=2)
refused("ResourceNotFoundException", 404, iot.describe_job_execution, jobId="reboot", thingName="late")


def executions(operation, status=None, **asked):
    if status:
        asked["status"] = status
    pages = iot.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": 1})
    return [summary for page in pages for summary in page["executionSummaries"]]


of_job = executions("list_job_executions_for_job", jobId="reboot")
assert [summary["thingArn"] for summary in of_job] == [DEN, f"{ARN}:thing/lamp"], of_job
statuses = [summary["jobExecutionSummary"]["status"] for summary in of_job]
assert statuses == ["IN_PROGRESS", "QUEUED"], of_job
queued = executions("list_job_executions_for_job", jobId="reboot", status="QUEUED")
assert [summary["thingArn"] for summary in queued] == [f"{ARN}:thing/lamp"], queued
refused("ResourceNotFoundException", 404, iot.list_job_executions_for_job, jobId="none")
refused("InvalidRequestException", 400, iot.list_job_executions_for_job, jobId="reboot", status="SLOW")
iot.create_job(jobId="always", targets=[HOUSE, DEN], document="{}", targetSelection="CONTINUOUS")
of_thing = executions("list_job_executions_for_thing", thingName="den")
assert [summary["jobId"] for summary in of_thing] == ["always", "reboot"], of_thing
assert of_thing[1]["jobExecutionSummary"]["executionNumber"] == 1, of_thing
in_progress = executions("list_job_executions_for_thing", thingName="den", status="IN_PROGRESS")
assert [summary["jobId"] for summary in in_progress] == ["reboot"], in_progress
only = iot.list_job_executions_for_thing(thingName="den", jobId="always")["executionSummaries"]
assert [summary["jobId"] for summary in only] == ["always"], only
refused("ResourceNotFoundException", 404, iot.list_job_executions_for_thing, thingName="nobody")

# Jobs are listed in pages, all or some.
iot.create_job(jobId="late", targets=[f"{ARN}:thing/late"], document="{}")
device.update_job_execution(thingName="late", jobId="late", status="SUCCEEDED")


def jobs(**asked):
    pages = iot.get_paginator("list_jobs").paginate(**asked, PaginationConfig={"PageSize": 1})
    return [job["jobId"] for page in pages for job in page["jobs"]]


assert jobs() == ["always", "late", "reboot"]
assert jobs(status="COMPLETED") == ["late"]
assert jobs(targetSelection="CONTINUOUS") == ["always"]
assert jobs(thingGroupName="house", status="IN_PROGRESS") == ["always", "reboot"]
assert jobs(thingGroupName="none") == []
summary = iot.list_jobs(status="COMPLETED")["jobs"][0]
assert summary["jobArn"] == f"{ARN}:job/late" and recent(summary["completedAt"]), summary
refused("InvalidRequestException", 400, iot.list_jobs, status="FINISHED")
refused("InvalidRequestException", 400, iot.list_jobs, namespaceId="n")

# Executions are called off and deleted.
cancel, delete = iot.cancel_job_execution, iot.delete_job_execution
den = dict(jobId="reboot", thingName="den")
refused("InvalidStateTransitionException", 409, cancel, **den)
refused("VersionConflictException", 409, cancel, **den, force=True, expectedVersion=7)
refused("InvalidRequestException", 400, cancel, **den, force=True, statusDetails={"a b": "c"})
refused("InvalidStateTransitionException", 409, delete, **den, executionNumber=1)
cancel(**den, force=True, expectedVersion=2, statusDetails={"why": "slow"})
execution = iot.describe_job_execution(**den)["execution"]
assert (execution["status"], execution["forceCanceled"]) == ("CANCELED", True), execution
assert execution["statusDetails"] == {"detailsMap": {"why": "slow"}}, execution
assert "approximateSecondsBeforeTimedOut" not in execution, execution
cancel(jobId="always", thingName="den")
execution = iot.describe_job_execution(jobId="always", thingName="den")["execution"]
assert (execution["status"], execution["forceCanceled"]) == ("CANCELED", False), execution
refused("ResourceNotFoundException", 404, cancel, jobId="reboot", thingName="late")
delete(**den, executionNumber=1)
refused("ResourceNotFoundException", 404, delete, **den, executionNumber=1)
delete(jobId="reboot", thingName="lamp", executionNumber=1, force=True)
assert iot.describe_job(jobId="reboot")["job"]["status"] == "COMPLETED"

# And so are jobs.
refused("InvalidRequestException", 400, iot.cancel_job, jobId="reboot")
refused("InvalidRequestException", 400, iot.cancel_job, jobId="always", reasonCode="lower case")
refused("InvalidStateTransitionException", 409, iot.delete_job, jobId="always")
canceled = iot.cancel_job(jobId="always", reasonCode="NO_MORE_1", comment="it is over", force=True)
assert (canceled["jobArn"], canceled["jobId"]) == (f"{ARN}:job/always", "always"), canceled
described = iot.describe_job(jobId="always")["job"]
assert (described["status"], described["forceCanceled"]) == ("CANCELED", True), described
assert (described["reasonCode"], described["comment"]) == ("NO_MORE_1", "it is over"), described
iot.delete_job(jobId="always")
iot.delete_job(jobId="reboot", force=True)
assert jobs() == ["late"]

# A deleted thing is no target any more.
iot.create_job(jobId="last", targets=[f"{ARN}:thing/lamp"], document="{}")
iot.delete_thing(thingName="lamp")
progress = iot.describe_job(jobId="last")["job"]
assert progress["status"] == "COMPLETED" and progress["jobProcessDetails"]["numberOfRemovedThings"] == 1, progress

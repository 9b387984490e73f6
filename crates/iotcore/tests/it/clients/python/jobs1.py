"""AWS's jobs client for MQTT 3.1.1. The test has created the jobs `first` and `second`; here both are done."""

from awsiot import iotjobs
from device import DEVICE, Inbox, connection, done
from service import QOS, subscribe

thing = DEVICE["client_id"]

device = connection()
done(device.connect())
jobs = iotjobs.IotJobsClient(device)
pending, started, described, updated, rejected = Inbox(), Inbox(), Inbox(), Inbox(), Inbox()
changed, next_changed = Inbox(), Inbox()

request = iotjobs.GetPendingJobExecutionsSubscriptionRequest(thing_name=thing)
subscribe(jobs.subscribe_to_get_pending_job_executions_accepted, request, pending)
subscribe(jobs.subscribe_to_get_pending_job_executions_rejected, request, rejected)
request = iotjobs.StartNextPendingJobExecutionSubscriptionRequest(thing_name=thing)
subscribe(jobs.subscribe_to_start_next_pending_job_execution_accepted, request, started)
subscribe(jobs.subscribe_to_start_next_pending_job_execution_rejected, request, rejected)
for job in ["first", "second", "$next"]:
    request = iotjobs.DescribeJobExecutionSubscriptionRequest(thing_name=thing, job_id=job)
    subscribe(jobs.subscribe_to_describe_job_execution_accepted, request, described)
    subscribe(jobs.subscribe_to_describe_job_execution_rejected, request, rejected)
for job in ["first", "second"]:
    request = iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name=thing, job_id=job)
    subscribe(jobs.subscribe_to_update_job_execution_accepted, request, updated)
    subscribe(jobs.subscribe_to_update_job_execution_rejected, request, rejected)
request = iotjobs.JobExecutionsChangedSubscriptionRequest(thing_name=thing)
subscribe(jobs.subscribe_to_job_executions_changed_events, request, changed)
request = iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name=thing)
subscribe(jobs.subscribe_to_next_job_execution_changed_events, request, next_changed)

# Both wait, in the order they were created.
request = iotjobs.GetPendingJobExecutionsRequest(thing_name=thing, client_token="1")
done(jobs.publish_get_pending_job_executions(request, QOS))
answer = pending.next()
assert [job.job_id for job in answer.queued_jobs] == ["first", "second"] and answer.in_progress_jobs == []
assert answer.client_token == "1" and answer.timestamp is not None and answer.queued_jobs[0].queued_at is not None

request = iotjobs.DescribeJobExecutionRequest(thing_name=thing, job_id="$next", client_token="2")
done(jobs.publish_describe_job_execution(request, QOS))
answer = described.next()
assert (answer.execution.job_id, answer.execution.status, answer.client_token) == ("first", "QUEUED", "2")
assert answer.execution.job_document == {"operation": "first"} and answer.execution.thing_name == thing

request = iotjobs.StartNextPendingJobExecutionRequest(
    thing_name=thing, client_token="3", status_details={"step": "download"}, step_timeout_in_minutes=5
)
done(jobs.publish_start_next_pending_job_execution(request, QOS))
answer = started.next()
assert (answer.execution.job_id, answer.execution.status) == ("first", iotjobs.JobStatus.IN_PROGRESS)
assert (answer.execution.version_number, answer.execution.execution_number) == (2, 1)
assert answer.execution.status_details == {"step": "download"} and answer.execution.started_at is not None


def update(job, status, **options):
    request = iotjobs.UpdateJobExecutionRequest(thing_name=thing, job_id=job, status=status, **options)
    done(jobs.publish_update_job_execution(request, QOS))


# The wrong version is told the right one.
update("first", "IN_PROGRESS", expected_version=7, client_token="4")
error = rejected.next()
assert (error.code, error.client_token) == (iotjobs.RejectedErrorCode.VERSION_MISMATCH, "4"), vars(error)
assert (error.execution_state.status, error.execution_state.version_number) == ("IN_PROGRESS", 2)
assert error.message and error.timestamp is not None

update(
    "first",
    "SUCCEEDED",
    expected_version=2,
    execution_number=1,
    include_job_execution_state=True,
    include_job_document=True,
    client_token="5",
)
answer = updated.next()
assert (answer.execution_state.status, answer.execution_state.version_number) == ("SUCCEEDED", 3)
assert answer.job_document == {"operation": "first"} and answer.client_token == "5"
event = changed.next()
assert list(event.jobs) == ["QUEUED"] and [job.job_id for job in event.jobs["QUEUED"]] == ["second"]
event = next_changed.next()
assert event.execution.job_id == "second" and event.execution.job_document == {"operation": "second"}

# What has ended has ended.
update("first", "IN_PROGRESS")
error = rejected.next()
assert error.code == iotjobs.RejectedErrorCode.INVALID_STATE_TRANSITION and error.execution_state.status == "SUCCEEDED"
done(jobs.publish_describe_job_execution(iotjobs.DescribeJobExecutionRequest(thing_name=thing, job_id="first"), QOS))
assert rejected.next().code == iotjobs.RejectedErrorCode.TERMINAL_STATE_REACHED

update("second", "REJECTED", status_details={"why": "no room"})
answer = updated.next()
assert answer.execution_state is None and answer.job_document is None
assert changed.next().jobs == {} and next_changed.next().execution is None
done(jobs.publish_start_next_pending_job_execution(iotjobs.StartNextPendingJobExecutionRequest(thing_name=thing), QOS))
assert started.next().execution is None

done(device.disconnect())
for inbox in [pending, started, described, updated, rejected, changed, next_changed]:
    inbox.assert_empty()

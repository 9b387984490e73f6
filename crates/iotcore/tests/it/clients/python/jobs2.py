"""AWS's request-response jobs client, over MQTT 3.1.1 or MQTT 5 as the first argument says.

The test has created the jobs `first` and `second`; here both are done.
"""

import sys

import awsiot
from awsiot import iotjobs
from device import DEVICE, done, fails
from service import leave, options, protocol, stream

thing = DEVICE["client_id"]
connection, stop = protocol(sys.argv[1])
jobs = iotjobs.IotJobsClientV2(connection, options(8))

changed_stream, changed = stream(
    jobs.create_job_executions_changed_stream, iotjobs.JobExecutionsChangedSubscriptionRequest(thing_name=thing)
)
next_stream, next_changed = stream(
    jobs.create_next_job_execution_changed_stream, iotjobs.NextJobExecutionChangedSubscriptionRequest(thing_name=thing)
)


def describe(job):
    return jobs.describe_job_execution(iotjobs.DescribeJobExecutionRequest(thing_name=thing, job_id=job))


def update(job, status, **options):
    request = iotjobs.UpdateJobExecutionRequest(thing_name=thing, job_id=job, status=status, **options)
    return jobs.update_job_execution(request)


error = fails(describe("third"))
assert isinstance(error, awsiot.V2ServiceException), error
assert error.modeled_error.code == iotjobs.RejectedErrorCode.RESOURCE_NOT_FOUND, vars(error.modeled_error)

answer = done(jobs.get_pending_job_executions(iotjobs.GetPendingJobExecutionsRequest(thing_name=thing)))
assert [job.job_id for job in answer.queued_jobs] == ["first", "second"] and answer.in_progress_jobs == []
assert done(describe("$next")).execution.job_id == "first"

start = iotjobs.StartNextPendingJobExecutionRequest(thing_name=thing)
answer = done(jobs.start_next_pending_job_execution(start))
assert (answer.execution.job_id, answer.execution.status) == ("first", "IN_PROGRESS")
assert answer.execution.job_document == {"operation": "first"}

error = fails(update("first", "SUCCEEDED", expected_version=1))
assert error.modeled_error.code == iotjobs.RejectedErrorCode.VERSION_MISMATCH, vars(error.modeled_error)
assert error.modeled_error.execution_state.version_number == 2
answer = done(update("first", "SUCCEEDED", expected_version=2, include_job_execution_state=True))
assert answer.execution_state.status == "SUCCEEDED"
assert [job.job_id for job in changed.next().jobs["QUEUED"]] == ["second"]
assert next_changed.next().execution.job_id == "second"

done(update("second", "FAILED", status_details={"why": "no room"}))
assert changed.next().jobs == {} and next_changed.next().execution is None
assert done(jobs.start_next_pending_job_execution(start)).execution is None
changed.assert_empty()
next_changed.assert_empty()
stop()
leave()

// AWS's request-response jobs client for JavaScript, over MQTT 3.1.1 or MQTT 5 as the first argument says. The test has created the
// jobs `first` and `second`; here both are done.
"use strict";

const assert = require("node:assert/strict");
const { iotjobs } = require("aws-iot-device-sdk-v2");
const { DEVICE, protocol, run, stream } = require("./device.cjs");

const thingName = DEVICE.client_id;
const { JobStatus, RejectedErrorCode } = iotjobs.model;
const ids = (summaries) => summaries.map((summary) => summary.jobId);

run(async (version) => {
  const device = await protocol(version);
  const client = device.second(iotjobs.IotJobsClientv2, 8);
  const changed = await stream(client.createJobExecutionsChangedStream({ thingName }));
  const nextChanged = await stream(client.createNextJobExecutionChangedStream({ thingName }));
  const describe = (jobId) => client.describeJobExecution({ thingName, jobId });
  const update = (jobId, status, more) => client.updateJobExecution({ thingName, jobId, status, ...more });
  const start = () => client.startNextPendingJobExecution({ thingName });

  await assert.rejects(describe("third"), ({ modeledError }) => modeledError.code === RejectedErrorCode.RESOURCE_NOT_FOUND);
  const pending = await client.getPendingJobExecutions({ thingName });
  assert.deepEqual([ids(pending.queuedJobs), pending.inProgressJobs], [["first", "second"], []]);
  assert.equal((await describe("$next")).execution.jobId, "first");

  const { execution } = await start();
  assert.deepEqual([execution.jobId, execution.status], ["first", JobStatus.IN_PROGRESS]);
  assert.deepEqual(execution.jobDocument, { operation: "first" });

  await assert.rejects(update("first", JobStatus.SUCCEEDED, { expectedVersion: 1 }), ({ modeledError }) => {
    assert.deepEqual([modeledError.code, modeledError.executionState.versionNumber], [RejectedErrorCode.VERSION_MISMATCH, 2]);
    return true;
  });
  const done = await update("first", JobStatus.SUCCEEDED, { expectedVersion: 2, includeJobExecutionState: true });
  assert.equal(done.executionState.status, JobStatus.SUCCEEDED);
  assert.deepEqual(ids((await changed.next()).jobs.QUEUED), ["second"]);
  assert.equal((await nextChanged.next()).execution.jobId, "second");

  await update("second", JobStatus.FAILED, { statusDetails: { why: "no room" } });
  assert.deepEqual((await changed.next()).jobs, {});
  assert.equal((await nextChanged.next()).execution, undefined);
  assert.equal((await start()).execution, undefined);
  changed.assertEmpty();
  nextChanged.assertEmpty();
  client.close();
  await device.stop();
});

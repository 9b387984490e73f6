// AWS's first-generation jobs client for JavaScript, over MQTT 3.1.1 or MQTT 5 as the first argument says. The test has created the
// jobs `first` and `second`; here both are done.
"use strict";

const assert = require("node:assert/strict");
const { iotjobs, mqtt } = require("aws-iot-device-sdk-v2");
const { DEVICE, Inbox, protocol, run, subscriber } = require("./device.cjs");

const thingName = DEVICE.client_id;
const { JobStatus, RejectedErrorCode } = iotjobs.model;
const ids = (summaries) => summaries.map((summary) => summary.jobId);

/** Subscribes to what there is; gives the inboxes by what they hold. */
async function listen(client) {
  const subscribe = subscriber(client);
  const names = ["pending", "started", "described", "updated", "rejected", "changed", "nextChanged"];
  const inboxes = Object.fromEntries(names.map((name) => [name, new Inbox()]));
  const operation = async (name, request, inbox) => {
    await subscribe(`subscribeTo${name}Accepted`, request, inbox);
    await subscribe(`subscribeTo${name}Rejected`, request, inboxes.rejected);
  };
  await operation("GetPendingJobExecutions", { thingName }, inboxes.pending);
  await operation("StartNextPendingJobExecution", { thingName }, inboxes.started);
  for (const jobId of ["first", "$next"]) await operation("DescribeJobExecution", { thingName, jobId }, inboxes.described);
  for (const jobId of ["first", "second"]) await operation("UpdateJobExecution", { thingName, jobId }, inboxes.updated);
  await subscribe("subscribeToJobExecutionsChangedEvents", { thingName }, inboxes.changed);
  await subscribe("subscribeToNextJobExecutionChangedEvents", { thingName }, inboxes.nextChanged);
  return inboxes;
}

run(async (version) => {
  const device = await protocol(version);
  const client = device.first(iotjobs.IotJobsClient);
  const { pending, started, described, updated, rejected, changed, nextChanged } = await listen(client);
  const ask = (operation, request) => client[`publish${operation}`]({ thingName, ...request }, mqtt.QoS.AtLeastOnce);
  const update = (jobId, status, more) => ask("UpdateJobExecution", { jobId, status, ...more });

  // Both wait, in the order they were created.
  await ask("GetPendingJobExecutions", { clientToken: "1" });
  let answer = await pending.next();
  assert.deepEqual([ids(answer.queuedJobs), answer.inProgressJobs, answer.clientToken], [["first", "second"], [], "1"]);
  await ask("DescribeJobExecution", { jobId: "$next", clientToken: "2" });
  answer = await described.next();
  assert.deepEqual([answer.execution.jobId, answer.execution.status], ["first", JobStatus.QUEUED]);
  assert.deepEqual(answer.execution.jobDocument, { operation: "first" });

  await ask("StartNextPendingJobExecution", { clientToken: "3", statusDetails: { step: "download" }, stepTimeoutInMinutes: 5 });
  answer = await started.next();
  assert.deepEqual([answer.execution.jobId, answer.execution.status], ["first", JobStatus.IN_PROGRESS]);
  assert.deepEqual([answer.execution.versionNumber, answer.execution.statusDetails], [2, { step: "download" }]);

  // The wrong version is told the right one.
  await update("first", JobStatus.IN_PROGRESS, { expectedVersion: 7, clientToken: "4" });
  let error = await rejected.next();
  assert.deepEqual([error.code, error.clientToken], [RejectedErrorCode.VERSION_MISMATCH, "4"]);
  assert.deepEqual([error.executionState.status, error.executionState.versionNumber], [JobStatus.IN_PROGRESS, 2]);

  await update("first", JobStatus.SUCCEEDED, { expectedVersion: 2, includeJobExecutionState: true, includeJobDocument: true });
  answer = await updated.next();
  assert.deepEqual([answer.executionState.status, answer.executionState.versionNumber], [JobStatus.SUCCEEDED, 3]);
  assert.deepEqual(answer.jobDocument, { operation: "first" });
  assert.deepEqual(ids((await changed.next()).jobs.QUEUED), ["second"]);
  assert.equal((await nextChanged.next()).execution.jobId, "second");

  // What has ended has ended.
  await update("first", JobStatus.IN_PROGRESS);
  error = await rejected.next();
  assert.deepEqual([error.code, error.executionState.status], [RejectedErrorCode.INVALID_STATE_TRANSITION, JobStatus.SUCCEEDED]);
  await ask("DescribeJobExecution", { jobId: "first" });
  assert.equal((await rejected.next()).code, RejectedErrorCode.TERMINAL_STATE_REACHED);

  await update("second", JobStatus.REJECTED, { statusDetails: { why: "no room" } });
  answer = await updated.next();
  assert.deepEqual([answer.executionState, answer.jobDocument], [undefined, undefined]);
  assert.deepEqual((await changed.next()).jobs, {});
  assert.equal((await nextChanged.next()).execution, undefined);
  await ask("StartNextPendingJobExecution", {});
  assert.equal((await started.next()).execution, undefined);
  await device.stop();
  for (const inbox of [pending, started, described, updated, rejected, changed, nextChanged]) inbox.assertEmpty();
});

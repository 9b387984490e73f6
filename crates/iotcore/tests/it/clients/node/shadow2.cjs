// AWS's request-response shadow client for JavaScript, over MQTT 3.1.1 or MQTT 5 as the first argument says.
"use strict";

const assert = require("node:assert/strict");
const { iotshadow } = require("aws-iot-device-sdk-v2");
const { DEVICE, protocol, run, stream } = require("./device.cjs");

const named = { thingName: DEVICE.client_id, shadowName: "config" };

run(async (version) => {
  const device = await protocol(version);
  const client = device.second(iotshadow.IotShadowClientv2, 4);
  const deltas = await stream(client.createNamedShadowDeltaUpdatedStream(named));
  const documents = await stream(client.createNamedShadowUpdatedStream(named));
  const update = (state, more) => client.updateNamedShadow({ ...named, state, ...more });

  await assert.rejects(client.getNamedShadow(named), (error) => error.modeledError.code === 404);
  assert.equal((await update({ desired: { lamp: "on" } })).version, 1);
  assert.deepEqual((await deltas.next()).state, { lamp: "on" });
  assert.equal((await documents.next()).current.version, 1);
  await assert.rejects(update({ desired: { lamp: "off" } }, { version: 7 }), (error) => error.modeledError.code === 409);
  assert.equal((await update({ reported: { lamp: "off" } })).version, 2);
  assert.deepEqual((await deltas.next()).state, { lamp: "on" });
  const got = await client.getNamedShadow(named);
  assert.deepEqual(got.state, { desired: { lamp: "on" }, reported: { lamp: "off" }, delta: { lamp: "on" } });
  assert.equal((await update({ reported: { lamp: "on" } })).version, 3);
  assert.equal((await client.deleteNamedShadow(named)).version, 3);
  deltas.assertEmpty();

  const thingName = DEVICE.client_id;
  assert.equal((await client.updateShadow({ thingName, state: { reported: { n: 1 } } })).version, 1);
  assert.deepEqual((await client.getShadow({ thingName })).state, { reported: { n: 1 } });
  assert.equal((await client.deleteShadow({ thingName })).version, 1);
  client.close();
  await device.stop();
});

// AWS's MQTT 3.1.1 and MQTT 5 clients for JavaScript: publish, subscribe, retained messages, a session that waits, properties, what
// policy refuses.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { mqtt, mqtt5 } = require("aws-iot-device-sdk-v2");
const { DEVICE, Inbox, connect3, connect5, connection3, run, stop5 } = require("./device.cjs");

const me = DEVICE.client_id;
const text = (payload) => Buffer.from(payload).toString();

async function pubsub3() {
  const connection = await connect3();
  const inbox = new Inbox();
  const granted = await connection.subscribe(`dt/${me}/+`, mqtt.QoS.AtLeastOnce, (topic, payload) =>
    inbox.put([topic, text(payload)]),
  );
  assert.equal(granted.qos, mqtt.QoS.AtLeastOnce);
  await connection.publish(`dt/${me}/a`, "hello", mqtt.QoS.AtLeastOnce);
  assert.deepEqual(await inbox.next(), [`dt/${me}/a`, "hello"]);
  await connection.unsubscribe(`dt/${me}/+`);
  await connection.publish(`dt/${me}/a`, "nobody", mqtt.QoS.AtLeastOnce);

  await connection.publish(`dt/${me}/kept`, "kept", mqtt.QoS.AtLeastOnce, true);
  await connection.subscribe(`dt/${me}/kept`, mqtt.QoS.AtLeastOnce, (topic, payload, dup, qos, retain) =>
    inbox.put([text(payload), retain]),
  );
  assert.deepEqual(await inbox.next(), ["kept", true]);
  // An empty message ends the SDK's process when it is received.
  await connection.unsubscribe(`dt/${me}/kept`);
  await connection.publish(`dt/${me}/kept`, "", mqtt.QoS.AtLeastOnce, true);
  await connection.disconnect();
  inbox.assertEmpty();
}

async function session3() {
  let waiting = await connect3({ clean: false });
  await waiting.subscribe(`dt/${me}/later`, mqtt.QoS.AtLeastOnce);
  await waiting.disconnect();
  const sender = await connect3({ clientId: `${me}-sender` });
  for (const n of [1, 2, 3]) await sender.publish(`dt/${me}/later`, `${n}`, mqtt.QoS.AtLeastOnce);
  await sender.disconnect();
  const inbox = new Inbox();
  waiting = connection3({ clean: false });
  waiting.on("message", (topic, payload) => inbox.put(text(payload)));
  assert.equal(await waiting.connect(), true, "the session is there");
  assert.deepEqual([await inbox.next(), await inbox.next(), await inbox.next()], ["1", "2", "3"]);
  await waiting.disconnect();
}

async function pubsub5() {
  const client = await connect5();
  const inbox = new Inbox();
  client.on("messageReceived", (event) => inbox.put(event.message));
  const subscribe = (topicFilter) => client.subscribe({ subscriptions: [{ topicFilter, qos: mqtt5.QoS.AtLeastOnce }] });
  assert.deepEqual((await subscribe(`dt/${me}/a`)).reasonCodes, [mqtt5.SubackReasonCode.GrantedQoS1]);
  assert.deepEqual((await subscribe("dt/other/a")).reasonCodes, [mqtt5.SubackReasonCode.NotAuthorized]);
  const puback = await client.publish({
    topicName: `dt/${me}/a`,
    qos: mqtt5.QoS.AtLeastOnce,
    payload: "hello",
    contentType: "text/plain",
    userProperties: [{ name: "k", value: "v" }],
  });
  assert.equal(puback.reasonCode, mqtt5.PubackReasonCode.Success);
  const message = await inbox.next();
  assert.equal(text(message.payload), "hello");
  assert.equal(message.contentType, "text/plain");
  assert.deepEqual(message.userProperties, [{ name: "k", value: "v" }]);
  const refused = await client.publish({ topicName: "dt/other/a", qos: mqtt5.QoS.AtLeastOnce, payload: "" });
  assert.equal(refused.reasonCode, mqtt5.PubackReasonCode.NotAuthorized);

  const disconnected = once(client, "disconnection");
  const other = await connect5();
  const [event] = await disconnected;
  assert.equal(event.disconnect.reasonCode, mqtt5.DisconnectReasonCode.SessionTakenOver);
  await stop5(client);
  await stop5(other);
}

run(async () => {
  await pubsub3();
  await session3();
  await pubsub5();
});

// AWS's SDK for JavaScript: MQTT 3.1.1, MQTT 5, and shadows over both. The test describes the device on standard input, as
// JSON: endpoint, port, client_id, and the paths of root, certificate and key. Packages are found through NODE_PATH.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const { readFileSync } = require("node:fs");
const { iot, iotshadow, mqtt, mqtt5 } = require("aws-iot-device-sdk-v2");

const device = JSON.parse(readFileSync(0, "utf8"));
const me = device.client_id;

/** Messages in the order of their arrival. */
class Inbox {
  #messages = [];
  #waiting = [];

  put(message) {
    const next = this.#waiting.shift();
    if (next) next(message);
    else this.#messages.push(message);
  }

  next() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

async function connect3() {
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(device.certificate, device.key)
    .with_certificate_authority_from_path(undefined, device.root)
    .with_endpoint(device.endpoint)
    .with_port(device.port)
    .with_client_id(me)
    .with_clean_session(true)
    .build();
  const connection = new mqtt.MqttClient().new_connection(config);
  await connection.connect();
  return connection;
}

async function connect5() {
  const config = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(
    device.endpoint,
    device.certificate,
    device.key,
  )
    .withCertificateAuthorityFromPath(undefined, device.root)
    .withPort(device.port)
    .withConnectProperties({ clientId: me, keepAliveIntervalSeconds: 30 })
    .build();
  const client = new mqtt5.Mqtt5Client(config);
  const connected = Promise.race([
    once(client, "connectionSuccess"),
    once(client, "connectionFailure").then(([failure]) => Promise.reject(failure.error)),
  ]);
  client.start();
  await connected;
  return client;
}

async function stop5(client) {
  const stopped = once(client, "stopped");
  client.stop();
  await stopped;
  client.close();
}

async function pubsub3() {
  const connection = await connect3();
  const inbox = new Inbox();
  const granted = await connection.subscribe(`dt/${me}/+`, mqtt.QoS.AtLeastOnce, (topic, payload) =>
    inbox.put([topic, Buffer.from(payload).toString()]),
  );
  assert.equal(granted.qos, mqtt.QoS.AtLeastOnce);
  await connection.publish(`dt/${me}/a`, "hello", mqtt.QoS.AtLeastOnce);
  assert.deepEqual(await inbox.next(), [`dt/${me}/a`, "hello"]);
  await connection.unsubscribe(`dt/${me}/+`);
  await connection.disconnect();
}

async function pubsub5() {
  const client = await connect5();
  const inbox = new Inbox();
  client.on("messageReceived", (event) => inbox.put(event.message));
  const subscriptions = [{ topicFilter: `dt/${me}/a`, qos: mqtt5.QoS.AtLeastOnce }];
  const suback = await client.subscribe({ subscriptions });
  assert.deepEqual(suback.reasonCodes, [mqtt5.SubackReasonCode.GrantedQoS1]);
  const puback = await client.publish({
    topicName: `dt/${me}/a`,
    qos: mqtt5.QoS.AtLeastOnce,
    payload: "hello",
    contentType: "text/plain",
    userProperties: [{ name: "k", value: "v" }],
  });
  assert.equal(puback.reasonCode, mqtt5.PubackReasonCode.Success);
  const message = await inbox.next();
  assert.equal(Buffer.from(message.payload).toString(), "hello");
  assert.equal(message.contentType, "text/plain");
  assert.deepEqual(message.userProperties, [{ name: "k", value: "v" }]);
  await stop5(client);
}

async function shadows(client, name) {
  const thingName = me;
  const shadowName = name;
  const update = (state) => client.updateNamedShadow({ thingName, shadowName, state });
  await assert.rejects(client.getNamedShadow({ thingName, shadowName }), (error) => error.modeledError.code === 404);
  assert.equal((await update({ desired: { lamp: "on" } })).version, 1);
  assert.equal((await update({ reported: { lamp: "off" } })).version, 2);
  const got = await client.getNamedShadow({ thingName, shadowName });
  assert.deepEqual(got.state, { desired: { lamp: "on" }, reported: { lamp: "off" }, delta: { lamp: "on" } });
  assert.equal((await client.deleteNamedShadow({ thingName, shadowName })).version, 2);
  client.close();
}

async function main() {
  const options = { maxRequestResponseSubscriptions: 4, maxStreamingSubscriptions: 1, operationTimeoutInSeconds: 15 };
  await pubsub3();
  const connection = await connect3();
  await shadows(iotshadow.IotShadowClientv2.newFromMqtt311(connection, options), "three");
  await connection.disconnect();
  await pubsub5();
  const client = await connect5();
  await shadows(iotshadow.IotShadowClientv2.newFromMqtt5(client, options), "five");
  await stop5(client);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);

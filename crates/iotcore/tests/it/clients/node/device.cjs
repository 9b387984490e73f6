// What the scenarios share: the device as the test describes it on standard input, connections of either protocol, and waiting with
// an end.
//
// The test writes one JSON object: endpoint, port, client_id, and the paths of root, certificate and key. Packages are found
// through NODE_PATH.
"use strict";

const { once } = require("node:events");
const { readFileSync } = require("node:fs");
const { iot, mqtt, mqtt5 } = require("aws-iot-device-sdk-v2");

const PATIENCE_MS = 20_000;
const DEVICE = JSON.parse(readFileSync(0, "utf8"));

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
    const late = new Error("nothing has come");
    return new Promise((resolve, reject) => {
      const timer = setTimeout(reject, PATIENCE_MS, late);
      this.#waiting.push((message) => {
        clearTimeout(timer);
        resolve(message);
      });
    });
  }

  assertEmpty() {
    if (this.#messages.length > 0) throw new Error(`${JSON.stringify(this.#messages)} was not to come`);
  }
}

/** A connection over MQTT 3.1.1 that is not connected yet, with a clean session unless it is said. */
function connection3({ clientId = DEVICE.client_id, clean = true } = {}) {
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(DEVICE.certificate, DEVICE.key)
    .with_certificate_authority_from_path(undefined, DEVICE.root)
    .with_endpoint(DEVICE.endpoint)
    .with_port(DEVICE.port)
    .with_client_id(clientId)
    .with_clean_session(clean)
    .build();
  return new mqtt.MqttClient().new_connection(config);
}

async function connect3(options) {
  const connection = connection3(options);
  await connection.connect();
  return connection;
}

/** A connected client of MQTT 5. */
async function connect5(properties = {}) {
  const config = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromPath(
    DEVICE.endpoint,
    DEVICE.certificate,
    DEVICE.key,
  )
    .withCertificateAuthorityFromPath(undefined, DEVICE.root)
    .withPort(DEVICE.port)
    .withConnectProperties({ clientId: DEVICE.client_id, keepAliveIntervalSeconds: 30, ...properties })
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

/**
 * A connection over MQTT `3` or `5`, what ends it, and what makes a client of a class of AWS's of either generation for it. One of the
 * second generation has room for so many subscriptions of requests.
 */
async function protocol(version) {
  const options = (subscriptions) => ({
    maxRequestResponseSubscriptions: subscriptions,
    maxStreamingSubscriptions: 4,
    operationTimeoutInSeconds: PATIENCE_MS / 1000,
  });
  if (version === "5") {
    const client = await connect5();
    return {
      stop: () => stop5(client),
      first: (service) => service.newFromMqtt5Client(client),
      second: (service, subscriptions) => service.newFromMqtt5(client, options(subscriptions)),
    };
  }
  const connection = await connect3();
  return {
    stop: () => connection.disconnect(),
    first: (service) => new service(connection),
    second: (service, subscriptions) => service.newFromMqtt311(connection, options(subscriptions)),
  };
}

/** A subscription of a first-generation client; the inbox gets its messages and what could not be read. */
function subscriber(client) {
  return (method, request, inbox) =>
    client[method](request, mqtt.QoS.AtLeastOnce, (error, message) => inbox.put(error ?? message));
}

/** The events of a stream of a second-generation client, which is open when this is done. */
async function stream(operation) {
  const events = new Inbox();
  const statuses = new Inbox();
  operation.on("incomingPublish", ({ message }) => events.put(message));
  operation.on("incomingPublishError", ({ error }) => events.put(error));
  operation.on("subscriptionStatus", ({ type }) => statuses.put(type));
  operation.open();
  const ESTABLISHED = 0;
  const status = await statuses.next();
  if (status !== ESTABLISHED) throw new Error(`no subscription: ${status}`);
  return events;
}

/** Runs a scenario; its failure is the process's. */
function run(scenario) {
  scenario(...process.argv.slice(2)).then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

module.exports = { DEVICE, Inbox, connect3, connect5, connection3, protocol, run, stop5, stream, subscriber };

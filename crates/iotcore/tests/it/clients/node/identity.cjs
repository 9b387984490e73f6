// AWS's fleet provisioning clients for JavaScript: a claim becomes a thing, by CSR and by a key that the service makes.
//
// Prints, for each, the certificate's id and the thing. The first argument is the template, the second a file with a CSR, the third is
// `1` or `2` for the client's generation, the fourth the version of MQTT, `3` or `5`.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { iotidentity, mqtt } = require("aws-iot-device-sdk-v2");
const { Inbox, protocol, run, subscriber } = require("./device.cjs");

/** The operations of a first-generation client, with the form that those of the second have. */
async function first(device, templateName) {
  const client = device.first(iotidentity.IotIdentityClient);
  const subscribe = subscriber(client);
  const operation = async (name, listen) => {
    const answers = new Inbox();
    await subscribe(`subscribeTo${name}Accepted`, listen, { put: (answer) => answers.put([true, answer]) });
    await subscribe(`subscribeTo${name}Rejected`, listen, { put: (answer) => answers.put([false, answer]) });
    return async (request) => {
      await client[`publish${name}`](request, mqtt.QoS.AtLeastOnce);
      const [accepted, answer] = await answers.next();
      if (accepted) return answer;
      throw Object.assign(new Error(name), { modeledError: answer });
    };
  };
  return {
    createCertificateFromCsr: await operation("CreateCertificateFromCsr", {}),
    createKeysAndCertificate: await operation("CreateKeysAndCertificate", {}),
    registerThing: await operation("RegisterThing", { templateName }),
  };
}

run(async (templateName, csrFile, generation, version) => {
  const certificateSigningRequest = readFileSync(csrFile, "utf8");
  const device = await protocol(version);
  const client =
    generation === "1" ? await first(device, templateName) : device.second(iotidentity.IotIdentityClientv2, 6);

  const register = ({ certificateOwnershipToken }, serial, code) =>
    client.registerThing({ templateName, certificateOwnershipToken, parameters: { SerialNumber: serial, Code: code } });
  const show = (made, registered) => {
    assert.match(made.certificatePem, /^-----BEGIN CERTIFICATE-----/);
    assert.deepEqual(registered.deviceConfiguration, { greeting: "hello" });
    console.log(JSON.stringify({ certificate: made.certificateId, thing: registered.thingName }));
  };

  let made = await client.createCertificateFromCsr({ certificateSigningRequest });
  show(made, await register(made, "csr", "right"));
  made = await client.createKeysAndCertificate({});
  assert.match(made.privateKey, /^-----BEGIN/);
  show(made, await register(made, "keys", "right"));
  made = await client.createCertificateFromCsr({ certificateSigningRequest });
  await assert.rejects(register(made, "wrong", "wrong"), ({ modeledError }) => modeledError.statusCode === 403);
  await device.stop();
});

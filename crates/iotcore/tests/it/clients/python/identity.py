"""AWS's fleet provisioning client: a claim becomes a thing, by CSR and by a key that the service makes.

Prints, for each, the certificate's id and the thing. The first argument is the template, the second a file with a CSR,
the third is `1` or `2` for the client's generation.
"""

import json
import sys

import awsiot
from awsiot import iotidentity
from device import Inbox, connection, done, fails
from service import QOS, leave, options, subscribe

template, csr, generation = sys.argv[1], open(sys.argv[2]).read(), sys.argv[3]
claim = connection()
done(claim.connect())


def enrol_1(with_csr, serial, code):
    if with_csr:
        request = iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr)
        done(identity.publish_create_certificate_from_csr(request, QOS))
    else:
        done(identity.publish_create_keys_and_certificate(iotidentity.CreateKeysAndCertificateRequest(), QOS))
    made = accepted.next()
    done(identity.publish_register_thing(registration(made, serial, code), QOS))
    return made


def registration(made, serial, code):
    return iotidentity.RegisterThingRequest(
        template_name=template,
        certificate_ownership_token=made.certificate_ownership_token,
        parameters={"SerialNumber": serial, "Code": code},
    )


def show(made, registered):
    assert made.certificate_pem.startswith("-----BEGIN CERTIFICATE-----")
    assert registered.device_configuration == {"greeting": "hello"}, registered.device_configuration
    print(json.dumps({"certificate": made.certificate_id, "thing": registered.thing_name}))


if generation == "1":
    identity = iotidentity.IotIdentityClient(claim)
    accepted, rejected = Inbox(), Inbox()
    create = iotidentity.CreateCertificateFromCsrSubscriptionRequest()
    subscribe(identity.subscribe_to_create_certificate_from_csr_accepted, create, accepted)
    subscribe(identity.subscribe_to_create_certificate_from_csr_rejected, create, rejected)
    create = iotidentity.CreateKeysAndCertificateSubscriptionRequest()
    subscribe(identity.subscribe_to_create_keys_and_certificate_accepted, create, accepted)
    subscribe(identity.subscribe_to_create_keys_and_certificate_rejected, create, rejected)
    register = iotidentity.RegisterThingSubscriptionRequest(template_name=template)
    subscribe(identity.subscribe_to_register_thing_accepted, register, accepted)
    subscribe(identity.subscribe_to_register_thing_rejected, register, rejected)
    show(enrol_1(True, "csr", "right"), accepted.next())
    show(enrol_1(False, "keys", "right"), accepted.next())
    enrol_1(True, "wrong", "wrong")
    assert rejected.next().status_code == 403
else:
    identity = iotidentity.IotIdentityClientV2(claim, options(4))
    from_csr = iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=csr)
    made = done(identity.create_certificate_from_csr(from_csr))
    show(made, done(identity.register_thing(registration(made, "csr", "right"))))
    made = done(identity.create_keys_and_certificate(iotidentity.CreateKeysAndCertificateRequest()))
    assert made.private_key.startswith("-----BEGIN")
    show(made, done(identity.register_thing(registration(made, "keys", "right"))))
    made = done(identity.create_certificate_from_csr(from_csr))
    error = fails(identity.register_thing(registration(made, "wrong", "wrong")))
    assert isinstance(error, awsiot.V2ServiceException) and error.modeled_error.status_code == 403, error
done(claim.disconnect())
leave()

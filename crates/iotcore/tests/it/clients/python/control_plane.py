"""AWS's control plane by boto3: from nothing to a device that may connect. Prints the certificate and key of the
device and of a provisioning claim."""

import datetime
import json
import sys

from aws import PORT, client, refused

iot = client("iot")
csr = open(sys.argv[4]).read()
ARN = "arn:aws:iot:local:000000000000"

assert iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"] == f"localhost:{PORT}"
refused("InvalidRequestException", 400, iot.describe_endpoint, endpointType="iot:CredentialProvider")

# Things.
made = iot.create_thing(thingName="pump", attributePayload={"attributes": {"floor": "1"}})
assert made["thingArn"] == f"{ARN}:thing/pump" and len(made["thingId"]) == 36, made
assert iot.create_thing(thingName="pump", attributePayload={"attributes": {"floor": "1"}})["thingId"] == made["thingId"]
refused("ResourceAlreadyExistsException", 409, iot.create_thing, thingName="pump")
refused("InvalidRequestException", 400, iot.create_thing, thingName="typed", thingTypeName="t")
iot.create_thing(thingName="lamp")
iot.update_thing(thingName="pump", attributePayload={"attributes": {"room": "a", "floor": ""}, "merge": True})
thing = iot.describe_thing(thingName="pump")
assert (thing["defaultClientId"], thing["attributes"], thing["version"]) == ("pump", {"room": "a"}, 2), thing
refused("VersionConflictException", 409, iot.update_thing, thingName="pump", expectedVersion=1)
iot.update_thing(thingName="pump", expectedVersion=2)
refused("VersionConflictException", 409, iot.delete_thing, thingName="pump", expectedVersion=2)
for wrong in [{"a b": "1"}, {"a": "x y"}, {"a": "x" * 801}, {f"n{number}": "" for number in range(51)}]:
    refused("InvalidRequestException", 400, iot.create_thing, thingName="x", attributePayload={"attributes": wrong})
refused("ResourceNotFoundException", 404, iot.describe_thing, thingName="none")
refused("ResourceNotFoundException", 404, iot.update_thing, thingName="none")
pages = iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 1})
assert [thing["thingName"] for page in pages for thing in page["things"]] == ["lamp", "pump"]
for query, expected in [
    (dict(attributeName="room"), ["pump"]),
    (dict(attributeName="room", attributeValue="a"), ["pump"]),
    (dict(attributeName="room", attributeValue="b"), []),
    (dict(attributeName="floor", attributeValue="a"), []),
    (dict(attributeName="room", attributeValue="", usePrefixAttributeValue=True), ["pump"]),
    (dict(attributeName="room", attributeValue="ab", usePrefixAttributeValue=True), []),
    (dict(thingTypeName="lamps"), []),
]:
    found = [(thing["thingName"], thing["version"]) for thing in iot.list_things(**query)["things"]]
    assert found == [(name, 3) for name in expected], (query, found)
refused("InvalidRequestException", 400, iot.list_things, attributeValue="a")
iot.delete_thing(thingName="lamp", expectedVersion=1)
iot.delete_thing(thingName="lamp")

# Certificates.
keys = iot.create_keys_and_certificate(setAsActive=True)
assert keys["certificateArn"] == f"{ARN}:cert/{keys['certificateId']}", keys
assert keys["keyPair"]["PublicKey"].startswith("-----BEGIN PUBLIC KEY-----"), keys["keyPair"]["PublicKey"]
signed = iot.create_certificate_from_csr(certificateSigningRequest=csr)
refused("InvalidRequestException", 400, iot.create_certificate_from_csr, certificateSigningRequest="x")
about = iot.describe_certificate(certificateId=signed["certificateId"])["certificateDescription"]
assert (about["status"], about["certificatePem"]) == ("INACTIVE", signed["certificatePem"]), about
assert about["validity"]["notBefore"] < about["creationDate"] < about["validity"]["notAfter"], about
refused("ResourceNotFoundException", 404, iot.describe_certificate, certificateId="0" * 64)
foreign = open(sys.argv[5]).read()
registered = iot.register_certificate_without_ca(certificatePem=foreign)
assert registered["certificateArn"] == f"{ARN}:cert/{registered['certificateId']}", registered
about_foreign = iot.describe_certificate(certificateId=registered["certificateId"])["certificateDescription"]
assert (about_foreign["status"], about_foreign["certificateMode"]) == ("INACTIVE", "SNI_ONLY"), about_foreign
assert (about_foreign["certificatePem"], about["certificateMode"]) == (foreign, "DEFAULT"), about_foreign
refused("ResourceAlreadyExistsException", 409, iot.register_certificate_without_ca, certificatePem=foreign)
refused("CertificateValidationException", 400, iot.register_certificate_without_ca, certificatePem="x")
iot.delete_certificate(certificateId=registered["certificateId"])
iot.register_certificate_without_ca(certificatePem=foreign, status="ACTIVE")
pages = iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 1})
listed = [certificate["certificateId"] for page in pages for certificate in page["certificates"]]
assert listed == sorted(listed) and {keys["certificateId"], signed["certificateId"]} < set(listed), listed
refused("CertificateStateException", 406, iot.delete_certificate, certificateId=keys["certificateId"])
iot.delete_certificate(certificateId=signed["certificateId"])
refused("ResourceNotFoundException", 404, iot.delete_certificate, certificateId=signed["certificateId"])
refused("InvalidRequestException", 400, iot.update_certificate, certificateId=keys["certificateId"], newStatus="PENDING_TRANSFER")

# Policies, and what they are attached to.
document = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
})
policy = iot.create_policy(policyName="all", policyDocument=document)
assert (policy["policyArn"], policy["policyVersionId"]) == (f"{ARN}:policy/all", "1"), policy
refused("MalformedPolicyException", 400, iot.create_policy, policyName="bad", policyDocument="{}")
refused("ResourceAlreadyExistsException", 409, iot.create_policy, policyName="all", policyDocument=document + " ")
assert json.loads(iot.get_policy(policyName="all")["policyDocument"]) == json.loads(document)
assert "all" in [policy["policyName"] for policy in iot.list_policies()["policies"]]
iot.attach_policy(policyName="all", target=keys["certificateArn"])
refused("ResourceNotFoundException", 404, iot.attach_policy, policyName="none", target=keys["certificateArn"])
refused("InvalidRequestException", 400, iot.attach_policy, policyName="all", target="arn:aws:iot:local:1:cert/x")
attached = iot.list_attached_policies(target=keys["certificateArn"])["policies"]
assert [policy["policyName"] for policy in attached] == ["all"], attached
refused("DeleteConflictException", 409, iot.delete_policy, policyName="all")
iot.attach_thing_principal(thingName="pump", principal=keys["certificateArn"])
assert iot.list_thing_principals(thingName="pump")["principals"] == [keys["certificateArn"]]
refused("InvalidRequestException", 400, iot.delete_thing, thingName="pump")
exclusive, shared = [dict(thingPrincipalType=kind) for kind in ["EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"]]
for query, expected in [({}, True), (shared, True), (exclusive, False)]:
    listed = iot.list_thing_principals_v2(thingName="pump", **query)["thingPrincipalObjects"]
    assert listed == [{"principal": keys["certificateArn"], **shared}] * expected, listed
    listed = iot.list_principal_things_v2(principal=keys["certificateArn"], **query)["principalThingObjects"]
    assert listed == [{"thingName": "pump", **shared}] * expected, listed
refused("ResourceNotFoundException", 404, iot.list_principal_things, principal=f"{ARN}:cert/{'0' * 64}")

# What is attached can be detached.
iot.create_policy(policyName="other", policyDocument=document)
iot.attach_policy(policyName="other", target=keys["certificateArn"])
iot.detach_policy(policyName="other", target=keys["certificateArn"])
iot.delete_policy(policyName="other")
iot.create_thing(thingName="lamp")
iot.attach_thing_principal(thingName="lamp", principal=keys["certificateArn"])
pages = iot.get_paginator("list_principal_things").paginate(
    principal=keys["certificateArn"], PaginationConfig={"PageSize": 1}
)
assert [thing for page in pages for thing in page["things"]] == ["lamp", "pump"]
iot.detach_thing_principal(thingName="lamp", principal=keys["certificateArn"])
iot.delete_thing(thingName="lamp")

# A certificate is deleted when it is attached to nothing; policies may be detached with it.
spare = iot.create_keys_and_certificate(setAsActive=False)
iot.create_thing(thingName="lamp")
iot.attach_thing_principal(thingName="lamp", principal=spare["certificateArn"])
iot.attach_policy(policyName="all", target=spare["certificateArn"])
for force in [True, False]:
    gone = dict(certificateId=spare["certificateId"], forceDelete=force)
    refused("DeleteConflictException", 409, iot.delete_certificate, **gone)
iot.detach_thing_principal(thingName="lamp", principal=spare["certificateArn"])
refused("DeleteConflictException", 409, iot.delete_certificate, certificateId=spare["certificateId"])
iot.delete_certificate(certificateId=spare["certificateId"], forceDelete=True)
iot.delete_thing(thingName="lamp")

# A provisioning template, and a claim for it.
body = json.dumps({
    "Parameters": {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}},
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}},
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
        },
    },
})
template = dict(templateName="fleet", templateBody=body, provisioningRoleArn="arn:aws:iam::000000000000:role/any-role")
template["enabled"] = True
made = iot.create_provisioning_template(**template)
assert (made["templateArn"], made["defaultVersionId"]) == (f"{ARN}:provisioningtemplate/fleet", 1), made
refused("ResourceNotFoundException", 404, iot.create_provisioning_claim, templateName="none")
claim = iot.create_provisioning_claim(templateName="fleet")
remaining = claim["expiration"] - datetime.datetime.now(datetime.timezone.utc)
assert datetime.timedelta(minutes=4) < remaining < datetime.timedelta(minutes=6), claim["expiration"]

# What there is not.
refused("UnknownOperationException", 404, iot.list_thing_types)
for made in [keys, claim]:
    print(json.dumps({"certificate": made["certificatePem"], "key": made["keyPair"]["PrivateKey"]}))

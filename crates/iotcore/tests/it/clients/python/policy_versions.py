"""AWS's policy versions by boto3; the default one is in force at once, for a device that is connected."""

import json

from awscrt import mqtt5
from aws import client, refused
from device import DEVICE, Client5, done

me = DEVICE["client_id"]
iot = client("iot")
ARN = "arn:aws:iot:local:000000000000"
NAME = f"policy-{me}"


def document(topic):
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
            {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": f"arn:aws:iot:*:*:topicfilter/{topic}"},
        ],
    })


device = Client5()


def may_subscribe(topic):
    subscription = mqtt5.Subscription(topic_filter=topic, qos=mqtt5.QoS.AT_LEAST_ONCE)
    suback = done(device.client.subscribe(mqtt5.SubscribePacket(subscriptions=[subscription])))
    return suback.reason_codes == [mqtt5.SubackReasonCode.GRANTED_QOS_1]


def versions():
    listed = iot.list_policy_versions(policyName=NAME)["policyVersions"]
    return [(version["versionId"], version["isDefaultVersion"]) for version in listed]


def create(topic, **options):
    return iot.create_policy_version(policyName=NAME, policyDocument=document(topic), **options)


assert versions() == [("1", True)]
first = iot.get_policy(policyName=NAME)
assert first["defaultVersionId"] == "1" and first["creationDate"].year > 2020, first

# A version is in force when it is the default.
made = create("two")
assert (made["policyArn"], made["policyVersionId"], made["isDefaultVersion"]) == (f"{ARN}:policy/{NAME}", "2", False), made
assert not may_subscribe("two") and versions() == [("2", False), ("1", True)]
made = create("three", setAsDefault=True)
assert (made["policyVersionId"], made["isDefaultVersion"]) == ("3", True), made
assert may_subscribe("three") and not may_subscribe("two")
policy = iot.get_policy(policyName=NAME)
assert (policy["defaultVersionId"], policy["policyDocument"]) == ("3", document("three")), policy
iot.set_default_policy_version(policyName=NAME, policyVersionId="2")
assert may_subscribe("two") and not may_subscribe("three")
iot.set_default_policy_version(policyName=NAME, policyVersionId="2")
assert versions() == [("3", False), ("2", True), ("1", False)]
version = iot.get_policy_version(policyName=NAME, policyVersionId="3")
assert (version["policyName"], version["policyVersionId"], version["isDefaultVersion"]) == (NAME, "3", False), version
assert version["policyDocument"] == document("three") and version["creationDate"] <= version["lastModifiedDate"], version

# At most five, and no number twice.
create("four")
create("five")
refused("VersionsLimitExceededException", 409, create, "six")
iot.delete_policy_version(policyName=NAME, policyVersionId="5")
assert create("six")["policyVersionId"] == "6"
refused("DeleteConflictException", 409, iot.delete_policy_version, policyName=NAME, policyVersionId="2")

# What is wrong.
for call in [iot.get_policy_version, iot.set_default_policy_version, iot.delete_policy_version]:
    refused("ResourceNotFoundException", 404, call, policyName=NAME, policyVersionId="5")
    refused("ResourceNotFoundException", 404, call, policyName="none", policyVersionId="1")
    refused("InvalidRequestException", 400, call, policyName=NAME, policyVersionId="x")
refused("ResourceNotFoundException", 404, iot.list_policy_versions, policyName="none")
refused("ResourceNotFoundException", 404, iot.create_policy_version, policyName="none", policyDocument=document("a"))
refused("MalformedPolicyException", 400, iot.create_policy_version, policyName=NAME, policyDocument="{}")

# A policy is deleted with its default version alone.
iot.create_policy(policyName="spare", policyDocument=document("a"))
iot.create_policy_version(policyName="spare", policyDocument=document("b"), setAsDefault=True)
again = iot.create_policy(policyName="spare", policyDocument=document("b"))
assert again["policyVersionId"] == "2", again
refused("DeleteConflictException", 409, iot.delete_policy, policyName="spare")
iot.delete_policy_version(policyName="spare", policyVersionId="1")
iot.delete_policy(policyName="spare")
refused("ResourceNotFoundException", 404, iot.list_policy_versions, policyName="spare")
device.stop()

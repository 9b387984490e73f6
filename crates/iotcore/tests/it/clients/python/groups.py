"""AWS's thing groups by boto3: their hierarchy, the things in them, and their policies, which count for a device at once."""

import json

from awscrt import mqtt5
from aws import client, refused
from device import DEVICE, Client5, done

me = DEVICE["client_id"]
iot = client("iot")
ARN = "arn:aws:iot:local:000000000000"


def groups(**query):
    pages = iot.get_paginator("list_thing_groups").paginate(PaginationConfig={"PageSize": 2}, **query)
    listed = [group for page in pages for group in page["thingGroups"]]
    assert all(group["groupArn"] == f"{ARN}:thinggroup/{group['groupName']}" for group in listed), listed
    return [group["groupName"] for group in listed]


def groups_of(thing):
    pages = iot.get_paginator("list_thing_groups_for_thing").paginate(thingName=thing, PaginationConfig={"PageSize": 1})
    return [group["groupName"] for page in pages for group in page["thingGroups"]]


def things_in(group, **query):
    pages = iot.get_paginator("list_things_in_thing_group").paginate(
        thingGroupName=group, PaginationConfig={"PageSize": 1}, **query
    )
    return [thing for page in pages for thing in page["things"]]


# A hierarchy.
properties = {"thingGroupDescription": "all of it", "attributePayload": {"attributes": {"floor": "1"}}}
made = iot.create_thing_group(thingGroupName="home", thingGroupProperties=properties)
assert (made["thingGroupName"], made["thingGroupArn"]) == ("home", f"{ARN}:thinggroup/home"), made
again = iot.create_thing_group(thingGroupName="home", thingGroupProperties=properties)
assert again["thingGroupId"] == made["thingGroupId"] and len(made["thingGroupId"]) == 36, (made, again)
refused("ResourceAlreadyExistsException", 409, iot.create_thing_group, thingGroupName="home")
for name, parent in [("kitchen", "home"), ("hall", "home"), ("lamps", "kitchen")]:
    iot.create_thing_group(thingGroupName=name, parentGroupName=parent)
iot.create_thing_group(thingGroupName="office")
refused("ResourceNotFoundException", 404, iot.create_thing_group, thingGroupName="x", parentGroupName="none")
refused("InvalidRequestException", 400, iot.create_thing_group, thingGroupName="a b")
tags = [{"Key": "k", "Value": "v"}]
refused("InvalidRequestException", 400, iot.create_thing_group, thingGroupName="x", tags=tags)
for bad in [{"thingGroupDescription": "x" * 2029}, {"attributePayload": {"attributes": {"a b": "1"}}}]:
    refused("InvalidRequestException", 400, iot.create_thing_group, thingGroupName="x", thingGroupProperties=bad)
for depth in range(3):
    iot.create_thing_group(thingGroupName=f"deep-{depth}", parentGroupName=f"deep-{depth - 1}" if depth else "lamps")
iot.create_thing_group(thingGroupName="deep-3", parentGroupName="deep-2")
refused("InvalidRequestException", 400, iot.create_thing_group, thingGroupName="deep-4", parentGroupName="deep-3")
for depth in [3, 2, 1, 0]:
    iot.delete_thing_group(thingGroupName=f"deep-{depth}")

lamps = iot.describe_thing_group(thingGroupName="lamps")
metadata = lamps["thingGroupMetadata"]
assert metadata["parentGroupName"] == "kitchen" and metadata["creationDate"].year > 2020, lamps
above = [(group["groupName"], group["groupArn"]) for group in metadata["rootToParentThingGroups"]]
assert above == [(name, f"{ARN}:thinggroup/{name}") for name in ["home", "kitchen"]], above
home = iot.describe_thing_group(thingGroupName="home")
assert (home["thingGroupProperties"], home["version"]) == (properties, 1), home
assert "parentGroupName" not in home["thingGroupMetadata"], home
refused("ResourceNotFoundException", 404, iot.describe_thing_group, thingGroupName="none")

assert groups() == ["hall", "home", "kitchen", "lamps", "office"]
assert groups(parentGroup="home") == ["hall", "kitchen"]
assert groups(parentGroup="home", recursive=True) == ["hall", "kitchen", "lamps"]
assert groups(namePrefixFilter="h") == ["hall", "home"] and groups(parentGroup="home", namePrefixFilter="x") == []
refused("ResourceNotFoundException", 404, iot.list_thing_groups, parentGroup="none")

# What is said about one.
change = {"attributePayload": {"attributes": {"room": "a", "floor": ""}, "merge": True}}
assert iot.update_thing_group(thingGroupName="home", thingGroupProperties=change, expectedVersion=1)["version"] == 2
home = iot.describe_thing_group(thingGroupName="home")
said = {"thingGroupDescription": "all of it", "attributePayload": {"attributes": {"room": "a"}}}
assert (home["thingGroupProperties"], home["version"]) == (said, 2), home
stale = dict(thingGroupName="home", thingGroupProperties=change, expectedVersion=1)
refused("VersionConflictException", 409, iot.update_thing_group, **stale)
refused("ResourceNotFoundException", 404, iot.update_thing_group, thingGroupName="none", thingGroupProperties={})

# The things in them, by names and by ARNs.
for thing in ["pump", "valve"]:
    iot.create_thing(thingName=thing)
iot.add_thing_to_thing_group(thingName=me, thingGroupName="kitchen")
iot.add_thing_to_thing_group(thingName=me, thingGroupName="kitchen")
iot.add_thing_to_thing_group(thingArn=f"{ARN}:thing/pump", thingGroupArn=f"{ARN}:thinggroup/lamps")
iot.add_thing_to_thing_group(thingName="valve", thingArn=f"{ARN}:thing/valve", thingGroupName="office")
for wrong in [
    dict(thingName="pump"),
    dict(thingGroupName="office"),
    dict(thingName="valve", thingArn=f"{ARN}:thing/pump", thingGroupName="office"),
    dict(thingName="valve", thingGroupName="office", thingGroupArn=f"{ARN}:thinggroup/home"),
    dict(thingName="valve", thingGroupArn="arn:aws:iot:elsewhere:000000000000:thinggroup/home"),
    # It is in another group of the same hierarchy.
    dict(thingName="pump", thingGroupName="home"),
]:
    refused("InvalidRequestException", 400, iot.add_thing_to_thing_group, **wrong)
for missing in [dict(thingName="none", thingGroupName="home"), dict(thingName="pump", thingGroupName="none")]:
    refused("ResourceNotFoundException", 404, iot.add_thing_to_thing_group, **missing)
    refused("ResourceNotFoundException", 404, iot.remove_thing_from_thing_group, **missing)
assert things_in("home") == [] and things_in("home", recursive=True) == sorted([me, "pump"])
assert groups_of("pump") == ["home", "kitchen", "lamps"] and groups_of("valve") == ["office"]
refused("ResourceNotFoundException", 404, iot.list_things_in_thing_group, thingGroupName="none")
refused("ResourceNotFoundException", 404, iot.list_thing_groups_for_thing, thingName="none")
iot.remove_thing_from_thing_group(thingName="pump", thingGroupArn=f"{ARN}:thinggroup/lamps")
assert groups_of("pump") == []
iot.update_thing_groups_for_thing(thingName="valve", thingGroupsToAdd=["hall"], thingGroupsToRemove=["office"])
assert groups_of("valve") == ["hall", "home"]
both = dict(thingName="valve", thingGroupsToAdd=["none"], thingGroupsToRemove=["hall"])
refused("ResourceNotFoundException", 404, iot.update_thing_groups_for_thing, **both)
assert groups_of("valve") == ["hall", "home"], "all of it or nothing"

# Their policies count for the device that is connected, at once.
device = Client5()


def may_subscribe(topic):
    subscription = mqtt5.Subscription(topic_filter=topic, qos=mqtt5.QoS.AT_LEAST_ONCE)
    suback = done(device.client.subscribe(mqtt5.SubscribePacket(subscriptions=[subscription])))
    return suback.reason_codes == [mqtt5.SubackReasonCode.GRANTED_QOS_1]


for name in ["above", "own", "spare"]:
    statement = {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": f"arn:aws:iot:*:*:topicfilter/{name}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iot.create_policy(policyName=name, policyDocument=document)
home, kitchen = f"{ARN}:thinggroup/home", f"{ARN}:thinggroup/kitchen"
assert not may_subscribe("above/a") and not may_subscribe("own/a")
iot.attach_policy(policyName="above", target=home)
iot.attach_policy(policyName="own", target=kitchen)
assert may_subscribe("above/a") and may_subscribe("own/a")


def attached(target, **query):
    pages = iot.get_paginator("list_attached_policies").paginate(target=target, PaginationConfig={"PageSize": 1}, **query)
    listed = [policy for page in pages for policy in page["policies"]]
    assert all(policy["policyArn"] == f"{ARN}:policy/{policy['policyName']}" for policy in listed), listed
    return [policy["policyName"] for policy in listed]


assert attached(kitchen) == ["own"] and attached(kitchen, recursive=True) == ["above", "own"]
certificate = iot.list_thing_principals(thingName=me)["principals"][0]
iot.attach_policy(policyName="own", target=certificate)
assert attached(certificate, recursive=True) == ["own", f"policy-{me}"]
iot.attach_policy(policyName="own", target=f"{ARN}:thinggroup/office")
pages = iot.get_paginator("list_targets_for_policy").paginate(policyName="own", PaginationConfig={"PageSize": 1})
targets = [target for page in pages for target in page["targets"]]
assert targets == [certificate, kitchen, f"{ARN}:thinggroup/office"], targets
assert iot.list_targets_for_policy(policyName="spare")["targets"] == []
refused("ResourceNotFoundException", 404, iot.list_targets_for_policy, policyName="none")
refused("ResourceNotFoundException", 404, iot.list_attached_policies, target=f"{ARN}:thinggroup/none")
refused("ResourceNotFoundException", 404, iot.list_attached_policies, target=f"{ARN}:cert/{'0' * 64}")
refused("ResourceNotFoundException", 404, iot.attach_policy, policyName="own", target=f"{ARN}:thinggroup/none")
refused("InvalidRequestException", 400, iot.attach_policy, policyName="own", target=f"{ARN}:thing/{me}")
iot.attach_policy(policyName="above", target=kitchen)
refused("LimitExceededException", 410, iot.attach_policy, policyName="spare", target=kitchen)
refused("DeleteConflictException", 409, iot.delete_policy, policyName="own")
for target in [certificate, kitchen, f"{ARN}:thinggroup/office"]:
    iot.detach_policy(policyName="own", target=target)
assert not may_subscribe("own/b") and may_subscribe("above/b")
iot.delete_policy(policyName="own")
device.stop()

# Deleting.
refused("InvalidRequestException", 400, iot.delete_thing_group, thingGroupName="home")
refused("VersionConflictException", 409, iot.delete_thing_group, thingGroupName="lamps", expectedVersion=7)
iot.delete_thing_group(thingGroupName="lamps", expectedVersion=1)
iot.delete_thing_group(thingGroupName="lamps")
assert groups() == ["hall", "home", "kitchen", "office"]

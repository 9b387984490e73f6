"""AWS's provisioning templates by boto3: what is said about them, and their versions."""

import json

from aws import client, refused

iot = client("iot")
ARN = "arn:aws:iot:local:000000000000"
ROLE = "arn:aws:iam::000000000000:role/any-role"


def body(prefix):
    return json.dumps({
        "Parameters": {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": {"Fn::Join": ["-", [prefix, {"Ref": "SerialNumber"}]]}},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
            },
        },
    })


def described(name="fleet"):
    return iot.describe_provisioning_template(templateName=name)


template = dict(templateName="fleet", templateBody=body("a"), provisioningRoleArn=ROLE)
made = iot.create_provisioning_template(**template, description="the first")
assert (made["templateArn"], made["defaultVersionId"]) == (f"{ARN}:provisioningtemplate/fleet", 1), made
refused("ResourceAlreadyExistsException", 409, iot.create_provisioning_template, **template)
refused("InvalidRequestException", 400, iot.create_provisioning_template, **{**template, "templateBody": "{}"})
hook = {"targetArn": "arn:aws:lambda:local:000000000000:function:hook"}
for unsupported in [dict(preProvisioningHook=hook), dict(type="JITP"), dict(tags=[{"Key": "k", "Value": "v"}])]:
    another = {**template, "templateName": "other", **unsupported}
    refused("InvalidRequestException", 400, iot.create_provisioning_template, **another)
about = described()
assert (about["description"], about["enabled"], about["provisioningRoleArn"]) == ("the first", False, ROLE), about
assert (about["templateBody"], about["defaultVersionId"], about["type"]) == (body("a"), 1, "FLEET_PROVISIONING"), about
listed = iot.list_provisioning_templates()["templates"]
assert [(template["templateName"], template["enabled"]) for template in listed] == [("fleet", False)], listed

iot.update_provisioning_template(templateName="fleet", description="", enabled=True, removePreProvisioningHook=True)
about = described()
assert (about["description"], about["enabled"], about["provisioningRoleArn"]) == ("", True, ROLE), about
iot.update_provisioning_template(templateName="fleet", provisioningRoleArn=ROLE + "-2")
about = described()
assert (about["enabled"], about["provisioningRoleArn"]) == (True, ROLE + "-2"), about
assert about["creationDate"] <= about["lastModifiedDate"], about
for wrong in [dict(description="x" * 501), dict(preProvisioningHook=hook)]:
    refused("InvalidRequestException", 400, iot.update_provisioning_template, templateName="fleet", **wrong)
refused("ResourceNotFoundException", 404, iot.update_provisioning_template, templateName="none", enabled=True)


# Versions.
def create(prefix, **options):
    return iot.create_provisioning_template_version(templateName="fleet", templateBody=body(prefix), **options)


def versions():
    pages = iot.get_paginator("list_provisioning_template_versions").paginate(
        templateName="fleet", PaginationConfig={"PageSize": 1}
    )
    listed = [version for page in pages for version in page["versions"]]
    return [(version["versionId"], version["isDefaultVersion"]) for version in listed]


made = create("b")
assert (made["templateName"], made["versionId"], made["isDefaultVersion"]) == ("fleet", 2, False), made
assert described()["templateBody"] == body("a")
made = create("c", setAsDefault=True)
assert (made["versionId"], made["isDefaultVersion"]) == (3, True), made
about = described()
assert (about["templateBody"], about["defaultVersionId"]) == (body("c"), 3), about
assert versions() == [(1, False), (2, False), (3, True)]
iot.update_provisioning_template(templateName="fleet", defaultVersionId=2)
assert described()["templateBody"] == body("b")
one = iot.describe_provisioning_template_version(templateName="fleet", versionId=3)
assert (one["versionId"], one["templateBody"], one["isDefaultVersion"]) == (3, body("c"), False), one
create("d")
create("e")
refused("VersionsLimitExceededException", 409, create, "f")
iot.delete_provisioning_template_version(templateName="fleet", versionId=5)
assert create("f")["versionId"] == 6
fleet = dict(templateName="fleet")
refused("DeleteConflictException", 409, iot.delete_provisioning_template_version, **fleet, versionId=2)
for call in [iot.describe_provisioning_template_version, iot.delete_provisioning_template_version]:
    refused("ResourceNotFoundException", 404, call, **fleet, versionId=5)
    refused("ResourceNotFoundException", 404, call, templateName="none", versionId=1)
refused("ResourceNotFoundException", 404, iot.update_provisioning_template, **fleet, enabled=False, defaultVersionId=5)
assert described()["enabled"], "all of it or nothing"
refused("ResourceNotFoundException", 404, iot.list_provisioning_template_versions, templateName="none")
refused("InvalidRequestException", 400, iot.create_provisioning_template_version, **fleet, templateBody="{}")
iot.delete_provisioning_template(**fleet)
refused("ResourceNotFoundException", 404, iot.describe_provisioning_template, **fleet)

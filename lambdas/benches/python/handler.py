"""What the function `observe` is compared with: the same batch decoded, written to DynamoDB and sent on to the next queue, with
AWS's SDK for Python."""

import base64
import hashlib
import json
import os

import boto3
from botocore.exceptions import ClientError

TABLE = os.environ["MARVAIN_TABLE"]
PLAN = json.loads(os.environ["MARVAIN_QUEUES"])["plan"]
dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")


def derive(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


def record(message):
    """One transaction: the event, the delivery that it came by, and an audit row."""
    body = base64.b64decode(message["body"])
    event = json.loads(body)
    delivery = derive(message["topic"].encode(), message.get("principal", "").encode(), body)
    absent = "attribute_not_exists(pk)"

    def put(pk, sk, **values):
        item = {"pk": {"S": pk}, "sk": {"S": sk}, **{name: {"S": str(value)} for name, value in values.items()}}
        return {"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": absent}}

    try:
        dynamodb.transact_write_items(
            TransactItems=[
                put(f"delivery#{delivery}", "delivery"),
                put(f"event#{delivery}", "event", text=event["text"], at=event["at"], topic=message["topic"]),
                put("audit", f"{message['received_at']}#{delivery}", kind="event.recorded"),
            ]
        )
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
        if not any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
            raise
        return
    hop = {"id": f"dlv_{delivery}", "received_at": message["received_at"], "body": message["body"]}
    sqs.send_message(QueueUrl=PLAN, MessageBody=json.dumps(hop))


def handle(event, context):
    failures = []
    for message in event["Records"]:
        try:
            record(json.loads(message["body"]))
        except Exception as error:  # whatever it is, it comes again
            print(json.dumps({"message": message["messageId"], "error": repr(error)}))
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}

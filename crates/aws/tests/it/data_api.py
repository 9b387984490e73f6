"""boto3 on the stand-in of the Data API: it validates requests and parses answers by AWS's own service models."""

import sys

import boto3

url, database, cluster, secret = sys.argv[1:]
client = boto3.client(
    "rds-data",
    endpoint_url=url,
    region_name="eu-central-1",
    aws_access_key_id="key",
    aws_secret_access_key="secret",
)
where = {"resourceArn": cluster, "secretArn": secret}


def execute(sql, parameters=(), **more):
    return client.execute_statement(sql=sql, parameters=list(parameters), database=database, **where, **more)


def refused(error, call):
    try:
        call()
    except error as told:
        assert told.response["Error"]["Message"], told.response
        return
    raise AssertionError(f"not refused by {error}")


wrong = client.exceptions
refused(wrong.DatabaseResumingException, lambda: execute("SELECT 1"))
answer = execute(
    "SELECT CAST(:t AS text) AS told, :i, :d, :b, :x, CAST(:n AS text), :u",
    [
        {"name": "t", "value": {"stringValue": "it's"}},
        {"name": "i", "value": {"longValue": 5}},
        {"name": "d", "value": {"doubleValue": 0.5}},
        {"name": "b", "value": {"booleanValue": True}},
        {"name": "x", "value": {"blobValue": b"\x00\xff"}},
        {"name": "n", "value": {"isNull": True}},
        {"name": "u", "value": {"stringValue": '{"a": 1}'}, "typeHint": "JSON"},
    ],
    includeResultMetadata=True,
)
assert answer["records"] == [
    [
        {"stringValue": "it's"},
        {"longValue": 5},
        {"doubleValue": 0.5},
        {"booleanValue": True},
        {"blobValue": b"\x00\xff"},
        {"isNull": True},
        {"stringValue": '{"a": 1}'},
    ]
], answer
assert answer["columnMetadata"][0]["name"] == "told", answer
execute("CREATE TABLE t (n bigint PRIMARY KEY)")
sets = [[{"name": "n", "value": {"longValue": n}}] for n in range(3)]
batch = client.batch_execute_statement(sql="INSERT INTO t VALUES (:n)", parameterSets=sets, database=database, **where)
assert len(batch["updateResults"]) == 3, batch

transaction = client.begin_transaction(database=database, **where)["transactionId"]
assert execute("DELETE FROM t", transactionId=transaction)["numberOfRecordsUpdated"] == 3
assert execute("SELECT count(*) FROM t")["records"] == [[{"longValue": 3}]], "not committed"
client.rollback_transaction(transactionId=transaction, **where)
transaction = client.begin_transaction(database=database, **where)["transactionId"]
execute("DELETE FROM t WHERE n = 0", transactionId=transaction)
assert client.commit_transaction(transactionId=transaction, **where)["transactionStatus"]
assert execute("SELECT count(*) FROM t")["records"] == [[{"longValue": 2}]]

refused(wrong.DatabaseErrorException, lambda: execute("INSERT INTO t VALUES (1)"))
refused(wrong.DatabaseErrorException, lambda: execute("SELECT * FROM nowhere"))
refused(wrong.UnsupportedResultException, lambda: execute("SELECT now()"))
refused(wrong.TransactionNotFoundException, lambda: execute("SELECT 1", transactionId=transaction))
refused(wrong.BadRequestException, lambda: execute("SELECT :missing"))
refused(wrong.BadRequestException, lambda: execute("SELECT repeat('x', 100000)"))
refused(
    wrong.BadRequestException,
    lambda: execute("SELECT :a", [{"name": "a", "value": {"arrayValue": {"longValues": [1]}}}]),
)

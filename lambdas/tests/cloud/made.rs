//! A deployment: every resource of the synthesised templates is made on the server that stands for its service, or kept for
//! what is wired afterwards. What is neither is named in [`IGNORED`], so that a new kind of resource cannot be passed over.

use crate::{
    json::{ACCOUNT, REGION},
    servers::{LOG_KEY, Servers},
};
use aws_sdk_s3::types::{
    BucketVersioningStatus, CreateBucketConfiguration, DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockRetentionMode, ObjectLockRule, VersioningConfiguration,
};
use marvain_peers::{
    DataApi,
    cloudformation::{Made, Resource, Stacks},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Kinds that are AWS's own machinery: rights, logs, networks, alarms, names. cdk's tests look at them.
const IGNORED: [&str; 26] = [
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Cognito::ManagedLoginBranding",
    "AWS::Cognito::UserPoolDomain",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPC",
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IoT::DomainConfiguration",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBSubnetGroup",
    "AWS::RDS::DBClusterParameterGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];
/// Kinds that are wired when all else is there.
const WIRED: [&str; 9] = [
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Route",
    "AWS::IoT::Policy",
    "AWS::IoT::ProvisioningTemplate",
    "AWS::IoT::TopicRule",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Scheduler::Schedule",
];

/// What was made: resources with their resolved properties, by kind.
#[derive(Default)]
pub(crate) struct Deployment {
    resources: BTreeMap<String, Vec<Value>>,
    /// The user pool, and the client that people sign in by.
    pub(crate) pool: String,
    pub(crate) client: String,
}

impl Deployment {
    /// The resolved properties of all resources of a kind.
    pub(crate) fn all(&self, kind: &str) -> &[Value] {
        self.resources.get(kind).map_or(&[], Vec::as_slice)
    }
}

/// Makes everything.
pub(crate) async fn deploy(stacks: &mut Stacks, servers: &Servers) -> Deployment {
    let mut deployment = Deployment::default();
    for resource in stacks.in_order() {
        let properties = stacks.properties(&resource);
        let made = make(servers, &resource, &properties, &mut deployment).await;
        stacks.made(&resource, made);
        deployment.resources.entry(resource.kind.clone()).or_default().push(properties);
    }
    deployment
}

async fn make(servers: &Servers, resource: &Resource, properties: &Value, deployment: &mut Deployment) -> Made {
    match resource.kind.as_str() {
        "AWS::SQS::Queue" => queue(servers, properties).await,
        "AWS::DynamoDB::Table" => table(servers, resource, properties).await,
        "AWS::S3::Bucket" => bucket(servers, resource, properties).await,
        "AWS::KMS::Key" => {
            assert_eq!(properties["KeySpec"], "ECC_NIST_EDWARDS25519", "{}", resource.id);
            Made::new(LOG_KEY).with("Arn", format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{LOG_KEY}"))
        }
        "AWS::RDS::DBCluster" => {
            assert_eq!(properties["EnableHttpEndpoint"], true, "the Data API is on");
            let create = format!("CREATE DATABASE {}", text(&properties["DatabaseName"]));
            servers.postgres.client("postgres").await.batch_execute(&create).await.unwrap();
            let made = Made::new("recall").with("DBClusterArn", DataApi::CLUSTER_ARN);
            made.with("MasterUserSecret.SecretArn", DataApi::SECRET_ARN)
        }
        "AWS::SecretsManager::Secret" | "AWS::SecretsManager::SecretTargetAttachment" => Made::new(DataApi::SECRET_ARN),
        "AWS::Cognito::UserPool" => {
            let name = json!({"PoolName": properties["UserPoolName"], "UsernameAttributes": ["email"]});
            let made = servers.cognito.call("CreateUserPool", name).await;
            deployment.pool = text(&made["UserPool"]["Id"]);
            Made { any: true, ..Made::new(&deployment.pool) }
        }
        "AWS::Cognito::UserPoolClient" => {
            let flows = &properties["ExplicitAuthFlows"];
            let ask = json!({"UserPoolId": properties["UserPoolId"], "ClientName": "app", "ExplicitAuthFlows": flows});
            let made = servers.cognito.call("CreateUserPoolClient", ask).await;
            deployment.client = text(&made["UserPoolClient"]["ClientId"]);
            Made::new(&deployment.client)
        }
        "AWS::Lambda::Function" => {
            let name = text(&properties["FunctionName"]);
            Made::new(&name).with("Arn", format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"))
        }
        kind if IGNORED.contains(&kind) || WIRED.contains(&kind) => Made::not(resource),
        other => panic!("{}: the kind `{other}` is not known here", resource.id),
    }
}

async fn queue(servers: &Servers, properties: &Value) -> Made {
    let name = text(&properties["QueueName"]);
    let mut attributes = serde_json::Map::new();
    for attribute in ["VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds"] {
        if let Some(value) = properties.get(attribute) {
            attributes.insert(attribute.to_owned(), value.to_string().into());
        }
    }
    if let Some(policy) = properties.get("RedrivePolicy") {
        attributes.insert("RedrivePolicy".to_owned(), policy.to_string().into());
    }
    let made = servers.sqs.call("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await;
    let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
    Made::new(text(&made["QueueUrl"])).with("Arn", arn).with("QueueName", name)
}

async fn table(servers: &Servers, resource: &Resource, properties: &Value) -> Made {
    let mut ask = json!({"TableName": "ledger", "BillingMode": properties["BillingMode"]});
    for member in ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"] {
        if let Some(value) = properties.get(member) {
            ask[member] = value.clone();
        }
    }
    let view = &properties["StreamSpecification"]["StreamViewType"];
    ask["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view});
    let made = servers.table.call("CreateTable", ask).await;
    let ttl = &properties["TimeToLiveSpecification"];
    servers.table.call("UpdateTimeToLive", json!({"TableName": "ledger", "TimeToLiveSpecification": ttl})).await;
    assert_eq!(resource.whole["DeletionPolicy"], "Retain", "facts outlive a stack");
    let described = &made["TableDescription"];
    Made::new("ledger").with("Arn", text(&described["TableArn"])).with("StreamArn", text(&described["LatestStreamArn"]))
}

async fn bucket(servers: &Servers, resource: &Resource, properties: &Value) -> Made {
    let name = resource.id.to_lowercase();
    let is_locked = properties["ObjectLockEnabled"] == true;
    let place = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
    let create = servers.s3.create_bucket().bucket(&name).object_lock_enabled_for_bucket(is_locked);
    create.create_bucket_configuration(place).send().await.unwrap_or_else(|error| panic!("bucket {name}: {error:?}"));
    if is_locked {
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        servers.s3.put_bucket_versioning().bucket(&name).versioning_configuration(enabled).send().await.unwrap();
        let asked = &properties["ObjectLockConfiguration"]["Rule"]["DefaultRetention"];
        let retention = DefaultRetention::builder()
            .mode(ObjectLockRetentionMode::from(asked["Mode"].as_str().unwrap()))
            .days(i32::try_from(asked["Days"].as_i64().unwrap()).unwrap())
            .build();
        let rule = ObjectLockRule::builder().default_retention(retention).build();
        let lock =
            ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled).rule(rule).build();
        servers.s3.put_object_lock_configuration().bucket(&name).object_lock_configuration(lock).send().await.unwrap();
    }
    Made { any: true, ..Made::new(&name) }.with("Arn", format!("arn:aws:s3:::{name}"))
}

/// A string; anything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

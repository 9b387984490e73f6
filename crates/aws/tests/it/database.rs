//! Databases for scenarios, and both executors on them.

use aws_sdk_rdsdata::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use marvain_aws::sql::{self, DataApiSettings, Direct, DirectSettings, MIGRATIONS, RESUME_MAX, Sql};
use marvain_peers::{DataApi, Postgres};
use std::sync::Arc;

/// By which executor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    DataApi,
    Direct,
}

/// A server with a database that has the schema, and the Data API over it.
pub(crate) struct Server {
    pub(crate) postgres: Arc<Postgres>,
    pub(crate) data_api: DataApi,
    migrated: String,
}

/// A database of one scenario.
pub(crate) struct Database {
    pub(crate) sql: Arc<dyn Sql>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let postgres = Postgres::shared().await;
        let data_api = DataApi::start(postgres.clone()).await;
        let migrated = postgres.database(None).await;
        let server = Self { postgres, data_api, migrated };
        let direct = server.direct(&server.migrated, server.postgres.password());
        sql::migrate(&direct, MIGRATIONS).await.unwrap();
        server
    }

    /// A new database with the schema.
    pub(crate) async fn database(&self, by: By) -> Database {
        // Nobody may be connected to what is copied; who was is gone a moment after.
        let name = self.postgres.database(Some(&self.migrated)).await;
        Database { sql: self.sql(by, &name) }
    }

    pub(crate) fn sql(&self, by: By, database: &str) -> Arc<dyn Sql> {
        match by {
            By::DataApi => Arc::new(self.data_api(database)),
            By::Direct => Arc::new(self.direct(database, self.postgres.password())),
        }
    }

    pub(crate) fn direct(&self, database: &str, password: &str) -> Direct {
        Direct::new(&self.settings(database, password)).unwrap()
    }

    pub(crate) fn settings(&self, database: &str, password: &str) -> DirectSettings {
        DirectSettings {
            host: "localhost".into(),
            port: self.postgres.port(),
            database: database.into(),
            user: self.postgres.user().into(),
            password: password.into(),
            roots_pem: self.postgres.root_pem().into(),
            connections_max: 4,
        }
    }

    pub(crate) fn data_api(&self, database: &str) -> sql::DataApi {
        let config = aws_sdk_rdsdata::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .endpoint_url(self.data_api.url());
        let settings = DataApiSettings {
            cluster_arn: DataApi::CLUSTER_ARN.into(),
            secret_arn: DataApi::SECRET_ARN.into(),
            database: database.into(),
            resume_max: RESUME_MAX,
        };
        sql::DataApi::new(aws_sdk_rdsdata::Client::from_conf(config.build()), settings)
    }
}

pub(crate) fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test"))
}

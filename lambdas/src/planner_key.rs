//! The key of the model service in Secrets Manager. A rotated one is used some minutes later, or at once when the service
//! refuses the old one.

use async_trait::async_trait;
use marvain_aws::{Secrets, Stage};
use marvain_hub::{planner::KeyStore, port::Cause};
use secrecy::SecretString;

/// A key that Secrets Manager keeps.
pub(crate) struct PlannerKey {
    pub(crate) secrets: Secrets,
    pub(crate) arn: String,
}

#[async_trait]
impl KeyStore for PlannerKey {
    async fn current(&self) -> Result<SecretString, Cause> {
        Ok(self.secrets.get(&self.arn, Stage::Current).await?)
    }

    async fn renewed(&self) -> Result<SecretString, Cause> {
        Ok(self.secrets.refresh(&self.arn, Stage::Current).await?)
    }
}

//! Reading and changing the policies.

use super::{Caller, RequestError};
use crate::{
    changes::Changes,
    entity::{PolicySource, policy_key},
    hub::Hub,
};
use marvain_domain::policy::{DEFAULT_SOURCE, Operation, Policies};
use serde_json::json;
use sha2::{Digest, Sha256};

impl Hub {
    /// The policies in force, as Cedar text.
    pub async fn policy_source(&self, caller: &Caller) -> Result<String, RequestError> {
        self.authorise(caller, &Operation::View).await?;
        let stored = self.load::<PolicySource>(&policy_key()).await?;
        Ok(stored.map_or_else(|| DEFAULT_SOURCE.to_owned(), |stored| stored.value.text))
    }

    /// Puts other policies in force. What does not parse and validate changes nothing.
    pub async fn set_policy(&self, caller: &Caller, text: &str) -> Result<Vec<String>, RequestError> {
        self.authorise(caller, &Operation::EditPolicy).await?;
        let parsed = Policies::parse(&[("policies.cedar", text)]).map_err(|e| RequestError::Invalid(e.to_string()))?;
        self.request(caller, || async {
            let old = self.load::<PolicySource>(&policy_key()).await?;
            let source =
                PolicySource { text: text.to_owned(), changed_at: caller.now, changed_by: caller.person.id.clone() };
            let mut changes = Changes::default();
            changes.upsert(old.as_ref(), &source)?;
            let data = json!({"sha256": hex::encode(Sha256::digest(text)), "policies": parsed.ids()});
            changes.audit(caller.now, &caller.principal(), "policy.changed", data);
            Ok((changes, parsed.ids()))
        })
        .await
    }
}

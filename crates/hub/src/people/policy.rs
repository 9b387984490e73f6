//! Reading and changing the policies.

use super::{Caller, RequestError};
use crate::{
    changes::Changes,
    entity::{PolicySource, policy_key},
    hub::Hub,
    port::LedgerError,
};
use marvain_domain::policy::{DEFAULT_SOURCE, Operation, Policies};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What people may do while the stored policies do not parse: put others in their place. Nothing else is decided then.
const REPAIR: &str = r#"@id("repair")
permit (principal in Role::"owner", action == Action::"edit_policy", resource);"#;

impl Hub {
    /// The policies that say what people may ask. A stored set that cannot be used, as after an upgrade, would keep
    /// everybody from repairing it: then [`REPAIR`] is in its place.
    pub(super) async fn people_policies(&self) -> Result<Arc<Policies>, RequestError> {
        match self.checked_policies().await? {
            Ok(policies) => Ok(policies),
            Err(error) => {
                tracing::error!(%error, "the stored policies do not parse: an owner has to set others");
                let repair = Policies::parse(&[("repair.cedar", REPAIR)]);
                Ok(Arc::new(repair.map_err(|e| LedgerError::Bug(format!("{REPAIR} does not parse: {e}")))?))
            }
        }
    }

    /// The policies in force, as Cedar text. Who may edit them may read them.
    pub async fn policy_source(&self, caller: &Caller) -> Result<String, RequestError> {
        if !self.people_policies().await?.may(&caller.person, &Operation::EditPolicy).allowed {
            self.authorise(caller, &Operation::View).await?;
        }
        let stored = self.load::<PolicySource>(&policy_key()).await?;
        Ok(stored.map_or_else(|| DEFAULT_SOURCE.to_owned(), |stored| stored.value.text))
    }

    /// Puts other policies in force. What does not parse and validate changes nothing, nor does what the caller could not
    /// change again.
    pub async fn set_policy(&self, caller: &Caller, text: &str) -> Result<Vec<String>, RequestError> {
        self.authorise(caller, &Operation::EditPolicy).await?;
        let parsed = Policies::parse(&[("policies.cedar", text)]).map_err(|e| RequestError::Invalid(e.to_string()))?;
        if !parsed.may(&caller.person, &Operation::EditPolicy).allowed {
            let why = format!("under these policies `{}` could not change them again", caller.person.id);
            return Err(RequestError::Invalid(format!("{why}: permit `edit_policy` to owners")));
        }
        self.request(caller, || async {
            let old = self.load::<PolicySource>(&policy_key()).await?;
            let source =
                PolicySource { text: text.to_owned(), changed_at: caller.now, changed_by: caller.person.id.clone() };
            let mut changes = Changes::default();
            changes.upsert(old.as_ref(), &source)?;
            let data = json!({"sha256": hex::encode(Sha256::digest(text)), "policies": parsed.ids()});
            changes.audit(caller.now, &caller.principal(), "policy.changed", data);
            Ok(changes)
        })
        .await?;
        Ok(self.policies().await?.ids())
    }
}

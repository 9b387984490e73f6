//! Telling satellites what the ledger says, whatever the order in which effects go out.
//!
//! An effect may be carried out late, after a newer one for the same shadow: a crash leaves it behind, or the bus was away.
//! So an effect says which keys of the desired state have to be told, and what is told is what the ledger says then.

use crate::{
    deliver::CONFLICTS_MAX,
    entity::action_key,
    hub::Hub,
    port::{BusError, Cause, LedgerError},
    steps::dispatch::command,
};
use marvain_domain::{
    action::{Action, ActionState},
    id::{ActionId, SatelliteId},
};
use marvain_topics::{ShadowName, wire::ConfigDesired};
use serde_json::{Map, Value, json};

impl Hub {
    /// Tells a satellite the keys that `desired` has, as the ledger has them. Looks again after telling, until it has told
    /// what is so: somebody else may have told something newer in between.
    pub(crate) async fn tell(
        &self,
        satellite: &SatelliteId,
        name: ShadowName,
        desired: &Value,
    ) -> Result<(), BusError> {
        let failed = |source: Cause| BusError { what: format!("shadow `{}` of `{satellite}`", name.as_str()), source };
        let mut told = None;
        for _ in 0..CONFLICTS_MAX {
            let now = self.desired_now(satellite, name, desired).await.map_err(|e| failed(Box::new(e)))?;
            if told.as_ref() == Some(&now) {
                return Ok(());
            }
            self.ports.bus.shadow(satellite, name, &now).await?;
            told = Some(now);
        }
        Err(failed(format!("it changed {CONFLICTS_MAX} times while it was told").into()))
    }

    async fn desired_now(
        &self,
        satellite: &SatelliteId,
        name: ShadowName,
        desired: &Value,
    ) -> Result<Value, LedgerError> {
        match name {
            ShadowName::Commands => {
                let mut commands = Map::new();
                for id in desired.as_object().into_iter().flat_map(Map::keys) {
                    commands.insert(id.clone(), self.command_now(id).await?);
                }
                Ok(Value::Object(commands))
            }
            ShadowName::Config => {
                let record = self.satellite(satellite).await?;
                let space = record.as_ref().and_then(|record| record.value.space.as_ref());
                Ok(json!(ConfigDesired { privacy: self.is_private(space).await? }))
            }
            ShadowName::Presence => Err(LedgerError::Bug("the hub desires nothing of a presence".to_owned())),
        }
    }

    /// The command of an action that is with its satellite; null for any other, which takes it out of the shadow.
    async fn command_now(&self, id: &str) -> Result<Value, LedgerError> {
        let id: ActionId = id.parse().map_err(|e| LedgerError::Bug(format!("a command without an id: {e}")))?;
        let action = self.load::<Action>(&action_key(&id)).await?.map(|stored| stored.value);
        let open = |action: &Action| {
            matches!(action.state, ActionState::Dispatched | ActionState::Acknowledged) && !action.forgotten
        };
        Ok(match action.filter(open) {
            Some(action) => json!(command(&action)?),
            None => Value::Null,
        })
    }
}

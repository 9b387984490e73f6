//! `marvain action list|show|propose|approve|reject|cancel`

use super::{
    args::{self, Page},
    ask,
};
use crate::{
    client::Client,
    error::CliError,
    globals::Globals,
    output::{self, Look, Output},
};
use clap::Subcommand;
use marvain_console::actions::{ActionParams, Approval, NewAction, Rejection};
use marvain_domain::{
    action::{ActionState, ArgsHash, Target},
    capability::{ArgSpec, Capability, CapabilityName},
    id::ActionId,
    plan::hub_tools,
};
use serde_json::{Map, Value};

/// What is to be done: look, propose, approve, turn down.
#[derive(Subcommand, Debug)]
pub(crate) enum ActionCommand {
    /// Actions, newest first
    List {
        /// Only in this state, like awaiting_approval
        #[arg(long, value_parser = args::action_state)]
        state: Option<ActionState>,
        #[command(flatten)]
        page: Page,
    },
    /// One action with all that was decided about it
    Show {
        /// Which
        id: ActionId,
    },
    /// Propose an action; policy judges it like any planner's
    Propose {
        /// Who is to do it: a satellite, or `hub`
        #[arg(value_parser = args::target)]
        target: Target,
        /// With which capability
        capability: CapabilityName,
        /// With which arguments
        #[arg(value_parser = args::assignment, value_name = "NAME=VALUE")]
        args: Vec<(String, String)>,
        /// Why
        #[arg(long, default_value = "")]
        why: String,
        /// How long its command may wait for the satellite: `30s` [default: the longest, 5m]
        #[arg(long, value_parser = args::duration_s, value_name = "DURATION")]
        ttl: Option<u64>,
    },
    /// Approve exactly what is shown, once
    Approve {
        /// Which
        id: ActionId,
        /// The args hash that was shown: anything else is refused
        #[arg(long, value_name = "HASH", value_parser = args::args_hash)]
        args_hash: Option<ArgsHash>,
        /// Do not ask: approve what is there now
        #[arg(long, conflicts_with = "args_hash")]
        yes: bool,
    },
    /// Turn an action down
    Reject {
        /// Which
        id: ActionId,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Call an action off, as long as its command is not with the satellite
    Cancel {
        /// Which
        id: ActionId,
    },
}

pub(super) async fn run(command: ActionCommand, globals: &Globals) -> Result<(), CliError> {
    let (client, out) = (Client::connect(globals)?, Output::new(globals));
    let action = match command {
        ActionCommand::List { state, page } => {
            let params = ActionParams { state, limit: page.limit(), after: page.after };
            return out.show(&client.actions(&params).await?, output::actions::list);
        }
        ActionCommand::Show { id } => client.action(&id).await?,
        ActionCommand::Propose { target, capability, args, why, ttl } => {
            let known = match &target {
                Target::Satellite(id) => client.satellite(id).await?.presence.capabilities,
                Target::Hub => hub_tools(),
            };
            let known = known.iter().find(|known| known.name == capability);
            let args = typed(args, known)?;
            client.propose(&NewAction { target, capability, args, why, ttl_s: ttl }).await?
        }
        ActionCommand::Approve { id, args_hash, yes } => {
            let args_hash = match args_hash {
                Some(args_hash) => args_hash,
                None => shown(&client, &id, yes, globals).await?,
            };
            client.approve(&id, &Approval { args_hash }).await?
        }
        ActionCommand::Reject { id, reason } => client.reject(&id, &Rejection { reason }).await?,
        ActionCommand::Cancel { id } => client.cancel(&id).await?,
    };
    out.show(&action, output::actions::one)
}

/// The hash of what was shown to whoever approves. Without a terminal somebody has to have said `--yes`.
async fn shown(client: &Client, id: &ActionId, yes: bool, globals: &Globals) -> Result<ArgsHash, CliError> {
    if !yes && !globals.is_interactive() {
        return Err(CliError::usage("nobody is there to be asked")
            .hint("give the hash that `marvain action show` shows: `--args-hash HASH`, or say `--yes`"));
    }
    let action = client.action(id).await?;
    let look = Look { colour: false, now: crate::globals::now() };
    output::note(globals, &output::actions::one(&action, look));
    if yes || ask::yes_or_no("Approve exactly this?")? {
        Ok(action.args_hash)
    } else {
        Err(CliError::failure("not approved").hint("to turn it down: `marvain action reject`"))
    }
}

/// Arguments as the capability wants them; what it does not know goes as text, for the hub to refuse.
fn typed(args: Vec<(String, String)>, capability: Option<&Capability>) -> Result<Map<String, Value>, CliError> {
    let mut map = Map::new();
    for (name, text) in args {
        let bad = |wanted: &str| CliError::usage(format!("argument `{name}` must be {wanted}, not `{text}`"));
        let value = match capability.and_then(|capability| capability.args.get(&name)) {
            Some(ArgSpec::Number { .. }) => {
                let number = text.parse().ok().filter(Value::is_number);
                number.ok_or_else(|| bad("a number"))?
            }
            Some(ArgSpec::Flag { .. }) => Value::Bool(text.parse().map_err(|_| bad("true or false"))?),
            Some(ArgSpec::Text { .. }) | None => Value::String(text.clone()),
        };
        if map.insert(name.clone(), value).is_some() {
            return Err(CliError::usage(format!("argument `{name}` is there twice")));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_typed_by_the_capability() {
        let lamp: Capability = serde_json::from_value(json!({
            "name": "lamp", "kind": "command", "args": {
                "state": {"type": "text"}, "slow": {"type": "flag"},
                "level": {"type": "number", "min": 0, "max": 100}}}))
        .unwrap();
        let typed = |args: &[&str]| {
            let args = args.iter().map(|arg| args::assignment(arg).unwrap()).collect();
            typed(args, Some(&lamp)).map(Value::Object).map_err(|e| e.to_string())
        };
        assert_eq!(
            typed(&["state=1", "slow=true", "level=40", "other=2"]),
            Ok(json!({"state": "1", "slow": true, "level": 40, "other": "2"}))
        );
        assert_eq!(typed(&["level=1.5"]), Ok(json!({"level": 1.5})));
        assert_eq!(typed(&["level=high"]), Err("argument `level` must be a number, not `high`".into()));
        assert_eq!(typed(&["level=\"1\""]), Err("argument `level` must be a number, not `\"1\"`".into()));
        assert_eq!(typed(&["slow=1"]), Err("argument `slow` must be true or false, not `1`".into()));
        assert_eq!(typed(&["state=a", "state=b"]), Err("argument `state` is there twice".into()));
    }
}

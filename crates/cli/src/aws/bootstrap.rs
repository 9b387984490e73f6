//! `marvain bootstrap`: the first owner of a deployed hub, whose account it is, and a space. Repeating it does no harm.

use super::{
    DryRun,
    clients::{Aws, failed},
    dry::{Dry, Step},
    hub,
};
use crate::{
    embedded::System,
    error::{CliError, Exit},
    globals::Globals,
    output::{Look, Output, Tint, fields},
};
use aws_sdk_cognitoidentityprovider::{
    Client,
    error::ProvideErrorMetadata as _,
    types::{AttributeType, DeliveryMediumType},
};
use clap::Args;
use marvain_domain::{
    id::{AccountId, AgentId, DeliveryId, PersonId, SpaceId},
    identity::Role,
};
use marvain_hub::people::{Caller, Credential};
use serde::Serialize;

/// The space that is added when none is named.
const SPACE: &str = "default";
/// The owner's name when none is said.
const OWNER: &str = "owner";
/// The attribute that names a user for good (Amazon Cognito, "Working with user attributes").
const SUB: &str = "sub";

/// The first owner and the first space of a deployed hub.
#[derive(Args, Debug)]
pub(crate) struct Bootstrap {
    /// The hub's persona, to be sure that it is the one that was deployed
    #[arg(long, value_name = "NAME")]
    agent_name: Option<AgentId>,
    /// The space to add, unless there is one of that name
    #[arg(long, value_name = "NAME", default_value = SPACE)]
    space_name: SpaceId,
    /// The owner's address; who has no account in the user pool is invited [default: the one account that there is]
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// The owner's name in commands and policies
    #[arg(long, value_name = "PERSON", default_value = OWNER)]
    owner_name: PersonId,
    #[command(flatten)]
    dry: DryRun,
}

/// What there is then.
#[derive(Serialize)]
struct Done {
    agent: String,
    owner: PersonId,
    role: Role,
    account: String,
    invited: bool,
    space: SpaceId,
    space_added: bool,
    /// Others who own the hub.
    other_owners: Vec<PersonId>,
}

pub(super) async fn run(bootstrap: &Bootstrap, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    let agent = hub::agent(&target).to_owned();
    if let Some(said) = bootstrap.agent_name.as_ref().filter(|said| said.as_str() != agent) {
        return Err(CliError::new(Exit::Conflict, format!("the hub's persona is `{agent}`, not `{said}`")).hint(
            format!("to change it: `agent = \"{said}\"` in the environment's `context`, then `marvain deploy`"),
        ));
    }
    if bootstrap.dry.dry_run {
        return Dry::of(steps(bootstrap)).show(globals);
    }
    let outputs = super::outputs(&target).await?;
    let pool = super::output(&outputs, "UserPoolId")?.to_owned();
    let aws = Aws::of(target).await?;
    let system = System::new().map_err(|e| CliError::failure("there is no randomness").because(e))?;
    let hub = hub::compose(&aws, &outputs, &system)?;
    let (account, invited) = account(&aws.cognito(), &pool, bootstrap.owner.as_deref()).await?;
    let id: AccountId =
        account.parse().map_err(|e| CliError::failure(format!("`{account}` is no account")).because(e))?;
    let refused = |e| CliError::failure("the hub does not take this").because(e);
    let owner = hub.bootstrap(&bootstrap.owner_name, &Credential::Account(id), system.now()).await.map_err(refused)?;
    let nonce: [u8; 16] = system.random();
    let request = DeliveryId::derive(&["bootstrap", &u128::from_ne_bytes(nonce).to_string()]);
    let caller = Caller { person: owner.clone(), request, now: system.now() };
    let spaces = hub.spaces(&caller).await.map_err(refused)?;
    let space_added = !spaces.iter().any(|space| space.id == bootstrap.space_name);
    if space_added {
        hub.add_space(&caller, &bootstrap.space_name, None).await.map_err(refused)?;
    }
    let people = hub.people(&caller).await.map_err(refused)?;
    let others = people.into_iter().filter(|person| person.role == Role::Owner && person.id != owner.id);
    let done = Done {
        agent,
        owner: owner.id.clone(),
        role: owner.role,
        account,
        invited,
        space: bootstrap.space_name.clone(),
        space_added,
        other_owners: others.map(|person| person.id).collect(),
    };
    Output::new(globals).show(&done, show)
}

/// The account's `sub`, and whether it was made now.
async fn account(client: &Client, pool: &str, email: Option<&str>) -> Result<(String, bool), CliError> {
    let Some(email) = email else { return Ok((only(client, pool).await?, false)) };
    match client.admin_get_user().user_pool_id(pool).username(email).send().await {
        Ok(found) => Ok((sub(found.user_attributes())?, false)),
        Err(error) if error.code() == Some("UserNotFoundException") => {
            let attribute = |name: &str, value: &str| AttributeType::builder().name(name).value(value).build();
            let address = attribute("email", email);
            let verified = attribute("email_verified", "true");
            let unfit = |e| CliError::failure("the invitation is incomplete").because(e);
            let made = client
                .admin_create_user()
                .user_pool_id(pool)
                .username(email)
                .user_attributes(address.map_err(unfit)?)
                .user_attributes(verified.map_err(unfit)?)
                .desired_delivery_mediums(DeliveryMediumType::Email)
                .send()
                .await
                .map_err(|e| failed(format!("`{email}` cannot be invited"), e))?;
            let user = made.user().ok_or_else(|| CliError::failure("Cognito makes no user"))?;
            Ok((sub(user.attributes())?, true))
        }
        Err(error) => Err(failed(format!("the account of `{email}` cannot be looked up"), error)),
    }
}

/// The one account that there is.
async fn only(client: &Client, pool: &str) -> Result<String, CliError> {
    let users = client.list_users().user_pool_id(pool).limit(2).send().await;
    let users = users.map_err(|e| failed("the accounts cannot be listed", e))?;
    match users.users() {
        [only] => sub(only.attributes()),
        [] => Err(CliError::usage("there are no accounts yet").hint("say whom to invite: `--owner EMAIL`")),
        _ => Err(CliError::usage("there is more than one account").hint("say whose hub it is: `--owner EMAIL`")),
    }
}

fn sub(attributes: &[AttributeType]) -> Result<String, CliError> {
    let found = attributes.iter().find(|attribute| attribute.name() == SUB).and_then(AttributeType::value);
    found.map(str::to_owned).ok_or_else(|| CliError::failure("the account has no `sub`"))
}

fn steps(bootstrap: &Bootstrap) -> Vec<Step> {
    let Bootstrap { owner, owner_name, space_name, .. } = bootstrap;
    let mut steps = match owner {
        Some(email) => vec![
            Step::call("cognito-idp:AdminGetUser", email),
            Step::call(
                "cognito-idp:AdminCreateUser",
                format!("{email}, if there is none: Cognito mails an invitation"),
            ),
        ],
        None => vec![Step::call("cognito-idp:ListUsers", "there must be exactly one")],
    };
    steps.push(Step::call("dynamodb:TransactWriteItems", format!("person `{owner_name}`, owner, with that account")));
    steps.push(Step::call("dynamodb:TransactWriteItems", format!("space `{space_name}`, if there is none")));
    steps
}

fn show(done: &Done, look: Look) -> String {
    let invited = if done.invited { ", invited by mail" } else { "" };
    let added = if done.space_added { "added" } else { "was there" };
    let mut rows = vec![
        ("owner", format!("{} ({})", done.owner, done.role.as_str()), Tint::Good),
        ("account", format!("{}{invited}", done.account), Tint::Plain),
        ("space", format!("{} ({added})", done.space), Tint::Plain),
        ("agent", done.agent.clone(), Tint::Plain),
    ];
    if !done.other_owners.is_empty() {
        let others: Vec<String> = done.other_owners.iter().map(ToString::to_string).collect();
        rows.push(("other owners", others.join(", "), Tint::Attention));
    }
    format!("{}\nnext: marvain login", fields(look, rows))
}

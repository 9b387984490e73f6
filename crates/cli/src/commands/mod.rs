//! The commands that talk to a running hub, and those beside them that need none: a file per subject.

mod action;
mod args;
pub(crate) mod ask;
mod audit;
pub(crate) mod audit_copy;
mod backup;
pub(crate) mod bundle;
mod claim;
mod consent;
mod device;
pub(crate) mod doctor;
mod memory;
mod person;
mod policy;
mod privacy;
mod publish;
mod queue;
mod readings;
mod reminder;
mod restore;
mod role;
mod satellite;
mod say;
mod space;
mod status;
#[cfg(test)]
mod tests;
pub(crate) mod up;

#[cfg(feature = "aws")]
pub(crate) use args::assignment;
pub(crate) use args::duration_s;

use crate::{error::CliError, globals::Globals};
use clap::Subcommand;

/// What is asked of a running hub.
#[derive(Subcommand, Debug)]
pub(crate) enum ClientCommand {
    /// How the hub is, and what waits for you
    Status,
    /// Certificates and codes that let new devices enrol
    #[command(subcommand)]
    Claim(claim::ClaimCommand),
    /// The hub's senses and hands
    #[command(subcommand)]
    Satellite(satellite::SatelliteCommand),
    /// Rooms, and other places where things are said and done together
    #[command(subcommand)]
    Space(space::SpaceCommand),
    /// People, their tokens and accounts
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Who may do what: owner, admin, member, guest, blocked
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// What people let the hub do with what is theirs
    #[command(subcommand)]
    Consent(consent::ConsentCommand),
    /// Privacy mode: while it is on in a space, nothing there is kept
    #[command(subcommand)]
    Privacy(privacy::PrivacyCommand),
    /// Say something to the hub, as if a satellite had heard it
    Say(say::Say),
    /// What is remembered, and what is proposed to be
    #[command(subcommand)]
    Memory(memory::MemoryCommand),
    /// What is to be done: look, propose, approve, turn down
    #[command(subcommand)]
    Action(action::ActionCommand),
    /// What is to be said at a time that has not come
    #[command(subcommand)]
    Reminder(reminder::ReminderCommand),
    /// The rules, in Cedar
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The tamper-evident log of all that was decided and done
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Deliveries that wait, and those that were given up
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Make a backup while the hub runs
    Backup(backup::Backup),
    /// Put a backup in the place of the hub's data, whether the hub runs or not
    Restore(restore::Restore),
    /// Look for what is wrong, and say what to do about it
    Doctor,
}

#[cfg(feature = "aws")]
impl ClientCommand {
    /// Whether it asks the hub: some look at files alone, talk to the broker, or find out by themselves.
    fn asks_a_hub(&self) -> bool {
        match self {
            Self::Audit(command) => command.asks_a_hub(),
            Self::Policy(command) => command.asks_a_hub(),
            Self::Satellite(command) => command.asks_a_hub(),
            Self::Doctor | Self::Restore(_) => false,
            _ => true,
        }
    }
}

/// Does what is asked, and prints what came of it.
///
/// # Errors
/// [`CliError`], which the caller reports.
pub(crate) async fn run(command: ClientCommand, globals: &Globals) -> Result<(), CliError> {
    // A deployed hub is looked for only by what will ask it.
    #[cfg(feature = "aws")]
    let globals = &if command.asks_a_hub() { crate::aws::meant(globals).await? } else { globals.clone() };
    match command {
        ClientCommand::Status => status::run(globals).await,
        ClientCommand::Claim(command) => claim::run(command, globals).await,
        ClientCommand::Satellite(command) => satellite::run(command, globals).await,
        ClientCommand::Space(command) => space::run(command, globals).await,
        ClientCommand::Person(command) => person::run(command, globals).await,
        ClientCommand::Role(command) => role::run(command, globals).await,
        ClientCommand::Consent(command) => consent::run(command, globals).await,
        ClientCommand::Privacy(command) => privacy::run(command, globals).await,
        ClientCommand::Say(say) => say::run(say, globals).await,
        ClientCommand::Memory(command) => memory::run(command, globals).await,
        ClientCommand::Action(command) => action::run(command, globals).await,
        ClientCommand::Reminder(command) => reminder::run(command, globals).await,
        ClientCommand::Policy(command) => policy::run(command, globals).await,
        ClientCommand::Audit(command) => audit::run(command, globals).await,
        ClientCommand::Queue(command) => queue::run(command, globals).await,
        ClientCommand::Backup(backup) => backup::run(backup, globals).await,
        ClientCommand::Restore(restore) => restore::run(restore, globals).await,
        ClientCommand::Doctor => doctor::run(globals).await,
    }
}

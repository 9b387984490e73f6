//! `marvain restore BACKUP`: puts a backup in the place of a hub's data, whether the hub runs or not.

use super::ask;
use crate::{
    client::Client,
    embedded,
    error::{CliError, Exit},
    globals::{self, Globals, shown},
    output::{self, Look, Output, Tint, fields, progress, relative},
};
use clap::Args;
use marvain_console::restores::NewRestore;
use marvain_domain::Timestamp;
use marvain_local::{BackupError, is_vacant};
use serde::Serialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{self, Instant},
};

/// How often it is looked whether the hub is back, in milliseconds.
const LOOK_MS: u64 = 100;
/// Longest that a hub may take to copy a backup and to start on it, in seconds.
const BACK_S: u64 = 900;

/// Put a backup in the place of the hub's data. What was there is kept aside.
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// The backup: a directory that `marvain backup` has made
    backup: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// What was restored.
#[derive(Serialize)]
struct Restored {
    /// When the backup was made.
    of: Timestamp,
    /// Where the data are.
    data: PathBuf,
    /// Where the data from before are; none if there were none.
    aside: Option<PathBuf>,
}

pub(super) async fn run(Restore { backup, yes }: Restore, globals: &Globals) -> Result<(), CliError> {
    let data = globals.data_dir()?;
    let data = std::path::absolute(&data)
        .map_err(|e| CliError::failure(format!("`{}` is no path", shown(&data))).because(e))?;
    let unusable = |e: io::Error| {
        CliError::new(Exit::NotFound, format!("there is no backup at `{}`", shown(&backup)))
            .because(e)
            .hint("`marvain backup` makes one, and says where")
    };
    let backup = fs::canonicalize(&backup).map_err(unusable)?;
    confirm(&backup, &data, yes, globals)?;
    let out = Output::new(globals);
    let working = progress::spinner(globals, "restoring");
    let restored = match running(globals).await {
        Ok((client, since)) => by_the_hub(&client, since, backup, data, globals).await,
        Err(error) if error.exit() == Exit::NoHub => here(backup, data).await,
        Err(error) => Err(error),
    };
    working.finish_and_clear();
    out.show(&restored?, show)
}

fn confirm(backup: &Path, data: &Path, yes: bool, globals: &Globals) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !globals.is_interactive() {
        return Err(CliError::usage("nobody is there to be asked").hint("say `--yes` to restore without a question"));
    }
    let (backup, data) = (shown(backup), shown(data));
    output::note(
        globals,
        &format!(
            "All that `{data}` has learned since the backup was made is undone: what was forgotten is back, and who was revoked is trusted."
        ),
    );
    if ask::yes_or_no(&format!("Put `{backup}` in its place?"))? {
        Ok(())
    } else {
        Err(CliError::failure("not restored"))
    }
}

/// The running hub, and since when it runs.
async fn running(globals: &Globals) -> Result<(Client, Timestamp), CliError> {
    let client = Client::connect(globals)?;
    let since = client.status().await?.started_at;
    Ok((client, since))
}

async fn by_the_hub(
    client: &Client,
    since: Timestamp,
    backup: PathBuf,
    data: PathBuf,
    globals: &Globals,
) -> Result<Restored, CliError> {
    let begun = client.restore(&NewRestore { path: backup }).await?;
    let deadline = Instant::now() + Duration::from_secs(BACK_S);
    loop {
        time::sleep(Duration::from_millis(LOOK_MS)).await;
        match running(globals).await {
            Ok((_, started_at)) if started_at == since => {}
            // Whose token is younger than the backup is a stranger to the hub from then.
            Ok(_) => break,
            Err(error) if error.exit() == Exit::Refused && begun.aside.exists() => break,
            Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(CliError::failure("the hub is not back").hint("its log says why"));
        }
    }
    // The data from before are moved there, or nothing was restored.
    if !begun.aside.exists() {
        return Err(CliError::failure("the hub runs on, but nothing was restored")
            .hint("its log says why; its data are as they were"));
    }
    Ok(Restored { of: begun.of, data, aside: Some(begun.aside) })
}

/// With no hub running.
async fn here(backup: PathBuf, data: PathBuf) -> Result<Restored, CliError> {
    let restore = embedded::Restore { backup, by: None, at: globals::now() };
    let work = move || {
        // What cannot be looked into is not vacant; the restore says why it cannot be used.
        let vacant = is_vacant(&data).unwrap_or_default();
        let aside = (!vacant).then(|| restore.aside(&data));
        let done = if vacant { restore.begin(&data) } else { restore.take_over(&data) };
        done.map(|manifest| Restored { of: manifest.at, data, aside })
    };
    let done = spawn_blocking(work).await.map_err(|e| CliError::failure("restoring was interrupted").because(e))?;
    done.map_err(|error| {
        let message = match error {
            BackupError::Aside { .. } => "the restore is half done",
            BackupError::Unsure { .. } => "the restore is done, but for the disk's word",
            _ => "nothing was restored",
        };
        CliError::failure(message).because(error)
    })
}

fn show(restored: &Restored, look: Look) -> String {
    let mut rows = vec![
        ("restored", shown(&restored.data), Tint::Good),
        ("as of", format!("{}, {}", restored.of, relative(restored.of, look.now)), Tint::Plain),
    ];
    if let Some(aside) = &restored.aside {
        rows.push(("data before", format!("kept in {}", shown(aside)), Tint::Plain));
    }
    fields(look, rows)
}

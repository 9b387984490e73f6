//! Data that no hub uses: are the usual ports free, do the databases open, does the audit log verify?

use super::Check;
use crate::{audit_files::FileObjects, commands::audit_copy::Layout, error::CliError, globals::shown};
use marvain_console::audit::FindingInfo;
use marvain_domain::audit::{Finding, Report, Verifier, verify};
use marvain_hub::port::{Head, Ledger as _};
use marvain_local::LocalStores;
use std::{error::Error, fs, io::ErrorKind, net::TcpListener, path::Path};
use tokio::task::spawn_blocking;

/// Where a hub listens unless it is told otherwise, as `marvain up` has it.
const PORTS: [(&str, u16); 2] = [("mqtt", 8883), ("http", 8084)];
/// Most findings that are told.
const FINDINGS_MAX: usize = 3;

pub(super) async fn look(data: &Path) -> Vec<Check> {
    let mut checks = vec![ports()];
    // Opening the databases of a hub that never was would make them.
    if ["format", "ledger.db"].iter().any(|name| data.join(name).exists()) {
        let (databases, head) = databases(data).await;
        checks.push(databases);
        let vault = data.join("vault");
        let looked = spawn_blocking(move || audit(&vault, head.as_ref())).await;
        checks
            .push(looked.unwrap_or_else(|error| Check::fail("audit log", format!("looking was interrupted: {error}"))));
    }
    checks
}

fn ports() -> Check {
    let taken = |(what, port): &(&str, u16)| match TcpListener::bind(("127.0.0.1", *port)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Some(format!("{port} ({what})")),
        _ => None,
    };
    let taken: Vec<String> = PORTS.iter().filter_map(taken).collect();
    if taken.is_empty() {
        Check::ok("ports", "8883 and 8084 are free")
    } else {
        Check::warn("ports", format!("in use: {}", taken.join(", ")))
            .hint("another hub? `marvain up --mqtt 127.0.0.1:0 --http 127.0.0.1:0` picks free ones")
    }
}

/// Whether the databases are whole, and the newest state of the audit log that they know.
async fn databases(data: &Path) -> (Check, Option<Head>) {
    let name = "databases";
    let path = data.to_owned();
    let stores = match spawn_blocking(move || LocalStores::open(&path)).await {
        Ok(Ok(stores)) => stores,
        Ok(Err(error)) => return (failed(name, error), None),
        Err(error) => return (Check::fail(name, format!("looking was interrupted: {error}")), None),
    };
    match stores.ledger.head().await {
        Ok(head) => (Check::ok(name, "they open and are whole"), head),
        Err(error) => (failed(name, error), None),
    }
}

/// Recomputes the log in `vault`, and measures it against `head`.
pub(super) fn audit(vault: &Path, head: Option<&Head>) -> Check {
    let name = "audit log";
    match verified(vault, head) {
        Ok(None) => Check::ok(name, "nothing is sealed yet"),
        Ok(Some(report)) if report.is_intact() => Check::ok(name, format!("{} entries, intact", report.size)),
        Ok(Some(report)) => {
            let told: Vec<String> = report.findings.into_iter().take(FINDINGS_MAX).map(told).collect();
            Check::fail(name, told.join("; "))
                .hint(format!("keep a copy of the data; `marvain audit verify '{}'` has all findings", shown(vault)))
        }
        Err(error) => failed(name, error),
    }
}

fn told(finding: Finding) -> String {
    let FindingInfo { class, seq, object, detail } = finding.into();
    let entry = seq.map(|seq| format!(" at entry {seq}")).unwrap_or_default();
    let object = object.map(|object| format!(" in `{object}`")).unwrap_or_default();
    format!("{class}{entry}{object}: {detail}")
}

/// None if there is no log yet.
fn verified(vault: &Path, head: Option<&Head>) -> Result<Option<Report>, Box<dyn Error + Send + Sync>> {
    let Layout { objects, key, .. } = Layout::of(vault);
    let text = match fs::read_to_string(&key) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && head.is_none() && is_empty(&objects) => return Ok(None),
        Err(e) => return Err(format!("cannot read its key `{}`: {e}", shown(&key)).into()),
    };
    let verifier = Verifier::parse(text.trim())?;
    let trusted = head.map(|head| verifier.verify(head.checkpoint.as_bytes())).transpose()?;
    Ok(Some(verify(&FileObjects::open(&objects)?, &verifier, trusted.as_slice(), &mut |_, _| ())?))
}

fn is_empty(vault: &Path) -> bool {
    fs::read_dir(vault).is_ok_and(|mut entries| entries.next().is_none())
}

fn failed(name: &'static str, error: impl Into<Box<dyn Error + Send + Sync>>) -> Check {
    Check::error(name, &CliError::failure("unusable").because(error))
}

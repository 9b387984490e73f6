//! `marvain audit tail|prove|verify|export`

use super::audit_copy;
use crate::{
    audit_files::FileObjects,
    client::Client,
    error::CliError,
    globals::{Globals, shown},
    output::{self, Output, note, progress},
};
use clap::{Args, Subcommand};
use marvain_console::audit::{TailParams, Verification};
use marvain_domain::audit::{Checkpoint, InclusionProof, Verifier, verify};
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Largest key, checkpoint or proof that is read from a file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The tamper-evident log of all that was decided and done.
#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// The newest entries
    Tail {
        /// How many
        #[arg(short = 'n', long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Prove that an entry is in the log, or check such a proof without a hub
    Prove(Prove),
    /// Recompute the whole log: the running hub's, or a copy without a hub
    Verify(Verify),
    /// Copy the log's objects, its key and its newest checkpoint, to be verified anywhere
    Export {
        /// A directory that is not there yet, or empty
        dir: PathBuf,
    },
}

/// Prove that an entry is in the log, or check such a proof.
#[derive(Args, Debug)]
pub(crate) struct Prove {
    /// Which entry
    #[arg(required_unless_present = "check", conflicts_with = "check")]
    seq: Option<u64>,
    /// Write the proof to a new file
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    out: Option<PathBuf>,
    /// Check the proof in this file
    #[arg(long, value_name = "FILE", requires = "key")]
    check: Option<PathBuf>,
    /// The log's verifier key, or a file with it: the proof is checked with it
    #[arg(long, value_name = "FILE|KEY")]
    key: Option<String>,
}

/// Recompute the whole log.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A vault, a copy of one, or an export [default: ask the running hub]
    dir: Option<PathBuf>,
    /// Checkpoints that you kept: what tells a rollback or a fork from the truth
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "dir")]
    trusted: Vec<PathBuf>,
    /// The log's verifier key, or a file with it [default: the one beside the copy]
    #[arg(long, value_name = "FILE|KEY", requires = "dir")]
    key: Option<String>,
}

#[cfg(feature = "aws")]
impl AuditCommand {
    /// Whether the hub is asked, and not files alone.
    pub(super) fn asks_a_hub(&self) -> bool {
        !matches!(self, Self::Prove(Prove { check: Some(_), .. }) | Self::Verify(Verify { dir: Some(_), .. }))
    }
}

pub(super) async fn run(command: AuditCommand, globals: &Globals) -> Result<(), CliError> {
    let out = Output::new(globals);
    match command {
        AuditCommand::Tail { limit } => {
            let params = TailParams { limit: Some(usize::from(limit)) };
            out.show(&Client::connect(globals)?.audit_tail(&params).await?, output::audit::tail)
        }
        AuditCommand::Prove(prove) => proof(prove, &out, globals).await,
        AuditCommand::Verify(Verify { dir: None, .. }) => {
            let client = Client::connect(globals)?;
            let working = progress::spinner(globals, "recomputing the audit log");
            let found = client.audit_verify().await;
            working.finish_and_clear();
            judge(&out, &found?)
        }
        AuditCommand::Verify(Verify { dir: Some(dir), trusted, key }) => {
            judge(&out, &verify_files(&dir, &trusted, key.as_deref(), globals)?)
        }
        AuditCommand::Export { dir } => {
            let exported = audit_copy::export(&Client::connect(globals)?, &dir, globals).await?;
            out.show(&exported, audit_copy::show)
        }
    }
}

fn judge(out: &Output, found: &Verification) -> Result<(), CliError> {
    out.show(found, output::audit::verification)?;
    if found.intact { Ok(()) } else { Err(CliError::failure("the audit log is not intact")) }
}

async fn proof(prove: Prove, out: &Output, globals: &Globals) -> Result<(), CliError> {
    let (proof, whose): (InclusionProof, String) = match (prove.seq, &prove.check) {
        (Some(seq), _) => (Client::connect(globals)?.audit_proof(seq).await?, "the hub's proof".to_owned()),
        (None, Some(file)) => {
            let bytes = read(file)?;
            let malformed = |e| CliError::failure(format!("`{}` is no proof", shown(file))).because(e);
            let proof = serde_json::from_slice(&bytes).map_err(|e: serde_json::Error| malformed(e))?;
            (proof, format!("the proof in `{}`", shown(file)))
        }
        (None, None) => return Err(CliError::usage("say which entry, or `--check FILE`")),
    };
    if let Some(key) = &prove.key {
        let checked = proof.check(&verifier(key)?);
        checked.map_err(|e| CliError::failure(format!("{whose} does not hold")).because(e))?;
    }
    if let Some(path) = &prove.out {
        let json = serde_json::to_vec_pretty(&proof);
        audit_copy::write_new(path, &json.map_err(|e| CliError::failure("the proof has no JSON form").because(e))?)?;
        note(globals, &format!("proof written to `{}`", shown(path)));
    }
    out.show(&proof, |proof, look| output::audit::proof(proof, prove.key.is_some(), look))
}

/// Verifies a vault, a copy of one, or an export with what lies beside it.
fn verify_files(
    dir: &Path,
    trusted: &[PathBuf],
    key: Option<&str>,
    globals: &Globals,
) -> Result<Verification, CliError> {
    let exported = audit_copy::Layout::of(dir);
    let objects = FileObjects::open(&exported.objects);
    let unreadable = |e| CliError::failure(format!("cannot read `{}`", shown(&exported.objects))).because(e);
    let objects = objects.map_err(|e: io::Error| unreadable(e))?;
    let verifier = match key {
        Some(key) => verifier(key)?,
        None => {
            note(globals, "verified with the key beside the log: keep the key elsewhere and give it with `--key`");
            verifier_in(&exported.key)?
        }
    };
    let mut trusted: Vec<PathBuf> = trusted.to_vec();
    trusted.extend(exported.trusted);
    let trusted: Vec<Checkpoint> =
        trusted.iter().map(|path| checkpoint(path, &verifier)).collect::<Result<_, CliError>>()?;
    let bar = progress::bar(globals, "recomputing the audit log", 0);
    let report = verify(&objects, &verifier, &trusted, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(report.map_err(|e| CliError::failure("the audit log cannot be read").because(e))?.into())
}

/// The verifier key that `text` is, or else that the file of that name holds.
fn verifier(text: &str) -> Result<Verifier, CliError> {
    match Verifier::parse(text) {
        Ok(verifier) => Ok(verifier),
        Err(_) => verifier_in(Path::new(text)),
    }
}

fn verifier_in(path: &Path) -> Result<Verifier, CliError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    Verifier::parse(&text).map_err(|e| CliError::failure(format!("`{}` holds no key", shown(path))).because(e))
}

fn checkpoint(path: &Path, verifier: &Verifier) -> Result<Checkpoint, CliError> {
    let refused = |e| CliError::failure(format!("`{}` is no checkpoint of this log", shown(path))).because(e);
    verifier.verify(&read(path)?).map_err(refused)
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |e: io::Error| CliError::failure(format!("cannot read `{}`", shown(path))).because(e);
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(failed)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

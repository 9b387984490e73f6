//! `marvain export`: the audit log from its bucket, laid out so that `marvain audit verify` verifies it without anybody's help,
//! and every item of the ledger as a JSON line.
//!
//! Of each object of the log the first version is copied, whatever somebody has put over it; that they did is said. The trusted
//! checkpoint is the ledger's, which whoever can write to the bucket alone cannot change.

use super::{
    DryRun,
    clients::{Aws, failed},
    dry::{Dry, Step},
    hub,
};
use crate::{
    commands::audit_copy::{self, KEY, LOG, TRUSTED},
    embedded::System,
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::{Look, Output, Tint, bytes, fields, note, progress},
};
use aws_sdk_dynamodb::types::AttributeValue;
use clap::Args;
use marvain_aws::BucketLog;
use marvain_domain::audit::{ReadObject as _, layout::Key};
use marvain_hub::port::Ledger as _;
use marvain_local::is_vacant;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use tokio::{runtime::Handle, task::spawn_blocking};

/// The directory of the audit log.
const AUDIT: &str = "audit";
/// The file of facts.
const FACTS: &str = "facts.jsonl";
/// The attribute with a record's body, JSON text.
const BODY: &str = "body";

/// Copy the audit log and all facts of a deployed hub.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// A directory that is not there yet, or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The audit log alone
    #[arg(long, conflicts_with = "facts_only")]
    audit_only: bool,
    /// The facts alone
    #[arg(long)]
    facts_only: bool,
    #[command(flatten)]
    dry: DryRun,
}

/// What was copied.
#[derive(Serialize)]
struct Exported {
    out: PathBuf,
    objects: u64,
    bytes: u64,
    /// Objects that somebody has put something over.
    overlaid: Vec<String>,
    items: u64,
}

pub(super) async fn run(export: &Export, globals: &Globals) -> Result<(), CliError> {
    let target = super::target(globals)?;
    if export.dry.dry_run {
        return Dry::of(steps(export)).show(globals);
    }
    let out = &export.out;
    if !is_vacant(out).map_err(|e| cannot("read", out, e))? {
        return Err(CliError::new(Exit::Conflict, format!("`{}` is not empty", shown(out)))
            .hint("nothing is overwritten: use another directory"));
    }
    let outputs = super::outputs(&target).await?;
    let aws = Aws::of(target).await?;
    let system = System::new().map_err(|e| CliError::failure("there is no randomness").because(e))?;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(out);
    made.map_err(|e| cannot("make", out, e))?;
    let mut exported = Exported { out: out.clone(), objects: 0, bytes: 0, overlaid: Vec::new(), items: 0 };
    if !export.facts_only {
        // The checkpoint first: what is copied after it holds at least what it speaks of.
        let head = hub::ledger(&aws, &outputs, &system)?.head().await;
        let head = head.map_err(|e| CliError::failure("the ledger does not say how far the log goes").because(e))?;
        let bucket = hub::vault(&aws, &outputs, &system)?;
        let dir = out.join(AUDIT);
        fs::create_dir_all(dir.join(LOG)).map_err(|e| cannot("make", &dir, e))?;
        let bar = progress::spinner(globals, "copying the audit log");
        let (to, runtime) = (dir.clone(), Handle::current());
        let copied = spawn_blocking(move || copy(&BucketLog::new(bucket, runtime), &to)).await;
        bar.finish_and_clear();
        let copied = copied.map_err(|e| CliError::failure("copying was interrupted").because(e))??;
        (exported.objects, exported.bytes, exported.overlaid) = copied;
        if let Some(head) = head {
            audit_copy::write_new(&dir.join(TRUSTED), head.checkpoint.as_bytes())?;
        }
    }
    if !export.audit_only {
        let bar = progress::spinner(globals, "copying facts");
        let table = super::output(&outputs, "TableName")?;
        let items = facts(&aws.dynamodb(), table, &out.join(FACTS)).await;
        bar.finish_and_clear();
        exported.items = items?;
    }
    for key in &exported.overlaid {
        note(globals, &format!("warning: somebody has put something over `{key}`; its first version was copied"));
    }
    Output::new(globals).show(&exported, show)
}

/// Copies the log's objects; how many, how many bytes, and which have something over them.
fn copy(log: &BucketLog, dir: &Path) -> Result<(u64, u64, Vec<String>), CliError> {
    let unreadable = |e| CliError::failure("the audit log cannot be read from its bucket").because(e);
    let mut keys = Vec::new();
    log.list("", &mut |key| keys.push(key.to_owned())).map_err(unreadable)?;
    let (mut objects, mut size) = (0, 0);
    for key in keys {
        // Only a key of the log becomes a path.
        let foreign = |e| CliError::failure(format!("`{key}` in the bucket is no object of a log")).because(e);
        let key = key.parse::<Key>().map_err(foreign)?;
        let name = key.to_string();
        let Some(object) = log.read(&name).map_err(unreadable)? else { continue };
        if key == Key::Verifier {
            audit_copy::write_new(&dir.join(KEY), &object)?;
        }
        let path = dir.join(LOG).join(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| cannot("make", parent, e))?;
        }
        audit_copy::write_new(&path, &object)?;
        objects += 1;
        size += object.len() as u64;
    }
    let (overlaid, _) = log.overlaid();
    Ok((objects, size, overlaid.into_iter().map(|overlaid| overlaid.key).collect()))
}

/// Writes each item of the table as a line, and says how many there were.
async fn facts(client: &aws_sdk_dynamodb::Client, table: &str, path: &Path) -> Result<u64, CliError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = BufWriter::new(file.map_err(|e| cannot("write", path, e))?);
    let (mut items, mut from) = (0, None);
    loop {
        let page = client.scan().table_name(table).consistent_read(true).set_exclusive_start_key(from).send().await;
        let page = page.map_err(|e| failed(format!("the table `{table}` cannot be read"), e))?;
        for item in page.items() {
            writeln!(file, "{}", plain(item)).map_err(|e| cannot("write", path, e))?;
            items += 1;
        }
        from = page.last_evaluated_key().cloned();
        if from.is_none() {
            break;
        }
    }
    file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|e| cannot("write", path, e))?;
    Ok(items)
}

/// An item as anybody reads it: a record's body is what it says, not text.
fn plain(item: &HashMap<String, AttributeValue>) -> Value {
    let value = |(name, value): (&String, &AttributeValue)| {
        let value = match value {
            AttributeValue::S(text) if name == BODY => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            value => untyped(value),
        };
        (name.clone(), value)
    };
    Value::Object(item.iter().map(value).collect::<Map<String, Value>>())
}

/// Without DynamoDB's types. Numbers stay as they are written, whatever their size.
fn untyped(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!(text),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_else(|_| json!(number)),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::L(list) => list.iter().map(untyped).collect(),
        AttributeValue::M(map) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), untyped(value))).collect())
        }
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => json!(texts),
        AttributeValue::B(bytes) => json!(bytes.as_ref()),
        AttributeValue::Bs(all) => all.iter().map(|bytes| json!(bytes.as_ref())).collect(),
        _ => Value::Null,
    }
}

fn cannot(what: &str, path: &Path, error: io::Error) -> CliError {
    CliError::failure(format!("cannot {what} `{}`", shown(path))).because(error)
}

fn steps(export: &Export) -> Vec<Step> {
    let mut steps = Vec::new();
    if !export.facts_only {
        steps.push(Step::call("dynamodb:GetItem", "the newest checkpoint"));
        steps.push(Step::call("s3:ListBucketVersions", "the vault"));
        steps.push(Step::call("s3:GetObjectVersion", "each object of the vault, its first version"));
        steps.push(Step::write(&export.out.join(AUDIT), ""));
    }
    if !export.audit_only {
        steps.push(Step::call("dynamodb:Scan", "the ledger"));
        steps.push(Step::write(&export.out.join(FACTS), ""));
    }
    steps
}

fn show(exported: &Exported, look: Look) -> String {
    let audit = exported.out.join(AUDIT);
    let mut rows = vec![("exported to", shown(&exported.out), Tint::Good)];
    if exported.objects > 0 {
        rows.push(("audit log", format!("{} objects, {}", exported.objects, bytes(exported.bytes)), Tint::Plain));
    }
    if exported.items > 0 {
        rows.push(("facts", format!("{} items", exported.items), Tint::Plain));
    }
    let text = fields(look, rows);
    if exported.objects == 0 { text } else { format!("{text}\nverify it: `marvain audit verify {}`", shown(&audit)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_told_without_types() {
        let item = HashMap::from([
            ("pk".to_owned(), AttributeValue::S("record#space#den".to_owned())),
            ("version".to_owned(), AttributeValue::N("12345678901234567".to_owned())),
            ("body".to_owned(), AttributeValue::S(r#"{"id":"den"}"#.to_owned())),
            (
                "texts".to_owned(),
                AttributeValue::L(vec![AttributeValue::S("{}".to_owned()), AttributeValue::Bool(true)]),
            ),
        ]);
        let expected = json!({"pk": "record#space#den", "version": 12_345_678_901_234_567_u64, "body": {"id": "den"},
            "texts": ["{}", true]});
        assert_eq!(plain(&item), expected);
    }
}

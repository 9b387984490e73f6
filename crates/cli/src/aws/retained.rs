//! How a person removes what stays behind when its stack is deleted: `retained.json`, which the CDK app writes beside the
//! templates. Its lines are told, never run: what stays, stays for a reason.
//!
//! It does not know whether the resource is still there.

use super::{
    plan::read_file,
    runner::quoted,
    target::{Identity, Target},
};
use crate::{error::CliError, globals::shown};
use serde::Deserialize;
use std::path::Path;

/// The file's name in a cloud assembly.
const FILE: &str = "retained.json";
/// What stands for the physical name in a line.
const NAME: &str = "{id}";

/// One resource that stays.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retained {
    stack: String,
    logical_id: String,
    /// What it is, for people.
    pub(crate) what: String,
    /// Lines to type before its stack can be deleted.
    pub(crate) before: Vec<String>,
    /// Lines to type afterwards, to be rid of it.
    pub(crate) after: Vec<String>,
}

/// All that stay of one cloud assembly.
///
/// # Errors
/// If there is no such file, or it cannot be read.
pub(crate) fn read(assembly: &Path) -> Result<Vec<Retained>, CliError> {
    let path = assembly.join(FILE);
    let text = read_file(&path)?;
    serde_json::from_str(&text)
        .map_err(|e| CliError::failure(format!("`{}` is not what the CDK app writes", shown(&path))).because(e))
}

/// What is said of one resource.
pub(crate) fn find<'a>(all: &'a [Retained], stack: &str, logical_id: &str) -> Option<&'a Retained> {
    all.iter().find(|retained| retained.stack == stack && retained.logical_id == logical_id)
}

/// The lines for the resource of this physical name, in the account and region that are meant.
pub(crate) fn lines(lines: &[String], name: &str, target: &Target) -> Vec<String> {
    let mut place = String::new();
    if let Identity::Profile(profile) = &target.identity {
        place.push_str(&format!("AWS_PROFILE={} ", quoted(profile)));
    }
    if let Some(region) = &target.region {
        place.push_str(&format!("AWS_REGION={} ", quoted(region)));
    }
    lines.iter().map(|line| format!("{place}{}", line.replace(NAME, &quoted(name)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::{AwsOptions, config::Config, target::Surroundings};
    use serde_json::json;

    #[test]
    fn lines_name_the_resource_and_whose_account_it_is_in() {
        let dir = tempfile::tempdir().unwrap();
        let written = json!([{"stack": "s-data", "logicalId": "Ledger", "type": "AWS::DynamoDB::Table", "policy": "Retain",
            "what": "the ledger", "before": [], "after": ["aws dynamodb delete-table --table-name {id}"]}]);
        std::fs::write(dir.path().join(FILE), written.to_string()).unwrap();
        let all = read(dir.path()).unwrap();
        assert!(find(&all, "s-data", "Vault").is_none() && find(&all, "s-api", "Ledger").is_none());
        let ledger = find(&all, "s-data", "Ledger").unwrap();
        let options = AwsOptions {
            profile: Some("my home".to_owned()),
            region: Some("eu-central-1".to_owned()),
            ..AwsOptions::default()
        };
        let target = Target::of(&options, &Config::default(), &Surroundings::default()).unwrap();
        assert_eq!(
            lines(&ledger.after, "a b", &target),
            ["AWS_PROFILE='my home' AWS_REGION=eu-central-1 aws dynamodb delete-table --table-name 'a b'"]
        );
        let bare = Target::of(&AwsOptions::default(), &Config::default(), &Surroundings::default()).unwrap();
        assert_eq!(lines(&ledger.after, "t", &bare), ["aws dynamodb delete-table --table-name t"]);
    }
}

//! What a deployment consists of, from the cloud assembly that `cdk synth` writes: its stacks in the order in which they need
//! each other, their resources, and what becomes of each when its stack is deleted.
//!
//! The shapes are those of the cloud assembly's `manifest.json` (AWS CDK, "Cloud assembly schema") and of CloudFormation's
//! templates. It asks nobody: what is deployed already is not known here.

use crate::{
    error::{CliError, Exit},
    globals::shown,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read as _},
    path::Path,
};

/// Largest manifest or template, in bytes: CloudFormation takes templates of one megabyte.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The type of an artifact that is a stack.
const STACK: &str = "aws:cloudformation:stack";

/// What becomes of a resource when its stack is deleted (`DeletionPolicy`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// It goes.
    Deleted,
    /// It stays, and goes on costing money.
    Retained,
    /// It goes, and a snapshot stays.
    Snapshot,
}

impl Fate {
    /// In words.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "goes",
            Self::Retained => "stays",
            Self::Snapshot => "a snapshot stays",
        }
    }
}

/// Retention of a bucket whose objects are locked (S3 Object Lock).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Lock {
    /// `COMPLIANCE`, which nobody can lift, or `GOVERNANCE`.
    pub(crate) mode: String,
    /// For how long, in days.
    pub(crate) days: u64,
}

/// One resource of a stack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Resource {
    /// Its name in the template.
    pub(crate) logical_id: String,
    /// CloudFormation's type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// It refuses to be deleted until somebody lifts that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) protected: bool,
    /// What it locks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lock: Option<Lock>,
}

/// One stack.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct StackPlan {
    /// Its name.
    pub(crate) name: String,
    /// By type, then by name.
    pub(crate) resources: Vec<Resource>,
}

/// A deployment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Plan {
    /// In the order in which they are made; they are deleted in the opposite one.
    pub(crate) stacks: Vec<StackPlan>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    artifacts: BTreeMap<String, Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    template_file: Option<String>,
    stack_name: Option<String>,
}

impl Plan {
    /// Reads a cloud assembly.
    ///
    /// # Errors
    /// If there is none in `dir`, or it is not one that this can read.
    pub(crate) fn read(dir: &Path) -> Result<Self, CliError> {
        let load = |name: &str| -> Result<Value, CliError> {
            // A name with a path in it would lead out of the assembly.
            if name.contains(['/', '\\']) || name == ".." {
                return Err(CliError::failure(format!("the cloud assembly names a file `{name}` that is not its own")));
            }
            let path = dir.join(name);
            let text = read_file(&path)?;
            let foreign =
                |e| CliError::failure(format!("`{}` is not what `cdk synth` writes", shown(&path))).because(e);
            serde_json::from_str(&text).map_err(|e: serde_json::Error| foreign(e))
        };
        let manifest = load("manifest.json")?;
        let manifest: Manifest = serde_json::from_value(manifest)
            .map_err(|e| CliError::failure("the manifest of the cloud assembly cannot be read").because(e))?;
        let mut stacks = Vec::new();
        for (id, artifact) in in_order(&manifest.artifacts)? {
            let file = artifact.properties.template_file.as_deref();
            let file =
                file.ok_or_else(|| CliError::failure(format!("stack `{id}` of the assembly has no template")))?;
            let name = artifact.properties.stack_name.clone().unwrap_or_else(|| id.to_owned());
            stacks.push(StackPlan::of(&name, &load(file)?));
        }
        Ok(Self { stacks })
    }

    /// Resources that are left when all is deleted, with their stacks.
    pub(crate) fn left(&self) -> impl Iterator<Item = (&str, &Resource)> {
        let all = self
            .stacks
            .iter()
            .flat_map(|StackPlan { name, resources }| resources.iter().map(move |resource| (name.as_str(), resource)));
        all.filter(|(_, resource)| resource.fate != Fate::Deleted)
    }

    /// Buckets that lock what is written, with what says how.
    pub(crate) fn locks(&self) -> impl Iterator<Item = (&str, &Lock)> {
        let resources = self.stacks.iter().flat_map(|stack| &stack.resources);
        resources.filter_map(|resource| Some((resource.logical_id.as_str(), resource.lock.as_ref()?)))
    }
}

/// The stacks among the artifacts, each behind those that it depends on; by their names where nothing else says.
fn in_order(artifacts: &BTreeMap<String, Artifact>) -> Result<Vec<(&str, &Artifact)>, CliError> {
    let mut waiting: BTreeMap<&str, &Artifact> = artifacts
        .iter()
        .filter(|(_, artifact)| artifact.kind == STACK)
        .map(|(id, artifact)| (id.as_str(), artifact))
        .collect();
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let blocked = |artifact: &Artifact| artifact.dependencies.iter().any(|on| waiting.contains_key(on.as_str()));
        let next = waiting.iter().find(|(_, artifact)| !blocked(artifact)).map(|(id, artifact)| (*id, *artifact));
        let (id, artifact) = next.ok_or_else(|| {
            let stuck: Vec<_> = waiting.keys().copied().collect();
            CliError::failure(format!("the stacks {} of the assembly wait for each other", stuck.join(", ")))
        })?;
        waiting.remove(id);
        ordered.push((id, artifact));
    }
    Ok(ordered)
}

impl StackPlan {
    /// The stack of this template.
    pub(crate) fn of(name: &str, template: &Value) -> Self {
        let resources = template.get("Resources").and_then(Value::as_object);
        let mut resources: Vec<Resource> =
            resources.into_iter().flatten().map(|(id, resource)| Resource::of(id, resource)).collect();
        resources.sort_by(|a, b| (&a.kind, &a.logical_id).cmp(&(&b.kind, &b.logical_id)));
        Self { name: name.to_owned(), resources }
    }

    /// How many resources there are of each type.
    pub(crate) fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for resource in &self.resources {
            *kinds.entry(resource.kind.as_str()).or_default() += 1;
        }
        kinds
    }
}

impl Resource {
    fn of(logical_id: &str, resource: &Value) -> Self {
        let text = |name: &str| resource.get(name).and_then(Value::as_str);
        let property = |name: &str| resource.get("Properties")?.get(name);
        let kind = text("Type").unwrap_or_default().to_owned();
        // What CloudFormation does when nothing is said ("DeletionPolicy attribute").
        let snapshot_unsaid = match kind.as_str() {
            "AWS::RDS::DBCluster" => true,
            "AWS::RDS::DBInstance" => property("DBClusterIdentifier").is_none(),
            _ => false,
        };
        let fate = match text("DeletionPolicy") {
            Some("Retain" | "RetainExceptOnCreate") => Fate::Retained,
            Some("Snapshot") => Fate::Snapshot,
            Some(_) => Fate::Deleted,
            None if snapshot_unsaid => Fate::Snapshot,
            None => Fate::Deleted,
        };
        let on = |value: &Value| value == true || value == "true" || value == "ACTIVE";
        let protected = ["DeletionProtection", "DeletionProtectionEnabled"].into_iter().filter_map(property).any(on);
        let lock = property("ObjectLockConfiguration").and_then(|lock| {
            let retention = lock.get("Rule")?.get("DefaultRetention")?;
            let mode = retention.get("Mode")?.as_str()?.to_owned();
            let days = match (retention.get("Days"), retention.get("Years")) {
                (Some(days), _) => days.as_u64()?,
                (None, Some(years)) => years.as_u64()?.saturating_mul(365),
                (None, None) => return None,
            };
            Some(Lock { mode, days })
        });
        Self { logical_id: logical_id.to_owned(), kind, fate, protected, lock }
    }
}

/// Reads a file of a cloud assembly.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) fn read_file(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(CliError::new(Exit::NotFound, format!("there is no `{}`", shown(path)))
                .hint("`marvain build` makes it; it needs no account"))
        }
        Err(e) => Err(CliError::failure(format!("cannot read `{}`", shown(path))).because(e)),
    }
}

/// That all stacks belong to the deployment that is meant: an assembly of another must not be taken for it.
///
/// # Errors
/// If they do not.
pub(crate) fn belongs(plan: &Plan, stack: &super::target::StackName) -> Result<(), CliError> {
    let (found, wanted): (BTreeSet<&str>, BTreeSet<String>) =
        (plan.stacks.iter().map(|stack| stack.name.as_str()).collect(), stack.parts().into_iter().collect());
    if found == wanted.iter().map(String::as_str).collect() {
        return Ok(());
    }
    let found: Vec<&str> = found.into_iter().collect();
    Err(CliError::new(
        Exit::Conflict,
        format!("the cloud assembly is not that of `{stack}`: it has {}", found.join(", ")),
    )
    .hint(format!("`marvain build --stack {stack}` makes the one that is meant")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_becomes_of_a_resource_is_what_cloudformation_says() {
        let cases = [
            (json!({"Type": "AWS::SQS::Queue"}), Fate::Deleted),
            (json!({"Type": "AWS::SQS::Queue", "DeletionPolicy": "Delete"}), Fate::Deleted),
            (json!({"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}), Fate::Retained),
            (json!({"Type": "AWS::KMS::Key", "DeletionPolicy": "RetainExceptOnCreate"}), Fate::Retained),
            (json!({"Type": "AWS::RDS::DBCluster"}), Fate::Snapshot),
            (json!({"Type": "AWS::RDS::DBCluster", "DeletionPolicy": "Delete"}), Fate::Deleted),
            (json!({"Type": "AWS::RDS::DBInstance"}), Fate::Snapshot),
            (json!({"Type": "AWS::RDS::DBInstance", "Properties": {"DBClusterIdentifier": "c"}}), Fate::Deleted),
        ];
        for (resource, fate) in cases {
            assert_eq!(Resource::of("R", &resource).fate, fate, "{resource}");
        }
        let bucket = json!({"Type": "AWS::S3::Bucket", "Properties": {"ObjectLockConfiguration": {
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 2}}}}});
        assert_eq!(Resource::of("R", &bucket).lock, Some(Lock { mode: "COMPLIANCE".to_owned(), days: 730 }));
        for (properties, protected) in [
            (json!({"DeletionProtectionEnabled": true}), true),
            (json!({"DeletionProtection": "ACTIVE"}), true),
            (json!({"DeletionProtection": "INACTIVE"}), false),
            (json!({"DeletionProtection": false}), false),
        ] {
            let resource = json!({"Type": "T", "Properties": properties});
            assert_eq!(Resource::of("R", &resource).protected, protected, "{resource}");
        }
    }

    fn assembly(artifacts: Value) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let manifest = json!({"version": "48.0.0", "artifacts": artifacts});
        fs::write(dir.path().join("manifest.json"), manifest.to_string()).unwrap();
        fs::write(dir.path().join("t.json"), json!({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}).to_string())
            .unwrap();
        dir
    }

    fn stack(file: &str, on: &[&str]) -> Value {
        json!({"type": STACK, "dependencies": on, "properties": {"templateFile": file}})
    }

    #[test]
    fn stacks_come_behind_what_they_need() {
        let dir = assembly(json!({
            "a-api": stack("t.json", &["c-compute", "a-api.assets"]), "a-api.assets": {"type": "cdk:asset-manifest"},
            "b-data": stack("t.json", &[]), "c-compute": stack("t.json", &["b-data"])}));
        let names: Vec<String> = Plan::read(dir.path()).unwrap().stacks.into_iter().map(|stack| stack.name).collect();
        assert_eq!(names, ["b-data", "c-compute", "a-api"]);
    }

    #[test]
    fn what_is_no_assembly_is_refused() {
        for (artifacts, why) in [
            (json!({"a": stack("t.json", &["b"]), "b": stack("t.json", &["a"])}), "wait for each other"),
            (json!({"a": stack("../t.json", &[])}), "not its own"),
            (json!({"a": {"type": STACK}}), "no template"),
            (json!({"a": stack("u.json", &[])}), "there is no"),
            (json!(7), "cannot be read"),
        ] {
            let error = Plan::read(assembly(artifacts).path()).unwrap_err();
            assert!(error.to_string().contains(why), "{why}: {error}");
        }
        let nothing = tempfile::tempdir().unwrap();
        assert_eq!(Plan::read(nothing.path()).unwrap_err().exit(), Exit::NotFound);
    }
}

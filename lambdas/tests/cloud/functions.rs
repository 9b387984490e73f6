//! The functions of a deployment behind the Lambda Runtime API, each with the environment that its template gives it.

use crate::made::{Deployment, text};
use marvain_peers::lambda::{Function, Invocation, Lambda};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

/// How many instances one function may have: enough to have them meet, few enough for two cores.
const INSTANCES_MAX: usize = 2;

/// The programs, as Cargo has built them for this test.
const PROGRAMS: [(&str, &str); 12] = [
    ("api", env!("CARGO_BIN_EXE_api")),
    ("audit", env!("CARGO_BIN_EXE_audit")),
    ("memory", env!("CARGO_BIN_EXE_memory")),
    ("notify", env!("CARGO_BIN_EXE_notify")),
    ("observe", env!("CARGO_BIN_EXE_observe")),
    ("planner", env!("CARGO_BIN_EXE_planner")),
    ("policy", env!("CARGO_BIN_EXE_policy")),
    ("presence", env!("CARGO_BIN_EXE_presence")),
    ("provisioning-hook", env!("CARGO_BIN_EXE_provisioning-hook")),
    ("settle", env!("CARGO_BIN_EXE_settle")),
    ("telemetry", env!("CARGO_BIN_EXE_telemetry")),
    ("tick", env!("CARGO_BIN_EXE_tick")),
];

/// Names a folder of packages, `FUNCTION.zip` as `scripts/package --host` makes them: they run in the place of Cargo's programs.
const PACKAGES: &str = "MARVAIN_PACKAGES";

/// All functions, by name.
#[derive(Clone)]
pub(crate) struct Functions {
    all: Arc<BTreeMap<String, Lambda>>,
    /// What packages are unpacked to.
    _unpacked: Arc<TempDir>,
}

impl Functions {
    /// Those of a deployment; `surroundings` is what is in a program's environment besides.
    pub(crate) fn of(
        deployment: &Deployment,
        stack: &str,
        surroundings: impl Fn(&str) -> Vec<(String, String)>,
    ) -> Self {
        let packages = std::env::var_os(PACKAGES).map(PathBuf::from);
        let unpacked = TempDir::with_prefix("marvain-packages-").unwrap();
        let function = |properties: &Value| {
            let name = text(&properties["FunctionName"]);
            let bin = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
            let program = PROGRAMS.iter().find(|(known, _)| *known == bin);
            let (_, program) = program.unwrap_or_else(|| panic!("`{name}` is no program of lambdas"));
            let program = match &packages {
                Some(packages) => unpack(&packages.join(format!("{bin}.zip")), &unpacked.path().join(bin)),
                None => PathBuf::from(program),
            };
            let directory = program.parent().unwrap().to_owned();
            let variables = properties["Environment"]["Variables"].as_object().into_iter().flatten();
            let mut environment: Vec<_> = variables.map(|(name, value)| (name.clone(), text(value))).collect();
            environment.extend(surroundings(bin));
            let reserved =
                properties["ReservedConcurrentExecutions"].as_u64().map(|most| usize::try_from(most).unwrap());
            let function = Function {
                name: name.clone(),
                program: vec![program],
                directory,
                environment,
                timeout: Duration::from_secs(properties["Timeout"].as_u64().expect("a timeout")),
                memory_mb: u32::try_from(properties["MemorySize"].as_u64().expect("a size")).unwrap(),
                concurrency: reserved.unwrap_or(INSTANCES_MAX).min(INSTANCES_MAX),
            };
            (name, Lambda::new(function))
        };
        let all: BTreeMap<_, _> = deployment.all("AWS::Lambda::Function").iter().map(function).collect();
        assert_eq!(all.len(), PROGRAMS.len(), "every program is deployed");
        Self { all: Arc::new(all), _unpacked: Arc::new(unpacked) }
    }

    /// By name or ARN.
    pub(crate) fn get(&self, function: &str) -> &Lambda {
        let name = function.rsplit(':').next().unwrap_or_default();
        self.all.get(name).unwrap_or_else(|| panic!("no function `{function}`"))
    }

    /// Invokes it; a failure is told in this process's output, as CloudWatch would have it.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> Invocation {
        let invocation = self.get(function).invoke(event.to_string()).await;
        tell(function, &invocation);
        invocation
    }
}

/// Unpacks a package as Lambda does, and says where its program is.
fn unpack(package: &Path, to: &Path) -> PathBuf {
    let unpacked = Command::new("python3").args(["-m", "zipfile", "-e"]).args([package, to]).status().unwrap();
    assert!(unpacked.success(), "{}: `scripts/package --host` makes it", package.display());
    let program = to.join("bootstrap");
    // What Python leaves out.
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Says in this process's output what went wrong; CloudWatch would have all of it.
pub(crate) fn tell(function: &str, invocation: &Invocation) {
    let failed = !matches!(invocation.outcome, marvain_peers::lambda::Outcome::Answer(_));
    for line in invocation.log.lines().filter(|line| failed || line.contains("ERROR")) {
        println!("{function}: {line}");
    }
    if failed {
        println!("{function}: {:?}", invocation.outcome);
    }
}

//! The functions of a deployment behind the Lambda Runtime API, each with the environment that its template gives it.

use crate::made::{Deployment, text};
use marvain_peers::lambda::{Function, Invocation, Lambda, unpack};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

/// How many instances one function may have: enough to have them meet, few enough for two cores.
const INSTANCES_MAX: usize = 2;

/// The program, as Cargo has built it for this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_marvain-lambdas");
/// Names the package that `scripts/package --host` makes: what is in it runs in the place of Cargo's program.
const PACKAGE: &str = "MARVAIN_PACKAGE";

/// All functions, by name.
#[derive(Clone)]
pub(crate) struct Functions {
    all: Arc<BTreeMap<String, Lambda>>,
    /// What the package is unpacked to.
    _unpacked: Arc<TempDir>,
}

impl Functions {
    /// Those of a deployment; `surroundings` is what is in a program's environment besides.
    pub(crate) fn of(deployment: &Deployment, surroundings: impl Fn(&str) -> Vec<(String, String)>) -> Self {
        let unpacked = TempDir::with_prefix("marvain-package-").unwrap();
        let program = match std::env::var_os(PACKAGE) {
            Some(package) => unpack(Path::new(&package), unpacked.path()),
            None => PathBuf::from(PROGRAM),
        };
        let function = |properties: &Value| {
            let name = text(&properties["FunctionName"]);
            let handler = text(&properties["Handler"]);
            let directory = program.parent().unwrap().to_owned();
            let variables = properties["Environment"]["Variables"].as_object().into_iter().flatten();
            let mut environment: Vec<_> = variables.map(|(name, value)| (name.clone(), text(value))).collect();
            environment.extend(surroundings(&handler));
            let reserved =
                properties["ReservedConcurrentExecutions"].as_u64().map(|most| usize::try_from(most).unwrap());
            let function = Function {
                name: name.clone(),
                handler,
                program: vec![program.clone()],
                directory,
                environment,
                timeout: Duration::from_secs(properties["Timeout"].as_u64().expect("a timeout")),
                memory_mb: u32::try_from(properties["MemorySize"].as_u64().expect("a size")).unwrap(),
                concurrency: reserved.unwrap_or(INSTANCES_MAX).min(INSTANCES_MAX),
            };
            (name, Lambda::new(function))
        };
        let all: BTreeMap<_, _> = deployment.all("AWS::Lambda::Function").iter().map(function).collect();
        assert_eq!(all.len(), marvain_lambdas::Function::ALL.len(), "every function is deployed");
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

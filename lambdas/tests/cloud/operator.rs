//! Somebody at the command line: `marvain` as a process, told of the deployment by its configuration, as after
//! `marvain monitor outputs --write-config`.

use crate::cloud::{Cloud, STACK};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};
use tokio::process::Command;

/// The command line, and a folder for what it keeps.
pub(crate) struct Operator {
    program: PathBuf,
    environment: Vec<(String, String)>,
    pub(crate) dir: PathBuf,
}

impl Operator {
    /// One who may do everything in AWS, and has no account in the hub yet.
    pub(crate) fn of(cloud: &Cloud) -> Self {
        let dir = cloud.dir.path().join("operator");
        fs::create_dir(&dir).unwrap();
        let mut config =
            format!("[env.local]\nregion = \"eu-central-1\"\nstack = \"{STACK}\"\n\n[env.local.outputs]\n");
        for (name, value) in &cloud.outputs {
            writeln!(config, "{name} = {value:?}").unwrap();
        }
        private(&dir.join("config.toml"), &config);
        let mut environment = cloud.environment();
        for (name, value) in [
            ("MARVAIN_ENV", "local".to_owned()),
            ("MARVAIN_CONFIG", dir.join("config.toml").display().to_string()),
            ("MARVAIN_LOG", "warn".to_owned()),
            ("HOME", dir.display().to_string()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
        ] {
            environment.push((name.to_owned(), value));
        }
        // Beside this test, as Cargo puts the programs of one build.
        let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("marvain");
        assert!(program.exists(), "{}: `cargo build --workspace --all-features` makes it", program.display());
        Self { program, environment, dir }
    }

    /// Asks the hub with this token from now on.
    pub(crate) fn sign_in(&mut self, token: &str) {
        let file = self.dir.join("token");
        private(&file, token);
        self.environment.push(("MARVAIN_CREDENTIAL".to_owned(), file.display().to_string()));
    }

    /// Runs a command, whatever comes of it.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(&self.dir);
        command.arg("--json").args(args).kill_on_drop(true).output().await.unwrap()
    }

    /// Runs a command that succeeds; its documents.
    pub(crate) async fn documents(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args).await;
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "marvain {}: {}\n{out}\n{errors}", args.join(" "), output.status);
        serde_json::Deserializer::from_str(&out).into_iter().map(Result::unwrap).collect()
    }

    /// Runs a command that succeeds; its one document.
    pub(crate) async fn json(&self, args: &[&str]) -> Value {
        let mut lines = self.documents(args).await;
        assert!(lines.len() == 1, "marvain {}: {lines:?}", args.join(" "));
        lines.remove(0)
    }
}

fn private(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

//! The TOML file, and what stands in when there is none.

use super::{
    Actuator, CONFIG_BYTES_MAX, Config, ConfigError, Connection, Emit, Endpoint, INPUTS_MAX, INTERVAL_S_DEFAULT,
    INTERVAL_S_MAX, InputSpec, PRESENCE_BYTES_MAX, SPOOL_BYTES_DEFAULT, SPOOL_BYTES_MAX, SPOOL_BYTES_MIN, Source,
    TIMEOUT_S_DEFAULT, TIMEOUT_S_MAX, template,
};
use marvain_domain::{
    capability::{ARGS_MAX, ArgSpec, CAPABILITIES_MAX, Capability, CapabilityKind, CapabilityName},
    id::SatelliteId,
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Longest description of an actuator, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 200;
/// Longest unit of a reading, in bytes.
const UNIT_BYTES_MAX: usize = 16;
/// Most arguments of a program.
const ARGV_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    endpoint: Option<String>,
    port: Option<u16>,
    thing: Option<SatelliteId>,
    certificate: Option<PathBuf>,
    private_key: Option<PathBuf>,
    root_ca: Option<PathBuf>,
    state: Option<PathBuf>,
    spool_bytes: Option<u64>,
    #[serde(default)]
    input: Vec<FileInput>,
    #[serde(default)]
    actuator: Vec<FileActuator>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum FileInput {
    Stdin { name: CapabilityName, emit: Emit },
    File { name: CapabilityName, path: PathBuf, emit: Emit },
    Command { name: CapabilityName, argv: Vec<String>, interval_s: Option<u64>, unit: Option<String> },
    Host { name: CapabilityName, interval_s: Option<u64> },
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum FileActuator {
    Command {
        name: CapabilityName,
        #[serde(default)]
        description: String,
        argv: Vec<String>,
        timeout_s: Option<u64>,
        #[serde(default)]
        args: BTreeMap<String, ArgSpec>,
    },
    Say {
        name: CapabilityName,
        #[serde(default)]
        description: String,
        argv: Option<Vec<String>>,
        timeout_s: Option<u64>,
    },
    Notify {
        name: CapabilityName,
        #[serde(default)]
        description: String,
        argv: Option<Vec<String>>,
        timeout_s: Option<u64>,
    },
    Ping {
        name: CapabilityName,
        #[serde(default)]
        description: String,
    },
    Identify {
        name: CapabilityName,
        #[serde(default)]
        description: String,
    },
}

/// The inputs and actuators of a satellite without a configuration file.
const DEFAULTS: &str = r#"
input = [{ name = "stdin", kind = "stdin", emit = "transcript" }]
actuator = [
    { name = "say", kind = "say" },
    { name = "notify", kind = "notify" },
    { name = "ping", kind = "ping" },
    { name = "identify", kind = "identify" },
]
"#;

/// Where `DEFAULTS` comes from, in errors.
const DEFAULTS_NAME: &str = "built-in defaults";

pub(super) fn defaults(identity: &Path, connection: &Connection) -> Result<Config, ConfigError> {
    parse(Path::new(DEFAULTS_NAME), DEFAULTS, identity, connection)
}

/// The configuration in `text`, the content of `path`. Relative paths in it are relative to the file's directory; what it
/// leaves out comes from `connection` and the directory `identity`.
pub fn parse(path: &Path, text: &str, identity: &Path, connection: &Connection) -> Result<Config, ConfigError> {
    let check = Check { path };
    check.that("file", text.len() as u64 <= CONFIG_BYTES_MAX, || format!("at most {CONFIG_BYTES_MAX} bytes"))?;
    let file: File =
        toml::from_str(text).map_err(|source| ConfigError::Toml { path: path.to_owned(), source: Box::new(source) })?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let own = |name: &str| identity.join(name);
    let given = |chosen: Option<PathBuf>, name: &str| chosen.map_or_else(|| own(name), |chosen| base.join(chosen));

    let thing = file.thing.or_else(|| connection.thing.clone());
    let spool_bytes = file.spool_bytes.unwrap_or(SPOOL_BYTES_DEFAULT);
    check.that("spool_bytes", (SPOOL_BYTES_MIN..=SPOOL_BYTES_MAX).contains(&spool_bytes), || {
        format!("{SPOOL_BYTES_MIN} to {SPOOL_BYTES_MAX}")
    })?;
    let config = Config {
        thing: thing.ok_or_else(|| ConfigError::NoThing { path: own("connection.json") })?,
        endpoint: Endpoint {
            host: file.endpoint.unwrap_or_else(|| connection.endpoint.clone()),
            port: file.port.unwrap_or(connection.port),
            certificate: given(file.certificate, "certificate.pem"),
            private_key: given(file.private_key, "private.key"),
            root_ca: given(file.root_ca, "root-ca.pem"),
        },
        state: given(file.state, "state"),
        spool_bytes,
        inputs: check.inputs(file.input, base)?,
        actuators: check.actuators(file.actuator)?,
    };
    let declared = serde_json::to_vec(&config.capabilities()).map_or(usize::MAX, |json| json.len());
    check.that("actuator", declared <= PRESENCE_BYTES_MAX, || {
        format!("described in at most {PRESENCE_BYTES_MAX} bytes of JSON in all, not {declared}")
    })?;
    Ok(config)
}

struct Check<'a> {
    path: &'a Path,
}

impl Check<'_> {
    fn that(&self, field: &str, holds: bool, expected: impl FnOnce() -> String) -> Result<(), ConfigError> {
        if holds {
            return Ok(());
        }
        Err(ConfigError::Field { path: self.path.to_owned(), field: field.to_owned(), expected: expected() })
    }

    fn interval(&self, field: &str, interval_s: Option<u64>) -> Result<u64, ConfigError> {
        let interval_s = interval_s.unwrap_or(INTERVAL_S_DEFAULT);
        self.that(field, (1..=INTERVAL_S_MAX).contains(&interval_s), || format!("1 to {INTERVAL_S_MAX} seconds"))?;
        Ok(interval_s)
    }

    fn timeout(&self, field: &str, timeout_s: Option<u64>) -> Result<u64, ConfigError> {
        let timeout_s = timeout_s.unwrap_or(TIMEOUT_S_DEFAULT);
        self.that(field, (1..=TIMEOUT_S_MAX).contains(&timeout_s), || format!("1 to {TIMEOUT_S_MAX} seconds"))?;
        Ok(timeout_s)
    }

    fn argv(&self, field: &str, argv: &[String], names: &BTreeSet<&str>) -> Result<(), ConfigError> {
        self.that(field, (1..=ARGV_MAX).contains(&argv.len()), || {
            format!("a program and at most {ARGV_MAX} arguments")
        })?;
        for (i, text) in argv.iter().enumerate() {
            let template = template::Template::parse(text);
            for name in template.names() {
                self.that(field, i > 0, || format!("a program without `{{{name}}}` in its name"))?;
                let known = names.iter().copied().collect::<Vec<_>>().join(", ");
                self.that(field, names.contains(name), || {
                    format!("without `{{{name}}}`, or have it in `args`; `args` has: {known}")
                })?;
            }
        }
        Ok(())
    }

    fn unique<'n>(&self, list: &str, names: impl Iterator<Item = &'n str>, most: usize) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        for name in names {
            self.that(&format!("{list}.name"), seen.insert(name), || format!("unique, and `{name}` is there twice"))?;
        }
        self.that(list, seen.len() <= most, || format!("at most {most}"))
    }

    fn inputs(&self, inputs: Vec<FileInput>, base: &Path) -> Result<Vec<InputSpec>, ConfigError> {
        let mut all = Vec::new();
        for input in inputs {
            let (name, source) = match input {
                FileInput::Stdin { name, emit } => (name, Source::Stdin { emit }),
                FileInput::File { name, path, emit } => (name, Source::File { path: base.join(path), emit }),
                FileInput::Command { name, argv, interval_s, unit } => {
                    self.argv(&format!("input.{name}.argv"), &argv, &BTreeSet::new())?;
                    let unit = unit.unwrap_or_default();
                    self.that(&format!("input.{name}.unit"), unit.len() <= UNIT_BYTES_MAX, || {
                        format!("at most {UNIT_BYTES_MAX} bytes")
                    })?;
                    let interval_s = self.interval(&format!("input.{name}.interval_s"), interval_s)?;
                    (name, Source::Command { argv, interval_s, unit })
                }
                FileInput::Host { name, interval_s } => {
                    let interval_s = self.interval(&format!("input.{name}.interval_s"), interval_s)?;
                    (name, Source::Host { interval_s })
                }
            };
            all.push(InputSpec { name: name.to_string(), source });
        }
        self.unique("input", all.iter().map(|input| input.name.as_str()), INPUTS_MAX)?;
        let stdin = all.iter().filter(|input| matches!(input.source, Source::Stdin { .. })).count();
        self.that("input.kind", stdin <= 1, || "`stdin` only once".to_owned())?;
        Ok(all)
    }

    fn actuators(&self, actuators: Vec<FileActuator>) -> Result<Vec<Actuator>, ConfigError> {
        let mut all = Vec::new();
        for actuator in actuators {
            all.push(match actuator {
                FileActuator::Command { name, description, argv, timeout_s, args } => {
                    let field = |field: &str| format!("actuator.{name}.{field}");
                    self.that(&field("args"), args.len() <= ARGS_MAX, || format!("at most {ARGS_MAX}"))?;
                    for arg in args.keys() {
                        self.that(&field("args"), template::is_name(arg), || "named with a-z, 0-9 and `_`".to_owned())?;
                    }
                    self.argv(&field("argv"), &argv, &args.keys().map(String::as_str).collect())?;
                    let timeout_s = self.timeout(&field("timeout_s"), timeout_s)?;
                    Actuator::command(
                        Capability { name, kind: CapabilityKind::Command, description, args },
                        &argv,
                        timeout_s,
                    )
                }
                FileActuator::Say { name, description, argv, timeout_s } => {
                    let timeout_s = self.spoken(&name, argv.as_deref(), timeout_s)?;
                    Actuator::say(name, &description, argv, timeout_s)
                }
                FileActuator::Notify { name, description, argv, timeout_s } => {
                    let timeout_s = self.spoken(&name, argv.as_deref(), timeout_s)?;
                    Actuator::notify(name, &description, argv, timeout_s)
                }
                FileActuator::Ping { name, description } => Actuator::ping(name, &description),
                FileActuator::Identify { name, description } => Actuator::identify(name, &description),
            });
        }
        for capability in all.iter().map(Actuator::capability) {
            let field = format!("actuator.{}.description", capability.name);
            self.that(&field, capability.description.len() <= DESCRIPTION_BYTES_MAX, || {
                format!("at most {DESCRIPTION_BYTES_MAX} bytes")
            })?;
        }
        self.unique("actuator", all.iter().map(|one| one.capability().name.as_str()), CAPABILITIES_MAX)?;
        Ok(all)
    }

    fn spoken(
        &self,
        name: &CapabilityName,
        argv: Option<&[String]>,
        timeout_s: Option<u64>,
    ) -> Result<u64, ConfigError> {
        if let Some(argv) = argv {
            self.argv(&format!("actuator.{name}.argv"), argv, &BTreeSet::from(["text"]))?;
        }
        self.timeout(&format!("actuator.{name}.timeout_s"), timeout_s)
    }
}

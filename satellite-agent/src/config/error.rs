//! Why a configuration is refused: always the file, the field and the limit.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is larger than any configuration.
    #[error("`{}` has {bytes} bytes, more than {}", path.display(), super::CONFIG_BYTES_MAX)]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Not the JSON it should be.
    #[error("`{}` is not a connection file", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why, with line and column.
        source: serde_json::Error,
    },
    /// Not TOML, an unknown field, or a value of the wrong type.
    #[error("`{}` is not a configuration", path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// Why, with line, column and field.
        source: Box<toml::de::Error>,
    },
    /// A value that does not fit.
    #[error("`{}`: `{field}` must be {expected}", path.display())]
    Field {
        /// In which file.
        path: PathBuf,
        /// Which field.
        field: String,
        /// What it may be.
        expected: String,
    },
    /// The identity belongs to nobody: it is a claim.
    #[error("`{}` names no `thing`: it is a claim, not an identity; run `enrol` first", path.display())]
    NoThing {
        /// The connection file.
        path: PathBuf,
    },
}

//! What is wrong with a payload, said without its words: refusals are kept in the audit log, which cannot forget.

use super::WIRE_VERSION;
use serde_path_to_error::{Path, Segment};

/// Why a payload is refused.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Empty.
    #[error("the payload is empty")]
    Empty,
    /// Too large.
    #[error("the payload has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// Not UTF-8.
    #[error("the payload is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// Not the JSON that it should be; the path names the field.
    #[error("`{path}`: {why}")]
    Field {
        /// Path of the field, `.` for the whole.
        path: String,
        /// What is wrong with it. What it says instead stands as `…`.
        why: String,
    },
    /// Another version.
    #[error("`v` is {0}, not {WIRE_VERSION}")]
    Version(u8),
    /// A value out of bounds.
    #[error("`{field}` must be {expected}")]
    Bounds {
        /// Which.
        field: &'static str,
        /// What it may be.
        expected: String,
    },
}

impl From<serde_path_to_error::Error<serde_json::Error>> for WireError {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let why = why(error.inner());
        // Text that is no JSON breaks off anywhere, also between fields.
        let path = if error.inner().is_data() { ours(error.path(), &why) } else { String::new() };
        Self::Field { path: if path.is_empty() { ".".to_owned() } else { path }, why }
    }
}

impl From<serde_json::Error> for WireError {
    fn from(error: serde_json::Error) -> Self {
        Self::Field { path: ".".to_owned(), why: why(&error) }
    }
}

/// Fields in which the sender chooses the names.
const FREE: [&str; 3] = ["args", "details", "result"];
/// How serde says that a name is none of ours.
const UNKNOWN_FIELD: &str = "unknown field `";

/// The path as far as its names are ours.
fn ours(path: &Path, why: &str) -> String {
    let mut segments: Vec<&Segment> = path.iter().collect();
    if why.starts_with(UNKNOWN_FIELD) {
        segments.pop();
    }
    let mut ours = String::new();
    for segment in segments {
        match segment {
            Segment::Seq { index } => ours += &format!("[{index}]"),
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                let dot = if ours.is_empty() { "" } else { "." };
                ours += &format!("{dot}{name}");
                if FREE.contains(&name.as_str()) {
                    break;
                }
            }
            Segment::Unknown => break,
        }
    }
    ours
}

/// How serde's and the domain's words on a value begin, and what follows the value: all after the last of it is ours.
const VALUES: [(&str, &str); 6] = [
    ("invalid type: ", ", expected "),
    ("invalid value: ", ", expected "),
    ("invalid length ", ", expected "),
    ("unknown variant `", ", expected "),
    (UNKNOWN_FIELD, ", expected "),
    ("`", " is no "),
];

fn why(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let fields = ["missing field `", "duplicate field `"];
    if !error.is_data() || fields.iter().any(|words| said.starts_with(words)) {
        return said;
    }
    let parts = VALUES.iter().find(|(begins, _)| said.starts_with(begins)).and_then(|(_, then)| {
        let (value, rest) = said.rsplit_once(then)?;
        let kind = value.split(['`', '"']).next().filter(|kind| kind.len() < value.len());
        Some(kind.map_or_else(|| said.clone(), |kind| format!("{kind}`…`{then}{rest}")))
    });
    parts.unwrap_or_else(|| "does not fit".to_owned())
}

//! Doors for fuzzers: what must hold of every parser that reads what devices and operators send, one function a target.
//!
//! Not a part of the API: it is there with the feature `fuzzing`, for the targets in `fuzz/`, and in this crate's own
//! tests, whose property tests call the same functions with inputs they make themselves. Each function takes any bytes,
//! returns when all is well, and panics when a property does not hold. What is fuzzed is private, so a target that is
//! beside it (the codec's, that of the jobs, that of HTTPS) is only named here.
//!
//! It does not know which fuzzer calls it, nor where its inputs come from.

mod certificate;
mod policy;
mod shadow;
mod template;
mod topic;

pub use crate::broker::fuzz_codec as codec;
#[cfg(feature = "https")]
pub use crate::https::fuzz_requests as https;
pub use crate::jobs::fuzz_requests as jobs;
pub use certificate::{certificate, csr};
pub use policy::policy;
pub use shadow::shadow;
pub use template::template;
pub use topic::topic;

use serde_json::Value;

/// One target: its name, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, by the names that `fuzz/` and `scripts/fuzz` have for them.
pub const TARGETS: &[Target] = &[
    ("certificate", certificate),
    ("codec", codec),
    ("csr", csr),
    #[cfg(feature = "https")]
    ("https", https),
    ("jobs", jobs),
    ("policy", policy),
    ("shadow", shadow),
    ("template", template),
    ("topic", topic),
];

/// What stands between the parts of an input that is text.
const SEPARATOR: &[u8] = b"\n---\n";

/// The parts of an input; the first one is always there.
pub(crate) fn parts(input: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), input);
    while let Some(at) = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
        let (part, after) = rest.split_at(at);
        parts.push(part);
        rest = after.get(SEPARATOR.len()..).unwrap_or_default();
    }
    parts.push(rest);
    parts
}

/// The same value, written in another way; none for what is no JSON.
pub(crate) fn rewritten(json: &str) -> Option<String> {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn an_input_is_cut_at_its_separators() {
        let cut = |input: &'static [u8]| parts(input);
        assert_eq!(cut(b""), [b""]);
        assert_eq!(cut(b"a\n---\n\n---\nb\n---"), [&b"a"[..], b"", b"b\n---"]);
    }

    /// What fuzzing has begun with, and whatever it has ever found: `fuzz/seeds`.
    #[test]
    fn seeds_are_borne() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        for (name, target) in TARGETS {
            let mut count = 0;
            for seed in fs::read_dir(seeds.join(name)).unwrap() {
                target(&fs::read(seed.unwrap().path()).unwrap());
                count += 1;
            }
            assert!(count > 1, "{name} has no seeds");
        }
    }

    /// A target that nobody runs finds nothing.
    #[test]
    fn each_target_has_a_program() {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
        let mut names: Vec<_> = fs::read_dir(programs)
            .unwrap()
            .map(|program| program.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| cfg!(feature = "https") || name != "https")
            .collect();
        names.sort();
        assert_eq!(names, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}

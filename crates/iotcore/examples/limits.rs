//! Writes the rendering of the limits: `cargo run -p marvain-iotcore --example limits`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/limits.md");
    std::fs::write(path, marvain_iotcore::limits::markdown())
}

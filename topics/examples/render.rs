//! Writes the renderings of the tables: `cargo run -p marvain-topics --example render`.

use marvain_topics::render;
use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, value) in render::all() {
        let text = if path == render::ASYNCAPI_PATH {
            format!("# Rendered by scripts/render.\n{}", serde_yaml_ng::to_string(&value)?)
        } else {
            format!("{}\n", serde_json::to_string_pretty(&value)?)
        };
        fs::write(folder.join(path), text)?;
    }
    Ok(())
}

//! Writes `crates/aws/rendered`.

use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rendered");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("table.json"), marvain_aws::TABLE.rendered()?)?;
    Ok(())
}

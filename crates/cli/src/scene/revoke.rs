//! `revoke`: the live connection falls at once, and reconnecting is refused.

use super::{Proof, Scene, mqtt::Bare};
use tokio::time::Instant;

pub(crate) async fn revoke(scene: &mut Scene) -> Proof {
    let owner = scene.owner()?;
    let began = Instant::now();
    owner.revoke_satellite(&scene.id).await?;
    let gone = async || Ok((!owner.satellite(&scene.id).await?.presence.online).then_some(began.elapsed().as_millis()));
    let ms = scene.until("the connection to fall", 5, gone).await?;
    scene.prompt("the connection fell", ms)?;
    if Bare::connect(&scene.path("satellite"), scene.id.as_str()).await?.is_some() {
        return Err("a revoked certificate connects".into());
    }
    Ok(format!("the live connection fell in {ms} ms; reconnecting with the certificate is refused"))
}

//! `revoke`: the live connection falls within a second, and reconnecting is refused.

use crate::demo::{
    Proof,
    mqtt::Bare,
    stage::{SATELLITE, Stage, until},
};
use tokio::time::Instant;

pub(crate) async fn revoke(stage: &mut Stage) -> Proof {
    let owner = stage.owner()?;
    let id = SATELLITE.parse()?;
    let began = Instant::now();
    owner.revoke_satellite(&id).await?;
    let gone = async || Ok((!owner.satellite(&id).await?.presence.online).then_some(began.elapsed().as_millis()));
    let ms = until("the connection to fall", 5, gone).await?;
    if ms > 1000 {
        return Err(format!("the connection fell after {ms} ms only").into());
    }
    if Bare::connect(&stage.path("satellite"), SATELLITE).await?.is_some() {
        return Err("a revoked certificate connects".into());
    }
    Ok(format!("the live connection fell in {ms} ms; reconnecting with the certificate is refused"))
}

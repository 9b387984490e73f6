//! `crash`: the satellite is killed in a stream of events, and so is the hub.

use crate::{
    demo::stage::Stage,
    scene::{
        Proof,
        stream::{all_arrived, kill_satellite, pour, some_arrived},
    },
};
use tokio::time::Instant;

pub(crate) async fn crash(stage: &mut Stage) -> Proof {
    stage.keep_checkpoint().await?;
    let (events, began) = (stage.events, Instant::now());
    pour(stage, 0..events / 3).await?;
    some_arrived(stage).await?;
    stage.kill_hub().await?;
    pour(stage, events / 3..events * 2 / 3).await?;
    some_arrived(stage).await?;
    kill_satellite(stage).await?;
    pour(stage, events * 2 / 3..events).await?;
    let proof = all_arrived(stage, events).await?;
    let seconds = began.elapsed().as_secs_f32();
    Ok(format!("{events} events, one SIGKILL each for hub and satellite: {proof}, in {seconds:.1} s"))
}

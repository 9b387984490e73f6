//! `privacy`: the words are in no file of the hub either.

use crate::{
    demo::stage::Stage,
    scene::{Proof, STATE, privacy},
};

pub(crate) async fn privacy(stage: &mut Stage) -> Proof {
    let kept = ["hub", STATE].map(|dir| stage.path(dir));
    let held_back_by = privacy::privacy(stage, &kept).await?;
    privacy::proof(&held_back_by, "hub or satellite")
}

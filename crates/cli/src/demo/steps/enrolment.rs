//! `claim`, `enrol`: from a factory-fresh satellite to one that the hub knows.

use crate::{
    commands::bundle::Place,
    demo::stage::{SATELLITE, Stage},
    scene::{Proof, enrolment, holding},
};
use marvain_console::{people::NewPerson, spaces::NewSpace};
use marvain_domain::identity::Role;
use marvain_topics::table::TEMPLATE;
use std::fs;

/// A hub runs, has a kitchen, and hands out a claim.
pub(crate) async fn claim(stage: &mut Stage) -> Proof {
    stage.start_hub().await?;
    let owner = stage.owner()?;
    owner.add_space(&NewSpace { id: stage.space.clone(), location: None }).await?;
    let guest = NewPerson { id: "gus".parse()?, display_name: None, role: Role::Guest };
    owner.add_person(&guest).await?;
    let token = owner.issue_token(&guest.id).await?;
    fs::write(stage.path("gus.token"), token.token)?;
    let bundle = owner.create_claim().await?;
    Place::prepare(&stage.path("claim"))?.write(&bundle, None, Some(TEMPLATE))?;
    let id = bundle.certificate_id.get(..12).unwrap_or_default();
    Ok(format!("claim certificate {id}… for the template `{TEMPLATE}`, good for provisioning alone"))
}

/// The satellite becomes a thing of its own, with a key that it made itself and nobody else has.
pub(crate) async fn enrol(stage: &mut Stage) -> Proof {
    let code = enrolment::code(stage, SATELLITE, false).await?;
    let key = enrolment::enrol(stage, code).await?;
    // What the broker and the hub have ever written is in the hub's data: the key is not.
    let key = fs::read_to_string(key)?;
    let secret = key.lines().find(|line| !line.starts_with("-----")).ok_or("the private key is empty")?.to_owned();
    if let Some(file) = holding(&stage.path("hub"), secret.as_bytes())? {
        return Err(format!("the private key is in `{}`", file.display()).into());
    }
    let id = enrolment::certificate(stage).await?;
    Ok(format!("thing `{SATELLITE}`, certificate {id}…; its key (mode 600) is in no file of hub or broker"))
}

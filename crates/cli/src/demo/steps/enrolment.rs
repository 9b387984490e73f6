//! `claim`, `refuse`, `enrol`: from a factory-fresh satellite to one that the hub knows.

use crate::{
    commands::bundle::Place,
    demo::stage::{SATELLITE, Stage},
    scene::{
        Proof, StepError, enrolment, holding,
        mqtt::{Bare, Taken},
    },
};
use marvain_console::{people::NewPerson, spaces::NewSpace};
use marvain_domain::{id::SatelliteId, identity::Role};
use marvain_satellite::{EnrolError, EnrolOptions, Ports};
use marvain_topics::{
    EventKind, ShadowName, ShadowOp, Topic,
    acl::CLAIM_CLIENT_PREFIX,
    table::{PARAMETER_CODE, PARAMETER_SERIAL, TEMPLATE},
    topic::Answer,
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A device that the demo spends on replaying an ownership token.
const REPLAYED: &str = "replayed";

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

async fn code(stage: &Stage, serial: &str) -> Result<String, StepError> {
    enrolment::code(stage, serial, false).await
}

async fn try_to_enrol(stage: &Stage, serial: &str, code: String, identity: PathBuf) -> Result<(), EnrolError> {
    let Ok(ports) = Ports::system() else {
        return Err(EnrolError::Connection("there is no randomness".into()));
    };
    let serial: SatelliteId = serial.parse()?;
    let options = EnrolOptions { claim: stage.path("claim"), serial, code, identity };
    marvain_satellite::enrol(options, &ports).await.map(|_| ())
}

/// What must be refused is refused: a wrong code, a replayed token, a stolen claim used for anything else.
pub(crate) async fn refuse(stage: &mut Stage) -> Proof {
    code(stage, SATELLITE).await?;
    let guessed = try_to_enrol(stage, SATELLITE, "0".repeat(40), stage.path("thief")).await;
    let Err(EnrolError::Refused { code: wrong_code, .. }) = guessed else {
        return Err(format!("a wrong code was not refused: {guessed:?}").into());
    };
    let replay = replay_token(stage).await?;
    let mut abuses = Vec::new();
    let thing: SatelliteId = SATELLITE.parse()?;
    let event = Topic::Event { thing: thing.clone(), kind: EventKind::Transcript };
    let commands = Topic::Shadow { thing, name: ShadowName::Commands, op: ShadowOp::UpdateDelta };
    for abuse in [Abuse::Publish(event), Abuse::Subscribe(commands.to_string()), Abuse::Subscribe("#".to_owned())] {
        let mut thief =
            Bare::connect(&stage.path("claim"), &claimant("thief")).await?.ok_or("the claim cannot connect")?;
        let taken = match &abuse {
            Abuse::Publish(topic) => thief.publish(topic, "{}".to_owned()).await?,
            Abuse::Subscribe(filter) => thief.subscribe(filter).await?,
        };
        if taken == Taken::Accepted {
            return Err(format!("a stolen claim may {abuse}").into());
        }
        abuses.push(format!("{abuse}: {}", if taken == Taken::Closed { "disconnected" } else { "refused" }));
    }
    Ok(format!("wrong code: {wrong_code}; replayed token: {replay}; stolen claim: {}", abuses.join(", ")))
}

enum Abuse {
    Publish(Topic),
    Subscribe(String),
}

impl std::fmt::Display for Abuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publish(_) => f.write_str("publish an event"),
            Self::Subscribe(filter) if filter == "#" => f.write_str("subscribe to everything"),
            Self::Subscribe(_) => f.write_str("subscribe to commands"),
        }
    }
}

/// Uses an ownership token twice; answers with the code of the refusal.
async fn replay_token(stage: &Stage) -> Result<String, StepError> {
    let code = code(stage, REPLAYED).await?;
    let mut device =
        Bare::connect(&stage.path("claim"), &claimant(REPLAYED)).await?.ok_or("the claim cannot connect")?;
    let key = rcgen::KeyPair::generate()?;
    let request = rcgen::CertificateParams::default().serialize_request(&key)?.pem()?;
    let request = json!({"certificateSigningRequest": request});
    let (taken, created) = device.ask(&Topic::CreateFromCsr(Answer::Request), &request).await?;
    let token = created.get("certificateOwnershipToken").and_then(Value::as_str);
    let token = token.filter(|_| taken == Taken::Accepted).ok_or_else(|| format!("no certificate: {created}"))?;
    let provision = json!({
        "certificateOwnershipToken": token,
        "parameters": {(PARAMETER_SERIAL): REPLAYED, (PARAMETER_CODE): code},
    });
    let (first, answer) = device.ask(&Topic::Provision(Answer::Request), &provision).await?;
    if first != Taken::Accepted {
        return Err(format!("an honest device is refused: {answer}").into());
    }
    let (second, answer) = device.ask(&Topic::Provision(Answer::Request), &provision).await?;
    if second != Taken::Refused {
        return Err(format!("a token works twice: {answer}").into());
    }
    device.leave().await?;
    stage.owner()?.revoke_satellite(&REPLAYED.parse()?).await?;
    Ok(answer.get("errorCode").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// The satellite becomes a thing of its own, with a key that it made itself and nobody else has.
pub(crate) async fn enrol(stage: &mut Stage) -> Proof {
    let code = code(stage, SATELLITE).await?;
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

/// What a claim has to call itself.
fn claimant(name: &str) -> String {
    format!("{CLAIM_CLIENT_PREFIX}{name}")
}

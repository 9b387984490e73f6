//! `refuse`: what must be refused is refused, before any device is known.

use super::{
    Proof, Scene, StepError,
    enrolment::code,
    mqtt::{Bare, Taken},
};
use marvain_domain::id::{NAME_BYTES_MAX, SatelliteId};
use marvain_satellite::{EnrolError, EnrolOptions, Ports};
use marvain_topics::{
    EventKind, ShadowName, ShadowOp, Topic,
    acl::CLAIM_CLIENT_PREFIX,
    table::{PARAMETER_CODE, PARAMETER_SERIAL},
    topic::Answer,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What the name of a device ends with that is spent on replaying an ownership token.
const REPLAYED: &str = "-replayed";

/// A wrong code, a replayed token, a stolen claim used for anything else.
pub(crate) async fn refuse(scene: &mut Scene) -> Proof {
    code(scene, scene.id.as_str(), true).await?;
    let guessed = try_to_enrol(scene, "0".repeat(40), scene.path("thief")).await;
    let Err(EnrolError::Refused { code: wrong_code, .. }) = guessed else {
        return Err(format!("a wrong code was not refused: {guessed:?}").into());
    };
    let replay = replay_token(scene).await?;
    let mut abuses = Vec::new();
    let thing = scene.id.clone();
    let event = Topic::Event { thing: thing.clone(), kind: EventKind::Transcript };
    let commands = Topic::Shadow { thing, name: ShadowName::Commands, op: ShadowOp::UpdateDelta };
    for abuse in [Abuse::Publish(event), Abuse::Subscribe(commands.to_string()), Abuse::Subscribe("#".to_owned())] {
        let mut thief =
            Bare::connect(&scene.path("claim"), &claimant("thief")).await?.ok_or("the claim cannot connect")?;
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

async fn try_to_enrol(scene: &Scene, code: String, identity: PathBuf) -> Result<(), EnrolError> {
    let Ok(ports) = Ports::system() else {
        return Err(EnrolError::Connection("there is no randomness".into()));
    };
    let options = EnrolOptions { claim: scene.path("claim"), serial: scene.id.clone(), code, identity };
    marvain_satellite::enrol(options, &ports).await.map(|_| ())
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
async fn replay_token(scene: &Scene) -> Result<String, StepError> {
    let name = replayed(scene)?;
    let code = code(scene, name.as_str(), true).await?;
    let mut device =
        Bare::connect(&scene.path("claim"), &claimant(name.as_str())).await?.ok_or("the claim cannot connect")?;
    let key = rcgen::KeyPair::generate()?;
    let request = rcgen::CertificateParams::default().serialize_request(&key)?.pem()?;
    let request = json!({"certificateSigningRequest": request});
    let (taken, created) = device.ask(&Topic::CreateFromCsr(Answer::Request), &request).await?;
    let token = created.get("certificateOwnershipToken").and_then(Value::as_str);
    let token = token.filter(|_| taken == Taken::Accepted).ok_or_else(|| format!("no certificate: {created}"))?;
    let provision = json!({
        "certificateOwnershipToken": token,
        "parameters": {(PARAMETER_SERIAL): name, (PARAMETER_CODE): code},
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
    scene.owner()?.revoke_satellite(&name).await?;
    Ok(answer.get("errorCode").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// The device that is spent: named after the scene's satellite, and revoked when it has enrolled.
pub(crate) fn replayed(scene: &Scene) -> Result<SatelliteId, StepError> {
    let stem = scene.id.as_str();
    let stem = stem.get(..NAME_BYTES_MAX - REPLAYED.len()).unwrap_or(stem);
    Ok(format!("{stem}{REPLAYED}").parse()?)
}

/// What a claim has to call itself.
fn claimant(name: &str) -> String {
    format!("{CLAIM_CLIENT_PREFIX}{name}")
}

//! `marvain smoke`: what any hub must show, shown by a deployed one, in the demo's steps. A satellite of its own enrols there,
//! remembers, asks, acts, is away, keeps quiet, is killed and is revoked, and the audit log proves it; then what it left is taken back.
//!
//! It asks the hub like its owner, and the broker like any satellite. AWS credentials, where there are some, are for one thing
//! alone: to delete the claim that it had made, which would pass for the newest one of the household.

use super::{
    DryRun,
    clients::{Aws, failed},
    dry::{Dry, Step},
    proving,
    target::Target,
};
use crate::{
    client::{Client, whole},
    commands::bundle::Place,
    embedded::System,
    error::{CliError, Exit},
    globals::{Globals, shown},
    output::note,
    scene::{self, Pace, Proof, STATE, Saying, Scene, StepError, report::Reporter, stream},
};
use aws_sdk_iot::types::CertificateStatus;
use clap::Args;
use marvain_console::{memories::Change, page::PageParams, spaces::NewSpace};
use marvain_domain::{
    id::{SatelliteId, SpaceId},
    identity::SatelliteStatus,
    memory::MemoryState,
};
use marvain_topics::table::TEMPLATE;
use std::{fs, os::unix::fs::DirBuilderExt as _, path::PathBuf};

/// What the satellite and its space are called unless somebody says otherwise. The space stays: spaces do.
const NAME: &str = "smoke";

/// Drive a temporary satellite through a deployed hub.
#[derive(Args, Debug)]
pub(crate) struct Smoke {
    /// Name of the satellite; one of that name is replaced if it was revoked
    #[arg(long, default_value = NAME, value_name = "NAME")]
    satellite: SatelliteId,
    /// Its space, which is added if there is none, and where privacy mode is turned on for a moment
    #[arg(long, default_value = NAME, value_name = "NAME")]
    space: SpaceId,
    /// Events in the stream of the step `crash`
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    events: u32,
    /// Keep the satellite's files in this directory, which must not be there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    dry: DryRun,
}

pub(super) async fn run(smoke: &Smoke, globals: &Globals) -> Result<(), CliError> {
    if smoke.dry.dry_run {
        return Dry::of(requests(smoke)).show(globals);
    }
    // Whether or not somebody has named a deployment, it is one that is meant.
    let way_in = Globals { remote: Some(super::remote(globals).await?), ..globals.clone() };
    let system = System::new().map_err(|e| CliError::failure("there is no randomness").because(e))?;
    let nonce: String = system.random::<4>().iter().map(|byte| format!("{byte:02x}")).collect();
    let dir = smoke.keep.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("marvain-smoke-{nonce}")));
    let made = fs::DirBuilder::new().mode(0o700).create(&dir);
    made.and_then(|()| fs::create_dir(dir.join("logs")))
        .map_err(|e| CliError::failure(format!("cannot make `{}`", shown(&dir))).because(e))?;
    let dir =
        fs::canonicalize(&dir).map_err(|e| CliError::failure(format!("cannot use `{}`", shown(&dir))).because(e))?;
    let mut scene = Scene {
        dir: dir.clone(),
        id: smoke.satellite.clone(),
        space: smoke.space.clone(),
        // Words that nobody in the household has said.
        saying: Saying {
            told: format!("Remember that the code word of smoke test {nonce} is plum stone."),
            part: nonce.clone(),
            question: format!("What is the code word of smoke test {nonce}?"),
            stream: format!("smoke test {nonce}"),
        },
        satellite: None,
        way_in,
        pace: Pace::AWAY,
        kept_checkpoints: Vec::new(),
    };
    let mut reporter = Reporter::new(globals.json);
    let mut made = None;
    let held = steps(&mut scene, &mut reporter, &mut made, smoke.events).await;
    scene.clear().await;
    // What it left goes whether or not all held.
    let cleaned = reporter.step("remove", remove(&scene, super::target(globals)?, made)).await;
    let outcome = held.and(cleaned);
    if outcome.is_ok() && smoke.keep.is_none() {
        let gone = fs::remove_dir_all(&dir);
        gone.map_err(|e| CliError::failure(format!("cannot remove `{}`", shown(&dir))).because(e))?;
    }
    match outcome {
        Ok(()) => {
            reporter.finish(&format!("The space `{}` stays, and its satellites, as revoked.", scene.space));
            Ok(())
        }
        Err(step) => {
            note(globals, &format!("the satellite's files stay in {}", shown(&dir)));
            Err(CliError::new(Exit::Failure, format!("step `{step}` does not hold")).hint(format!(
                "its logs are in `{}`; `marvain logs` has those of the functions",
                shown(&dir.join("logs"))
            )))
        }
    }
}

async fn steps(
    scene: &mut Scene,
    reporter: &mut Reporter,
    made: &mut Option<String>,
    events: u32,
) -> Result<(), &'static str> {
    reporter.step("claim", claim(scene, made)).await?;
    reporter.step("refuse", scene::refusing::refuse(scene)).await?;
    reporter.step("enrol", enrol(scene)).await?;
    reporter.step("online", scene::enrolment::online(scene)).await?;
    reporter.step("remember", scene::remembering::remember(scene)).await?;
    reporter.step("ask", scene::acting::ask(scene)).await?;
    reporter.step("approve", async { Ok(scene::acting::approved(scene::acting::approve(scene).await?)) }).await?;
    reporter.step("act", scene::acting::act(scene)).await?;
    reporter.step("offline", scene::offline::offline(scene)).await?;
    reporter.step("privacy", privacy(scene)).await?;
    reporter.step("crash", crash(scene, events)).await?;
    reporter.step("revoke", scene::revoke::revoke(scene)).await?;
    reporter.step("audit", proving::proved(scene)).await
}

/// The hub hands out a claim, and its satellite may have this name.
async fn claim(scene: &mut Scene, made: &mut Option<String>) -> Proof {
    let owner = scene.owner()?;
    for name in [&scene.id, &scene::refusing::replayed(scene)?] {
        match owner.satellite(name).await {
            Ok(info) if info.satellite.status == SatelliteStatus::Active => {
                return Err(
                    format!("there is a satellite `{name}` that is trusted: use another name, `--satellite`").into()
                );
            }
            Ok(_) => {}
            Err(error) if error.exit() == Exit::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let spaces = whole(async |after| owner.spaces(&PageParams { limit: None, after }).await).await?;
    if !spaces.iter().any(|space| space.id == scene.space) {
        owner.add_space(&NewSpace { id: scene.space.clone(), location: None }).await?;
    }
    let place = Place::prepare(&scene.path("claim"))?;
    let bundle = owner.create_claim().await?;
    *made = Some(bundle.certificate_id.clone());
    place.write(&bundle, None, Some(TEMPLATE))?;
    let id = bundle.certificate_id.get(..12).unwrap_or_default();
    Ok(format!("claim certificate {id}… for the template `{TEMPLATE}` at {}", bundle.endpoint))
}

async fn enrol(scene: &mut Scene) -> Proof {
    let code = scene::enrolment::code(scene, scene.id.clone().as_str(), true).await?;
    scene::enrolment::enrol(scene, code).await?;
    let id = scene::enrolment::certificate(scene).await?;
    Ok(format!("thing `{}`, certificate {id}…; it made its key itself, and keeps it (mode 600)", scene.id))
}

async fn privacy(scene: &mut Scene) -> Proof {
    let kept = [scene.path(STATE)];
    let held_back_by = scene::privacy::privacy(scene, &kept).await?;
    scene::privacy::proof(&held_back_by, "the satellite")
}

/// The hub's functions AWS ends as it likes; the satellite is killed here.
async fn crash(scene: &mut Scene, events: u32) -> Proof {
    scene.keep_checkpoint().await?;
    stream::pour(scene, 0..events / 2).await?;
    stream::some_arrived(scene).await?;
    stream::kill_satellite(scene).await?;
    stream::pour(scene, events / 2..events).await?;
    let proof = stream::all_arrived(scene, events).await?;
    Ok(format!("{events} events, SIGKILL for the satellite: {proof}"))
}

/// Takes back what the satellite left: its trust, its memories, the space's privacy, and the claim that was made for it.
async fn remove(scene: &Scene, target: Target, made: Option<String>) -> Proof {
    let owner = scene.owner()?;
    let mut done = Vec::new();
    for satellite in [&scene.id, &scene::refusing::replayed(scene)?] {
        match owner.satellite(satellite).await {
            Ok(info) if info.satellite.status == SatelliteStatus::Active => {
                owner.revoke_satellite(satellite).await?;
                done.push(format!("`{satellite}` revoked"));
            }
            Ok(_) => done.push(format!("`{satellite}` is revoked")),
            Err(error) if error.exit() == Exit::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    let forgotten = forget(scene, &owner).await?;
    done.push(format!("{forgotten} memories forgotten"));
    if owner.spaces(&PageParams { limit: None, after: None }).await?.items.iter().any(|space| space.id == scene.space) {
        owner.set_privacy(&scene.space, false).await?;
    }
    if let Some(claim) = made {
        done.push(delete_claim(target, &claim).await?);
    }
    Ok(done.join(", "))
}

/// Deletes a claim, if there are credentials that may; says what became of it.
async fn delete_claim(target: Target, id: &str) -> Result<String, CliError> {
    let short = id.get(..12).unwrap_or_default();
    let Ok(aws) = Aws::of(target).await else {
        return Ok(format!("claim {short}… stays, because there are no AWS credentials: delete its certificate"));
    };
    let (iot, what) = (aws.iot(), format!("the claim {short}… cannot be deleted"));
    let found = iot.describe_certificate().certificate_id(id).send().await.map_err(|e| failed(&what, e))?;
    let arn = found.certificate_description().and_then(|certificate| certificate.certificate_arn()).unwrap_or_default();
    let inactive = iot.update_certificate().certificate_id(id).new_status(CertificateStatus::Inactive);
    inactive.send().await.map_err(|e| failed(&what, e))?;
    let policies = iot.list_attached_policies().target(arn).send().await.map_err(|e| failed(&what, e))?;
    for policy in policies.policies().iter().filter_map(|policy| policy.policy_name()) {
        iot.detach_policy().policy_name(policy).target(arn).send().await.map_err(|e| failed(&what, e))?;
    }
    iot.delete_certificate().certificate_id(id).send().await.map_err(|e| failed(&what, e))?;
    Ok(format!("claim {short}… deleted"))
}

async fn forget(scene: &Scene, owner: &Client) -> Result<usize, StepError> {
    let mut forgotten = 0;
    for (state, change) in [(MemoryState::Candidate, Change::Reject {}), (MemoryState::Committed, Change::Forget {})] {
        for memory in scene::remembering::memories(scene, state, &scene.saying.part).await? {
            owner.change_memory(&memory.id, &change).await?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

/// What the steps ask the hub for, in order.
fn requests(smoke: &Smoke) -> Vec<Step> {
    let Smoke { satellite, space, .. } = smoke;
    [
        format!("GET /v1/satellites/{satellite}: it must not be there, or be revoked"),
        format!("POST /v1/spaces {space}, if there is none"),
        "POST /v1/claims".to_owned(),
        format!("POST /v1/enrolments {satellite}-replayed, which enrols by MQTT, twice in vain, and is revoked"),
        format!("POST /v1/enrolments {satellite}, which then enrols by MQTT, says what is to be remembered, and acts"),
        "POST /v1/memories/…/changes: the candidate is committed".to_owned(),
        "POST /v1/recall".to_owned(),
        "POST /v1/actions/…/approve".to_owned(),
        "POST /v1/actions: two while the satellite is away, one of them too short".to_owned(),
        format!("PUT /v1/spaces/{space}/privacy on, then off"),
        format!("POST /v1/satellites/{satellite}/revoke"),
        "GET /v1/audit/entries/…/proof".to_owned(),
        "POST /v1/memories/…/changes: what was remembered is forgotten".to_owned(),
    ]
    .map(Step::ask)
    .into_iter()
    .chain([Step::call("iot:DeleteCertificate", "the claim, if there are AWS credentials")])
    .collect()
}

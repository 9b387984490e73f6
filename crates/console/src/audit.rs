//! The audit log: reading, proving, verifying, and its objects for a copy.

use crate::{
    Shared,
    error::{Answer, ApiError},
    extract::{Named, Params},
    page::{List, PageParams, limit},
};
use axum::{Extension, Json, extract::State, http::header, response::IntoResponse};
use marvain_domain::{
    audit::{Finding, InclusionProof, Report, layout},
    policy::Operation,
};
use marvain_hub::people::{AuditEntry, Caller, RequestError};
use serde::{Deserialize, Serialize};

/// Most entries, or keys of objects, in one answer.
pub const AUDIT_LIMIT_MAX: usize = 1000;

/// How many entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailParams {
    /// At most so many, 1 to [`AUDIT_LIMIT_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What verifying the log has found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Verification {
    /// Is the log what was signed?
    pub intact: bool,
    /// How many entries the newest checkpoint speaks of.
    pub size: u64,
    /// The root that it signs, in hex.
    pub root: String,
    /// How many checkpoints have a valid signature.
    pub checkpoints: u64,
    /// How many entries were read.
    pub entries: u64,
    /// What is wrong.
    pub findings: Vec<FindingInfo>,
    /// How many findings more there are.
    pub findings_left_out: u64,
}

/// One thing that is wrong with the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindingInfo {
    /// What was done: `edited`, `dropped`, `inserted`, `reordered`, `truncated`, `rolled_back`, `forked`,
    /// `bad_signature`, `missing`, `malformed` or `unpublished`.
    pub class: String,
    /// The first entry that is affected, or that may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Key of the object that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What was expected and what is there.
    pub detail: String,
}

impl From<Finding> for FindingInfo {
    fn from(Finding { class, seq, object, detail }: Finding) -> Self {
        // A class has no data, so that its JSON is its name.
        let class = serde_json::to_value(class).ok();
        let class = class.as_ref().and_then(|class| class.as_str()).unwrap_or_default().to_owned();
        Self { class, seq, object, detail }
    }
}

impl From<Report> for Verification {
    fn from(report: Report) -> Self {
        Self {
            intact: report.is_intact(),
            size: report.size,
            root: report.root.to_string(),
            checkpoints: report.checkpoints,
            entries: report.entries,
            findings: report.findings.into_iter().map(FindingInfo::from).collect(),
            findings_left_out: report.findings_left_out,
        }
    }
}

/// The newest sealed state of the log: what a copy is measured against later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// Entries.
    pub size: u64,
    /// The signed checkpoint; none while nothing is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// What it verifies with.
    pub verifier_key: String,
}

pub(crate) async fn tail(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<TailParams>,
) -> Answer<List<AuditEntry>> {
    let items = shared.hub.audit_tail(&caller, limit(params.limit, AUDIT_LIMIT_MAX)?).await?;
    Ok(Json(List { items, next: None }))
}

pub(crate) async fn prove(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(seq): Named<u64>,
) -> Answer<InclusionProof> {
    Ok(Json(shared.hub.audit_proof(&caller, seq).await?))
}

pub(crate) async fn verify(State(shared): State<Shared>, Extension(caller): Extension<Caller>) -> Answer<Verification> {
    Ok(Json(shared.hub.audit_verify(&caller).await?.into()))
}

pub(crate) async fn checkpoint(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
) -> Answer<CheckpointInfo> {
    shared.hub.authorise(&caller, &Operation::ReadAudit).await?;
    let head = shared.operations.audit_head().await?;
    Ok(Json(CheckpointInfo {
        size: head.as_ref().map_or(0, |head| head.size),
        checkpoint: head.map(|head| head.checkpoint),
        verifier_key: shared.hub.verifier_key().await.map_err(RequestError::from)?,
    }))
}

pub(crate) async fn objects(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Params(params): Params<PageParams>,
) -> Answer<List<String>> {
    shared.hub.authorise(&caller, &Operation::ReadAudit).await?;
    let limit = limit(params.limit, AUDIT_LIMIT_MAX)?;
    let (items, next) = shared.operations.audit_objects(limit, params.after.as_deref()).await?;
    Ok(Json(List { items, next }))
}

pub(crate) async fn object(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Named(key): Named<String>,
) -> Result<impl IntoResponse, ApiError> {
    shared.hub.authorise(&caller, &Operation::ReadAudit).await?;
    let key: layout::Key = key.parse().map_err(|e: layout::KeyError| ApiError::invalid(e.to_string()))?;
    let bytes = shared.operations.audit_object(&key.to_string()).await?;
    let bytes = bytes.ok_or_else(|| ApiError::not_found(format!("no object `{key}`")))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes))
}

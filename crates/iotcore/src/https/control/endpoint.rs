//! The endpoint. API Reference, `DescribeEndpoint`.

use serde_json::json;

use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};

/// `GET /endpoint?endpointType={type}`. There is one for all of HTTPS: the name and port by which the caller has reached it. The
/// port of MQTT is another one, which AWS's clients are told anyhow.
pub(super) fn describe(call: Call<'_>) -> Answer {
    match call.request.query("endpointType") {
        None | Some("iot:Data" | "iot:Data-ATS" | "iot:Jobs") => {}
        Some(other) => return Err(ApiError::unsupported(&format!("the endpoint type {other}"))),
    }
    let host = call.request.header("host")?.ok_or_else(|| ApiError::invalid("the request has no Host"))?;
    Ok(Reply::json(&json!({"endpointAddress": host})))
}

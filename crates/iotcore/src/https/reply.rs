//! A response: JSON, bytes or nothing, and the headers by which AWS's clients know an error and name a request.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::error::ApiError;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    error: Option<&'static str>,
    body: Vec<u8>,
}

impl Reply {
    /// A JSON document.
    pub(super) fn json(document: &Value) -> Self {
        Self::bytes(document.to_string().into_bytes())
    }

    /// A JSON document as bytes.
    pub(super) fn bytes(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, error: None, body }
    }

    /// Success, and nothing to say.
    pub(super) fn empty() -> Self {
        Self::bytes(Vec::new())
    }

    pub(super) fn refusal(error: &ApiError, request_id: &str) -> Self {
        let mut body = json!({"message": error.message(), "traceId": request_id});
        if let (Some(members), Some(state)) = (body.as_object_mut(), error.execution_state()) {
            members.insert("executionState".into(), state.clone());
        }
        let body = body.to_string().into_bytes();
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error: Some(error.kind()), body }
    }

    pub(super) fn response(self, request_id: &str) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.into()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(kind) = self.error {
            headers.insert(ERROR_TYPE, HeaderValue::from_static(kind));
        }
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, request_id);
        }
        response
    }
}

/// Sixteen bytes in the form of a UUID (version 4).
pub(super) fn uuid(bytes: [u8; 16]) -> String {
    let value = (u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{value:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_those_of_aws() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}

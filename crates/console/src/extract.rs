//! Bodies and parameters of requests, refused in one form when they do not fit.

use crate::error::ApiError;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde::de::DeserializeOwned;

/// A JSON body. Another content type is refused: a browser sends `application/json` across origins only after asking,
/// and nobody here says yes.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::media_type());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|_| ApiError::too_large())?;
        // serde would take an array for a struct, field by field.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(ApiError::malformed("the body is not a JSON object"));
        }
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let syntax = !error.inner().is_data();
            let error = error.into_inner();
            if syntax { ApiError::malformed(format!("the body is not JSON: {error}")) } else { misfit(&path, &error) }
        })?;
        reader.end().map_err(|error| ApiError::malformed(format!("the body is not JSON: {error}")))?;
        Ok(Self(value))
    }
}

fn misfit(path: &str, error: &serde_json::Error) -> ApiError {
    ApiError::invalid(if path == "." { error.to_string() } else { format!("`{path}`: {error}") })
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = essence.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Parameters behind the `?`.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(ApiError::invalid(error.body_text())),
        }
    }
}

/// Names in the path.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(error) => Err(ApiError::invalid(error.body_text())),
        }
    }
}

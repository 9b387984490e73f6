//! Answers of restJson1: a body, or an error by its name in a header.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An answer of the API.
pub(super) struct Answer(Result<Value, Refusal>);

/// An error of the API.
pub(super) struct Refusal {
    status: u16,
    name: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into() }
    }

    /// What the database says, as the Data API words it.
    pub(super) fn database(error: &tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return bad_request(error.to_string());
        };
        if said.message().contains("multiple commands") {
            return Self::new(400, "ValidationException", "Multistatements aren't supported");
        }
        let message = format!("{}: {}; SQLState: {}", said.severity(), said.message(), said.code().code());
        Self::new(400, "DatabaseErrorException", message)
    }
}

pub(super) fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "BadRequestException", message)
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        Self(result)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self.0 {
            Ok(body) => Json(body).into_response(),
            Err(Refusal { status, name, message }) => {
                let status = StatusCode::from_u16(status).expect("a status");
                (status, [("x-amzn-errortype", name)], Json(json!({"message": message}))).into_response()
            }
        }
    }
}

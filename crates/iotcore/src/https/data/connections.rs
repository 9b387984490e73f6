//! Connections. API Reference, `DeleteConnection`.

use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};

/// `DELETE /connections/{clientId}`. A matter of IAM at AWS, so for operators alone. The client's session and will are as at any
/// end of its connection.
pub(super) fn delete(call: Call<'_>, client_id: &str) -> Answer {
    call.caller.must_be_operator()?;
    for option in ["cleanSession", "preventWillMessage"] {
        if call.request.flag(option)? {
            return Err(ApiError::unsupported(option));
        }
    }
    if call.core.delete_connection(client_id) {
        Ok(Reply::empty())
    } else {
        Err(ApiError::not_found(format!("the client `{client_id}` is not connected")))
    }
}

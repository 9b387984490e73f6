//! Connections. API Reference, data plane, `GetConnection`, `DeleteConnection`.

use std::sync::Arc;

use crate::broker::{CloseReason, end_session_with_connection};
use crate::https::connectivity::Connectivity;
use crate::https::error::ApiError;
use crate::https::reply::Reply;
use crate::https::route::{Answer, Call};
use crate::lifecycle;
use crate::policy::{Action, Resource};
use crate::store::{StoreError, Tx};

/// `GET /connections/{clientId}?includeSocketInformation={true|false}`. For operators: no action of IoT policies is known for it.
/// The thing is the one of the client id's name, if the client's certificate is attached to it.
pub(super) async fn get(call: Call<'_>, client_id: &str) -> Answer {
    call.caller.must_be_operator()?;
    check(client_id)?;
    let with_socket = call.request.flag("includeSocketInformation")?;
    let known = Connectivity::of(call.core, client_id).await?.ok_or_else(|| not_connected(client_id))?;
    let mut members = known.members(with_socket);
    let (since, at_ms) = match &known {
        Connectivity::Connected(info) => ("connectedSince", info.since_ms),
        Connectivity::Gone(departure) => ("disconnectedSince", departure.ended_ms),
    };
    members.insert(since.into(), at_ms.into());
    members.insert("clientId".into(), client_id.into());
    if known.is_things(call.core, client_id).await? {
        members.insert("thingName".into(), client_id.into());
    }
    Ok(Reply::json(&members.into()))
}

/// `DELETE /connections/{clientId}?cleanSession={true|false}&preventWillMessage={true|false}`. What becomes of the session and
/// the will is durable before the connection ends, so that it is so however it ends.
pub(super) async fn delete(call: Call<'_>, client_id: &str) -> Answer {
    let broker = &call.core.broker;
    call.caller.must_be_allowed(broker, Action::DeleteConnection, Resource::Client(client_id))?;
    check(client_id)?;
    let (clean_session, prevent_will) = (call.request.flag("cleanSession")?, call.request.flag("preventWillMessage")?);
    if broker.live.info(client_id).is_none() {
        return Err(not_connected(client_id));
    }
    if clean_session || prevent_will {
        let client_id: Arc<str> = client_id.into();
        let job = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
            if clean_session {
                end_session_with_connection(tx, &client_id)?;
            }
            if prevent_will { lifecycle::clear_will(tx, &client_id) } else { Ok(()) }
        };
        broker.store.write(job).await?;
    }
    if broker.live.close(client_id, CloseReason::ApiInitiated) {
        Ok(Reply::empty())
    } else {
        Err(not_connected(client_id))
    }
}

/// botocore's model, `ClientId`.
fn check(client_id: &str) -> Result<(), ApiError> {
    if client_id.starts_with('$') {
        return Err(ApiError::invalid("the id of a client does not begin with `$`"));
    }
    Ok(())
}

fn not_connected(client_id: &str) -> ApiError {
    ApiError::not_found(format!("the client `{client_id}` is not connected"))
}

//! Receiving a delivery: check the signature over the raw bytes, store, answer. Nothing is parsed and nothing else happens in the
//! request, because forges give up after seconds and Gitea never tries again.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use crate::forge::Headers;
use crate::store::{NewDelivery, Source};

use super::WebState;

/// Longest delivery id and event name, in bytes. Forges send UUIDs and words; the signature covers neither.
const MAX_ID: usize = 200;

type Answer = (StatusCode, &'static str);

/// `POST /hooks/{hook}`.
pub async fn receive(State(state): State<WebState>, Path(name): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let Some(hook) = state.hooks.get(&name) else {
        return (StatusCode::NOT_FOUND, "there is no web hook of this name\n");
    };
    let headers = plain(&headers);
    if headers.get("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "this web hook sends forms; set its content type to application/json\n");
    }
    if !hook.forge.verify(&hook.secret, &headers, &body) {
        hook.refuse(&name, body.len());
        return (StatusCode::UNAUTHORIZED, "the signature does not fit the secret of this web hook\n");
    }
    let Some(head) = hook.forge.delivery_head(&headers) else {
        return (StatusCode::BAD_REQUEST, "these are not the headers of this forge's deliveries\n");
    };
    if head.delivery_id.len() > MAX_ID || head.event.len() > MAX_ID {
        return (StatusCode::BAD_REQUEST, "the name of the event or the id of the delivery is longer than 200 bytes\n");
    }
    let delivery = NewDelivery {
        hook: name,
        delivery_id: head.delivery_id,
        event: head.event,
        body: body.to_vec(),
        source: Source::Webhook,
        received_at: state.clock.now(),
    };
    match state.store.receive(&delivery).await {
        Ok(_) => (StatusCode::ACCEPTED, "stored\n"),
        Err(error) => {
            tracing::error!(hook = delivery.hook, "a delivery could not be stored: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the delivery could not be stored; send it again later\n")
        }
    }
}

/// Header names in lower case with their first value; what is not text is left out.
fn plain(headers: &HeaderMap) -> Headers {
    let mut plain = Headers::new();
    for (name, value) in headers {
        if let Ok(value) = value.to_str() {
            plain.entry(name.as_str().to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    plain
}

//! Receiving a delivery: check the signature over the raw bytes, store, answer. Nothing is parsed and nothing else happens in the
//! request, because forges give up after seconds and Gitea never tries again.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::base::trace::{Attr, Span, arrival};
use crate::forge::Headers;
use crate::store::{NewDelivery, Received, Source, StoreError};

use super::WebState;

/// Longest delivery id and event name, in bytes. Forges send UUIDs and words; the signature covers neither.
const MAX_ID: usize = 200;

type Answer = (StatusCode, &'static str);

/// How long storing a delivery may take. Gitea waits five seconds for the answer.
const PATIENCE: Duration = Duration::from_millis(3_500);
/// Before the second try; doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

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
    let Some(head) = hook.forge.delivery(&headers, &body) else {
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
    match store(&state, &delivery).await {
        Ok(stored) => {
            arrived(&state, &delivery, &stored);
            (StatusCode::ACCEPTED, "stored\n")
        }
        Err(error) if error.is_disk_full() => {
            tracing::error!(
                hook = delivery.hook,
                "a delivery could not be stored: the database's disk is full. Make room; nothing else is needed"
            );
            (StatusCode::INSUFFICIENT_STORAGE, "the delivery could not be stored because the disk is full; send it again later\n")
        }
        Err(error) => {
            tracing::error!(hook = delivery.hook, "a delivery could not be stored: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, "the delivery could not be stored; send it again later\n")
        }
    }
}

/// The arrival as a span, under which the reading of the delivery stands.
fn arrived(state: &WebState, delivery: &NewDelivery, stored: &Received) {
    if !state.traces.are_on() || stored.duplicate {
        return;
    }
    state.traces.tell(Span {
        trace: stored.id.0,
        id: arrival(stored.id.0),
        parent: None,
        links: Vec::new(),
        name: "delivery",
        begun: delivery.received_at,
        ended: state.clock.now(),
        failed: None,
        attributes: vec![
            ("hook", Attr::Name(delivery.hook.clone())),
            ("delivery.id", Attr::Id(stored.id.to_string())),
            ("bytes", Attr::Count(i64::try_from(delivery.body.len()).unwrap_or(i64::MAX))),
        ],
    });
}

/// Stores a delivery, trying again for as long as a forge waits for its answer: a connection that a restart of the database has broken
/// must not cost a delivery, which most forges send only once. Trying again is harmless, since a delivery is stored once.
async fn store(state: &WebState, delivery: &NewDelivery) -> Result<Received, StoreError> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left, state.store.receive(delivery)).await {
            Ok(Ok(received)) => return Ok(received),
            Ok(Err(error)) if error.is_transient() && !error.is_disk_full() && begun.elapsed() + pause < PATIENCE => {
                tokio::time::sleep(pause).await;
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(StoreError::Setup("the database gave no answer in time".into())),
        }
        pause *= 2;
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

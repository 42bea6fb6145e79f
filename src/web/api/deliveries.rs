//! What the forges sent, what became of it, and having it read again.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, one, page};
use crate::base::Time;
use crate::base::ids::{DeliveryId, ProjectId};
use crate::base::secret::Redactor;
use crate::store::{Delivery, DeliveryFilter, DeliveryState, StoreError};
use crate::web::problem::Problem;

/// What became of a delivery, in a word.
pub fn word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Received => "unread",
        DeliveryState::Routed => "done",
        DeliveryState::Ignored => "ignored",
        DeliveryState::Failed => "failed",
    }
}

fn state_of(word: &str) -> Option<DeliveryState> {
    let all = [DeliveryState::Received, DeliveryState::Routed, DeliveryState::Ignored, DeliveryState::Failed];
    all.into_iter().find(|state| self::word(*state) == word)
}

/// One delivery without its body, as an item of an answer. `names` are the paths of the projects.
pub fn item(delivery: &Delivery, names: &BTreeMap<ProjectId, String>, redactor: &Redactor) -> Value {
    json!({
        "id": delivery.id,
        "state": word(delivery.state),
        "reason": delivery.note.as_deref().map(|note| redactor.mask(note)),
        "hook": delivery.hook,
        "event": delivery.event,
        "delivery_id": delivery.delivery_id,
        "source": delivery.source.as_str(),
        "project": delivery.project_id.and_then(|id| names.get(&id)),
        "project_id": delivery.project_id,
        "received_at": delivery.received_at.rfc3339(),
        "last_seen": delivery.last_seen.rfc3339(),
        "redeliveries": delivery.redeliveries,
        "replays": delivery.replays,
        "replayed_at": delivery.replayed_at.map(Time::rfc3339),
        "finished_at": delivery.finished_at.map(Time::rfc3339),
    })
}

pub(super) async fn list(call: Call) -> Result<Value, Problem> {
    let asked = &call.asked;
    let after = asked.place(|parts| match parts {
        [at, id] => Some((Time(at.parse().ok()?), id.parse::<DeliveryId>().ok()?)),
        _ => None,
    })?;
    let filter = DeliveryFilter { state: asked.get("state").and_then(state_of), ..DeliveryFilter::default() };
    let names = call.names().await?;
    let found = match call.scope()? {
        Some(scope) => call.state.store.deliveries_page(&filter, scope.as_deref(), after, asked.look_for()).await?,
        None => Vec::new(),
    };
    let place = |delivery: &Delivery| format!("{} {}", delivery.received_at.0, delivery.id);
    Ok(page(found, asked, place, |delivery| item(delivery, &names, &call.state.redactor)))
}

/// The delivery that is asked for, if the caller sees its project.
async fn found(call: &Call) -> Result<Delivery, Problem> {
    let missing = || Problem::not_found("delivery");
    let id: DeliveryId = call.id.parse().map_err(|_| missing())?;
    match call.state.store.delivery(id).await {
        Ok(delivery) if call.caller.sees(delivery.project_id) => Ok(delivery),
        Ok(_) | Err(StoreError::NotFound(_)) => Err(missing()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn show(call: Call) -> Result<Value, Problem> {
    let delivery = found(&call).await?;
    let names = call.names().await?;
    let mut shown = item(&delivery, &names, &call.state.redactor);
    shown["body"] = json!(call.state.redactor.mask(&String::from_utf8_lossy(&delivery.body)));
    Ok(one(shown))
}

pub(super) async fn replay(call: Call) -> Result<Value, Problem> {
    let delivery = found(&call).await?;
    match call.state.store.replay(delivery.id).await {
        Ok(()) => {}
        Err(StoreError::NotFound(_)) => return Err(Problem::not_found("delivery")),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(token.id = %call.caller.token, token.name = call.caller.name, delivery = %delivery.id, "a delivery is read again by request");
    Ok(one(json!({"id": delivery.id, "said": "it is read again; what comes of it is seen in its state"})))
}

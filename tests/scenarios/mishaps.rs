//! What can go wrong between the forge and the program.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{json, to_value};
use sha2::Sha256;
use syndarix::base::ids::IntentId;
use syndarix::domain::workflow::Intent;
use syndarix::domain::workflow::intent::Place;
use syndarix::sandbox::LabelWish;
use syndarix::store::{Delivery, DeliveryFilter, NewIntent};

use super::world::{HOOK_SECRET, REPO, World};

impl World {
    /// From now on nobody tells the program anything.
    pub fn hooks_are_lost(&self) {
        self.sandbox.remove_hooks().unwrap();
    }

    /// The repository has the labels already, as after an onboarding.
    pub async fn labels_are_there(&self) {
        for spec in self.app.engine.hot.get().rules.labels.clone() {
            let wish = LabelWish { name: spec.name, color: spec.color, description: spec.description, exclusive: spec.exclusive };
            self.sandbox.ensure_label(REPO, &wish).unwrap();
        }
    }

    pub async fn stored_deliveries(&self) -> Vec<Delivery> {
        self.store().list_deliveries(&DeliveryFilter::default(), 1_000).await.unwrap()
    }

    /// The same delivery, signed as the first time.
    pub async fn comes_again(&self, delivery: &Delivery) {
        let mut mac = Hmac::<Sha256>::new_from_slice(HOOK_SECRET.as_bytes()).unwrap();
        mac.update(&delivery.body);
        let signature = hex::encode(mac.finalize().into_bytes());
        let (event, precise) = delivery.event.split_once('/').unwrap_or((&delivery.event, &delivery.event));
        let request = self.http.post(&self.hook).body(delivery.body.clone()).header("X-Gitea-Signature", signature);
        let request = request.header("X-Gitea-Event", event).header("X-Gitea-Event-Type", precise);
        let answer = request.header("X-Gitea-Delivery", &delivery.delivery_id).send().await.unwrap();
        assert_eq!(answer.status(), 202);
    }

    /// A command whose sender cannot be read any more, as an older program might have stored it.
    pub async fn something_unreadable_is_queued(&self, issue: i64) {
        let place = Place { number: issue, is_pull: false };
        let at = self.clock.now();
        let intent = Intent::Commands { place, comment: 999_999, body: "/syndarix pause".into(), previous: None, written_at: at };
        let mut tx = self.store().begin(self.project(REPO).await).await.unwrap();
        let subject = tx.subject_by_alias(&format!("issue:{issue}")).await.unwrap().unwrap();
        let new = NewIntent {
            id: IntentId::generate(),
            subject: subject.id,
            source_key: "unreadable".into(),
            kind: "forge".into(),
            actor: Some(json!({"name": "somebody"})),
            payload: to_value(&intent).unwrap(),
            at,
        };
        tx.add_intent(&new).await.unwrap();
        tx.commit().await.unwrap();
    }
}

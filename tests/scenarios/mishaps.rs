//! What can go wrong between the forge and the program.

use serde_json::{json, to_value};
use syndarix::base::ids::IntentId;
use syndarix::domain::workflow::Intent;
use syndarix::domain::workflow::intent::Place;
use syndarix::sandbox::LabelWish;
use syndarix::store::{Delivery, DeliveryFilter, NewIntent};

use super::envelope;
use super::world::{HOOK_SECRET, REPO, World};

impl World {
    /// From now on nobody tells the program anything.
    pub fn hooks_are_lost(&self) {
        self.sandbox.remove_hooks().unwrap();
    }

    /// The repository has the labels already, as after an onboarding.
    pub async fn labels_are_there(&self) {
        for spec in self.app.engine.hot.get().rules.labels.clone() {
            let wish =
                LabelWish { name: self.label(&spec.name), color: spec.color, description: spec.description, exclusive: spec.exclusive };
            self.sandbox.ensure_label(REPO, &wish).unwrap();
        }
    }

    pub async fn stored_deliveries(&self) -> Vec<Delivery> {
        let mut whole = Vec::new();
        for listed in self.store().list_deliveries(&DeliveryFilter::default(), 1_000).await.unwrap() {
            whole.push(self.store().delivery(listed.id).await.unwrap());
        }
        whole
    }

    /// The same delivery, signed as the first time.
    pub async fn comes_again(&self, delivery: &Delivery) {
        let request = self.http.post(&self.hook);
        let request = envelope::addressed(request, &delivery.event, &delivery.delivery_id, &delivery.body, HOOK_SECRET);
        assert_eq!(request.send().await.unwrap().status(), 202);
    }

    /// A command whose sender cannot be read any more, as an older program might have stored it.
    pub async fn something_unreadable_is_queued(&self, issue: i64) {
        let issue = self.own(issue);
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

use futures_util::future::join_all;
use serde_json::json;
use syndarix::base::ids::EffectId;
use syndarix::store::{EffectState, Ended, IntentState, ProjectTx, StoreError, WorkKind};

use crate::world::{LONG, START, World, effect, id, intent};

pub async fn an_intent_is_queued_once_per_source(world: &World) {
    let (project, subject) = world.story().await;
    let add = || async {
        let mut tx = world.store.begin(project).await.unwrap();
        let added = tx.add_intent(&intent(subject, "comment:17:0:ab")).await.unwrap();
        tx.commit().await.unwrap();
        added
    };
    let added = join_all((0..8).map(|_| add())).await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    let turn = world.store.claim(&[WorkKind::Turn], "a", LONG).await.unwrap().unwrap();
    assert_eq!((turn.id, turn.generation), (subject.0, 0));
    let mut tx = world.store.begin_read(project).await.unwrap();
    assert_eq!(tx.intents(subject).await.unwrap().len(), 1);
    assert!(tx.has_intent("comment:17:0:ab").await.unwrap() && !tx.has_intent("comment:17:0:ac").await.unwrap());
}

pub async fn intents_keep_their_order_through_retries(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let (first, second) = (intent(subject, "a"), intent(subject, "b"));
    assert!(tx.add_intent(&first).await.unwrap());
    assert!(tx.add_intent(&second).await.unwrap());
    let later = START.plus_millis(1_000);
    tx.retry_intent(first.id, later, "the forge was away").await.unwrap();
    let next = tx.next_intent(subject).await.unwrap().unwrap();
    assert_eq!((next.id, next.attempts, next.not_before), (first.id, 1, Some(later)));
    assert_eq!((next.actor, next.payload, next.note.as_deref()), (first.actor, first.payload, Some("the forge was away")));

    tx.finish_intent(first.id, Ended::Refused, Some("not a writer")).await.unwrap();
    assert_eq!(tx.next_intent(subject).await.unwrap().unwrap().id, second.id);
    assert!(matches!(tx.finish_intent(first.id, Ended::Done, None).await, Err(StoreError::NotFound(_))));
    tx.finish_intent(second.id, Ended::Done, None).await.unwrap();
    assert_eq!(tx.next_intent(subject).await.unwrap(), None);
}

pub async fn a_parked_intent_lets_the_lane_go_on(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let (poison, next) = (intent(subject, "a"), intent(subject, "b"));
    tx.add_intent(&poison).await.unwrap();
    tx.add_intent(&next).await.unwrap();
    tx.park_intent(poison.id, "failed five times").await.unwrap();
    assert_eq!(tx.next_intent(subject).await.unwrap().unwrap().id, next.id);
    let states: Vec<IntentState> = tx.intents(subject).await.unwrap().iter().map(|intent| intent.state).collect();
    assert_eq!(states, [IntentState::Parked, IntentState::Pending]);
}

pub async fn the_first_holder_keeps_an_alias(world: &World) {
    let (project, story) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let other = tx.ensure_subject("pull", 7, &["issue:42".into(), "pull:7".into()]).await.unwrap();
    assert_eq!(tx.subject_by_alias("issue:42").await.unwrap().unwrap().id, story);
    assert_eq!(tx.subject_by_alias("pull:7").await.unwrap().unwrap(), other);
    let held = tx.add_aliases(other.id, &["issue:42".into(), "branch:x".into()]).await.unwrap();
    assert_eq!(held, [("issue:42".to_owned(), story)]);
    assert_eq!(tx.aliases(other.id).await.unwrap(), ["branch:x", "pull:7"]);
    assert_eq!(tx.subject_by_alias("issue:43").await.unwrap(), None);

    assert_eq!(tx.ensure_subject("story", 42, &[]).await.unwrap().id, story);
    assert_eq!(tx.subjects("story").await.unwrap(), [tx.subject(story).await.unwrap()]);
    tx.remove_alias(other.id, "branch:x").await.unwrap();
    assert_eq!(tx.subject_by_alias("branch:x").await.unwrap(), None);
}

async fn names(tx: &mut ProjectTx, lane: syndarix::base::ids::SubjectId) -> Vec<String> {
    let effects = tx.pending_effects(lane).await.unwrap();
    effects.iter().map(|effect| effect.payload["name"].as_str().unwrap().to_owned()).collect()
}

pub async fn effects_with_one_key_become_the_last_of_them(world: &World) {
    let (project, lane) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    for (name, key) in [("s1", Some("status")), ("comment", None), ("s2", Some("status")), ("l1", Some("labels")), ("s3", Some("status"))] {
        assert!(tx.add_effect(&effect(lane, name, key)).await.unwrap());
    }
    assert_eq!(names(&mut tx, lane).await, ["comment", "l1", "s3"]);
    assert_eq!(tx.effect(EffectId::named("s1")).await.unwrap().state, EffectState::Replaced);

    // What was tried may have happened: it is not replaced.
    tx.effect_started(EffectId::named("s3")).await.unwrap();
    tx.add_effect(&effect(lane, "s4", Some("status"))).await.unwrap();
    assert_eq!(names(&mut tx, lane).await, ["comment", "l1", "s3", "s4"]);
    // A replaced effect does not come back.
    assert!(!tx.add_effect(&effect(lane, "s1", Some("status"))).await.unwrap());
    assert_eq!(names(&mut tx, lane).await, ["comment", "l1", "s3", "s4"]);
}

pub async fn an_effect_that_was_tried_blocks_its_lane(world: &World) {
    let (project, lane) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    tx.add_effect(&effect(lane, "one", None)).await.unwrap();
    tx.add_effect(&effect(lane, "two", None)).await.unwrap();
    let one = EffectId::named("one");
    tx.effect_started(one).await.unwrap();
    assert_eq!(tx.next_effect(lane).await.unwrap().unwrap().state, EffectState::Performing);
    let later = START.plus_millis(9_000);
    tx.effect_retry(one, later, "503").await.unwrap();
    let next = tx.next_effect(lane).await.unwrap().unwrap();
    assert_eq!((next.id, next.attempts, next.not_before, next.error.as_deref()), (one, 1, Some(later), Some("503")));

    tx.effect_done(one, &json!({"comment": 5})).await.unwrap();
    assert_eq!(tx.effect(one).await.unwrap().receipt, Some(json!({"comment": 5})));
    let two = tx.next_effect(lane).await.unwrap().unwrap().id;
    tx.effect_failed(two, "gone").await.unwrap();
    assert_eq!(tx.next_effect(lane).await.unwrap(), None);
    assert!(matches!(tx.effect_done(two, &json!(null)).await, Err(StoreError::NotFound(_))));
}

pub async fn a_delayed_effect_lets_others_pass(world: &World) {
    let (project, lane) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let mut status = effect(lane, "status", Some("status"));
    status.not_before = Some(START.plus_millis(5_000));
    tx.add_effect(&status).await.unwrap();
    tx.add_effect(&effect(lane, "comment", None)).await.unwrap();
    assert_eq!(tx.next_effect(lane).await.unwrap().unwrap().id, EffectId::named("comment"));
    tx.effect_started(EffectId::named("comment")).await.unwrap();
    tx.effect_done(EffectId::named("comment"), &json!({})).await.unwrap();
    // Only the delayed one is left: it comes back with its time, so that the worker knows when to look again.
    assert_eq!(tx.next_effect(lane).await.unwrap().unwrap().not_before, status.not_before);
}

pub async fn an_effect_is_queued_once(world: &World) {
    let (project, lane) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(tx.add_effect(&effect(lane, "merge", None)).await.unwrap());
    assert!(!tx.add_effect(&effect(lane, "merge", None)).await.unwrap());
    tx.commit().await.unwrap();
    let perform = world.store.claim(&[WorkKind::Perform], "a", LONG).await.unwrap().unwrap();
    assert_eq!((perform.id, perform.lane), (lane.0, Some(lane)));
}

pub async fn timers_move_both_ways(world: &World) {
    let (project, subject) = world.story().await;
    for millis in [5_000, 60_000, 1_000] {
        let mut tx = world.store.begin(project).await.unwrap();
        tx.set_timer(id(1), subject, "reminder", START.plus_millis(millis), &json!({"after": millis})).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.store.next_due(WorkKind::ALL).await.unwrap(), Some(START.plus_millis(millis)));
    }
    world.clock.advance(1_000);
    let claim = world.store.claim(&[WorkKind::Timer], "a", LONG).await.unwrap().unwrap();
    assert_eq!((claim.id, claim.project), (id(1), Some(project)));

    let mut tx = world.store.begin(project).await.unwrap();
    assert_eq!(tx.timer(id(1)).await.unwrap().unwrap().payload, json!({"after": 1_000}));
    tx.set_timer(id(2), subject, "reminder", START.plus_millis(9_000), &json!({})).await.unwrap();
    assert!(tx.clear_timer(id(1)).await.unwrap());
    assert!(tx.clear_timer(id(2)).await.unwrap());
    assert!(!tx.clear_timer(id(2)).await.unwrap());
    tx.commit().await.unwrap();
    let quiet = world.store.quiet().await.unwrap();
    assert_eq!((quiet.leased, quiet.later), (1, 0));
}

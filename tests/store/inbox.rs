use futures_util::future::join_all;
use syndarix::store::{DeliveryFilter, DeliveryState, StoreError, WorkKind};

use crate::world::{LONG, START, World, delivery};

pub async fn ten_equal_deliveries_at_once_are_one(world: &World) {
    let new = delivery("d-1");
    let received = join_all((0..10).map(|_| world.store.receive(&new))).await;
    let received: Vec<_> = received.into_iter().map(Result::unwrap).collect();
    assert_eq!(received.iter().filter(|one| !one.duplicate).count(), 1);
    assert!(received.iter().all(|one| one.id == received[0].id));

    let stored = world.store.delivery(received[0].id).await.unwrap();
    assert_eq!((stored.redeliveries, stored.body), (9, new.body));
    assert_eq!(world.store.quiet().await.unwrap().due, 1);

    // The same id through another hook is another delivery.
    let mut other = delivery("d-1");
    other.hook = "github".into();
    assert!(!world.store.receive(&other).await.unwrap().duplicate);
}

/// Whoever waits in one transaction with others may go away at any moment; what is answered is there, once, and to be read once.
pub async fn deliveries_that_come_together_do_not_depend_on_each_other(world: &World) {
    let all: Vec<_> = (0..300).map(|n| delivery(&format!("d-{}", n % 100))).collect();
    let received = join_all(all.iter().enumerate().map(|(n, new)| async move {
        let patience = std::time::Duration::from_micros(if n % 7 == 0 { 200 } else { 60_000_000 });
        tokio::time::timeout(patience, world.store.receive(new)).await.ok()
    }))
    .await;
    let answered: Vec<_> = received.into_iter().flatten().map(Result::unwrap).collect();
    assert!(answered.len() >= 257, "{}", answered.len());
    let there = world.store.list_deliveries(&DeliveryFilter::default(), 1_000).await.unwrap();
    assert_eq!(there.len(), 100);
    assert!(answered.iter().all(|one| there.iter().any(|row| row.id == one.id)));
    assert_eq!(world.store.quiet().await.unwrap().due, 100);
    let copies: i64 = there.iter().map(|row| row.redeliveries + 1).sum();
    assert!(copies >= answered.len() as i64, "{copies}");
}

pub async fn a_replayed_delivery_is_read_again(world: &World) {
    let id = world.store.receive(&delivery("d-1")).await.unwrap().id;
    let claim = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap().unwrap();
    world.store.fail_delivery(&claim, "the body is not JSON").await.unwrap();
    assert_eq!(world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap(), None);

    world.store.replay(id).await.unwrap();
    let again = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap().unwrap();
    assert_eq!(again.id, id.0);
    let stored = world.store.delivery(id).await.unwrap();
    assert_eq!((stored.state, stored.replays, stored.replayed_at), (DeliveryState::Received, 1, Some(START)));

    let unknown = syndarix::base::ids::DeliveryId::named("none");
    assert!(matches!(world.store.replay(unknown).await, Err(StoreError::NotFound(_))));
}

pub async fn what_failed_is_read_again_once_per_request(world: &World) {
    let fail_all = async || {
        while let Some(claim) = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap() {
            world.store.fail_delivery(&claim, "the body is cut off").await.unwrap();
        }
    };
    let mut ids = Vec::new();
    for n in 0..5 {
        let mut new = delivery(&format!("d-{n}"));
        new.received_at = START.plus_millis(n * 1_000);
        ids.push(world.store.receive(&new).await.unwrap().id);
    }
    world.clock.advance(10_000);
    fail_all().await;
    let started = world.clock.now();
    // Each fails again at once; the request still ends.
    let mut rounds = Vec::new();
    loop {
        rounds.push(world.store.replay_failed(Some(START.plus_millis(1_000)), started, 3).await.unwrap());
        fail_all().await;
        if rounds.last().is_some_and(|&count| count < 3) {
            break;
        }
    }
    assert_eq!(rounds, [3, 1]);
    let replays = async |id| {
        let delivery = world.store.delivery(id).await.unwrap();
        (delivery.replays, delivery.replayed_at, delivery.state)
    };
    assert_eq!(replays(ids[0]).await, (0, None, DeliveryState::Failed), "it came before the moment that was named");
    assert_eq!(replays(ids[4]).await, (1, Some(started), DeliveryState::Failed));
    let since = DeliveryFilter { since: Some(START.plus_millis(3_000)), ..DeliveryFilter::default() };
    assert_eq!(world.store.list_deliveries(&since, 10).await.unwrap().len(), 2);
}

pub async fn old_deliveries_go_and_unread_ones_stay(world: &World) {
    let ids = [world.store.receive(&delivery("d-1")).await.unwrap().id, world.store.receive(&delivery("d-2")).await.unwrap().id];
    let claim = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap().unwrap();
    world.store.ignore_delivery(&claim, "stars are not followed").await.unwrap();
    let (done, unread) = if claim.id == ids[0].0 { (ids[0], ids[1]) } else { (ids[1], ids[0]) };
    world.clock.advance(1_000);
    let later = world.clock.now();
    let drop = async |state, before| world.store.drop_deliveries(state, before, 10).await.unwrap();
    assert_eq!(drop(DeliveryState::Ignored, START).await, 0, "not older than the moment");
    assert_eq!(drop(DeliveryState::Failed, later).await, 0);
    assert_eq!(drop(DeliveryState::Received, later).await, 0, "what nobody has read is kept");
    world.store.replay(done).await.unwrap();
    assert_eq!(drop(DeliveryState::Ignored, later).await, 0, "it waits to be read again");
    while let Some(claim) = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap() {
        if claim.id == done.0 {
            world.store.ignore_delivery(&claim, "stars are not followed").await.unwrap();
        }
    }
    assert_eq!(drop(DeliveryState::Ignored, later).await, 0, "replayed a moment ago");
    assert_eq!(drop(DeliveryState::Ignored, later.plus_millis(1)).await, 1);
    assert!(matches!(world.store.delivery(done).await, Err(StoreError::NotFound(_))));
    assert_eq!(world.store.delivery(unread).await.unwrap().state, DeliveryState::Received);
    assert_eq!(world.store.count_deliveries(DeliveryState::Received).await.unwrap(), 1);
}

pub async fn deliveries_end_with_their_reason(world: &World) {
    let project = world.project("acme/shop").await;
    let ids = [
        world.store.receive(&delivery("d-1")).await.unwrap().id,
        world.store.receive(&delivery("d-2")).await.unwrap().id,
        world.store.receive(&delivery("d-3")).await.unwrap().id,
    ];
    for _ in ids {
        let claim = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap().unwrap();
        match ids.iter().position(|id| id.0 == claim.id).unwrap() {
            0 => {
                let mut tx = world.store.begin(project).await.unwrap();
                tx.finish_delivery(&claim, None).await.unwrap();
                tx.commit().await.unwrap();
            }
            1 => world.store.ignore_delivery(&claim, "stars are not followed").await.unwrap(),
            _ => world.store.fail_delivery(&claim, "cut\0off").await.unwrap(),
        }
    }
    let list = |state, project| {
        let filter = DeliveryFilter { state, hook: Some("gitea".into()), project, since: None };
        async move { world.store.list_deliveries(&filter, 10).await.unwrap() }
    };
    assert_eq!(list(None, None).await.len(), 3);
    assert_eq!(list(Some(DeliveryState::Routed), Some(project)).await[0].id, ids[0]);
    assert_eq!(list(Some(DeliveryState::Ignored), None).await[0].note.as_deref(), Some("stars are not followed"));
    assert_eq!(list(Some(DeliveryState::Failed), None).await[0].note.as_deref(), Some("cut\u{fffd}off"));
    assert_eq!(world.store.quiet().await.unwrap(), Default::default());
}

pub async fn a_delivery_cannot_be_finished_twice(world: &World) {
    let id = world.store.receive(&delivery("d-1")).await.unwrap().id;
    let claim = world.store.claim(&[WorkKind::Intake], "a", LONG).await.unwrap().unwrap();
    world.store.ignore_delivery(&claim, "first").await.unwrap();
    assert!(matches!(world.store.fail_delivery(&claim, "second").await, Err(StoreError::LeaseLost)));
    assert_eq!(world.store.delivery(id).await.unwrap().note.as_deref(), Some("first"));
}

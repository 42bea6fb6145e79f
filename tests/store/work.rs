use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use syndarix::store::{Claim, Quiet, Release, StoreError, WorkKind};
use uuid::Uuid;

use crate::world::{LONG, START, World, effect, event, id};

/// Over at once: the next claim may take the item as soon as the database's clock has moved.
const SHORT: Duration = Duration::from_millis(1);

async fn schedule(world: &World, kind: WorkKind, id: Uuid) {
    world.store.schedule(kind, id, None, None, None).await.unwrap();
}

async fn claim(world: &World, kind: WorkKind, owner: &str) -> Option<Claim> {
    world.store.claim(&[kind], owner, LONG).await.unwrap()
}

/// Claims what somebody else holds, as soon as that lease has run out.
async fn take_over(world: &World, kind: WorkKind, owner: &str) -> Claim {
    let taken = async {
        loop {
            if let Some(claim) = claim(world, kind, owner).await {
                return claim;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken).await.expect("the lease runs out")
}

pub async fn every_item_goes_to_one_worker(world: &World) {
    for number in 0..40 {
        schedule(world, WorkKind::Turn, id(number)).await;
    }
    let worker = |name: String| async move {
        let mut mine = Vec::new();
        loop {
            if let Some(claim) = claim(world, WorkKind::Turn, &name).await {
                mine.push(claim.id);
            } else if world.store.quiet().await.unwrap().due == 0 {
                return mine;
            }
        }
    };
    let taken: Vec<Uuid> = join_all((0..12).map(|number| worker(format!("w{number}")))).await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 40);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 40);
    assert_eq!(world.store.quiet().await.unwrap(), Quiet { leased: 40, due: 0, later: 0 });
}

pub async fn a_zombie_cannot_write_after_its_lease(world: &World) {
    let (project, subject) = world.story().await;
    world.store.schedule(WorkKind::Turn, subject.0, Some(project), Some(subject), None).await.unwrap();
    let zombie = world.store.claim(&[WorkKind::Turn], "a", SHORT).await.unwrap().unwrap();
    let living = take_over(world, WorkKind::Turn, "b").await;
    assert!(living.epoch > zombie.epoch);
    assert_eq!((living.project, living.lane, living.attempts), (Some(project), Some(subject), 2));

    let mut tx = world.store.begin(project).await.unwrap();
    assert!(matches!(tx.guard(&zombie).await, Err(StoreError::LeaseLost)));
    tx.rollback().await.unwrap();
    assert!(!world.store.extend(&zombie, LONG).await.unwrap());
    assert!(matches!(world.store.release(&zombie, Release::Done).await, Err(StoreError::LeaseLost)));
    let retry = Release::Retry { at: START };
    assert!(matches!(world.store.release(&zombie, retry).await, Err(StoreError::LeaseLost)));

    let mut tx = world.store.begin(project).await.unwrap();
    tx.guard(&living).await.unwrap();
    tx.append("subject", subject.0, Some(0), &[event("story.started")]).await.unwrap();
    tx.release(&living, Release::Done).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(claim(world, WorkKind::Turn, "c").await, None);
}

pub async fn an_old_claim_does_not_fit_a_new_life_of_the_item(world: &World) {
    schedule(world, WorkKind::Turn, id(1)).await;
    let first = claim(world, WorkKind::Turn, "a").await.unwrap();
    world.store.release(&first, Release::Done).await.unwrap();
    schedule(world, WorkKind::Turn, id(1)).await;
    let second = claim(world, WorkKind::Turn, "a").await.unwrap();
    assert_ne!(first.epoch, second.epoch);
    assert!(matches!(world.store.release(&first, Release::Done).await, Err(StoreError::LeaseLost)));
    world.store.release(&second, Release::Done).await.unwrap();
}

pub async fn work_that_comes_during_a_lease_is_kept(world: &World) {
    schedule(world, WorkKind::Turn, id(1)).await;
    let first = claim(world, WorkKind::Turn, "a").await.unwrap();
    schedule(world, WorkKind::Turn, id(1)).await;
    assert_eq!(claim(world, WorkKind::Turn, "b").await, None);
    world.store.release(&first, Release::Done).await.unwrap();

    let second = claim(world, WorkKind::Turn, "b").await.unwrap();
    assert_eq!((second.generation, second.attempts), (first.generation + 1, 1));
    world.store.release(&second, Release::Done).await.unwrap();
    assert_eq!(world.store.quiet().await.unwrap(), Quiet::default());
}

pub async fn work_for_later_that_comes_during_a_lease_keeps_its_time(world: &World) {
    schedule(world, WorkKind::Turn, id(1)).await;
    let first = claim(world, WorkKind::Turn, "a").await.unwrap();
    let later = START.plus_millis(5_000);
    world.store.schedule(WorkKind::Turn, id(1), None, None, Some(later)).await.unwrap();
    world.store.release(&first, Release::Done).await.unwrap();
    assert_eq!(world.store.next_due(WorkKind::ALL).await.unwrap(), Some(later));
    assert_eq!(claim(world, WorkKind::Turn, "b").await, None);
    world.clock.advance(5_000);
    assert!(claim(world, WorkKind::Turn, "b").await.is_some());
}

pub async fn retries_wait_for_the_injected_clock(world: &World) {
    schedule(world, WorkKind::Turn, id(1)).await;
    assert_eq!(world.store.next_due(WorkKind::ALL).await.unwrap(), Some(START));
    let first = claim(world, WorkKind::Turn, "a").await.unwrap();
    assert_eq!(world.store.next_due(WorkKind::ALL).await.unwrap(), None);
    let at = START.plus_millis(60_000);
    world.store.release(&first, Release::Retry { at }).await.unwrap();
    assert_eq!(claim(world, WorkKind::Turn, "a").await, None);
    assert_eq!(world.store.quiet().await.unwrap(), Quiet { leased: 0, due: 0, later: 1 });
    assert_eq!(world.store.next_due(WorkKind::ALL).await.unwrap(), Some(at));

    world.clock.advance(60_000);
    assert_eq!(claim(world, WorkKind::Turn, "a").await.unwrap().attempts, 2);
}

pub async fn the_longest_due_kind_comes_first(world: &World) {
    schedule(world, WorkKind::Run, id(1)).await;
    world.clock.advance(1);
    schedule(world, WorkKind::Turn, id(2)).await;
    let kinds = [WorkKind::Turn, WorkKind::Run, WorkKind::Perform];
    let order = [world.store.claim(&kinds, "a", LONG).await.unwrap(), world.store.claim(&kinds, "a", LONG).await.unwrap()];
    assert_eq!(order.map(|claim| claim.unwrap().kind), [WorkKind::Run, WorkKind::Turn]);
    assert_eq!(world.store.claim(&kinds, "a", LONG).await.unwrap(), None);
}

pub async fn an_extended_lease_holds(world: &World) {
    schedule(world, WorkKind::Run, id(1)).await;
    let held = world.store.claim(&[WorkKind::Run], "a", SHORT).await.unwrap().unwrap();
    assert!(world.store.extend(&held, LONG).await.unwrap());
    assert_eq!(world.store.quiet().await.unwrap().leased, 1);
    assert_eq!(claim(world, WorkKind::Run, "b").await, None);
}

pub async fn nothing_is_scheduled_by_a_rollback(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    tx.add_effect(&effect(subject, "hello", None)).await.unwrap();
    tx.schedule(WorkKind::Run, id(1), Some(subject), None);
    tx.rollback().await.unwrap();
    let mut tx = world.store.begin(project).await.unwrap();
    tx.add_effect(&effect(subject, "hello", None)).await.unwrap();
    drop(tx);
    assert_eq!(world.store.quiet().await.unwrap(), Quiet::default());
}

pub async fn what_was_put_off_can_be_stirred_and_looks_do_not_count(world: &World) {
    let (project, subject) = world.story().await;
    let later = START.plus_millis(60_000);
    for kind in [WorkKind::Turn, WorkKind::Timer] {
        world.store.schedule(kind, subject.0, Some(project), Some(subject), Some(later)).await.unwrap();
    }
    world.store.schedule(WorkKind::Look, project.0, Some(project), None, None).await.unwrap();
    let quiet = Quiet { leased: 0, due: 0, later: 2 };
    assert_eq!(world.store.quiet().await.unwrap(), quiet, "a look is never left over");
    assert!(claim(world, WorkKind::Look, "a").await.is_some() && claim(world, WorkKind::Look, "b").await.is_none());
    assert_eq!(world.store.quiet().await.unwrap(), quiet);
    let mut tx = world.store.begin(project).await.unwrap();
    tx.stir().await.unwrap();
    tx.commit().await.unwrap();
    assert!(claim(world, WorkKind::Turn, "a").await.is_some());
    assert_eq!(claim(world, WorkKind::Timer, "a").await, None, "a timer keeps its time");
}

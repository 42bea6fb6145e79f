use futures_util::future::join_all;
use syndarix::base::ids::ProjectId;
use syndarix::base::text::sha256_hex;
use syndarix::store::{AuditPosition, EventRow, GENESIS, Store, StoreError, WorkKind};

use crate::world::{LONG, World, event, id};

fn link(seq: u64, prev: &str, event: &EventRow) -> (String, String) {
    let line = format!("{seq} {prev} {}", event.id);
    let hash = sha256_hex(&line);
    (line, hash)
}

async fn append(world: &World, project: ProjectId, stream: u128) {
    let mut tx = world.store.begin(project).await.unwrap();
    tx.append("subject", id(stream), None, &[event("a"), event("b")]).await.unwrap();
    tx.commit().await.unwrap();
}

/// The chain must be dense, linked, and hold every journal entry once.
async fn check(world: &World, project: ProjectId, length: usize) {
    let chain = world.store.chain(project, 0, 10_000).await.unwrap();
    assert_eq!(chain.len(), length);
    let mut prev = GENESIS.to_owned();
    for (row, seq) in chain.iter().zip(0..) {
        assert_eq!((row.seq, &row.prev), (seq, &prev));
        assert_eq!(sha256_hex(&row.line), row.hash);
        prev = row.hash.clone();
    }
    assert_eq!(world.store.chain_head(project).await.unwrap().as_ref(), chain.last());
    assert_eq!(world.engine.number("select count(*) from seal_queue").await, 0);
}

pub async fn late_commits_are_sealed_and_places_are_dense(world: &World) {
    let (project, _) = world.story().await;
    if world.is_postgres() {
        let mut late = world.store.begin(project).await.unwrap();
        late.append("subject", id(1), Some(0), &[event("late")]).await.unwrap();
        append(world, project, 2).await;
        assert_eq!(world.store.seal(project, 100, &link).await.unwrap(), 2);
        late.commit().await.unwrap();
    } else {
        append(world, project, 2).await;
        assert_eq!(world.store.seal(project, 100, &link).await.unwrap(), 2);
        let mut late = world.store.begin(project).await.unwrap();
        late.append("subject", id(1), Some(0), &[event("late")]).await.unwrap();
        late.commit().await.unwrap();
    }
    assert_eq!(world.store.seal(project, 100, &link).await.unwrap(), 1);
    assert_eq!(world.store.seal(project, 100, &link).await.unwrap(), 0);
    check(world, project, 3).await;
    assert_eq!(world.store.chain(project, 2, 10).await.unwrap().len(), 1);

    // The system's own chain is another one and begins at its own beginning.
    append(world, Store::SYSTEM, 9).await;
    assert_eq!(world.store.seal(Store::SYSTEM, 100, &link).await.unwrap(), 2);
    assert_eq!(world.store.chain(Store::SYSTEM, 0, 10).await.unwrap()[0].prev, GENESIS);
}

pub async fn two_sealers_at_once_make_one_chain(world: &World) {
    let (project, _) = world.story().await;
    let writers = join_all((0..20).map(|stream| append(world, project, stream)));
    let sealer = || async {
        for _ in 0..15 {
            world.store.seal(project, 3, &link).await.unwrap();
        }
    };
    tokio::join!(writers, sealer(), sealer());
    while world.store.seal(project, 7, &link).await.unwrap() > 0 {}
    check(world, project, 40).await;
}

pub async fn the_pushed_position_is_fenced_and_never_moves_back(world: &World) {
    let (project, _) = world.story().await;
    assert_eq!(world.store.audit_pushed(project).await.unwrap(), AuditPosition::default());
    world.store.schedule(WorkKind::PushAudit, project.0, Some(project), None, None).await.unwrap();
    let claim = world.store.claim(&[WorkKind::PushAudit], "a", LONG).await.unwrap().unwrap();
    let position = AuditPosition { next_seq: 7, head: Some("9b1deb4".into()) };
    world.store.set_audit_pushed(&claim, project, &position, None).await.unwrap();
    world.store.set_audit_pushed(&claim, project, &AuditPosition::default(), None).await.unwrap();
    assert_eq!(world.store.audit_pushed(project).await.unwrap(), position);

    let lost = syndarix::store::Claim { epoch: claim.epoch - 1, ..claim };
    let further = AuditPosition { next_seq: 8, head: None };
    assert!(matches!(world.store.set_audit_pushed(&lost, project, &further, None).await, Err(StoreError::LeaseLost)));
    assert_eq!(world.store.audit_pushed(project).await.unwrap(), position);
}

use futures_util::future::join_all;
use syndarix::store::{StoreError, WorkKind};

use crate::world::{LONG, World, event};

pub async fn two_writers_of_one_version_conflict(world: &World) {
    let (project, subject) = world.story().await;
    let append = || async {
        let mut tx = world.store.begin(project).await?;
        tx.append("subject", subject.0, Some(0), &[event("story.started"), event("plan.asked")]).await?;
        tx.commit().await
    };
    let results = join_all((0..8).map(|_| append())).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let conflicts = results.iter().filter(|result| matches!(result, Err(StoreError::VersionConflict { expected: 0, .. })));
    assert_eq!(conflicts.count(), 7);

    let mut tx = world.store.begin_read(project).await.unwrap();
    assert_eq!(tx.version("subject", subject.0).await.unwrap(), 2);
    let versions: Vec<i64> = tx.events("subject", subject.0).await.unwrap().iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2]);
}

pub async fn appends_without_expectation_all_succeed(world: &World) {
    let (project, subject) = world.story().await;
    let append = || async {
        let mut tx = world.store.begin(project).await?;
        tx.append("system", subject.0, None, &[event("noted")]).await?;
        tx.commit().await
    };
    for result in join_all((0..12).map(|_| append())).await {
        result.unwrap();
    }
    let mut tx = world.store.begin_read(project).await.unwrap();
    let versions: Vec<i64> = tx.events("system", subject.0).await.unwrap().iter().map(|event| event.version).collect();
    assert_eq!(versions, (1..=12).collect::<Vec<_>>());
    assert_eq!(tx.events_after("system", subject.0, 10).await.unwrap().len(), 2);
}

pub async fn the_journal_and_the_chain_cannot_be_changed(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    tx.append("subject", subject.0, Some(0), &[event("story.started")]).await.unwrap();
    tx.commit().await.unwrap();
    world.store.seal(project, 10, &|_, _, _| ("{}".into(), "h".into())).await.unwrap();
    for sql in ["update journal set kind = 'x'", "delete from journal", "update chain set line = 'x'", "delete from chain"] {
        let error = world.engine.raw(sql).await.expect_err(sql).to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
        if world.is_postgres() {
            let as_app = format!("set role syndarix_app; select set_config('app.project_id', '{}', false); {sql}", project.0);
            let error = world.engine.raw(&as_app).await.expect_err(sql).to_string();
            assert!(error.contains("permission denied"), "{sql}: {error}");
        }
    }
    if world.is_postgres() {
        assert!(world.engine.raw("truncate journal").await.is_err());
    }
    assert_eq!(world.engine.number("select count(*) from journal where kind = 'story.started'").await, 1);
}

pub async fn what_was_written_is_what_is_read(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let written = tx.append("subject", subject.0, Some(0), &[event("a"), event("b"), event("c")]).await.unwrap();
    assert!(tx.append("subject", subject.0, Some(3), &[]).await.unwrap().is_empty());
    assert!(written.is_sorted_by_key(|event| event.ordinal));
    tx.commit().await.unwrap();
    let mut tx = world.store.begin_read(project).await.unwrap();
    assert_eq!(tx.events("subject", subject.0).await.unwrap(), written);
    assert_eq!(written[0].payload, event("a").payload);

    let seal = world.store.claim(&[WorkKind::Seal], "a", LONG).await.unwrap().unwrap();
    assert_eq!(seal.id, project.0);
}

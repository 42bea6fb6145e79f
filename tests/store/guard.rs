use futures_util::future::join_all;
use syndarix::base::Clock;
use syndarix::domain::guard::{Counted, Drawn, GuardLimits, Scope, What};
use syndarix::domain::workflow::facts::Policy;
use syndarix::engine::guard::charge;
use syndarix::store::Store;

use crate::world::World;

pub async fn fifty_runs_at_once_never_pass_the_limit(world: &World) {
    let (project, subject) = world.story().await;
    // Two instances, each with connections of its own.
    let second = Store::open(&world.engine.url(), Clock::manual(world.clock.now())).await.unwrap();
    let mut limits = GuardLimits::default();
    limits.set("story_runs", 17).unwrap();
    let policy = Policy { limits, ..Policy::default() };
    let start = |n: usize| {
        let (store, policy) = (if n.is_multiple_of(2) { &world.store } else { &second }, &policy);
        async move {
            let mut tx = store.begin(project).await.unwrap();
            let now = world.clock.now();
            let allowed = charge(&mut tx, policy, subject, What::Runs, 1, &format!("run {n}"), now).await.unwrap();
            tx.commit().await.unwrap();
            allowed
        }
    };
    let allowed = join_all((0..50).map(start)).await.into_iter().filter(|allowed| *allowed).count();
    assert_eq!(allowed, 17);
    let mut tx = world.store.begin(project).await.unwrap();
    let counted = tx.count(Scope::Story.word(), &subject.to_string(), What::Runs.word(), 0).await.unwrap();
    assert_eq!(counted, Counted { hour: 17, life: 17 });
    second.close().await;
}

pub async fn an_hour_passes_and_a_life_does_not(world: &World) {
    let (project, _) = world.story().await;
    let mut counts = Vec::new();
    for minutes in [0, 30, 29, 30, 600] {
        world.clock.advance(minutes * 60_000);
        let mut tx = world.store.begin(project).await.unwrap();
        let counted = tx.count("story", "s", "comments", 1).await.unwrap();
        tx.commit().await.unwrap();
        counts.push((counted.hour, counted.life));
    }
    assert_eq!(counts, [(1, 1), (2, 2), (3, 3), (3, 4), (1, 5)]);
    let rows = world.engine.number("select count(*) from counts").await;
    assert_eq!(rows, 2, "what lies more than an hour back is one sum");

    let mut tx = world.store.begin(project).await.unwrap();
    tx.forget_life("story", "s").await.unwrap();
    assert_eq!(tx.count("story", "s", "comments", 1).await.unwrap(), Counted { hour: 2, life: 1 });
    tx.forget_counts("story", "s").await.unwrap();
    assert_eq!(tx.count("story", "s", "comments", 1).await.unwrap(), Counted { hour: 1, life: 1 });
    assert_eq!(tx.count("story", "other", "comments", 1).await.unwrap(), Counted { hour: 1, life: 1 });
    assert_eq!(tx.count("project", "s", "comments", -1).await.unwrap(), Counted { hour: -1, life: -1 });
}

pub async fn fifty_commands_at_once_empty_one_bucket(world: &World) {
    let (project, _) = world.story().await;
    let draw = |user: &'static str| async move {
        let mut tx = world.store.begin(project).await.unwrap();
        let drawn = tx.draw("commands", user, 1, 20).await.unwrap();
        tx.commit().await.unwrap();
        drawn
    };
    let drawn = join_all((0..50).map(|_| draw("7"))).await;
    assert_eq!(drawn.iter().filter(|drawn| **drawn == Drawn::Served).count(), 20);
    assert_eq!(drawn.iter().filter(|drawn| matches!(drawn, Drawn::Limited { say: true, .. })).count(), 1, "told once");
    assert_eq!(draw("8").await, Drawn::Served);
    let mut tx = world.store.begin_read(project).await.unwrap();
    assert!(matches!(tx.would_draw("commands", "7", 20).await.unwrap(), Drawn::Limited { .. }));
    assert_eq!(tx.would_draw("commands", "9", 20).await.unwrap(), Drawn::Served);
}

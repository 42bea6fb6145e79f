//! Claiming and ending many items at once, and steps that share a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use syndarix::base::Nano;
use syndarix::base::ids::{AgentId, ProjectId, RunId, SubjectId};
use syndarix::store::{Ask, Claim, DoneStep, Held, NewRun, Quiet, Release, StepResult, StoreError, WorkKind};
use uuid::Uuid;

use crate::world::{LONG, START, World, event, id};

const SHORT: Duration = Duration::from_millis(1);

fn ask<'a>(owner: &'a str, most: usize, held: &'a Held) -> Ask<'a> {
    Ask { kinds: &[WorkKind::Turn], owner, lease: LONG, most, most_of_share: usize::MAX, held }
}

async fn schedule(world: &World, project: Option<ProjectId>, numbers: std::ops::Range<u128>) {
    for number in numbers {
        world.store.schedule(WorkKind::Turn, id(number), project, None, None).await.unwrap();
    }
}

/// Asks until nothing is given any more.
async fn all(world: &World, ask: &Ask<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    loop {
        let more = world.store.claim_many(ask).await.unwrap();
        if more.is_empty() {
            return claims;
        }
        assert!(more.len() <= ask.most);
        claims.extend(more);
    }
}

pub async fn what_is_claimed_in_batches_goes_to_one_worker_each(world: &World) {
    let project = world.project("acme/shop").await;
    schedule(world, Some(project), 0..300).await;
    let worker = |name: String| async move {
        let mut mine = Vec::new();
        loop {
            let claims = world.store.claim_many(&ask(&name, 7, &Held::new())).await.unwrap();
            mine.extend(claims.iter().map(|claim| claim.id));
            if claims.is_empty() && world.store.quiet().await.unwrap().due == 0 {
                return mine;
            }
        }
    };
    let taken: Vec<Uuid> = join_all((0..8).map(|number| worker(format!("w{number}")))).await.into_iter().flatten().collect();
    assert_eq!((taken.len(), taken.iter().collect::<BTreeSet<_>>().len()), (300, 300));
    assert_eq!(world.store.quiet().await.unwrap(), Quiet { leased: 300, due: 0, later: 0 });
}

/// One call ends what was done and brings new work; of what was added during a lease nothing is forgotten, and what was lost is told.
pub async fn what_is_done_ends_where_new_work_is_fetched(world: &World) {
    let project = world.project("acme/shop").await;
    schedule(world, Some(project), 0..6).await;
    let held = Held::new();
    let mut first = all(world, &ask("a", 3, &held)).await;
    first.sort_by_key(|claim| claim.id);
    assert_eq!(first.len(), 6);
    // Work for the second came meanwhile, and the third was given to somebody else.
    schedule(world, Some(project), 1..2).await;
    let other = "update work set owner = 'b', epoch = epoch + 1 where attempts = 1 and kind = 'turn' and id = ";
    let third = if world.is_postgres() { format!("'{}'", first[2].id) } else { format!("x'{}'", first[2].id.simple()) };
    world.engine.raw(&format!("{other}{third}")).await.unwrap();
    schedule(world, Some(project), 10..12).await;

    let given = world.store.exchange(&first[..4], &ask("a", 9, &held)).await.unwrap();
    assert_eq!(given.lost, [first[2].clone()]);
    let mut fresh: BTreeSet<Uuid> = given.claims.iter().map(|claim| claim.id).collect();
    fresh.extend(all(world, &ask("a", 9, &held)).await.iter().map(|claim| claim.id));
    assert_eq!(fresh, BTreeSet::from([id(1), id(10), id(11)]), "the new ones, and the one to which work was added");
    let again = given.claims.iter().find(|claim| claim.id == id(1));
    assert!(again.is_none_or(|claim| claim.attempts == 1 && claim.epoch != first[1].epoch));
    assert_eq!(world.store.quiet().await.unwrap(), Quiet { leased: 6, due: 0, later: 0 });
    // Ending twice is refused.
    assert_eq!(world.store.exchange(&first[..1], &ask("a", 0, &held)).await.unwrap().lost.len(), 1);
}

/// A batch whose lease ran out writes nothing and ends nothing.
pub async fn a_batch_that_was_lost_ends_nothing(world: &World) {
    let project = world.project("acme/shop").await;
    schedule(world, Some(project), 0..20).await;
    let held = Held::new();
    let mut zombies = Vec::new();
    while zombies.len() < 20 {
        zombies.extend(world.store.claim_many(&Ask { lease: SHORT, ..ask("a", 20, &held) }).await.unwrap());
    }
    let mut living = Vec::new();
    while living.len() < 20 {
        living.extend(world.store.claim_many(&ask("b", 20, &held)).await.unwrap());
    }
    let lost = world.store.exchange(&zombies, &ask("a", 0, &held)).await.unwrap().lost;
    assert_eq!(lost.len(), zombies.len());
    assert_eq!(world.store.quiet().await.unwrap().leased, 20);
    assert_eq!(living.iter().map(|claim| claim.id).collect::<BTreeSet<_>>().len(), 20);
    assert_eq!(world.store.exchange(&living, &ask("b", 5, &held)).await.unwrap().lost, []);
    assert_eq!(world.store.quiet().await.unwrap(), Quiet::default());
}

pub async fn a_batch_is_shared_out_and_keeps_to_what_a_share_may_have(world: &World) {
    let (flooder, calm) = (world.project("acme/flood").await, world.project("acme/calm").await);
    schedule(world, Some(flooder), 0..400).await;
    let held = Held::new();
    // However large the part of the flood has become by then, the others are next.
    for _ in 0..10 {
        world.store.claim_many(&ask("a", 20, &held)).await.unwrap();
    }
    schedule(world, Some(calm), 1_000..1_004).await;
    let mut of_calm = 0;
    for _ in 0..5 {
        of_calm += world.store.claim_many(&ask("a", 20, &held)).await.unwrap().iter().filter(|claim| claim.project == Some(calm)).count();
    }
    assert_eq!(of_calm, 4);
    // Eight hands, of which six may be at one share, two are there already.
    let two = Held::from([((WorkKind::Turn, flooder.0), 2)]);
    let mut claims = Vec::new();
    while let more @ [_, ..] = &*world
        .store
        .claim_many(&Ask { most_of_share: 6, held: &Held::from([((WorkKind::Turn, flooder.0), 2 + claims.len())]), ..ask("a", 8, &two) })
        .await
        .unwrap()
    {
        claims.extend_from_slice(more);
    }
    assert_eq!(claims.len(), 4);
    let full = Held::from([((WorkKind::Turn, flooder.0), 6)]);
    assert_eq!(world.store.claim_many(&Ask { most_of_share: 6, ..ask("a", 8, &full) }).await.unwrap(), []);
    // Being full in one kind says nothing of another.
    let other = Held::from([((WorkKind::Run, flooder.0), 6)]);
    assert_ne!(world.store.claim_many(&Ask { most_of_share: 6, ..ask("a", 8, &other) }).await.unwrap(), []);
}

pub async fn kinds_share_a_batch(world: &World) {
    schedule(world, None, 0..10).await;
    for number in 20..30 {
        world.store.schedule(WorkKind::Timer, id(number), None, None, None).await.unwrap();
    }
    let held = Held::new();
    let mut kinds: BTreeMap<WorkKind, usize> = BTreeMap::new();
    while let more @ 1.. = {
        let ask = Ask { kinds: &[WorkKind::Turn, WorkKind::Timer], ..ask("a", 4, &held) };
        let claims = world.store.claim_many(&ask).await.unwrap();
        claims.iter().for_each(|claim| *kinds.entry(claim.kind).or_default() += 1);
        let (turn, timer) = (kinds.get(&WorkKind::Turn), kinds.get(&WorkKind::Timer));
        assert!(turn.unwrap_or(&0).abs_diff(*timer.unwrap_or(&0)) <= 4, "{kinds:?}");
        claims.len()
    } {
        assert!(more <= 4);
    }
    assert_eq!(kinds, BTreeMap::from([(WorkKind::Turn, 10), (WorkKind::Timer, 10)]));
}

/// Batches that end while others schedule more work on the same items: nobody waits in a circle, and no work is forgotten.
pub async fn batches_and_schedules_do_not_block_each_other(world: &World) {
    let project = world.project("acme/shop").await;
    schedule(world, Some(project), 0..40).await;
    let consume = async {
        let held = Held::new();
        let mut done: Vec<Claim> = Vec::new();
        for _ in 0..150 {
            done = world.store.exchange(&done, &ask("a", 16, &held)).await.unwrap().claims;
        }
        world.store.exchange(&done, &ask("a", 0, &held)).await.unwrap();
    };
    let produce = |from: u128| async move {
        for round in 0..40 {
            let mut tx = world.store.begin(project).await.unwrap();
            for number in (0..40).filter(|number| (number + round + from).is_multiple_of(3)) {
                tx.schedule(WorkKind::Turn, id(number), None, None);
            }
            tx.commit().await.unwrap();
        }
    };
    tokio::join!(consume, produce(0), produce(1));
    let held = Held::new();
    let mut done = Vec::new();
    loop {
        let given = world.store.exchange(&done, &ask("a", 16, &held)).await.unwrap();
        assert_eq!(given.lost, []);
        done = given.claims;
        if done.is_empty() {
            break;
        }
    }
    assert_eq!(world.store.quiet().await.unwrap(), Quiet::default());
}

async fn running(world: &World, count: u128) -> (ProjectId, SubjectId, Vec<Claim>) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    let agent = tx.ensure_agent(subject, "coder", "Ada").await.unwrap().id;
    for number in 0..count {
        tx.add_run(&new_run(RunId(id(number)), subject, agent)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let held = Held::new();
    let claims = all(world, &Ask { kinds: &[WorkKind::Run], ..ask("a", 64, &held) }).await;
    assert_eq!(claims.len() as u128, count);
    (project, subject, claims)
}

fn new_run(id: RunId, subject: SubjectId, agent: AgentId) -> NewRun {
    let input = json!({});
    NewRun { id, subject, agent_kind: "coder".into(), agent, purpose: "build".into(), round: 1, input, at: START }
}

fn step(run: Uuid, seq: i64) -> DoneStep {
    let given = StepResult { result: json!({"seq": seq}), changes: None, tree: None, cost: Nano::ZERO };
    let (name, input_hash, stream, entry) = ("tool:x".into(), "h".into(), "run", event("tool.called"));
    DoneStep { run: RunId(run), seq, name, input_hash, given, stream, entry }
}

/// Forty runs take ten steps each, all at once; one of them has lost its lease, another repeats a step.
pub async fn steps_that_share_a_commit_do_not_share_a_fate(world: &World) {
    let (project, _, claims) = running(world, 40).await;
    let zombie = Claim { owner: "somebody else".into(), ..claims[0].clone() };
    let store = &world.store;
    let run = |claim: Claim| async move {
        for seq in 0..10 {
            let row = store.record_step(project, &claim, step(claim.id, seq)).await.unwrap();
            assert_eq!((row.seq, row.attempts), (seq, 1));
        }
        assert!(matches!(store.record_step(project, &claim, step(claim.id, 3)).await, Err(StoreError::NotFound(_))));
    };
    let lost = async {
        for seq in 0..10 {
            assert!(matches!(store.record_step(project, &zombie, step(zombie.id, 100 + seq)).await, Err(StoreError::LeaseLost)));
        }
    };
    tokio::join!(join_all(claims[1..].iter().cloned().map(run)), lost);
    let mut tx = world.store.begin_read(project).await.unwrap();
    for claim in &claims {
        let steps = tx.steps(RunId(claim.id)).await.unwrap();
        let entries = tx.events("run", claim.id).await.unwrap();
        let count = if claim.id == zombie.id { 0 } else { 10 };
        assert_eq!((steps.len(), entries.len()), (count, count));
        assert!(entries.iter().zip(1..).all(|(entry, version)| entry.version == version));
    }
    tx.rollback().await.unwrap();
    let seal = world.store.claim(&[WorkKind::Seal], "a", LONG).await.unwrap().expect("to be sealed");
    world.store.release(&seal, Release::Done).await.unwrap();
}

/// Whoever stops waiting takes nobody with it.
pub async fn a_step_given_up_by_its_run_leaves_the_others_alone(world: &World) {
    let (project, _, claims) = running(world, 12).await;
    let store = &world.store;
    let run = |(number, claim): (usize, Claim)| async move {
        for seq in 0..20 {
            let recording = store.record_step(project, &claim, step(claim.id, seq));
            if number % 3 == 0 {
                // Polled once, then dropped: durable or not, but whole.
                let _ = tokio::time::timeout(Duration::ZERO, recording).await;
            } else {
                recording.await.unwrap();
            }
        }
    };
    join_all(claims.iter().cloned().enumerate().map(run)).await;
    // What was given up may still be on its way; the one desk of the project is free after one more step.
    store.record_step(project, &claims[1], step(claims[1].id, 20)).await.unwrap();
    let mut tx = world.store.begin_read(project).await.unwrap();
    for (number, claim) in claims.iter().enumerate() {
        let steps = tx.steps(RunId(claim.id)).await.unwrap();
        assert!(number % 3 == 0 || steps.len() >= 20);
        assert_eq!(tx.events("run", claim.id).await.unwrap().len(), steps.len());
    }
}

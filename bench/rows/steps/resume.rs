//! Ten thousand stories are under way in one process, each with an effect that is about to happen or has just happened, when it is
//! killed. Another process takes them up again. What has happened is written into a file that stands for the world.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use syndarix::base::Clock;
use syndarix::base::ids::{EffectId, SubjectId};
use syndarix::engine::crew::{Foreman, Room, drive};
use syndarix::store::{Ask, Claim, EffectState, Exchanged, Held, NewEffect, Release, Store, WorkKind};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::make_project;
use crate::data::{Database, Kind};
use crate::report::Report;

const STORIES: usize = 10_000;
/// More than are ended before the kill.
const MADE: usize = 11_000;
const PROJECTS: usize = 50;
/// When the first process is killed: so many effects have happened.
const KILL_AT: usize = 300;
/// The lease of the process that is killed.
const LEASE: Duration = Duration::from_secs(10);
const KINDS: &[WorkKind] = &[WorkKind::Perform];

pub async fn row(report: &mut Report, kind: Kind) {
    let word = kind.word();
    let database = Database::new(kind).await;
    prepare(&database.url).await;
    let world = crate::data::home().join(format!("world-{}-{word}", std::process::id()));
    File::create(&world).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap()).args(["work-steps", &database.url]).arg(&world).spawn().unwrap();
    while lines(&world).len() < KILL_AT {
        assert!(child.try_wait().unwrap().is_none(), "the process that was to be killed ended by itself");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // SIGKILL: nothing is told and nothing is given back.
    child.kill().unwrap();
    child.wait().unwrap();

    let began = Instant::now();
    let store = Store::open(&database.url.parse().unwrap(), Clock::System).await.unwrap();
    let lock = store.lock_for_serving().unwrap();
    store.take_over(&lock).await.unwrap();
    let mut spent = began.elapsed();
    // On PostgreSQL the dead process's leases have to end first; waiting for that is not counted, what follows is.
    let under_lease = usize::try_from(store.quiet().await.unwrap().leased).unwrap();
    while store.quiet().await.unwrap().leased > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    let mut claims: Vec<Claim> = Vec::new();
    let held = Held::new();
    loop {
        let ask =
            Ask { kinds: KINDS, owner: "second", lease: Duration::from_secs(3_600), most: 2_000, most_of_share: usize::MAX, held: &held };
        let more = store.claim_many(&ask).await.unwrap();
        if more.is_empty() {
            break;
        }
        claims.extend(more);
    }
    spent += began.elapsed();
    let (resumed, handed_over) = (claims.len(), claims.iter().filter(|claim| claim.attempts > 1).count());
    let worker = Arc::new(Worker::new(store.clone(), &world));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for claim in claims {
        let worker = worker.clone();
        tasks.spawn(async move { worker.perform(&claim).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let happened = lines(&world);
    let once: BTreeSet<&String> = happened.iter().collect();
    let (missing, repeated) = (MADE - once.len(), happened.len() - once.len());
    let seen = worker.seen.load(Ordering::Relaxed);
    let seconds = spent.as_secs_f64();
    report.line(
        format!("{word}: {resumed} stories claimed again"),
        format!("{:.2} s", seconds),
        format!(
            "after kill -9, opening included; {handed_over} had been begun before; {under_lease} waited for the {} s lease of the dead \
             process, which is left out",
            LEASE.as_secs()
        ),
    );
    report.line(
        format!("{word}: all of them ended"),
        format!("{:.2} s", began.elapsed().as_secs_f64()),
        format!("{} side effects, {missing} missing, {repeated} repeated, {seen} found done when looked for", happened.len()),
    );
    report.ratio(&format!("{word}_resumed_seconds"), seconds);
    report.aim(format!("{word}: at least {STORIES} stories resumed within 2 s ({seconds:.2} s)"), resumed >= STORIES && seconds <= 2.0);
    report.aim(format!("{word}: no side effect missing and none repeated"), missing + repeated == 0);
    store.close().await;
    drop(lock);
    std::fs::remove_file(&world).unwrap();
    database.remove().await;
}

fn lines(world: &Path) -> Vec<String> {
    std::fs::read_to_string(world).unwrap().lines().map(str::to_owned).collect()
}

/// Stories, each with one effect to be performed.
async fn prepare(url: &str) {
    let store = Store::open(&url.parse().unwrap(), Clock::System).await.unwrap();
    for number in 0..PROJECTS {
        let project = make_project(&store, number).await;
        let mut tx = store.begin(project).await.unwrap();
        for story in 0..MADE / PROJECTS {
            let lane = tx.ensure_subject("story", i64::try_from(story).unwrap() + 1, &[]).await.unwrap().id;
            let id = EffectId::named(&format!("{number}/{story}"));
            let new = NewEffect { id, lane, kind: "comment".into(), key: None, payload: json!({"body": "hello"}), not_before: None };
            tx.add_effect(&new).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    store.close().await;
}

/// The process that is killed: it holds every story at once.
pub async fn child(url: &str, world: &str) {
    let store = Store::open(&url.parse().unwrap(), Clock::System).await.unwrap();
    let worker = Arc::new(Worker::new(store, Path::new(world)));
    drive(worker, KINDS, MADE * 2, CancellationToken::new()).await;
}

struct Worker {
    store: Store,
    world: File,
    /// What had happened when this process began.
    before: BTreeSet<String>,
    /// Effects that had begun, were looked for and found.
    seen: AtomicUsize,
    /// Not all wait for a connection at once.
    few: Semaphore,
}

impl Worker {
    fn new(store: Store, world: &Path) -> Worker {
        let before = lines(world).into_iter().collect();
        let world = OpenOptions::new().append(true).open(world).unwrap();
        Worker { store, world, before, seen: AtomicUsize::new(0), few: Semaphore::new(16) }
    }

    /// As the engine performs: begin, look where it had begun before, do, record.
    async fn perform(&self, claim: &Claim) {
        let _one = self.few.acquire().await.unwrap();
        let (project, lane) = (claim.project.unwrap(), SubjectId(claim.id));
        let mut tx = self.store.begin(project).await.unwrap();
        if tx.guard(claim).await.is_err() {
            return;
        }
        let effect = tx.next_effect(lane).await.unwrap();
        let Some(effect) = effect else {
            tx.release(claim, Release::Done).await.unwrap();
            return tx.commit().await.unwrap();
        };
        tx.effect_started(effect.id).await.unwrap();
        if tx.commit().await.is_err() {
            return;
        }
        let line = effect.id.to_string();
        if effect.state == EffectState::Performing && self.before.contains(&line) {
            self.seen.fetch_add(1, Ordering::Relaxed);
        } else {
            (&self.world).write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let mut tx = self.store.begin(project).await.unwrap();
        if tx.guard(claim).await.is_err() {
            return;
        }
        tx.effect_done(effect.id, &json!({"at": line})).await.unwrap();
        tx.release(claim, Release::Done).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[async_trait]
impl Foreman for Worker {
    async fn look(&self, done: &[Claim], room: &Room<'_>) -> Result<Exchanged, String> {
        let Room { kinds, most, most_of_share, held } = *room;
        let ask = Ask { kinds, owner: "first", lease: LEASE, most, most_of_share, held };
        self.store.exchange(done, &ask).await.map_err(|error| error.to_string())
    }

    async fn pause(&self, _: &[WorkKind]) -> Duration {
        Duration::from_secs(1)
    }

    async fn work(&self, claim: Claim) {
        self.perform(&claim).await;
    }

    fn woken(&self) -> Arc<Notify> {
        self.store.woken()
    }
}

//! Row c: a step of an agent's run is recorded, with its entry for the record and its fence, as the engine does it. Control: begin, insert
//! one row of the same size, commit, over as many connections to the same database.

mod resume;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use syndarix::base::ids::{EffectId, EntryId, ProjectId, RunId};
use syndarix::base::{Clock, Nano, Time};
use syndarix::store::{Ask, Claim, DoneStep, Held, NewEffect, NewEvent, NewProject, NewRun, StepResult, Store, WorkKind};
use tokio::task::JoinSet;

use crate::data::{Database, Kind};
use crate::report::{Report, median};

pub use resume::child;

/// As many as the product opens when nothing else is said.
const CONNECTIONS: u32 = 16;
const LEASE: Duration = Duration::from_secs(3_600);
/// There and back again, three times.
const ORDER: [bool; 4] = [false, true, true, false];
/// What a tool answers.
const RESULT: usize = 600;

/// How many runs at once, and of how many projects.
const FLIGHTS: [(usize, usize); 3] = [(1, 1), (64, 1), (64, 16)];

pub async fn row(short: bool) -> Report {
    let mut report = Report::new("c", short);
    for kind in Kind::BOTH {
        for (runs, projects) in FLIGHTS {
            rates(&mut report, kind, runs, projects, short).await;
        }
        turns(&mut report, kind, short).await;
        resume::row(&mut report, kind).await;
    }
    report
}

/// What legs gave: the median wait of each leg in milliseconds, and steps a second.
#[derive(Default)]
struct Legs {
    p50: Vec<f64>,
    rate: Vec<f64>,
}

impl Legs {
    fn add(&mut self, (mut millis, rate): (Vec<f64>, f64)) {
        self.p50.push(median(&mut millis));
        self.rate.push(rate);
    }
}

async fn rates(report: &mut Report, kind: Kind, runs: usize, projects: usize, short: bool) {
    let database = Database::new(kind).await;
    let bench = Bench::new(&database.url, runs, projects).await;
    let raw = Raw::new(&database.url).await;
    let (mut control, mut ours) = (Legs::default(), Legs::default());
    let leg = Duration::from_millis(if short { 200 } else { 700 });
    // The first moments go to opening connections and preparing statements.
    bench.steps(leg / 2).await;
    raw.commits(runs, leg / 2).await;
    for _ in 0..3 {
        for is_ours in ORDER {
            if is_ours { ours.add(bench.steps(leg).await) } else { control.add(raw.commits(runs, leg).await) }
        }
    }
    let name = format!("{}_{runs}_in_{projects}", kind.word());
    let what = format!("{}, {runs} in flight, {projects} project{}", kind.word(), if projects == 1 { "" } else { "s" });
    report.steady(&format!("{name}_commit_p50"), &control.p50);
    let (raw_p50, our_p50) = (median(&mut control.p50), median(&mut ours.p50));
    let (raw_rate, our_rate) = (median(&mut control.rate), median(&mut ours.rate));
    report.line(format!("{what}: control, raw commit"), format!("{raw_p50:.2} ms"), format!("p50; {raw_rate:.0}/s"));
    report.line(format!("{what}: step"), format!("{our_p50:.2} ms"), format!("p50; {our_rate:.0}/s"));
    report.control(&format!("{name}_commit_p50_ms"), raw_p50);
    report.ratio(&format!("{name}_step_p50_vs_commit"), our_p50 / raw_p50);
    report.ratio(&format!("{name}_steps_per_commit"), our_rate / raw_rate);
    report.aim(format!("{what}: p50 of a step at most 1.3 of a raw commit ({:.2})", our_p50 / raw_p50), our_p50 <= 1.3 * raw_p50);
    bench.store.close().await;
    raw.close().await;
    database.remove().await;
}

/// What a turn writes for its decision, beside one raw commit. It is no step and has no aim: gathering facts takes far longer.
async fn turns(report: &mut Report, kind: Kind, short: bool) {
    let database = Database::new(kind).await;
    let bench = Bench::new(&database.url, 1, 1).await;
    let raw = Raw::new(&database.url).await;
    let (mut control, mut ours) = (Legs::default(), Legs::default());
    let leg = Duration::from_millis(if short { 200 } else { 500 });
    bench.turns(leg / 2).await;
    raw.commits(1, leg / 2).await;
    for _ in 0..3 {
        for is_ours in ORDER {
            if is_ours { ours.add(bench.turns(leg).await) } else { control.add(raw.commits(1, leg).await) }
        }
    }
    let (raw_p50, our_p50) = (median(&mut control.p50), median(&mut ours.p50));
    let what = format!("{}: a turn's event and effect, fenced", kind.word());
    report.line(what, format!("{our_p50:.2} ms"), format!("p50; raw commit {raw_p50:.2} ms; for information"));
    report.ratio(&format!("{}_turn_p50_vs_commit", kind.word()), our_p50 / raw_p50);
    bench.store.close().await;
    raw.close().await;
    database.remove().await;
}

/// Runs under way, each under its lease.
struct Bench {
    store: Store,
    runs: Vec<(ProjectId, Claim)>,
}

impl Bench {
    async fn new(url: &str, runs: usize, projects: usize) -> Bench {
        let store = Store::open(&url.parse().unwrap(), Clock::System).await.unwrap();
        let clock = Clock::System;
        for project in 0..projects {
            let id = make_project(&store, project).await;
            let mut tx = store.begin(id).await.unwrap();
            let subject = tx.ensure_subject("story", 1, &[]).await.unwrap().id;
            let agent = tx.ensure_agent(subject, "coder", "Ada").await.unwrap().id;
            for number in 0..runs / projects {
                let id = RunId::named(&format!("{project}/{number}"));
                let (agent_kind, purpose, input, at) = ("coder".into(), "build".into(), json!({}), clock.now());
                tx.add_run(&NewRun { id, subject, agent_kind, agent, purpose, round: 1, input, at }).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        let held = Held::new();
        let ask = Ask { kinds: &[WorkKind::Run], owner: "bench", lease: LEASE, most: runs, most_of_share: runs, held: &held };
        let mut claims = Vec::new();
        while claims.len() < runs {
            claims.extend(store.claim_many(&ask).await.unwrap());
        }
        Bench { store, runs: claims.into_iter().map(|claim| (claim.project.unwrap(), claim)).collect() }
    }

    /// Each run records one step after the other.
    async fn steps(&self, time: Duration) -> (Vec<f64>, f64) {
        let mut tasks = JoinSet::new();
        let until = Instant::now() + time;
        for (project, claim) in self.runs.clone() {
            let store = self.store.clone();
            tasks.spawn(async move {
                let run = RunId(claim.id);
                let mut tx = store.begin_read(project).await.unwrap();
                let mut seq = i64::try_from(tx.steps(run).await.unwrap().len()).unwrap();
                drop(tx);
                let mut millis = Vec::new();
                while Instant::now() < until {
                    let step = done_step(run, seq, Clock::System.now());
                    let began = Instant::now();
                    store.record_step(project, &claim, step).await.unwrap();
                    millis.push(began.elapsed().as_secs_f64() * 1000.0);
                    seq += 1;
                }
                millis
            });
        }
        gather(tasks).await
    }

    async fn turns(&self, time: Duration) -> (Vec<f64>, f64) {
        let (project, claim) = self.runs[0].clone();
        let mut tx = self.store.begin(project).await.unwrap();
        let subject = tx.ensure_subject("story", 1, &[]).await.unwrap().id;
        let mut version = tx.version("subject", subject.0).await.unwrap();
        tx.rollback().await.unwrap();
        let (began, mut millis) = (Instant::now(), Vec::new());
        while began.elapsed() < time {
            let entry = done_step(RunId(claim.id), 0, Clock::System.now()).entry;
            let effect = NewEffect {
                id: EffectId::named(&format!("effect {version}")),
                lane: subject,
                kind: "comment".into(),
                key: None,
                payload: json!({"body": "x".repeat(200)}),
                not_before: None,
            };
            let one = Instant::now();
            let mut tx = self.store.begin(project).await.unwrap();
            tx.guard(&claim).await.unwrap();
            tx.append("subject", subject.0, Some(version), std::slice::from_ref(&entry)).await.unwrap();
            tx.add_effect(&effect).await.unwrap();
            tx.commit().await.unwrap();
            millis.push(one.elapsed().as_secs_f64() * 1000.0);
            version += 1;
        }
        let rate = millis.len() as f64 / began.elapsed().as_secs_f64();
        (millis, rate)
    }
}

async fn make_project(store: &Store, number: usize) -> ProjectId {
    let repo_id = i64::try_from(number).unwrap() + 1;
    let new = NewProject { forge: "bench".into(), repo_id, path: format!("acme/{number}"), default_branch: "main".into() };
    store.ensure_project(&new).await.unwrap().id
}

fn done_step(run: RunId, seq: i64, at: Time) -> DoneStep {
    let result = json!({"call": "c1", "content": "x".repeat(RESULT), "is_error": false});
    let hash = "0123456789abcdef".repeat(4);
    DoneStep {
        run,
        seq,
        name: "tool:read_file".into(),
        input_hash: hash.clone(),
        given: StepResult { result, changes: None, tree: None, cost: Nano::ZERO },
        stream: "run",
        entry: NewEvent {
            kind: "tool.called".into(),
            actor: json!({"type": "agent", "id": "agt_1", "kind": "coder", "name": "Ada"}),
            target: json!({"subject": "sub_1", "run": run.to_string(), "number": 42}),
            payload: json!({"step": seq, "tool": "read_file", "how": "ok", "arguments_sha256": hash, "result_sha256": hash}),
            causation: Some(run.to_string()),
            at,
        },
    }
}

async fn gather(mut tasks: JoinSet<Vec<f64>>) -> (Vec<f64>, f64) {
    let began = Instant::now();
    let mut millis = Vec::new();
    while let Some(leg) = tasks.join_next().await {
        millis.extend(leg.unwrap());
    }
    let rate = millis.len() as f64 / began.elapsed().as_secs_f64();
    (millis, rate)
}

/// The control: one row, one commit.
#[derive(Clone)]
enum Raw {
    Pg(PgPool),
    Lite(SqlitePool),
}

const TABLE: &str =
    "create table raw_steps (run text not null, seq bigint not null, name text not null, result text not null, primary key (run, seq))";
const INSERT: &str = "insert into raw_steps (run, seq, name, result) values ($1, $2, $3, $4)";

impl Raw {
    async fn new(url: &str) -> Raw {
        if url.starts_with("postgres") {
            let options = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
            let pool = options.connect_with(url.parse::<PgConnectOptions>().unwrap()).await.unwrap();
            sqlx::raw_sql(TABLE).execute(&pool).await.unwrap();
            return Raw::Pg(pool);
        }
        let options = SqliteConnectOptions::new()
            .filename(url.trim_start_matches("sqlite:"))
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options).await.unwrap();
        sqlx::raw_sql(TABLE).execute(&pool).await.unwrap();
        Raw::Lite(pool)
    }

    async fn commits(&self, flight: usize, time: Duration) -> (Vec<f64>, f64) {
        let mut tasks = JoinSet::new();
        let until = Instant::now() + time;
        let result: Arc<str> = json!({"call": "c1", "content": "x".repeat(RESULT), "is_error": false}).to_string().into();
        for _ in 0..flight {
            let (raw, result) = (self.clone(), result.clone());
            tasks.spawn(async move {
                let run = EntryId::generate().to_string();
                let (mut millis, mut seq) = (Vec::new(), 0);
                while Instant::now() < until {
                    let began = Instant::now();
                    raw.one(&run, seq, &result).await;
                    millis.push(began.elapsed().as_secs_f64() * 1000.0);
                    seq += 1;
                }
                millis
            });
        }
        gather(tasks).await
    }

    async fn one(&self, run: &str, seq: i64, result: &str) {
        match self {
            Raw::Pg(pool) => {
                let mut tx = pool.begin().await.unwrap();
                sqlx::query(INSERT).bind(run).bind(seq).bind("tool:read_file").bind(result).execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            }
            Raw::Lite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                sqlx::query(INSERT).bind(run).bind(seq).bind("tool:read_file").bind(result).execute(&mut *tx).await.unwrap();
                tx.commit().await.unwrap();
            }
        }
    }

    async fn close(self) {
        match self {
            Raw::Pg(pool) => pool.close().await,
            Raw::Lite(pool) => pool.close().await,
        }
    }
}

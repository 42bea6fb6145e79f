//! Row b: jobs are picked up, done and ended on PostgreSQL, through the product's table of work and the crews of its engine. What a job
//! does here is nothing, or a wait: what is measured is the way to it. Control: rows taken out of a plain table in batches, which is all
//! that a queue could do.

mod crew;
mod crowd;
mod peer;

use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use syndarix::base::Clock;
use syndarix::store::{Claim, Held, Store};

use crate::data::{Database, Kind};
use crate::report::{Report, median};
use crew::{Crew, KINDS, OWNER};
use peer::Peer;

/// Hands of the crew where nothing but the way is measured.
const HANDS: usize = 400;
const PROJECTS: usize = 20;

/// `part`: only this one, for looking at it; that is never reported.
pub async fn row(short: bool, peer: Option<&str>, part: Option<&str>) -> Report {
    let mut report = Report::new("b", short || part.is_some());
    let peer = Peer::find(peer, &mut report);
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    if wanted("rates") {
        rates(&mut report, peer.as_ref(), short).await;
    }
    if wanted("pick-up") {
        crowd::pick_up(&mut report, peer.as_ref(), short).await;
    }
    if wanted("orphans") {
        orphans(&mut report).await;
    }
    if wanted("flat") {
        flat(&mut report, short).await;
    }
    if wanted("flood") {
        crowd::flood(&mut report, short).await;
    }
    report
}

/// Puts due jobs into the table, past the store: filling it is not measured.
async fn fill(pool: &PgPool, jobs: usize, projects: usize) {
    let sql = "insert into work (kind, id, project_id, run_at)
        select 'timer', gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad((n % $2)::text, 12, '0'))::uuid,
            (extract(epoch from clock_timestamp()) * 1000000)::bigint - 1000000 + n
        from generate_series(1, $1) n";
    sqlx::query(sql).bind(i64::try_from(jobs).unwrap()).bind(i64::try_from(projects).unwrap()).execute(pool).await.unwrap();
}

async fn connect(url: &str) -> PgPool {
    PgPoolOptions::new().max_connections(4).connect_with(url.parse::<PgConnectOptions>().unwrap()).await.unwrap()
}

async fn open(url: &str) -> Store {
    Store::open(&url.parse().unwrap(), Clock::System).await.unwrap()
}

/// How many jobs a second, all of them waiting at the beginning.
async fn rates(report: &mut Report, peer: Option<&Peer>, short: bool) {
    let jobs = if short { 4_000 } else { 20_000 };
    let database = Database::new(Kind::Postgres).await;
    let (store, pool) = (open(&database.url).await, connect(&database.url).await);
    sqlx::raw_sql("create table raw_jobs (id bigint primary key, payload text not null)").execute(&pool).await.unwrap();
    let (mut control, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..4 {
        for what in ["control", "ours", "peer", "peer", "ours", "control"] {
            // The first round goes to opening connections and preparing statements.
            let rate = match (what, peer) {
                ("control", _) => raw_rate(&pool, jobs).await,
                ("ours", _) => our_rate(&store, &pool, jobs).await,
                (_, Some(peer)) => peer.rate(&database.url, jobs),
                _ => continue,
            };
            if round > 0 {
                match what {
                    "control" => control.push(rate),
                    "ours" => ours.push(rate),
                    _ => theirs.push(rate),
                }
            }
        }
    }
    report.steady("raw_dequeue_per_s", &control);
    let (raw, rate) = (median(&mut control), median(&mut ours));
    report.line("control: rows deleted, 200 at a time", format!("{raw:.0}/s"), "skip locked, no lease, no share, no order");
    report.line(
        format!("jobs claimed, done, ended: {HANDS} hands"),
        format!("{rate:.0}/s"),
        format!("{jobs} jobs of {PROJECTS} projects, lease and fence for each"),
    );
    report.control("raw_dequeue_per_s", raw);
    report.ratio("jobs_vs_raw_dequeue", rate / raw);
    if peer.is_some() {
        let peer = median(&mut theirs);
        report.line("graphile-worker, batched", format!("{peer:.0}/s"), "concurrency 24, local queue of 500, ends in batches");
        report.ratio("jobs_vs_graphile_batched", rate / peer);
    }
    store.close().await;
    pool.close().await;
    database.remove().await;
}

async fn our_rate(store: &Store, pool: &PgPool, jobs: usize) -> f64 {
    fill(pool, jobs, PROJECTS).await;
    sqlx::raw_sql("vacuum analyze work").execute(pool).await.unwrap();
    let crew = Crew::start(store, HANDS, Duration::ZERO);
    let began = Instant::now();
    crew.until(jobs).await;
    let rate = jobs as f64 / began.elapsed().as_secs_f64();
    crew.stop().await;
    rate
}

async fn raw_rate(pool: &PgPool, jobs: usize) -> f64 {
    let fill = "insert into raw_jobs select n, '{}' from generate_series(1, $1) n";
    sqlx::query(fill).bind(i64::try_from(jobs).unwrap()).execute(pool).await.unwrap();
    sqlx::raw_sql("vacuum analyze raw_jobs").execute(pool).await.unwrap();
    let began = Instant::now();
    let take = "delete from raw_jobs where id = any (array(select id from raw_jobs order by id limit 200 for update skip locked)) returning id, payload";
    loop {
        let taken: Vec<(i64, String)> = sqlx::query_as(take).fetch_all(pool).await.unwrap();
        if taken.is_empty() {
            return jobs as f64 / began.elapsed().as_secs_f64();
        }
    }
}

/// A process is killed while it holds jobs. They are done by others, at the latest when its lease is over and somebody has looked.
async fn orphans(report: &mut Report) {
    const LEASE: Duration = Duration::from_secs(2);
    const JOBS: usize = 2_000;
    let database = Database::new(Kind::Postgres).await;
    let (store, pool) = (open(&database.url).await, connect(&database.url).await);
    fill(&pool, JOBS, PROJECTS).await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap()).args(["hold-jobs", &database.url]).spawn().unwrap();
    let held =
        "select count(*) from work where owner = 'orphan' and lease_until > (extract(epoch from clock_timestamp()) * 1000000)::bigint";
    while sqlx::query_scalar::<_, i64>(held).fetch_one(&pool).await.unwrap() < 500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let orphans: i64 = sqlx::query_scalar(held).fetch_one(&pool).await.unwrap();
    let killed = Instant::now();
    let crew = Crew::start(&store, 8, Duration::ZERO);
    crew.until(JOBS).await;
    let last = killed.elapsed();
    crew.stop().await;
    let left: i64 = sqlx::query_scalar("select count(*) from work").fetch_one(&pool).await.unwrap();
    report.line(
        format!("{orphans} jobs of a killed process"),
        format!("{:.2} s", last.as_secs_f64()),
        format!("until the last of {JOBS} was done; lease {} s, looked for every second", LEASE.as_secs()),
    );
    report.ratio("orphans_seconds_vs_lease", last.as_secs_f64() / LEASE.as_secs_f64());
    report.aim(
        format!("no job stuck after a crash longer than a lease and one look ({:.2} s)", last.as_secs_f64()),
        left == 0 && last <= LEASE + Duration::from_millis(1_200),
    );
    store.close().await;
    pool.close().await;
    database.remove().await;
}

/// How many jobs a second go through a table that is filled all the time, without and with a transaction that is open for long and keeps
/// what is dead from being swept.
async fn flat(report: &mut Report, short: bool) {
    let (warm, window) = if short { (2, 2) } else { (3, 3) };
    let open_for = if short { 8 } else { 25 };
    let (mut quiet, mut beside, mut dead) = (Vec::new(), Vec::new(), 0_i64);
    for _ in 0..if short { 1 } else { 3 } {
        for long in [false, true, true, false] {
            let database = Database::new(Kind::Postgres).await;
            let (store, pool) = (open(&database.url).await, connect(&database.url).await);
            fill(&pool, 2_000, PROJECTS).await;
            let mut snapshot = long.then_some(pool.begin_with("begin isolation level repeatable read").await.unwrap());
            if let Some(snapshot) = &mut snapshot {
                sqlx::query("select count(*) from work").execute(&mut **snapshot).await.unwrap();
            }
            let before = Duration::from_secs(if long { open_for - window } else { warm });
            let crew = Crew::start(&store, HANDS, Duration::ZERO);
            flow(&pool, &crew, before).await;
            let rate = flow(&pool, &crew, Duration::from_secs(window)).await;
            crew.stop().await;
            if long {
                beside.push(rate);
                dead = sqlx::query_scalar("select pg_stat_get_dead_tuples('work'::regclass)").fetch_one(&pool).await.unwrap();
            } else {
                quiet.push(rate);
            }
            drop(snapshot);
            store.close().await;
            pool.close().await;
            database.remove().await;
        }
    }
    report.steady("jobs_per_s_without_a_long_transaction", &quiet);
    let (quiet, beside) = (median(&mut quiet), median(&mut beside));
    report.line("control: steady flow of jobs", format!("{quiet:.0}/s"), "no transaction is open for long");
    report.line(
        format!("beside a transaction open for {open_for} s"),
        format!("{beside:.0}/s"),
        format!("the last {window} s; {dead} dead rows by then, as the server counts them; ten minutes were not waited for"),
    );
    report.control("steady_jobs_per_s", quiet);
    report.ratio("beside_a_long_transaction", beside / quiet);
    report.aim(format!("flat while a transaction is open: at least 0.9 ({:.2})", beside / quiet), beside / quiet >= 0.9);
}

/// Keeps some thousand jobs waiting; gives how many were done a second.
async fn flow(pool: &PgPool, crew: &Crew, time: Duration) -> f64 {
    let (began, before) = (Instant::now(), crew.done());
    while began.elapsed() < time {
        let waiting = crew.filled() - crew.done().min(crew.filled());
        if waiting < 2_000 {
            fill(pool, 2_000, PROJECTS).await;
            crew.fill(2_000);
        } else {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    (crew.done() - before) as f64 / began.elapsed().as_secs_f64()
}

/// Claims all it can and does nothing until it is killed.
pub async fn hold(url: &str) {
    let store = open(url).await;
    let held = Held::new();
    let ask = syndarix::store::Ask {
        kinds: KINDS,
        owner: OWNER[1],
        lease: Duration::from_secs(2),
        most: 1_000,
        most_of_share: 1_000,
        held: &held,
    };
    let mut claims: Vec<Claim> = Vec::new();
    while claims.len() < 1_000 {
        claims.extend(store.claim_many(&ask).await.unwrap());
    }
    std::future::pending::<()>().await;
}

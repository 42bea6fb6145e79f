//! How long a job waits to be picked up: alone, and while one project floods the table.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use syndarix::base::ids::{EntryId, ProjectId};
use syndarix::store::{Store, WorkKind};
use uuid::Uuid;

use super::crew::{Crew, Sent};
use super::peer::Peer;
use super::{connect, open};
use crate::data::{Database, Kind};
use crate::report::{Report, median, percentile};

/// As many as the engine has for its lanes.
const HANDS: usize = 8;
const FLOOD: usize = 50_000;
/// What a job takes that is not only counted.
const EACH: Duration = Duration::from_millis(5);
/// From one timed job to the next.
const APART: Duration = Duration::from_millis(8);
const OTHERS: u128 = 10;

/// One process schedules, another picks up, told by a notice.
pub async fn pick_up(report: &mut Report, peer: Option<&Peer>, short: bool) {
    let jobs = if short { 60 } else { 250 };
    let database = Database::new(Kind::Postgres).await;
    let (here, there) = (open(&database.url).await, open(&database.url).await);
    let touch = tokio::spawn({
        let (here, there) = (here.clone(), there.clone());
        async move { tokio::join!(here.keep_in_touch(), there.keep_in_touch()) }
    });
    let sent = Sent::default();
    let crew = Crew::timing(&there, HANDS, Duration::ZERO, sent.clone());
    send(&here, &sent, 20).await;
    crew.until(20).await;
    crew.millis();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut all = 20;
    for _ in 0..3 {
        for is_ours in [true, false, false, true] {
            if is_ours {
                send(&here, &sent, jobs).await;
                all += jobs;
                crew.until(all).await;
                ours.extend(crew.millis());
            } else if let Some(peer) = peer {
                theirs.extend(peer.millis(&database.url, jobs));
            }
        }
    }
    crew.stop().await;
    touch.abort();
    let (p50, p99) = (median(&mut ours), percentile(&mut ours, 99.0));
    let what = "of two instances, from before it was scheduled to when it began";
    report.line("a job is picked up by the other", format!("{p50:.2} ms"), format!("p50, p99 {p99:.2} ms; {what}"));
    if peer.is_some() {
        let (theirs50, theirs99) = (median(&mut theirs), percentile(&mut theirs, 99.0));
        report.line("graphile-worker", format!("{theirs50:.2} ms"), format!("p50, p99 {theirs99:.2} ms; from before it was added"));
        report.ratio("pick_up_p50_vs_graphile", p50 / theirs50);
    }
    here.close().await;
    there.close().await;
    database.remove().await;
}

/// Schedules jobs of other projects one by one, and notes when.
async fn send(store: &Store, sent: &Sent, jobs: usize) {
    for number in 0..jobs {
        let began = Instant::now();
        let (id, project) = (EntryId::generate().0, ProjectId(Uuid::from_u128(0x7000_8000_0000_0000_1000 + number as u128 % OTHERS)));
        sent.lock().unwrap().insert(id, Instant::now());
        store.schedule(WorkKind::Timer, id, Some(project), None, None).await.unwrap();
        tokio::time::sleep(APART.saturating_sub(began.elapsed())).await;
    }
}

pub async fn flood(report: &mut Report, short: bool) {
    let jobs = if short { 100 } else { 300 };
    let database = Database::new(Kind::Postgres).await;
    let (store, pool) = (open(&database.url).await, connect(&database.url).await);
    let (mut idle, mut flooded, mut done) = (Vec::new(), Vec::new(), 0);
    let mut tails = Vec::new();
    leg(&store, 50).await;
    for _ in 0..3 {
        for is_flood in [false, true, true, false] {
            if is_flood {
                pour(&pool).await;
                let (millis, others) = leg(&store, jobs).await;
                flooded.extend(millis);
                done += others;
                sqlx::raw_sql("delete from work").execute(&pool).await.unwrap();
                sqlx::raw_sql("vacuum analyze work").execute(&pool).await.unwrap();
            } else {
                let (mut millis, _) = leg(&store, jobs).await;
                tails.push(median(&mut millis));
                idle.extend(millis);
            }
        }
    }
    report.steady("idle_pick_up_p50", &tails);
    let (p50, p99) = (median(&mut idle), percentile(&mut idle, 99.0));
    let (flood50, flood99) = (median(&mut flooded), percentile(&mut flooded, 99.0));
    report.line("control: jobs of ten projects, nothing else", format!("{p99:.2} ms"), format!("p99 of pick-up, p50 {p50:.2} ms"));
    report.line(
        format!("beside {FLOOD} jobs of another project"),
        format!("{flood99:.2} ms"),
        format!("p99 of pick-up, p50 {flood50:.2} ms; each job takes {} ms; {done} of the flood done meanwhile", EACH.as_millis()),
    );
    report.control("idle_pick_up_p99_ms", p99);
    report.ratio("flooded_p99_vs_idle", flood99 / p99);
    report
        .aim(format!("a flood of {FLOOD} jobs leaves the others' p99 at most twice as long ({:.2})", flood99 / p99), flood99 <= 2.0 * p99);
    store.close().await;
    pool.close().await;
    database.remove().await;
}

/// Times jobs of the other projects; gives also how many were done beside them.
async fn leg(store: &Store, jobs: usize) -> (Vec<f64>, usize) {
    let sent = Sent::default();
    let crew = Crew::timing(store, HANDS, EACH, sent.clone());
    send(store, &sent, jobs).await;
    while !sent.lock().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (millis, done) = (crew.millis(), crew.done());
    crew.stop().await;
    (millis, done.saturating_sub(jobs))
}

async fn pour(pool: &PgPool) {
    let sql = "insert into work (kind, id, project_id, run_at)
        select 'timer', gen_random_uuid(), '00000000-0000-7000-8000-ffffffffffff', (extract(epoch from clock_timestamp()) * 1000000)::bigint - 60000000 + n
        from generate_series(1, $1) n";
    sqlx::query(sql).bind(i64::try_from(FLOOD).unwrap()).execute(pool).await.unwrap();
    sqlx::raw_sql("analyze work").execute(pool).await.unwrap();
}

//! A newer program comes while the older one serves, with a migration in between; and goes again.

use std::time::Duration;

use syndarix::app::{App, Options};
use syndarix::config::{Config, Env};
use syndarix::llm::Script;
use syndarix::store::LaterMigration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::fleet::{Fleet, PATIENCE, beside, connect};
use crate::{TURN, say};

/// What the next version brings. It only adds, as `docs/instances.md` asks of every migration: columns in tables that each piece of work
/// reads and writes, an index, a table. The newer program is this one with this migration.
const LATER: &[LaterMigration] = &[LaterMigration {
    version: 9_000,
    name: "later",
    sql: "alter table work add column weight bigint not null default 1;
        alter table journal add column seen_by text;
        alter table effects add column weight bigint not null default 7 check (weight > 0);
        alter table runs add column mood text not null default 'calm';
        create index if not exists effects_by_weight on effects (project_id, weight);
        create table moods (
            project_id uuid not null references projects (id),
            mood text not null default 'calm',
            primary key (project_id, mood)
        );
        alter table moods enable row level security;
        alter table moods force row level security;
        create policy tenant on moods using (project_id = nullif(current_setting('app.project_id', true), '')::uuid);
        grant select, insert, update, delete on moods to syndarix_app",
}];

/// The newer program, served by this process.
struct Newer {
    writes: Box<dyn Fn() -> u64>,
    stop: CancellationToken,
    serving: JoinSet<anyhow::Result<()>>,
}

impl Newer {
    async fn start(fleet: &Fleet) -> Newer {
        let config = Config::load(&Env::default(), Some(&fleet.settings("newer").unwrap())).unwrap();
        let script = std::fs::read_to_string(fleet.dir.path().join("script.json")).unwrap();
        let options = Options { script: Some(Script::parse(&script).unwrap()), later: LATER.to_vec(), ..Options::default() };
        let app = App::open(config, options).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        fleet.relay.add_target(format!("http://{}/hooks/sandbox", listener.local_addr().unwrap()));
        let (engine, stop) = (app.engine.clone(), CancellationToken::new());
        Newer { writes: Box::new(move || engine.store.writes()), serving: beside(app.serve(listener, stop.clone())), stop }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        self.serving.join_next().await.unwrap().unwrap().unwrap();
    }
}

async fn number(url: &str, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut connect(url).await).await.unwrap()
}

async fn schema(url: &str) -> i64 {
    number(url, "select max(version) from _sqlx_migrations").await
}

/// How many pieces of work an instance has taken up.
fn taken(fleet: &Fleet, name: &str) -> usize {
    fleet.messages(name).matches("taken up").count()
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_program_migrates_while_the_older_one_serves() {
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("rolling restart").await else { return };
    let url = database.url();
    let mut fleet = Fleet::open(&url, 6, 1).await.unwrap();
    for name in ["old-a", "old-b"] {
        fleet.start(name).await.unwrap();
    }
    let old = schema(&url).await;
    assert!(old < LATER[0].version);

    // The newer one starts in the middle of four stories; both older ones go on in its schema, then one of them drains and ends.
    let people = beside(fleet.people_of(0..4));
    let newer = Newer::start(&fleet).await;
    fleet.later = LATER;
    assert_eq!(schema(&url).await, LATER[0].version);
    for name in ["old-a", "old-b"] {
        let before = taken(&fleet, name);
        until(&format!("{name} works on in the newer schema"), || taken(&fleet, name) >= before + 5).await;
    }
    fleet.stop_one("old-a").await;
    until("the newer program works", || (newer.writes)() >= 20).await;

    // An older one cannot start any more.
    let refused = fleet.start("old-c").await.expect_err("the older program cannot start in a newer schema").to_string();
    let sentence = format!("the database is at schema version {}, this program knows only {old}", LATER[0].version);
    assert!(refused.contains(&sentence), "{refused}");

    // The newer one is taken back: what was left running of the older one goes on alone, with new stories, too.
    newer.stop().await;
    people.join_all().await.into_iter().for_each(|played| played.unwrap());
    fleet.people_of(4..6).await.map_err(|error| error.context(fleet.last_messages())).unwrap();
    assert!(fleet.ends_well(2).await.unwrap().len() == 6);
    assert_eq!(schema(&url).await, LATER[0].version);

    // And comes again; nothing of what the older one wrote is strange to it.
    let newer = Newer::start(&fleet).await;
    newer.stop().await;
    assert!(number(&url, "select count(*) from effects where weight = 7").await > 20);
    assert_eq!(number(&url, "select count(*) from effects where weight <> 7").await, 0);
    say(&format!("rolling restart from schema {old} to {} and back: six stories, nothing lost, nothing twice", LATER[0].version));
    fleet.stop().await;
    database.drop().await;
}

/// Two that start at once on an empty database do not stumble over each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_start_together_migrate_once() {
    use syndarix::base::Clock;
    use syndarix::store::{Store, StoreUrl};
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("starting together").await else { return };
    let url: StoreUrl = database.url().parse().unwrap();
    let opened = futures_util::future::join_all((0..6).map(|_| Store::open(&url, Clock::System))).await;
    for store in opened {
        store.unwrap().close().await;
    }
    database.drop().await;
}

//! A newer program comes while the older one serves, with a migration in between.

use syndarix::app::{App, Options};
use syndarix::config::{Config, Env};
use syndarix::llm::Script;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::fleet::{Fleet, connect};
use crate::{TURN, say};

/// The number before that of the newest migration: what the older program knows.
const OLD: i64 = 1;

async fn old_program(fleet: &Fleet) -> anyhow::Result<App> {
    let path = fleet.settings("old")?;
    let config = Config::load(&Env::default(), Some(&path))?;
    let script = std::fs::read_to_string(fleet.dir.path().join("script.json"))?;
    let script = Script::parse(&script).map_err(anyhow::Error::msg)?;
    App::open(config, Options { script: Some(script), newest_migration: Some(OLD), ..Options::default() }).await
}

async fn schema(url: &str) -> i64 {
    sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut connect(url).await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "this program uses the columns of all its migrations, so it cannot play an older one; a build of the older one is needed"]
async fn a_newer_program_migrates_while_the_older_one_serves() {
    let _turn = TURN.lock().await;
    let Some(database) = Database::fresh("rolling restart").await else { return };
    let url = database.url();
    let mut fleet = Fleet::open(&url, 4, 1).await.unwrap();
    let old = old_program(&fleet).await.unwrap();
    assert_eq!(schema(&url).await, OLD);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    fleet.relay.add_target(format!("http://{}/hooks/sandbox", listener.local_addr().unwrap()));
    let stop = CancellationToken::new();
    let watched = old.engine.clone();
    let mut serving = crate::fleet::beside(old.serve(listener, stop.clone()));

    // The newer one starts in the middle of the stories; the older one goes on, then drains and ends.
    let people = fleet.people_at_work();
    fleet.start("new").await.unwrap();
    let newest = schema(&url).await;
    assert!(newest > OLD);
    let served = watched.store.writes();
    let goes_on = async {
        while watched.store.writes() < served + 20 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::fleet::PATIENCE, goes_on).await.expect("the older program works on in the newer schema");
    stop.cancel();
    serving.join_next().await.unwrap().unwrap().unwrap();
    people.await.unwrap();
    fleet.ends_well(1).await.unwrap();
    let refused = old_program(&fleet).await.err().expect("the older program cannot start again").to_string();
    assert!(refused.contains(&format!("the database is at schema version {newest}, this program knows only {OLD}")), "{refused}");
    say(&format!("rolling restart from schema {OLD} to {newest}: four stories, nothing lost, nothing twice"));
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

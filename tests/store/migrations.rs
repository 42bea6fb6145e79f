use std::collections::BTreeMap;
use std::path::Path;

use syndarix::base::Clock;
use syndarix::base::ids::SubjectId;
use syndarix::store::{Store, StoreError};

use crate::world::{START, World};

/// The versions in a folder of migrations, oldest first.
fn versions(dir: &str) -> Vec<i64> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut versions: Vec<i64> = files.filter_map(|name| name.split_once('_')?.0.parse().ok()).collect();
    versions.sort_unstable();
    versions
}

/// How many rows the samples put into each table.
fn planted(samples: &str) -> BTreeMap<String, i64> {
    let mut rows = BTreeMap::new();
    for table in samples.split("insert into ").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
        *rows.entry(table.to_owned()).or_insert(0) += 1;
    }
    rows
}

pub async fn sample_rows_survive_every_migration(world: &World) {
    // The world's own database is migrated already; this one starts empty on the same engine.
    let fresh = world.engine.another().await;
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for version in versions(fresh.migrations_dir()) {
        fresh.migrate_to(version).await;
        let file = format!("{}/samples/{version:04}.sql", fresh.migrations_dir());
        let samples =
            std::fs::read_to_string(Path::new(&file)).unwrap_or_else(|_| panic!("migration {version} has no sample rows: {file}"));
        fresh.raw(&samples).await.unwrap();
        for (table, count) in planted(&samples) {
            *rows.entry(table).or_insert(0) += count;
        }
    }
    let store = Store::open(&fresh.url(), Clock::manual(START)).await.unwrap();
    assert!(rows.len() >= 18, "{rows:?}");
    for (table, planted) in &rows {
        let found = fresh.number(&format!("select count(*) from {table}")).await;
        assert!(found >= *planted, "{table}: {planted} rows planted, {found} left");
    }
    let project = store.project_by_repo("gitea", 41).await.unwrap().unwrap().id;
    read_all(&store, project).await;
    World { store, clock: Clock::manual(START), engine: fresh }.drop_database().await;
}

/// The rows are not just there: this program can read them.
async fn read_all(store: &Store, project: syndarix::base::ids::ProjectId) {
    assert_eq!(store.list_deliveries(&Default::default(), 10).await.unwrap().len(), 2);
    assert_eq!(store.chain_head(project).await.unwrap().unwrap().seq, 0);
    assert_eq!(store.audit_pushed(project).await.unwrap().next_seq, 1);
    let mut tx = store.begin(project).await.unwrap();
    let subject: SubjectId = tx.subject_by_alias("issue:42").await.unwrap().unwrap().id;
    assert_eq!(tx.intents(subject).await.unwrap().len(), 1);
    assert_eq!(tx.events("subject", subject.0).await.unwrap().len(), 1);
    assert_eq!(tx.pending_effects(subject).await.unwrap().len(), 1);
    assert_eq!(tx.agents(subject).await.unwrap()[0].name, "Dave");
    let run = tx.runs(subject).await.unwrap().remove(0).id;
    assert_eq!(tx.steps(run).await.unwrap().len(), 1);
    assert_eq!(tx.ledger(subject).await.unwrap().len(), 1);
    assert_eq!(tx.objects("issue").await.unwrap().len(), 1);
    assert_eq!(tx.count("story", "sub_1", "runs", 0).await.unwrap().life, 3);
    assert_eq!(tx.settings().await.unwrap()[0].key, "autonomy");
    // What the ledger held before is counted in its month.
    let purse = tx.project_spent(START).await.unwrap();
    assert_eq!((purse.0.spent.0, purse.1.spent.0), (1500, 1500));
    let tokens = store.tokens().await.unwrap();
    assert_eq!(tokens.len(), 2);
    assert!(tokens[0].projects.as_ref().is_some_and(|own| own.contains(&project)) && tokens[1].revoked_at.is_some());
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(tx.text(hash).await.unwrap().as_deref(), Some("hello"));
}

pub async fn a_newer_schema_is_refused(world: &World) {
    let (success, checksum) = if world.is_postgres() { ("true", "'\\x00'") } else { ("1", "x'00'") };
    let sql = format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', {success}, {checksum}, 0)"
    );
    world.engine.raw(&sql).await.unwrap();
    let error = Store::open(&world.engine.url(), Clock::manual(START)).await.err().expect("refused");
    assert!(matches!(error, StoreError::TooNew { found: 9999, .. }), "{error}");
}

pub async fn opening_twice_changes_nothing(world: &World) {
    let (project, subject) = world.story().await;
    let second = Store::open(&world.engine.url(), Clock::manual(START)).await.unwrap();
    let mut tx = second.begin_read(project).await.unwrap();
    assert_eq!(tx.subject(subject).await.unwrap().number, 42);
    drop(tx);
    second.close().await;
}

#[tokio::test]
async fn a_second_serving_process_is_refused() {
    let world = World::sqlite().await;
    let held = world.store.lock_for_serving().unwrap();
    let second = Store::open(&world.engine.url(), Clock::manual(START)).await.unwrap();
    let error = second.lock_for_serving().unwrap_err();
    assert!(matches!(&error, StoreError::Locked { pid: Some(pid), .. } if *pid == std::process::id()), "{error}");
    assert!(error.to_string().contains("already serves"), "{error}");
    drop(held);
    second.lock_for_serving().unwrap();
}

#[tokio::test]
async fn the_database_file_is_private_and_its_folder_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/syndarix.db");
    let url = syndarix::store::StoreUrl::Sqlite(path.clone());
    let store = Store::open(&url, Clock::manual(START)).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    store.close().await;

    let below_a_file = syndarix::store::StoreUrl::Sqlite(path.join("x.db"));
    let error = Store::open(&below_a_file, Clock::manual(START)).await.err().expect("refused").to_string();
    assert!(error.contains("cannot be opened for writing"), "{error}");
}

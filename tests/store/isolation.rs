//! One project never sees another: through the store on both engines, and past its statements by PostgreSQL itself.

use std::collections::BTreeSet;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use syndarix::base::Clock;
use syndarix::store::{NewProject, Store, StoreError, WITHOUT_ROW_SECURITY};

use crate::world::{Engine, START, World, event, intent};

pub async fn a_project_sees_only_its_own(world: &World) {
    let (mine, subject) = world.story().await;
    let theirs = world.project("rival/shop").await;
    assert_ne!(mine, theirs);
    let mut tx = world.store.begin(mine).await.unwrap();
    tx.append("subject", subject.0, Some(0), &[event("secret")]).await.unwrap();
    let hash = tx.put_text("secret").await.unwrap();
    let wanted = intent(subject, "comment:1");
    tx.add_intent(&wanted).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.store.begin(theirs).await.unwrap();
    assert!(matches!(tx.subject(subject).await, Err(StoreError::NotFound("subject"))));
    assert_eq!(tx.subject_by_alias("issue:42").await.unwrap(), None);
    assert_eq!(tx.events("subject", subject.0).await.unwrap(), []);
    assert_eq!(tx.text(&hash).await.unwrap(), None);
    assert!(!tx.erase_text(&hash).await.unwrap());
    assert!(tx.park_intent(wanted.id, "not yours").await.is_err());
    // Names that are taken elsewhere are free here: a refusal would tell that they exist.
    let here = tx.ensure_subject("story", 42, &["issue:42".into()]).await.unwrap();
    assert_ne!(here.id, subject);
    let mut same = intent(here.id, "comment:1");
    same.id = wanted.id;
    assert!(tx.add_intent(&same).await.unwrap());
    tx.append("subject", subject.0, Some(0), &[event("own")]).await.unwrap();
    tx.commit().await.unwrap();

    // A lane of another project cannot be written to.
    let mut tx = world.store.begin(theirs).await.unwrap();
    assert!(tx.add_intent(&intent(subject, "comment:2")).await.is_err());
}

pub async fn a_reading_transaction_cannot_write(world: &World) {
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin_read(project).await.unwrap();
    assert!(tx.add_intent(&intent(subject, "comment:1")).await.is_err());
    drop(tx);
    let mut tx = world.store.begin(project).await.unwrap();
    assert_eq!(tx.next_intent(subject).await.unwrap(), None);
}

pub async fn projects_are_found_by_their_repository(world: &World) {
    let new = NewProject { forge: "gitea".into(), repo_id: 41, path: "acme/shop".into(), default_branch: "main".into() };
    let first = world.store.ensure_project(&new).await.unwrap();
    let renamed = NewProject { path: "acme/store".into(), ..new.clone() };
    let second = world.store.ensure_project(&renamed).await.unwrap();
    assert_eq!((second.id, second.path.as_str()), (first.id, "acme/store"));
    assert_eq!(second.known_as, "acme/shop", "the name of the first sight stays");
    world.store.set_known_as(first.id, "acme/market").await.unwrap();
    world.store.rename_project(first.id, "acme/mall").await.unwrap();
    assert_eq!(world.store.project(first.id).await.unwrap().known_as, "acme/market");
    assert_eq!(world.store.project_by_repo("gitea", 41).await.unwrap().unwrap().path, "acme/mall");
    assert_eq!(world.store.project_by_repo("github", 41).await.unwrap(), None);
    assert_eq!(world.store.projects().await.unwrap(), [world.store.project(first.id).await.unwrap()]);
}

const MINE: &str = "7f1c0000-0000-7000-8000-00000000000a";
const THEIRS: &str = "7f1c0000-0000-7000-8000-00000000000b";
const NOBODY: &str = "";

async fn as_app(connection: &mut PgConnection, project: &str, sql: &str) -> Result<i64, sqlx::Error> {
    use sqlx::Connection;
    let mut tx = connection.begin().await?;
    sqlx::query("set local role syndarix_app").execute(&mut *tx).await?;
    sqlx::query("select set_config('app.project_id', $1, true)").bind(project).execute(&mut *tx).await?;
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut *tx).await?;
    Ok(rows.first().map_or(0, |row| row.try_get(0).unwrap_or(0)))
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.unwrap()
}

/// Sample rows of two projects with the same ids in every table: that they fit at all shows that no key spans projects.
async fn two_tenants(world: &World) {
    let mut files: Vec<_> = std::fs::read_dir("migrations/postgres/samples").unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let samples: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    world.engine.raw(&samples).await.unwrap();
    // What is not the tenants' own (their deliveries, their work) is there already.
    let tenant_rows: Vec<&str> = samples
        .split_inclusive(";\n")
        .filter(|sql| !["into inbox ", "into work ", "into tokens ", "known_as"].iter().any(|other| sql.contains(other)))
        .collect();
    let theirs = tenant_rows.concat().replace(MINE, THEIRS).replace("'gitea', 41", "'gitea', 42");
    world.engine.raw(&theirs).await.unwrap();
}

#[tokio::test]
async fn every_table_with_a_project_is_closed_or_named_with_its_reason() {
    let Some(world) = World::postgres().await else { return };
    two_tenants(&world).await;
    let mut connection = world.engine.pg_options().connect().await.unwrap();
    let with_project = texts(
        &mut connection,
        "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1",
    )
    .await;
    let exempt: BTreeSet<&str> = WITHOUT_ROW_SECURITY.iter().map(|(table, _)| *table).collect();
    assert!(WITHOUT_ROW_SECURITY.iter().all(|(_, reason)| reason.len() > 20));
    let tenant: Vec<&String> = with_project.iter().filter(|table| !exempt.contains(table.as_str())).collect();
    assert!(tenant.len() >= 16, "{tenant:?}");
    for table in tenant {
        closed(&mut connection, table).await;
    }
    drop(connection);
    world.drop_database().await;
}

async fn closed(connection: &mut PgConnection, table: &str) {
    let forced = format!("select count(*) from pg_class where oid = '{table}'::regclass and relrowsecurity and relforcerowsecurity");
    assert_eq!(sqlx::query_scalar::<_, i64>(AssertSqlSafe(forced)).fetch_one(&mut *connection).await.unwrap(), 1, "{table} is not forced");

    let all = format!("select count(*) from {table}");
    let foreign = format!("select count(*) from {table} where project_id <> '{MINE}'");
    assert!(as_app(connection, MINE, &all).await.unwrap() > 0, "{table} has no sample row");
    assert_eq!(as_app(connection, MINE, &foreign).await.unwrap(), 0, "{table} shows rows of another project");
    assert_eq!(as_app(connection, NOBODY, &all).await.unwrap(), 0, "{table} shows rows to nobody");

    let columns = texts(
        connection,
        &format!("select column_name::text from information_schema.columns where table_name = '{table}' and is_identity = 'NO' order by 1"),
    )
    .await;
    let values: Vec<String> =
        columns.iter().map(|name| if name == "project_id" { format!("'{THEIRS}'::uuid") } else { name.clone() }).collect();
    let insert = format!("insert into {table} ({}) select {} from {table} limit 1", columns.join(", "), values.join(", "));
    let error = as_app(connection, MINE, &insert).await.expect_err(table).to_string();
    assert!(error.contains("row-level security"), "{table}: {error}");

    let keys = format!(
        "select i.relname::text from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = '{table}'::regclass and x.indisunique
         and not exists (select from pg_attribute a where a.attrelid = x.indrelid and a.attname = 'project_id' and a.attnum = any (x.indkey))
         and not exists (select from pg_attribute a where a.attrelid = x.indrelid and a.attidentity <> '' and x.indkey[0] = a.attnum)"
    );
    assert_eq!(texts(connection, &keys).await, Vec::<String>::new(), "a key of {table} spans projects");
}

#[tokio::test]
async fn opening_refuses_a_table_that_was_left_open() {
    let Some(world) = World::postgres().await else { return };
    world.engine.raw("alter table texts no force row level security").await.unwrap();
    let error = Store::open(&world.engine.url(), Clock::manual(START)).await.err().expect("refused").to_string();
    assert!(error.contains("not forced on texts"), "{error}");
    world.drop_database().await;
}

#[tokio::test]
async fn the_setting_does_not_outlive_its_transaction() {
    let Some(world) = World::postgres().await else { return };
    let (project, _) = world.story().await;
    // Every connection of the pool has now served a project; none may remember it.
    for _ in 0..32 {
        world.store.begin(project).await.unwrap().commit().await.unwrap();
    }
    let nobody = syndarix::base::ids::ProjectId::named("nobody");
    let mut tx = world.store.begin_read(nobody).await.unwrap();
    assert_eq!(tx.subjects("story").await.unwrap(), []);
    drop(tx);
    world.drop_database().await;
}

#[tokio::test]
async fn an_app_login_of_its_own_works_and_owns_nothing() {
    let Some(Engine::Postgres { server, name }) = Engine::postgres().await else { return };
    let engine = Engine::Postgres { server, name };
    let login = format!("app_{}", std::process::id());
    engine.raw(&format!("create role {login} login password 'pw'")).await.unwrap();
    let app = engine.pg_options().username(&login).password("pw").to_url_lossy().to_string();
    let owner = engine.pg_options().to_url_lossy().to_string();
    let url: syndarix::store::StoreUrl = app.parse().unwrap();
    let store = Store::open(&url.with_owner(owner.into()), Clock::manual(START)).await.unwrap();
    let world = World { store, clock: Clock::manual(START), engine };
    let (project, subject) = world.story().await;
    let mut tx = world.store.begin(project).await.unwrap();
    assert!(tx.add_intent(&intent(subject, "comment:1")).await.unwrap());
    tx.commit().await.unwrap();
    let owned =
        format!("select count(*) from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname in ('{login}', 'syndarix_app')");
    assert_eq!(world.engine.number(&owned).await, 0);
    let Engine::Postgres { server, name } = &world.engine else { return };
    let cleaner = Engine::Postgres { server: server.clone(), name: "postgres".into() };
    let name = name.clone();
    world.store.close().await;
    cleaner.raw(&format!("drop database {name} with (force)")).await.unwrap();
    cleaner.raw(&format!("drop role {login}")).await.unwrap();
}

/// An owner without the right to make roles is told what an administrator has to run; after that, the same start works.
#[tokio::test]
async fn an_owner_that_may_not_make_roles_is_told_what_to_run() {
    let Some(world) = World::postgres().await else { return };
    let engine = Engine::postgres().await.unwrap();
    let Engine::Postgres { name, .. } = &engine else { return };
    let login = format!("plain_{}", std::process::id());
    engine.raw(&format!("create role {login} login; alter database {name} owner to {login}")).await.unwrap();
    let url: syndarix::store::StoreUrl = engine.pg_options().username(&login).to_url_lossy().as_str().parse().unwrap();
    let error = Store::open(&url, Clock::manual(START)).await.err().expect("refused").to_string();
    assert!(error.contains(&format!("grant syndarix_app to \"{login}\"")), "{error}");

    engine.raw(&format!("grant syndarix_app to {login}")).await.unwrap();
    let store = Store::open(&url, Clock::manual(START)).await.unwrap();
    let plain = World { store, clock: Clock::manual(START), engine };
    plain.story().await;
    plain.drop_database().await;
    world.engine.raw(&format!("drop role {login}")).await.unwrap();
    world.drop_database().await;
}

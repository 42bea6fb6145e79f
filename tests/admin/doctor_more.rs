//! `syndarix doctor`, one broken setup for each check that needs more than a changed line: another clock, another database, refused rights.

use std::net::TcpListener;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::Method;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use syndarix::base::Clock;
use syndarix::sandbox::{Permission, Skin};

use crate::doctor::{answering, doctor, has, healthy, healthy_as};
use crate::program::{Answer, client};
use crate::world::{REPO, World};

const HOUR: i64 = 3_600_000;

/// Hands requests on and answers with a clock that is an hour ahead.
async fn an_hour_ahead(State((http, target)): State<(reqwest::Client, String)>, request: Request) -> (StatusCode, HeaderMap, Bytes) {
    let (mut parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    // The sandbox answers to its own name alone.
    parts.headers.remove(header::HOST);
    let answer = http.request(parts.method, format!("{target}{}", parts.uri)).headers(parts.headers).body(body).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let date =
        chrono::DateTime::from_timestamp_micros(Clock::System.now().plus_millis(HOUR).0).unwrap().to_rfc2822().replace("+0000", "GMT");
    headers.insert(header::DATE, HeaderValue::from_str(&date).unwrap());
    headers.remove(header::TRANSFER_ENCODING);
    (status, headers, answer.bytes().await.unwrap())
}

async fn look(world: &World, variables: &[(&str, &str)]) -> Answer {
    world.run_with(&["doctor", "--json", "--no-delivery"], variables).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_a_hook_to_oneself_a_refused_key_and_a_full_disk_are_named() {
    let world = World::open().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(an_hour_ahead).with_state((client(), world.sandbox.url()));
    let _server = tokio::task::JoinSet::from_iter([async move { axum::serve(listener, routes).await.unwrap() }]);
    for skin in Skin::ALL {
        let variables = [("SYNDARIX_FORGE_HOME_URL", proxy.as_str()), ("SYNDARIX_FORGE_HOME_KIND", skin.name())];
        has(&look(&world, &variables).await, "clock", "fails", "seconds ahead of this one", "NTP");
    }

    // An address of this machine that does not say so: the forge seems to run elsewhere.
    let elsewhere = proxy.replace("127.0.0.1", "0.0.0.0");
    let address = look(&world, &[("SYNDARIX_FORGE_HOME_URL", &elsewhere)]).await;
    has(&address, "addresses", "fails", "on the forge's machine means the forge itself", "set `public_url`");

    let refuses = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", refuses.local_addr().unwrap());
    answering(refuses, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned());
    let key = look(&world, &[("SYNDARIX_ANTHROPIC_API_KEY", "model-key-canary"), ("SYNDARIX_ANTHROPIC_URL", &url)]).await;
    has(&key, "models of anthropic", "fails", "does not accept the key", "SYNDARIX_ANTHROPIC_API_KEY");
    assert!(!key.out.contains("canary"));

    // A file system without room for anything.
    let full = look(&world, &[("SYNDARIX_DATA_DIR", "/proc/syndarix")]).await;
    has(&full, "disk", "fails", "0 MB are left", "make room");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_repository_refuses_is_named() {
    let (world, serving, ollama) = healthy().await;
    let look = async || doctor(&world, &ollama, &["--no-delivery"]).await;
    has(&look().await, "own branches", "ok", "no rule holds", "");
    for (rule, push, verdict, said) in [
        ("syndarix/**", false, "fails", "no story could get its branch"),
        ("**", false, "fails", "the rule `**` holds"),
        ("syndarix/*", true, "ok", "may push there"),
    ] {
        world.ask(Method::POST, "/branch_protections", json!({"rule_name": rule, "enable_push": push})).await;
        has(&look().await, "own branches", verdict, said, if verdict == "ok" { "" } else { "push in the rule" });
        world.unprotect(rule).await;
    }
    has(&look().await, "own branches", "ok", "no rule holds", "");

    world.unprotect("main").await;
    let closed = json!({"rule_name": "main", "enable_merge_whitelist": true, "merge_whitelist_usernames": ["acme"]});
    world.ask(Method::POST, "/branch_protections", closed).await;
    has(
        &look().await,
        "protection",
        "fails",
        "@syndarix-bot may not merge into it",
        "add @syndarix-bot to those who may merge, in the rule `main`",
    );
    assert_eq!(serving.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_gitlab_for_the_bots_own_branches_are_named() {
    let (world, serving, ollama) = healthy_as(Skin::GitLab).await;
    let look = async || doctor(&world, &ollama, &["--no-delivery"]).await;
    has(&look().await, "own branches", "ok", "no rule holds", "");
    for (rule, push, verdict, said) in [
        ("syndarix/*", 0, "fails", "no story could get its branch"),
        ("*", 0, "fails", "the rule `*` holds"),
        ("syndarix/*", 30, "ok", "may push there"),
    ] {
        let body = json!({"name": rule, "push_access_level": push, "merge_access_level": 30});
        world.ask(Method::POST, "/protected_branches", body).await;
        has(&look().await, "own branches", verdict, said, if verdict == "ok" { "" } else { "push in the rule" });
        world.unprotect(rule).await;
    }
    assert_eq!(serving.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_github_for_the_bots_own_branches_are_named() {
    let (world, serving, ollama) = healthy_as(Skin::GitHub).await;
    let look = async || doctor(&world, &ollama, &["--no-delivery"]).await;
    has(&look().await, "own branches", "ok", "no rule holds", "");
    let own = |pattern: &str, enforced: bool| {
        let id = format!("R_{}", world.sandbox.repo_id(REPO).unwrap());
        json!({"repositoryId": id, "pattern": pattern, "requiresApprovingReviews": true, "isAdminEnforced": enforced})
    };
    let made = world.graphql(&own("syndarix/**/*", false)).await;
    has(&look().await, "own branches", "ok", "the rule `syndarix/**/*` holds for `syndarix/...`, and @syndarix-bot may push", "");
    world.unprotect_as_gitea(&made).await;
    let made = world.graphql(&own("syndarix/*", true)).await;
    has(&look().await, "own branches", "fails", "the rule `syndarix/*` holds", "push in the rule `syndarix/*`");

    // Who does not administer the repository is not told of patterns, and not of what protects a branch.
    world.sandbox.set_permission(REPO, "syndarix-bot", Permission::Write).unwrap();
    let poor = look().await;
    has(&poor, "own branches", "note", "tells administrators alone which branches are protected by a pattern", "the role Admin");
    has(&poor, "protection", "note", "main is protected; what the rule asks is told to administrators alone", "the role Admin");
    world.unprotect_as_gitea(&made).await;
    // A ruleset is there for everybody to see.
    let ruleset = json!({"rule_name": "syndarix/**", "enable_push": false});
    world.as_gitea(Method::POST, "/branch_protections", ruleset).await;
    has(&look().await, "own branches", "fails", "the rule `syndarix/**` holds", "push in the rule");
    let onboarded = world.run(&["onboard", "home", REPO, "--protect"]).await;
    assert!(onboarded.out.contains("main is protected already, by a rule that only administrators may read"), "{onboarded:#?}");
    assert_eq!(serving.stop().await, Some(0));
}

async fn record(skin: Skin) {
    let world = World::open_as(skin).await;
    let write = world.words().write;
    let look = async || look(&world, &[]).await;
    std::fs::create_dir_all(world.path("bot-config")).unwrap();
    let policy = format!("[defaults]\naudit_repo = \"{}/acme/record.git\"\n", world.sandbox.url());
    std::fs::write(world.path("bot-config/policy.toml"), policy).unwrap();
    world.change("projects = [", "bot_config = \"bot-config\"\nprojects = [");
    has(&look().await, "record", "fails", "acme/record is not there", "syndarix onboard home");
    world.sandbox.ensure_repo("acme", "record", None, None).await.unwrap();
    world.sandbox.set_permission("acme/record", "syndarix-bot", Permission::Read).unwrap();
    has(&look().await, "record", "fails", "may not push to acme/record", &format!("give @syndarix-bot {write}"));
    world.sandbox.set_permission("acme/record", "syndarix-bot", Permission::Write).unwrap();
    has(&look().await, "record", "ok", "it goes to acme/record", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_record_goes_is_looked_at() {
    for skin in Skin::ALL {
        record(skin).await;
    }
}

async fn database(world: &World) -> SqliteConnection {
    SqliteConnectOptions::new().filename(world.path("data/syndarix.db")).connect().await.unwrap()
}

async fn version(connection: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_never_migrates_and_a_newer_database_is_refused() {
    let world = World::open().await;
    assert_eq!(world.serve(&[]).await.stop().await, Some(0));
    let mut connection = database(&world).await;
    let known = version(&mut connection).await;
    sqlx::query("update _sqlx_migrations set version = 9999 where version = $1").bind(known).execute(&mut connection).await.unwrap();
    let newer = look(&world, &[]).await;
    has(&newer, "database", "fails", "it was used by a newer Syndarix", "needs that program");
    let jobs = world.run(&["jobs", "list"]).await;
    assert!(jobs.code == 2 && jobs.err.contains("it was used by a newer Syndarix"), "{jobs:#?}");

    sqlx::query("delete from _sqlx_migrations where version = 9999").execute(&mut connection).await.unwrap();
    let before = version(&mut connection).await;
    assert!(before < known);
    let older = look(&world, &[]).await;
    has(
        &older,
        "database",
        "note",
        &format!("of version {before}; the next `syndarix serve` of this program brings it to {known}"),
        "backup",
    );
    assert_eq!(version(&mut connection).await, before, "looking has changed nothing");
}

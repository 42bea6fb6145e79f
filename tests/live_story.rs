//! The shipped bot beside a real Gitea: its process, its settings file, its web hooks, people who use the forge. A scripted model answers; everything else is
//! real. One repository for each story.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod live;
#[path = "live/world.rs"]
mod world;

use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;

use live::{Api, suffix};
use world::{Tale, World, counter};

const REPOS: [&str; 8] = ["plain", "reviewed", "guarded", "closed", "given-up", "modest", "moving", "evening"];

#[tokio::test]
async fn the_story_is_played_on_a_real_server() {
    let Some(admin) = Api::of_environment() else { return };
    let suffix = suffix();
    let mut world = World::build(&admin, &suffix, &REPOS).await;
    let (url, _tasks) = counter(world.deliveries.clone()).await;
    let story = async {
        world.start(&REPOS, &url).await;
        tokio::time::timeout(Duration::from_secs(480), play(&world)).await
    };
    let played = AssertUnwindSafe(story).catch_unwind().await;
    println!("{} deliveries\n{}", world.deliveries.load(Ordering::Relaxed), world.log());
    let count = world.deliveries.load(Ordering::Relaxed);
    let recorded = AssertUnwindSafe(async { records_hold(&mut world) }).catch_unwind().await;
    world.clean(&[&REPOS[..], &["moved"]].concat()).await;
    match (played, recorded) {
        (Err(panic), _) | (_, Err(panic)) => std::panic::resume_unwind(panic),
        (Ok(ended), Ok(())) => ended.expect("all stories come to their end in time"),
    }
    assert!((1..REPOS.len() * 100).contains(&count), "{count} deliveries: none at all, or the bot answers its own echo");
}

/// An administrator with a password and nothing else: one command makes the rest, a second one nothing.
#[tokio::test]
async fn an_empty_corner_of_a_real_server_is_made_ready() {
    let Some(admin) = Api::of_environment() else { return };
    let suffix = suffix();
    let (boss, bot, org) = (format!("boss-{suffix}"), format!("bot-{suffix}"), format!("team-{suffix}"));
    admin.user(&boss).await;
    let rights = json!({"login_name": boss, "source_id": 0, "admin": true});
    admin.call(Method::PATCH, &format!("admin/users/{boss}"), rights).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("password"), live::PASSWORD).unwrap();
    let bootstrap = || {
        let project = format!("{org}/shop");
        let args = ["bootstrap", "home", "--admin", &boss, "--admin-password-file", "password", "--bot", &bot, "--project", &project];
        let places = ["--forge-url", &admin.base, "--public-url", "http://127.0.0.1:8620", "--sample", "--wait", "5"];
        let output = Command::new(env!("CARGO_BIN_EXE_syndarix")).args(args).args(places).current_dir(dir.path()).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let played = AssertUnwindSafe(async {
        let (code, first) = bootstrap();
        println!("{first}");
        assert!(code == Some(0) && first.contains("made    web hook") && first.contains("made    pull request"), "{first}");
        let (code, second) = bootstrap();
        assert!(code == Some(0) && !second.contains("made  "), "{second}");
        // A token that was lost with its file is taken away and another one made.
        let token = std::fs::read_to_string(dir.path().join("home/token")).unwrap();
        std::fs::remove_file(dir.path().join("home/token")).unwrap();
        let (code, third) = bootstrap();
        assert!(code == Some(0) && third.contains("made    token"), "{third}");
        let (status, _) = admin.with(format!("token {token}")).ask(Method::GET, "user", json!(null)).await;
        assert_eq!(status.as_u16(), 401, "the lost token is of no use");
    })
    .catch_unwind()
    .await;
    for name in ["shop", "syndarix-audit"] {
        admin.delete(&format!("repos/{org}/{name}")).await;
    }
    admin.delete(&format!("orgs/{org}")).await;
    for login in [&boss, &bot] {
        admin.delete(&format!("admin/users/{login}?purge=true")).await;
    }
    if let Err(panic) = played {
        std::panic::resume_unwind(panic);
    }
}

/// Three at a time; one that fails lets the others end.
async fn play(world: &World) {
    let tales: [(&str, LocalBoxFuture<'_, ()>); 8] = [
        ("plain", plain(world).boxed_local()),
        ("reviewed", by_reviews(world).boxed_local()),
        ("guarded", behind_protection(world).boxed_local()),
        ("closed", pull_closed_and_reopened(world).boxed_local()),
        ("given-up", issue_closed(world).boxed_local()),
        ("modest", without_admin_rights(world).boxed_local()),
        ("moving", renamed_in_the_middle(world).boxed_local()),
        ("evening", set_up_by_the_program(world).boxed_local()),
    ];
    let ends = tales.map(|(name, tale)| async move { AssertUnwindSafe(tale).catch_unwind().await.is_err().then_some(name) });
    let failed: Vec<&str> = stream::iter(ends).buffer_unordered(3).filter_map(std::future::ready).collect().await;
    assert!(failed.is_empty(), "these stories failed: {failed:?}");
}

/// The main job, with everything approved by the book.
async fn plain(world: &World) {
    let tale = world.tale("plain").await;
    talk(world, &tale).await;
    let pull = tale.plan().await;
    illegal_labels(world, &tale, pull).await;
    let approval = tale.say(&world.alice, pull, "/syndarix approve").await;
    tale.until("thumbs up", async || tale.reactions(approval).await == ["+1"]).await;
    tale.built(pull).await;
    let findings = tale.get(&format!("pulls/{pull}/reviews")).await;
    assert!(findings.as_array().unwrap().iter().all(|review| review["state"] == "COMMENT"), "the reviewer agent only comments: {findings}");
    tale.has_labels(tale.issue, &["story/review", "syndarix/waiting"]).await;
    tale.review(&world.bob, "APPROVED", "Looks right to me.").await;
    tale.done(pull).await;
    let files = tale.get("git/trees/main?recursive=true").await.to_string();
    assert!(!files.contains(".syndarix/plans"), "the plan file is not merged: {files}");
    tale.print().await;
    tale.is_tidy().await;
}

/// Questions that change nothing, and lines that cannot be obeyed.
async fn talk(world: &World, tale: &Tale<'_>) {
    let issue = tale.issue;
    tale.say(&world.reader, issue, "/syndarix ping\n/syndarix whoami").await;
    tale.hears(issue, "I am here").await;
    let asked = tale.say(&world.alice, issue, "Just a thought.").await;
    let edit = json!({"body": "Just a thought.\n\n/syndarix help approve"});
    world.alice.call(Method::PATCH, &format!("{}/issues/comments/{asked}", tale.repo), edit).await;
    tale.hears(issue, "`/syndarix approve [hash]`").await;
    tale.say(&world.alice, issue, "/syndarix plam").await;
    tale.hears(issue, "plan").await;
    tale.say(&world.alice, issue, "/syndarix status").await;
    tale.hears(issue, "There is no story here yet").await;
    tale.say(&world.reader, issue, "/syndarix plan").await;
    tale.hears(issue, "**Not done:**").await;
}

/// Labels that nobody may set are put back, and said so once.
async fn illegal_labels(world: &World, tale: &Tale<'_>, pull: i64) {
    tale.label(&world.alice, tale.issue, "story/done").await;
    tale.hears(tale.issue, "The label `story/done` was put back").await;
    tale.has_labels(tale.issue, &["story/design", "syndarix/waiting"]).await;
    tale.label(&world.alice, pull, "pr/approved").await;
    tale.hears(pull, "The label `pr/approved` was put back").await;
    tale.has_labels(pull, &["pr/submitted", "syndarix/waiting"]).await;
}

/// Reviews say everything; a pause is a label.
async fn by_reviews(world: &World) {
    let tale = world.tale("reviewed").await;
    let pull = tale.plan().await;
    tale.review(&world.bob, "REQUEST_CHANGES", "Please name the test.").await;
    tale.until("a second plan", async || tale.get(&format!("pulls/{pull}/commits")).await.as_array().unwrap().len() > 1).await;
    tale.has_labels(tale.issue, &["story/design", "syndarix/waiting"]).await;
    tale.review(&world.alice, "APPROVED", "Good plan.").await;
    tale.built(pull).await;
    let head = tale.head().await;
    tale.review(&world.bob, "REQUEST_CHANGES", "One more test, please.").await;
    tale.until("a commit that answers", async || tale.head().await != head).await;
    tale.built(pull).await;
    tale.has_labels(tale.issue, &["story/review", "syndarix/waiting"]).await;
    tale.label(&world.alice, tale.issue, "syndarix/paused").await;
    tale.until("paused", async || tale.told(tale.issue).await.iter().any(|body| body.contains("Paused"))).await;
    tale.review(&world.bob, "APPROVED", "Better.").await;
    tale.unlabel(&world.alice, tale.issue, "syndarix/paused").await;
    tale.done(pull).await;
    tale.print().await;
    tale.is_tidy().await;
}

async fn push(tale: &Tale<'_>, who: &Api, file: &str) {
    let body =
        json!({"content": STANDARD.encode("a note\n"), "message": format!("Add {file}"), "branch": tale.pull().await["head"]["ref"]});
    who.post(&format!("{}/contents/{file}", tale.repo), body).await;
}

/// Branch protection, a red check, a vote that a push makes stale.
async fn behind_protection(world: &World) {
    let tale = world.tale("guarded").await;
    let rule = json!({"rule_name": "main", "enable_push": false, "required_approvals": 1, "dismiss_stale_approvals": true, "block_on_rejected_reviews": true});
    world.admin.post(&format!("{}/branch_protections", tale.repo), rule).await;
    let pull = tale.plan().await;
    tale.review(&world.alice, "APPROVED", "Good plan.").await;
    tale.built(pull).await;
    let head = tale.head().await;
    let red = json!({"context": "ci/test", "state": "failure", "description": "2 tests failed"});
    world.alice.post(&format!("{}/statuses/{head}", tale.repo), red).await;
    tale.until("a commit that mends it", async || tale.head().await != head).await;
    tale.built(pull).await;
    let green = json!({"context": "ci/test", "state": "success"});
    world.alice.post(&format!("{}/statuses/{}", tale.repo, tale.head().await), green).await;
    push(&tale, &world.alice, "NOTES.md").await;
    tale.hears(pull, "Type `/syndarix resume`").await;
    tale.review(&world.bob, "APPROVED", "Good with the notes.").await;
    let resumed = tale.say(&world.alice, pull, "/syndarix resume").await;
    tale.until("thumbs up", async || tale.reactions(resumed).await == ["+1"]).await;
    tale.done(pull).await;
    tale.print().await;
    tale.is_tidy().await;
}

async fn pull_closed_and_reopened(world: &World) {
    let tale = world.tale("closed").await;
    let pull = tale.plan().await;
    world.bob.call(Method::PATCH, &format!("{}/pulls/{pull}", tale.repo), json!({"state": "closed"})).await;
    tale.hears(pull, "closed this pull request without merging it").await;
    tale.has_labels(tale.issue, &["story/design", "syndarix/blocked", "syndarix/waiting"]).await;
    tale.say(&world.alice, pull, "/syndarix retry").await;
    tale.until("the pull request is open", async || tale.pull().await["state"] == "open").await;
    tale.has_labels(tale.issue, &["story/design", "syndarix/waiting"]).await;
    tale.say(&world.alice, pull, "/syndarix approve").await;
    tale.built(pull).await;
    world.bob.call(Method::PATCH, &format!("{}/pulls/{pull}", tale.repo), json!({"state": "closed"})).await;
    tale.until("said again", async || tale.told(pull).await.iter().filter(|body| body.contains("without merging it")).count() == 2).await;
    tale.say(&world.alice, pull, "/syndarix retry").await;
    tale.until("the pull request is open", async || tale.pull().await["state"] == "open").await;
    tale.review(&world.bob, "APPROVED", "Sorry.").await;
    tale.done(pull).await;
    tale.print().await;
}

async fn issue_closed(world: &World) {
    let tale = world.tale("given-up").await;
    let pull = tale.plan().await;
    world.bob.call(Method::PATCH, &format!("{}/issues/{}", tale.repo, tale.issue), json!({"state": "closed"})).await;
    tale.hears(tale.issue, "**Cancelled** by").await;
    tale.until("the pull request is closed", async || tale.pull().await["state"] == "closed").await;
    tale.until("no labels of a story", async || !tale.labels(tale.issue).await.iter().any(|name| name.starts_with("s"))).await;
    tale.get(&format!("branches/{}", tale.pull().await["head"]["ref"].as_str().unwrap().replace('/', "%2F"))).await;
    world.bob.call(Method::PATCH, &format!("{}/issues/{}", tale.repo, tale.issue), json!({"state": "open"})).await;
    tale.say(&world.alice, tale.issue, "/syndarix plan").await;
    tale.until("a second draft", async || tale.number().await > pull).await;
    tale.print().await;
    tale.is_tidy().await;
}

/// The bot may write but not ask for permissions: the configured writers count.
async fn without_admin_rights(world: &World) {
    let tale = world.tale("modest").await;
    tale.say(&world.reader, tale.issue, "/syndarix plan").await;
    tale.hears(tale.issue, "**Not done:**").await;
    let pull = tale.plan().await;
    tale.review(&world.alice, "APPROVED", "Good plan.").await;
    tale.built(pull).await;
    tale.review(&world.bob, "APPROVED", "Good.").await;
    tale.done(pull).await;
    tale.print().await;
    tale.is_tidy().await;
}

async fn renamed_in_the_middle(world: &World) {
    let mut tale = world.tale("moving").await;
    let pull = tale.plan().await;
    world.admin.call(Method::PATCH, &tale.repo, json!({"name": "moved"})).await;
    tale.repo = tale.repo.replace("/moving", "/moved");
    tale.say(&world.alice, pull, "/syndarix approve").await;
    tale.built(pull).await;
    tale.review(&world.bob, "APPROVED", "Good.").await;
    tale.done(pull).await;
    tale.print().await;
    tale.is_tidy().await;
}

/// `onboard` makes what is missing and nothing twice, `doctor` finds nothing wrong and a delivery that arrives, and a story goes from the hook
/// that was made so to a record on the forge.
async fn set_up_by_the_program(world: &World) {
    let path = format!("{}/evening", world.login("acme"));
    let (code, first) = world.program(&["onboard", "live", &path, "--protect"]);
    println!("{first}");
    assert_eq!(code, Some(0), "{first}");
    for made in ["made    web hook", "made    pull request", "made    branch", "ok      record: the repository"] {
        assert!(first.contains(made), "{made}: {first}");
    }
    let (code, second) = world.program(&["onboard", "live", &path, "--protect"]);
    assert!(code == Some(0) && second.ends_with("Nothing was changed: everything was there already.\n"), "{second}");
    let (_, report) = world.program(&["doctor", "--json", "--project", &path]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for found in report["findings"].as_array().unwrap() {
        // The models of this bot are a script, which doctor does not know of.
        let is_model = found["what"].as_str().unwrap().starts_with("model group");
        assert!(is_model || !["fails", "unknown"].contains(&found["verdict"].as_str().unwrap()), "{found}");
    }
    let delivered =
        report["findings"].as_array().unwrap().iter().find(|found| found["what"].as_str().unwrap().ends_with("delivery")).unwrap();
    assert_eq!(delivered["verdict"], "ok", "{delivered}");
    // The introduction is a pull request, too: it goes before the story's own is looked for.
    let repo = format!("repos/{path}");
    let pull = world.bob.call(Method::GET, &format!("{repo}/pulls?state=open"), json!(null)).await[0]["number"].as_i64().unwrap();
    world.bob.call(Method::PATCH, &format!("{repo}/pulls/{pull}"), json!({"state": "closed"})).await;
    let tale = world.tale("evening").await;
    let pull = tale.plan().await;
    tale.review(&world.alice, "APPROVED", "Good plan.").await;
    tale.built(pull).await;
    tale.review(&world.bob, "APPROVED", "Good.").await;
    tale.done(pull).await;
    let pushed = format!("syndarix_record_unpushed{{forge=\"live\",project=\"{path}\"}} 0");
    tale.until("the record is on the forge", async || world.metrics().await.lines().any(|line| line == pushed)).await;
    tale.print().await;
    tale.is_tidy().await;
}

/// The record of every repository holds, judged by the program that anybody would use.
fn records_hold(world: &mut World) {
    world.stop();
    let records: Vec<_> = std::fs::read_dir(world.data.join("bot/record")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // One of them goes to the forge instead.
    assert_eq!(records.len(), REPOS.len() - 1);
    for record in records.into_iter().chain([world.clone_of_the_record()]) {
        let verdict = Command::new(env!("CARGO_BIN_EXE_syndarix")).args(["audit", "verify", "--repo"]).arg(&record).output().unwrap();
        let text = String::from_utf8_lossy(&verdict.stdout).into_owned();
        println!("{}", text.lines().last().unwrap_or_default());
        assert!(verdict.status.success(), "{text}");
    }
}

//! Every call of the Gitea driver, played against the sandbox and judged by the published description of Forgejo's API: what the driver
//! sends, so that a real server understands it, and what the sandbox answers, so that it does not drift from the real thing.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod description;
mod recorder;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use recorder::Recorder;
use serde_json::json;
use syndarix::base::secret::SecretString;
use syndarix::base::{Clock, Time};
use syndarix::domain::forge::*;
use syndarix::forge::Timeouts;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};
use syndarix::forge::{Forge, NewPull, PullPatch, ReactionTarget, Window};
use syndarix::sandbox::seed::SAMPLE;
use syndarix::sandbox::{Permission, Sandbox, SandboxConfig};

const REPO: &str = "acme/shop";

/// Fields that the sandbox sends as Gitea 1.27 does and that Forgejo's description does not have: definition, field and why it is sent.
const KNOWN: &[(&str, &str, &str)] = &[
    ("User", "username", "both servers add it while writing a user; the description is made from the structure without it"),
    ("Repository", "allow_manual_merge", "Gitea has it since 1.24"),
    ("Repository", "autodetect_manual_merge", "Gitea has it since 1.24"),
    ("Repository", "has_code", "Gitea has it since 1.24"),
    ("Issue", "content_version", "Gitea has it since 1.26, for edits that must not overwrite each other"),
    ("Issue", "time_estimate", "Gitea has it since 1.23"),
    ("PullRequest", "content_version", "Gitea has it since 1.26"),
];

async fn sandbox(dir: &Path) -> Sandbox {
    let clock = Clock::manual(Time::parse("2026-08-03T09:00:00Z").unwrap());
    let sandbox = Sandbox::start(SandboxConfig { clock, ..SandboxConfig::new(dir.join("forge")) }).await.unwrap();
    for (login, bot) in [("acme", false), ("alice", false), ("syndarix", true)] {
        sandbox.ensure_user(login, bot, false).unwrap();
    }
    sandbox.ensure_seeded("acme", "shop", SAMPLE).await.unwrap();
    sandbox.set_permission(REPO, "alice", Permission::Write).unwrap();
    sandbox.set_permission(REPO, "syndarix", Permission::Admin).unwrap();
    sandbox
}

/// A commit on a branch of its own, as the bot pushes it.
async fn push_branch(dir: &Path, sandbox: &Sandbox, branch: &str) {
    let token = sandbox.ensure_user("syndarix", true, false).unwrap();
    let url = format!("{}/{REPO}.git", sandbox.url().replace("http://", &format!("http://syndarix:{token}@")));
    let (dir, branch) = (dir.to_owned(), branch.to_owned());
    let work = move || {
        let tree = dir.join("tree");
        let git = |at: &Path, words: &[&str]| {
            let named = ["-c", "user.name=syndarix", "-c", "user.email=bot@example.invalid", "-c", "commit.gpgsign=false"];
            let output = Command::new("git").current_dir(at).args(named).args(words).env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
            assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        if !tree.exists() {
            git(&dir, &["clone", "--quiet", &url, "tree"]);
        }
        git(&tree, &["checkout", "--quiet", "-b", &branch, "origin/main"]);
        std::fs::write(tree.join("new.md"), format!("{branch}\n")).unwrap();
        git(&tree, &["add", "."]);
        git(&tree, &["commit", "--quiet", "-m", "Add a page"]);
        git(&tree, &["push", "--quiet", "origin", &branch]);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

fn driver(url: &str, token: String) -> GiteaForge {
    let config =
        GiteaConfig { base_url: url.to_owned(), token: SecretString::from(token), timeouts: Timeouts::default(), kind: ForgeKind::Gitea };
    GiteaForge::new(config).unwrap()
}

/// Every method of the contract that speaks to the forge, but for merging, whose request is made below.
async fn every_call(bot: &GiteaForge, alice: &GiteaForge) -> (i64, Sha) {
    let me = bot.whoami().await.unwrap();
    bot.version().await.unwrap();
    let found = bot.repo(&RepoRef { id: 0, path: REPO.to_owned() }).await.unwrap();
    let repo = RepoRef { id: found.id, path: found.path };
    bot.repo(&RepoRef { id: repo.id, path: "acme/moved".to_owned() }).await.unwrap();
    bot.role(&repo, &alice.whoami().await.unwrap()).await.unwrap();
    let issue = 1;
    bot.issue(&repo, issue).await.unwrap();
    let label = |name: &str, color: &str| LabelSpec { name: name.into(), color: color.into(), description: "D".into(), exclusive: true };
    bot.ensure_labels(&repo, &[label("story/design", "00aabb"), label("story/done", "00aabb")]).await.unwrap();
    bot.ensure_labels(&repo, &[label("story/design", "bb00aa"), label("story/done", "00aabb")]).await.unwrap();
    bot.change_labels(&repo, issue, &["story/design".into()], &[]).await.unwrap();
    bot.change_labels(&repo, issue, &[], &["story/design".into()]).await.unwrap();
    bot.label_changes(&repo, issue).await.unwrap();
    let comment = bot.create_comment(&repo, issue, "Hello").await.unwrap();
    bot.edit_comment(&repo, issue, comment.id, "Hello again").await.unwrap();
    bot.comment(&repo, issue, comment.id).await.unwrap();
    bot.comments(&repo, issue).await.unwrap();
    bot.react(&repo, ReactionTarget::Comment { number: issue, id: comment.id }, "eyes").await.unwrap();
    bot.react(&repo, ReactionTarget::Issue(issue), "+1").await.unwrap();
    bot.delete_comment(&repo, issue, comment.id).await.unwrap();
    bot.set_issue_state(&repo, issue, State::Closed).await.unwrap();
    bot.set_issue_state(&repo, issue, State::Open).await.unwrap();
    let window = Window { since: Time(1_000_000_000_000_000), until: None, at_most: 100 };
    bot.issues_touched(&repo, &window).await.unwrap();
    bot.comments_touched(&repo, &window).await.unwrap();
    bot.repos(None).await.unwrap();
    bot.repos(Some("acme")).await.unwrap();

    let new =
        NewPull { title: "Add a page".into(), body: "Refs #1".into(), head: "syndarix/1-page".into(), base: "main".into(), draft: true };
    let pull = bot.create_pull(&repo, &new).await.unwrap();
    let patch = PullPatch { title: Some("Add one page".into()), body: Some("B".into()), state: None, draft: Some(false) };
    bot.edit_pull(&repo, pull.number, &patch).await.unwrap();
    bot.pull(&repo, pull.number).await.unwrap();
    bot.pulls_of_branch(&repo, "syndarix/1-page").await.unwrap();
    bot.pull_commits(&repo, pull.number).await.unwrap();
    let line = NewReviewComment { path: "new.md".into(), line: 1, body: "Say more.".into() };
    let review = alice.post_review(&repo, pull.number, &pull.head.sha, "A remark", &[line]).await.unwrap();
    bot.reviews(&repo, pull.number).await.unwrap();
    bot.review_comments(&repo, pull.number, review.id).await.unwrap();
    let status =
        CiStatus { context: "syndarix/gate".into(), state: CiState::Success, description: "ok".into(), url: "http://ci.example/1".into() };
    bot.post_status(&repo, &pull.head.sha, &status).await.unwrap();
    bot.ci(&repo, &pull.head.sha).await.unwrap();
    bot.delete_branch(&repo, "syndarix/2-spare").await.unwrap();
    assert_eq!(me.login, "syndarix");
    (pull.number, pull.head.sha)
}

#[tokio::test]
async fn requests_and_the_sandboxs_answers_are_as_published() {
    let description = match description::published() {
        Ok(description) => description.knowing(KNOWN),
        Err(why) => {
            println!("skipped: the published description of the API is not here: {why}");
            return;
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let sandbox = sandbox(dir.path()).await;
    for branch in ["syndarix/1-page", "syndarix/2-spare"] {
        push_branch(dir.path(), &sandbox, branch).await;
    }
    let recorder = Recorder::before(sandbox.url()).await;
    let token = |login: &str| sandbox.ensure_user(login, login == "syndarix", false).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |path: String, who: &str, body: serde_json::Value| {
        let url = format!("{}/api/v1/repos/{REPO}/{path}", recorder.url);
        let answer = http.post(url).header("Authorization", format!("token {}", token(who))).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    };
    post("issues".into(), "alice", json!({"title": "One page", "body": "It is missing."})).await;
    let (bot, alice) = (driver(&recorder.url, token("syndarix")), driver(&recorder.url, token("alice")));
    let (pull, head) = every_call(&bot, &alice).await;
    // As the driver sends it; it cannot be asked to without the permit that only the gate makes.
    let merge = json!({"Do": "squash", "MergeTitleField": "T", "MergeMessageField": "M", "head_commit_id": head.0});
    post(format!("pulls/{pull}/merge"), "syndarix", merge).await;

    let exchanges = recorder.exchanges();
    let complaints: BTreeSet<String> = exchanges.iter().flat_map(|exchange| description.complaints(exchange)).collect();
    assert!(complaints.is_empty(), "{} exchanges, not as published:\n{complaints:#?}", exchanges.len());
    println!("{} exchanges are as published, but for {} known fields", exchanges.len(), KNOWN.len());
}

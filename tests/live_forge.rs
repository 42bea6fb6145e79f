//! The Gitea driver against a real server. Runs when SYNDARIX_LIVE_FORGE_URL and SYNDARIX_LIVE_FORGE_TOKEN (a site administrator's token) are set; makes its own users,
//! organisation and repository and deletes them again. The server must be allowed to call web hooks on loopback (`ALLOWED_HOST_LIST = loopback`).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod live;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use live::{Api, suffix};
use reqwest::Method;
use serde_json::json;
use syndarix::base::Time;
use syndarix::base::secret::{ExposeSecret, SecretString};
use syndarix::domain::forge::*;
use syndarix::forge::Timeouts;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};
use syndarix::forge::{Forge, ForgeError, Headers, NewPull, PullPatch, Reacted, ReactionTarget, Window};

const HOOK_SECRET: &str = "live-hook-secret";

fn driver(api: &Api, token: &str) -> GiteaForge {
    let token = SecretString::from(token.to_owned());
    GiteaForge::new(GiteaConfig { base_url: api.base.clone(), token, timeouts: Timeouts::default(), kind: ForgeKind::Gitea }).unwrap()
}

/// What one run works with.
struct Stage {
    admin: Api,
    writer_api: Api,
    bot: User,
    writer: User,
    reader: User,
    org: String,
    repo: RepoRef,
    forge: GiteaForge,
}

async fn build(admin: &Api, suffix: &str) -> Stage {
    let (bot, bot_token) = admin.user(&format!("bot-{suffix}")).await;
    let (writer, writer_token) = admin.user(&format!("writer-{suffix}")).await;
    let (reader, _) = admin.user(&format!("reader-{suffix}")).await;
    let org = format!("org-{suffix}");
    admin.post("orgs", json!({"username": org, "visibility": "private"})).await;
    let made = admin
        .post(&format!("orgs/{org}/repos"), json!({"name": "shop", "auto_init": true, "private": true, "default_branch": "main"}))
        .await;
    for (user, permission) in [(&bot, "admin"), (&writer, "write")] {
        admin.call(Method::PUT, &format!("repos/{org}/shop/collaborators/{}", user.login), json!({"permission": permission})).await;
    }
    let repo = RepoRef { id: made["id"].as_i64().unwrap(), path: format!("{org}/shop") };
    let writer_api = admin.with(format!("token {writer_token}"));
    Stage { forge: driver(admin, &bot_token), admin: admin.clone(), writer_api, bot, writer, reader, org, repo }
}

async fn clean(admin: &Api, suffix: &str) {
    for name in ["shop", "store"] {
        admin.delete(&format!("repos/org-{suffix}/{name}")).await;
    }
    admin.delete(&format!("orgs/org-{suffix}")).await;
    for login in ["bot", "writer", "reader", "renamed"] {
        admin.delete(&format!("admin/users/{login}-{suffix}?purge=true")).await;
    }
}

#[tokio::test]
async fn the_driver_agrees_with_a_real_server() {
    let Some(admin) = Api::of_environment() else { return };
    let suffix = suffix();
    let result = AssertUnwindSafe(async {
        let stage = build(&admin, &suffix).await;
        accounts(&stage).await;
        labels_and_comments(&stage).await;
        pull_request(&stage).await;
        hooks(&stage).await;
        renames(&stage, &suffix).await;
    })
    .catch_unwind()
    .await;
    clean(&admin, &suffix).await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

async fn accounts(stage: &Stage) {
    let Stage { forge, repo, .. } = stage;
    println!("version {}", forge.version().await.unwrap());
    assert_eq!(forge.whoami().await.unwrap(), stage.bot);
    let found = forge.repo(repo).await.unwrap();
    assert_eq!((found.id, found.path.as_str(), found.default_branch.as_str()), (repo.id, repo.path.as_str(), "main"));
    assert!(found.visibility == Visibility::Private && !found.empty && !found.archived && found.bot_is_admin && found.bot_can_push);
    assert_eq!(found.merge_style, MergeStyle::Merge);
    for (user, role) in [(&stage.bot, Role::Maintainer), (&stage.writer, Role::Writer), (&stage.reader, Role::None)] {
        assert_eq!(forge.role(repo, user).await.unwrap(), role, "{}", user.login);
    }
    let nobody = User { id: 999_999, login: "nobody-of-this-name".to_owned() };
    assert!(matches!(forge.role(repo, &nobody).await, Err(ForgeError::NotFound(_))));
    // Git lets the header in, and nobody without it.
    let remote = forge.git_remote(repo);
    let refs = format!("{}/info/refs?service=git-upload-pack", remote.url);
    let header = remote.header.unwrap().now().unwrap();
    let (name, value) = header.expose_secret().split_once(": ").unwrap();
    assert_eq!(stage.admin.http.get(&refs).header(name, value).send().await.unwrap().status(), 200);
    assert_eq!(stage.admin.http.get(&refs).send().await.unwrap().status(), 401);
}

async fn labels_and_comments(stage: &Stage) {
    let Stage { forge, repo, .. } = stage;
    let spec =
        |name: &str, exclusive| LabelSpec { name: name.to_owned(), color: "00AAbb".to_owned(), description: "d".to_owned(), exclusive };
    let wanted = [spec("story/analysis", true), spec("story/design", true), spec("syndarix/waiting", false)];
    assert_eq!(forge.ensure_labels(repo, &wanted).await.unwrap().len(), 3);
    assert_eq!(forge.ensure_labels(repo, &wanted).await.unwrap(), Vec::<String>::new(), "the second time nothing changes");
    let mended = [LabelSpec { exclusive: false, ..spec("story/design", true) }];
    assert_eq!(forge.ensure_labels(repo, &mended).await.unwrap(), ["story/design"]);
    assert_eq!(forge.ensure_labels(repo, &wanted).await.unwrap(), ["story/design"]);
    let told = LabelSpec { description: "other".into(), ..spec("story/design", true) };
    assert_eq!(forge.ensure_labels(repo, &[told]).await.unwrap(), ["story/design"]);
    let listed = forge.labels(repo).await.unwrap();
    assert!(
        listed
            .iter()
            .any(|label| label.name == "story/design" && label.description == "other" && label.color == "00aabb" && label.exclusive)
    );
    assert_eq!(forge.ensure_labels(repo, &wanted).await.unwrap(), ["story/design"]);

    let made = stage.writer_api.post(&format!("repos/{}/issues", repo.path), json!({"title": "Export as CSV", "body": "please"})).await;
    let number = made["number"].as_i64().unwrap();
    let issue = forge.issue(repo, number).await.unwrap();
    assert_eq!((issue.author.id, issue.state, issue.is_pull), (stage.writer.id, State::Open, false));
    assert!(matches!(forge.issue(repo, 4_000).await, Err(ForgeError::NotFound(_))));
    assert!(matches!(forge.comments(repo, 4_000).await, Err(ForgeError::NotFound(_))));

    let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let change = async |add: &[&str], remove: &[&str]| forge.change_labels(repo, number, &names(add), &names(remove)).await;
    assert_eq!(change(&["story/analysis", "syndarix/waiting"], &[]).await.unwrap(), ["story/analysis", "syndarix/waiting"]);
    assert_eq!(
        change(&["story/design"], &["syndarix/waiting", "absent"]).await.unwrap(),
        ["story/design"],
        "the server keeps the scope exclusive"
    );
    assert!(matches!(change(&["story/nowhere"], &[]).await, Err(ForgeError::Unprocessable(text)) if text.contains("story/nowhere")));
    let changes = forge.label_changes(repo, number).await.unwrap();
    let told: Vec<_> = changes.iter().map(|change| (change.label.as_str(), change.added, change.actor.id)).collect();
    assert!(told.contains(&("story/analysis", true, stage.bot.id)) && told.contains(&("story/analysis", false, stage.bot.id)), "{told:?}");
    assert_eq!(told.len(), 5, "{told:?}");

    let typed =
        stage.writer_api.post(&format!("repos/{}/issues/{number}/comments", repo.path), json!({"body": "/syndarix plan"})).await["id"]
            .as_i64()
            .unwrap();
    let own = forge.create_comment(repo, number, "working on it").await.unwrap();
    forge.edit_comment(repo, number, own.id, "done").await.unwrap();
    let comments = forge.comments(repo, number).await.unwrap();
    assert_eq!(
        comments.iter().map(|comment| (comment.id, comment.body.as_str())).collect::<Vec<_>>(),
        [(typed, "/syndarix plan"), (own.id, "done")]
    );
    assert_eq!(forge.comment(repo, number, typed).await.unwrap().author.id, stage.writer.id);
    for content in ["eyes", "eyes", "+1", "-1", "confused"] {
        assert_eq!(forge.react(repo, ReactionTarget::Comment { number, id: typed }, content).await.unwrap(), Reacted::Done, "{content}");
    }
    assert_eq!(forge.react(repo, ReactionTarget::Issue(number), "eyes").await.unwrap(), Reacted::Done);
    assert_eq!(forge.react(repo, ReactionTarget::Issue(number), "llama").await.unwrap(), Reacted::Unsupported);
    forge.delete_comment(repo, number, own.id).await.unwrap();
    forge.delete_comment(repo, number, own.id).await.expect("what is gone is deleted");
    assert!(matches!(forge.comment(repo, number, own.id).await, Err(ForgeError::NotFound(_))));
    forge.set_issue_state(repo, number, State::Closed).await.unwrap();
    forge.set_issue_state(repo, number, State::Closed).await.expect("closing twice is harmless");
    assert_eq!(forge.issue(repo, number).await.unwrap().state, State::Closed);

    // More than one page.
    for count in 0..55 {
        stage.writer_api.post(&format!("repos/{}/issues", repo.path), json!({"title": format!("filler {count}")})).await;
    }
    assert_eq!(forge.issues_touched(repo, &since(Time(1_000_000))).await.unwrap().items.len(), 56);
    let late = forge.issues_touched(repo, &since(Time::parse("2999-01-01T00:00:00Z").unwrap())).await.unwrap().items;
    assert!(late.is_empty(), "{late:?}");
}

/// All that was touched since a moment.
fn since(since: Time) -> Window {
    Window { since, until: None, at_most: usize::MAX }
}

async fn commit(stage: &Stage, branch: &str, from: Option<&str>, file: &str) {
    let mut body = json!({"content": STANDARD.encode("one\ntwo\nthree\n"), "message": format!("Add {file}"), "branch": branch});
    if let Some(from) = from {
        body["branch"] = json!(from);
        body["new_branch"] = json!(branch);
    }
    stage.writer_api.post(&format!("repos/{}/contents/{file}", stage.repo.path), body).await;
}

/// Asks again and again until it holds, for at most twenty seconds.
async fn until(holds: impl AsyncFn() -> bool) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server did not get there");
}

async fn pull_request(stage: &Stage) {
    let Stage { forge, repo, .. } = stage;
    let branch = "syndarix/1-csv";
    commit(stage, branch, Some("main"), "first.txt").await;
    commit(stage, branch, None, "second.txt").await;
    let new = NewPull {
        title: "Export as CSV".to_owned(),
        body: "Refs #1".to_owned(),
        head: branch.to_owned(),
        base: "main".to_owned(),
        draft: true,
    };
    let opened = forge.create_pull(repo, &new).await.unwrap();
    assert!(
        opened.draft && opened.title == "Export as CSV" && opened.head.branch == branch && opened.head.repo_id == Some(repo.id),
        "{opened:?}"
    );
    assert!(matches!(forge.create_pull(repo, &new).await, Err(ForgeError::Conflict(_))));
    let number = opened.number;
    let patch = PullPatch { draft: Some(false), body: Some("Refs #1, ready".to_owned()), ..PullPatch::default() };
    forge.edit_pull(repo, number, &patch).await.unwrap();
    let pull = forge.pull(repo, number).await.unwrap();
    assert!(!pull.draft && pull.body == "Refs #1, ready" && !pull.merged && pull.author == stage.bot);
    assert_eq!(forge.pulls_of_branch(repo, branch).await.unwrap().iter().map(|pull| pull.number).collect::<Vec<_>>(), [number]);
    let commits = forge.pull_commits(repo, number).await.unwrap();
    assert_eq!(commits.iter().map(|commit| commit.message.trim()).collect::<Vec<_>>(), ["Add first.txt", "Add second.txt"]);
    assert_eq!(commits[1].sha, pull.head.sha);
    assert_eq!(commits[0].author.as_ref().map(|user| user.id), Some(stage.writer.id), "{:?}", commits[0]);

    let head = pull.head.sha.clone();
    let finding = NewReviewComment { path: "first.txt".to_owned(), line: 2, body: "why two?".to_owned() };
    let review = forge.post_review(repo, number, &head, "one finding", &[finding]).await.unwrap();
    let lines = forge.review_comments(repo, number, review.id).await.unwrap();
    assert_eq!(
        lines.iter().map(|at| (at.path.as_str(), at.line, at.body.as_str())).collect::<Vec<_>>(),
        [("first.txt", Some(2), "why two?")]
    );
    let approve = json!({"event": "APPROVED", "body": "fine", "commit_id": head.0});
    stage.writer_api.post(&format!("repos/{}/pulls/{number}/reviews", repo.path), approve).await;
    let reviews = forge.reviews(repo, number).await.unwrap();
    let approval = reviews.iter().find(|review| review.author.id == stage.writer.id).unwrap();
    assert_eq!(
        (approval.verdict, approval.commit.as_ref(), approval.stale, approval.dismissed, approval.official),
        (Verdict::Approved, Some(&head), false, false, true)
    );
    assert_eq!(reviews.iter().find(|found| found.id == review.id).unwrap().verdict, Verdict::Commented);

    assert_eq!(forge.ci(repo, &head).await.unwrap(), []);
    let status = |state, context: &str| CiStatus {
        context: context.to_owned(),
        state,
        description: "d".to_owned(),
        url: "https://ci.example/1".to_owned(),
    };
    for state in [CiState::Pending, CiState::Error, CiState::Failure, CiState::Warning, CiState::Skipped, CiState::Success] {
        forge.post_status(repo, &head, &status(state, "ci/build")).await.unwrap();
        assert_eq!(forge.ci(repo, &head).await.unwrap(), [status(state, "ci/build")]);
    }

    // A push after the approval makes it stale.
    commit(stage, branch, None, "third.txt").await;
    let stale =
        async || forge.reviews(repo, number).await.unwrap().iter().any(|review| review.author.id == stage.writer.id && review.stale);
    until(stale).await;

    forge.edit_pull(repo, number, &PullPatch { state: Some(State::Closed), ..PullPatch::default() }).await.unwrap();
    forge.delete_branch(repo, branch).await.unwrap();
    forge.delete_branch(repo, branch).await.expect("what is gone is deleted");
    let closed = forge.pulls_of_branch(repo, branch).await.unwrap();
    assert!(
        closed.len() == 1 && closed[0].state == State::Closed && !closed[0].merged,
        "the name of a deleted branch is still known: {closed:?}"
    );
}

/// Real deliveries: their headers, their signatures, their meaning.
async fn hooks(stage: &Stage) {
    let Stage { forge, repo, .. } = stage;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, mut deliveries) = tokio::sync::mpsc::unbounded_channel();
    let receive = move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
        let headers: Headers =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned())).collect();
        let _ = sender.send((headers, body.to_vec()));
        std::future::ready(axum::http::StatusCode::ACCEPTED)
    };
    let server = axum::serve(listener, axum::Router::new().route("/hook", axum::routing::post(receive))).into_future();
    let work = async {
        let events = ["push", "create", "delete", "issues", "pull_request", "repository", "status", "workflow_run"];
        let hook = json!({"type": "gitea", "active": true, "events": events, "config": {"url": address, "content_type": "json", "secret": HOOK_SECRET}});
        stage.admin.post(&format!("repos/{}/hooks", repo.path), hook).await;
        let issue = stage.writer_api.post(&format!("repos/{}/issues", repo.path), json!({"title": "From a hook"})).await["number"]
            .as_i64()
            .unwrap();
        stage.writer_api.post(&format!("repos/{}/issues/{issue}/comments", repo.path), json!({"body": "/syndarix status"})).await;
        forge.change_labels(repo, issue, &["story/design".to_owned()], &[]).await.unwrap();
        commit(stage, "hook-branch", Some("main"), "hook.txt").await;
        let new = NewPull {
            title: "Hooked".to_owned(),
            body: String::new(),
            head: "hook-branch".to_owned(),
            base: "main".to_owned(),
            draft: true,
        };
        let pull = forge.create_pull(repo, &new).await.unwrap();
        let said = json!({"event": "REQUEST_CHANGES", "body": "no", "commit_id": pull.head.sha.0});
        stage.writer_api.post(&format!("repos/{}/pulls/{}/reviews", repo.path, pull.number), said).await;
        stage.writer_api.post(&format!("repos/{}/issues/{}/comments", repo.path, pull.number), json!({"body": "/syndarix fix"})).await;
        let status = CiStatus { context: "ci".to_owned(), state: CiState::Failure, description: String::new(), url: String::new() };
        forge.post_status(repo, &pull.head.sha, &status).await.unwrap();
        commit(stage, "hook-branch", None, "hook-2.txt").await;
        // The server handles a push later; a pull request that is closed by then is not synchronised. `stale` shows that it has.
        until(async || forge.reviews(repo, pull.number).await.unwrap().iter().any(|review| review.stale)).await;
        forge.edit_pull(repo, pull.number, &PullPatch { state: Some(State::Closed), ..PullPatch::default() }).await.unwrap();
        forge.delete_branch(repo, "hook-branch").await.unwrap();

        let secret = SecretString::from(HOOK_SECRET.to_owned());
        let mut open = vec![
            "issue opened",
            "issue labeled",
            "comment issue",
            "comment pull",
            "pull opened",
            "pull synchronized",
            "pull closed",
            "review changes",
            "created",
            "push",
            "deleted",
            "ci failed",
        ];
        while !open.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(30), deliveries.recv()).await;
            let (headers, body) = next.unwrap_or_else(|_| panic!("never delivered: {open:?}")).unwrap();
            let head = forge.delivery_head(&headers).unwrap_or_else(|| panic!("no head in {headers:?}"));
            assert!(forge.verify(&secret, &headers, &body), "{head:?}");
            assert!(!forge.verify(&SecretString::from("wrong".to_owned()), &headers, &body));
            let parsed = forge.parse(&head.event, &body).unwrap_or_else(|error| panic!("{head:?}: {error}"));
            let Parsed::Event(event) = parsed else { continue };
            assert_eq!(event.repo, *repo);
            let name = match &event.kind {
                EventKind::Issue { action: IssueAction::Opened, .. } => "issue opened",
                EventKind::Issue { action: IssueAction::Labeled, .. } => "issue labeled",
                EventKind::Comment { is_pull: false, number, .. } if *number == issue => "comment issue",
                EventKind::Comment { is_pull: true, head_branch: Some(branch), .. } if branch == "hook-branch" => "comment pull",
                EventKind::Pull { action: PullAction::Opened, pull } if pull.draft => "pull opened",
                EventKind::Pull { action: PullAction::Synchronized, .. } => "pull synchronized",
                EventKind::Pull { action: PullAction::Closed, .. } => "pull closed",
                EventKind::Review { verdict: Verdict::ChangesRequested, reviewer: Some(who), .. } if who.id == stage.writer.id => {
                    "review changes"
                }
                EventKind::BranchCreated { .. } => "created",
                EventKind::Push { .. } => "push",
                EventKind::BranchDeleted { .. } => "deleted",
                EventKind::Ci { state: CiState::Failure, .. } => "ci failed",
                _ => continue,
            };
            println!("{:<30} {name}", head.event);
            open.retain(|other| *other != name);
        }
    };
    tokio::select! {
        _ = server => panic!("the receiver ended"),
        () = work => {}
    }
}

async fn renames(stage: &Stage, suffix: &str) {
    let Stage { forge, repo, admin, org, .. } = stage;
    // The user keeps the id and loses the name.
    admin.post(&format!("admin/users/{}/rename", stage.writer.login), json!({"new_username": format!("renamed-{suffix}")})).await;
    let gone = forge.role(repo, &stage.writer).await;
    println!("role by the old name of a renamed user: {gone:?}");
    let now = User { id: stage.writer.id, login: format!("renamed-{suffix}") };
    assert_eq!(forge.role(repo, &now).await.unwrap(), Role::Writer);

    admin.call(Method::PATCH, &format!("repos/{}", repo.path), json!({"name": "store"})).await;
    let comment = forge.create_comment(repo, 1, "after the rename").await.expect("a write finds the new path");
    assert_eq!(forge.comment(repo, 1, comment.id).await.unwrap().body, "after the rename");
    assert_eq!(forge.repo(repo).await.unwrap().path, format!("{org}/store"));
    // Somebody takes the old path; a driver that has not heard of the rename must not read the wrong repository.
    admin.post(&format!("orgs/{org}/repos"), json!({"name": "shop", "auto_init": true})).await;
    admin.post(&format!("repos/{org}/shop/issues"), json!({"title": "a trap"})).await;
    let token = admin.authorization.trim_start_matches("token ").to_owned();
    let fresh = driver(admin, &token);
    assert_eq!(fresh.issue(repo, 1).await.unwrap().title, "Export as CSV");
    assert_eq!(fresh.repo(repo).await.unwrap().path, format!("{org}/store"));
}

//! Nobody tells the program anything; it looks.

use insta::assert_snapshot;
use serde_json::json;
use syndarix::engine::turn::NOTES;
use syndarix::store::WorkKind;

use super::account;
use super::answers::*;
use super::database::Database;
use super::relay::{Mode, Relay};
use super::scenario;
use super::world::{IDLE, REPO, Setup, World};

/// The main story; after each thing that people do, what is due happens.
async fn story(w: &World, rest: impl AsyncFn()) -> (String, String) {
    let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
    w.alice().comments(issue, "/syndarix plan").await;
    rest().await;
    let pull = w.pull();
    w.alice().comments(pull, "/syndarix approve").await;
    rest().await;
    w.bob().approves(pull).await;
    rest().await;
    (w.page(issue), w.page(pull))
}

async fn the_same_without_web_hooks(store: Option<String>) {
    let mut told = (String::new(), String::new());
    scenario(smooth(), async |w| told = story(w, async || w.settle().await).await).await;
    scenario(Setup { store, ..Setup::from(smooth()) }, async |w| {
        w.hooks_are_lost();
        assert_eq!(story(w, async || w.looks().await).await, told);
        let before = w.stored_deliveries().await.len();
        w.looks().await;
        assert_eq!(w.stored_deliveries().await.len(), before, "what was heard is not found again");
    })
    .await;
    assert!(told.0.contains("[closed]") && told.1.contains("[merged]"), "{told:?}");
}

#[tokio::test]
async fn the_story_without_web_hooks_gives_the_same_pages() {
    the_same_without_web_hooks(None).await;
}

#[tokio::test]
async fn the_story_without_web_hooks_on_postgres() {
    let Some(database) = Database::named("polling").await else { return };
    the_same_without_web_hooks(Some(database.url())).await;
    database.drop().await;
}

#[tokio::test]
async fn an_edit_that_is_only_seen_runs_its_new_lines() {
    scenario(Vec::new(), async |w| {
        w.hooks_are_lost();
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        let comment = w.rita().comments(issue, "/syndarix ping").await;
        w.looks().await;
        let remark = w.rita().comments(issue, "A remark.").await;
        w.looks().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- rita
    /syndarix ping
    --- syndarix
    I am here: Syndarix 0.1.0.
    --- rita
    A remark.
    ");
        w.rita().edits(comment, "/syndarix ping\n\n/syndarix whoami\n\n/syndarix approve").await;
        w.rita().edits(remark, "A remark.\n\n/syndarix ping").await;
        w.looks().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- rita
    /syndarix ping

    /syndarix whoami

    /syndarix approve
    --- syndarix
    You are `rita` (account 4). The forge says your permission here is: read.

    ---

    **Not done:** `approve` does not count when it is added by editing a comment, because an edit leaves no clear moment of consent. Type it in a new comment.
    --- rita
    A remark.

    /syndarix ping
    --- syndarix
    I am here: Syndarix 0.1.0.
    ");
        w.looks().await;
        assert_snapshot!(w.news(issue), @"[open] no labels");
    })
    .await;
}

/// How often each verb was heard on an issue, by the record.
async fn verbs(w: &World) -> Vec<String> {
    let mut tx = w.store().begin_read(w.project(REPO).await).await.unwrap();
    let mut verbs = Vec::new();
    for subject in tx.subjects("story").await.unwrap() {
        let notes = tx.events(NOTES, subject.id.0).await.unwrap();
        verbs.extend(notes.iter().filter_map(|row| row.payload["verb"].as_str().map(str::to_owned)));
    }
    tx.rollback().await.unwrap();
    verbs.sort();
    verbs
}

#[tokio::test]
async fn an_edit_heard_before_what_it_changes_runs_each_line_once() {
    scenario(Vec::new(), async |w| {
        let relay = Relay::between(w, Mode::Hold).await;
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        let comment = w.rita().comments(issue, "/syndarix ping").await;
        w.rita().edits(comment, "/syndarix ping\n\n/syndarix whoami").await;
        w.sandbox.settled().await;
        for letter in relay.held().iter().rev() {
            relay.sends(letter).await;
            w.settle().await;
        }
        assert_eq!(verbs(w).await, ["ping", "whoami"]);

        // Somebody with the right to edit does not speak in her name, now or later.
        relay.set(Mode::Pass);
        w.mona().edits(comment, "/syndarix ping\n\n/syndarix whoami\n\n/syndarix status").await;
        w.settle().await;
        w.rita().edits(comment, "/syndarix ping\n\n/syndarix whoami\n\n/syndarix status\n\n/syndarix help ping").await;
        w.settle().await;
        w.looks().await;
        assert_eq!(verbs(w).await, ["help", "ping", "whoami"]);
    })
    .await;
}

#[tokio::test]
async fn a_remark_from_before_the_question_is_no_answer() {
    let rules = vec![analyses_and_asks("Which three items?")];
    scenario(rules, async |w| {
        w.hooks_are_lost();
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.bob().comments(issue, "It has always been like this.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.looks().await;
        // Both are within the overlap of the next look, and now there is somebody to listen.
        w.looks().await;
        assert!(w.page(issue).contains("Which three items?"));
        assert!(w.story(issue).await.question.is_some(), "nobody has answered yet");
    })
    .await;
}

#[tokio::test]
async fn what_was_written_more_than_a_day_ago_is_answered_and_not_run() {
    scenario(Vec::new(), async |w| {
        w.hooks_are_lost();
        w.looks().await;
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        let remark = w.bob().comments(issue, "A remark.").await;
        w.clock.advance(25 * 60 * 60 * 1000);
        // An edit counts from the moment of the edit.
        w.bob().edits(remark, "A remark.\n\n/syndarix pause").await;
        w.looks().await;
        assert_snapshot!(w.news(issue), @r"
    [open] no labels
    --- alice
    /syndarix plan
    --- bob
    A remark.

    /syndarix pause
    --- syndarix
    **Not done:** I was away when this was written (2026-08-03T09:00:04.000000Z) and saw it more than 24 hours later, so I did not run it. If you still want it, type it again.
    --- syndarix
    **Not done:** No story is under way here. Start one with `/syndarix plan` under the issue.
    ");
    })
    .await;
}

#[tokio::test]
async fn a_command_on_a_pull_request_of_somebody_else_is_seen() {
    scenario(Vec::new(), async |w| {
        w.hooks_are_lost();
        let url = format!("{}/api/v1/repos/{REPO}", w.sandbox.url());
        let branch = json!({"new_branch_name": "bobs", "old_ref_name": "main"});
        let token = format!("token {}", w.token("bob"));
        let post =
            |path: &str, body: serde_json::Value| w.http.post(format!("{url}/{path}")).header("Authorization", &token).json(&body).send();
        assert!(post("branches", branch).await.unwrap().status().is_success());
        w.bob().pushes_to("bobs", "bob.md", "by hand\n").await;
        let pull = json!({"title": "By hand", "head": "bobs", "base": "main", "body": ""});
        let made: serde_json::Value = post("pulls", pull).await.unwrap().json().await.unwrap();
        let number = made["number"].as_i64().unwrap();
        w.rita().comments(number, "/syndarix ping").await;
        w.looks().await;
        assert!(w.page(number).contains("I am here: Syndarix"), "{}", w.page(number));
    })
    .await;
}

/// When the next look at a project is due, in seconds from now.
async fn next_look(w: &World) -> i64 {
    let at = w.store().next_due(&[WorkKind::Look]).await.unwrap().unwrap();
    (at.0 - w.clock.now().0) / 1_000_000
}

/// One look as the serving process takes it.
async fn one_due_look(w: &World) {
    let project = w.project(REPO).await;
    w.store().schedule(WorkKind::Look, project.0, Some(project), None, None).await.unwrap();
    let claim = w.app.engine.claim(&[WorkKind::Look]).await.unwrap().unwrap();
    assert_eq!(w.app.engine.claim(&[WorkKind::Look]).await.unwrap(), None, "one instance looks");
    w.app.engine.work(claim).await.unwrap();
    w.settle().await;
}

#[tokio::test]
async fn looks_come_soon_where_a_story_waits_and_seldom_where_web_hooks_arrive() {
    scenario(to_the_plan(), async |w| {
        let relay = Relay::between(w, Mode::Lose).await;
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.clock.advance(15_000);
        one_due_look(w).await;
        one_due_look(w).await;
        assert!((11..=14).contains(&next_look(w).await), "a story waits, and nobody tells: {}", next_look(w).await);

        relay.set(Mode::Pass);
        w.alice().comments(issue, "/syndarix status").await;
        w.settle().await;
        one_due_look(w).await;
        assert!((11..=14).contains(&next_look(w).await), "one that arrives does not make up for those missed: {}", next_look(w).await);
        w.clock.advance(31 * 60 * 1000);
        one_due_look(w).await;
        assert!((47..=53).contains(&next_look(w).await), "half an hour later it does: {}", next_look(w).await);

        w.alice().comments(issue, "/syndarix cancel").await;
        w.settle().await;
        for _ in 0..6 {
            one_due_look(w).await;
        }
        assert!((300..=330).contains(&next_look(w).await), "nothing waits any more: {}", next_look(w).await);
    })
    .await;
}

#[tokio::test]
async fn what_was_said_while_the_bot_was_shut_out_is_heard_afterwards() {
    scenario(Vec::new(), async |w| {
        w.hooks_are_lost();
        w.looks().await;
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.rita().comments(issue, "/syndarix ping").await;
        // The bot's account is shut out for one look.
        w.sandbox.set_private(REPO, true).unwrap();
        w.sandbox.set_permission(REPO, w.bot().login, syndarix::sandbox::Permission::None).unwrap();
        w.looks().await;
        assert!(!w.page(issue).contains("I am here"));
        w.clock.advance(3 * 60 * 60 * 1000);
        w.sandbox.set_permission(REPO, w.bot().login, syndarix::sandbox::Permission::Admin).unwrap();
        w.looks().await;
        assert!(w.page(issue).contains("I am here"), "{}", w.page(issue));
        w.sandbox.set_private(REPO, false).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_pattern_takes_in_what_the_bot_can_see_and_leaves_out_what_is_named() {
    let setup = Setup { projects: vec![REPO.into(), IDLE.into(), "acme/*".into(), "!acme/secret".into()], ..Setup::from(Vec::new()) };
    scenario(setup, async |w| {
        for name in ["annex", "secret"] {
            w.sandbox.ensure_repo("acme", name, None, None).await.unwrap();
        }
        if account::is_app() {
            // An App sees what it is installed in.
            account::ensure(&w.sandbox, &[REPO, IDLE, "acme/annex", "acme/secret"].map(str::to_owned));
        }
        w.discovers().await;
        let paths: Vec<String> = w.store().projects().await.unwrap().into_iter().map(|project| project.path).collect();
        assert_eq!(paths, ["acme/annex", IDLE, REPO]);
    })
    .await;
}

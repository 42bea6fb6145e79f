//! What the forge sent is kept: whatever could not be read is listed, shown and read again.

use clap::Parser;
use serde_json::{Value, json};
use syndarix::cli::deliveries::{DeliveriesArgs, run};
use syndarix::config::Retention;
use syndarix::engine::prune::prune;
use syndarix::sandbox::Skin;
use syndarix::store::{DeliveryFilter, WorkKind};

use super::answers::*;
use super::envelope;
use super::scenario;
use super::world::{HOOK_SECRET, World, skin};

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    deliveries: DeliveriesArgs,
}

impl World {
    /// `syndarix deliveries …` beside the running program: exit code and answer.
    async fn operator(&self, words: &[&str]) -> (u8, String) {
        let program = Program::try_parse_from(["deliveries"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}"));
        let mut out = Vec::new();
        let engine = &self.app.engine;
        let code = run(&program.deliveries, &engine.store, &engine.redactor, &mut out).await;
        let text = String::from_utf8(out).unwrap();
        code.map_or_else(|error| (2, error.to_string()), |code| (code, text))
    }

    async fn listed(&self, words: &[&str]) -> Vec<Value> {
        let (code, text) = self.operator(&[words, &["--json"]].concat()).await;
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["deliveries"].as_array().unwrap().clone()
    }

    /// Somebody posts this to the web hook; the answer's status.
    async fn posts(&self, body: &[u8], kind: &str, id: &str, secret: &str) -> u16 {
        let request = self.http.post(&self.hook).header("Content-Type", kind);
        let request = envelope::addressed(request, envelope::comment_event(), id, body, secret);
        request.send().await.unwrap().status().as_u16()
    }

    /// An older version looks at what has come, and cannot read it.
    async fn an_older_version_cannot_read_it(&self) -> usize {
        let engine = &self.app.engine;
        let mut failed = 0;
        self.sandbox.settled().await;
        while let Some(claim) = engine.claim(&[WorkKind::Intake]).await.unwrap() {
            engine.store.fail_delivery(&claim, "missing field `number` at line 7").await.unwrap();
            failed += 1;
        }
        failed
    }
}

#[tokio::test]
async fn what_an_older_version_could_not_read_is_read_after_the_upgrade() {
    scenario(to_the_plan(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.settle().await;
        w.alice().comments(issue, "/syndarix plan").await;
        assert_eq!(w.an_older_version_cannot_read_it().await, 1);
        w.settle().await;
        assert_eq!(w.sandbox.pull_numbers(super::world::REPO).unwrap(), [0_i64; 0], "nobody heard the command");

        let failed = w.listed(&["list", "--state", "failed"]).await;
        assert_eq!(failed.len(), 1);
        assert_eq!((&failed[0]["event"], &failed[0]["replays"]), (&json!(envelope::comment_event()), &json!(0)));
        let id = failed[0]["id"].as_str().unwrap();
        let (code, text) = w.operator(&["list", "--since", "2h"]).await;
        assert!(code == 0 && text.contains(id) && text.contains("In all 1 could not be read."), "{text}");
        let (_, text) = w.operator(&["show", id]).await;
        assert!(text.contains("missing field `number`") && text.contains("\": \"/syndarix plan\""), "{text}");

        let (code, text) = w.operator(&["replay", "--failed"]).await;
        assert_eq!(code, 0);
        assert!(text.starts_with("1 delivery is read again"), "{text}");
        w.settle().await;
        assert_eq!(w.listed(&["list", "--state", "failed"]).await.len(), 0);
        let pull = w.pull();
        let page = w.page(issue);

        // Again and again: the source keys know it.
        for _ in 0..3 {
            assert_eq!(w.operator(&["replay", id]).await.0, 0);
            w.settle().await;
        }
        assert_eq!((w.page(issue), w.pull()), (page, pull));
        let project = w.listed(&["list", "--project", super::world::REPO, "--limit", "100"]).await;
        let row = project.iter().find(|row| row["id"] == id).unwrap();
        assert_eq!((&row["state"], &row["replays"]), (&json!("done"), &json!(4)));
    })
    .await;
}

#[tokio::test]
async fn a_broken_body_is_kept_and_says_so_each_time() {
    scenario(vec![], async |w| {
        let secret = format!("{{\"comment\": \"{HOOK_SECRET} \u{1b}[2J");
        assert_eq!(w.posts(secret.as_bytes(), "application/json", "broken-1", HOOK_SECRET).await, 202);
        w.settle().await;
        for replays in 0..3 {
            let failed = w.listed(&["list", "--state", "failed"]).await;
            assert_eq!((failed.len(), &failed[0]["replays"]), (1, &json!(replays)));
            let id = failed[0]["id"].as_str().unwrap();
            let (_, text) = w.operator(&["show", id]).await;
            assert!(text.contains("cannot be read: control character") && text.contains("broken-1"), "{text}");
            assert!(!text.contains(HOOK_SECRET) && text.contains("[redacted] [2J"), "no secret and no escape sequence: {text}");
            w.clock.advance(1_000);
            assert_eq!(w.operator(&["replay", "--failed", "--since", "1d"]).await.0, 0);
            w.settle().await;
        }
        let stored = &w.store().list_deliveries(&DeliveryFilter::default(), 1).await.unwrap()[0];
        assert_eq!(w.store().delivery(stored.id).await.unwrap().body, secret.as_bytes());

        // It is kept for a year, the others for less.
        let keep = Retention::default();
        assert_eq!(prune(&w.app.engine, keep).await.unwrap(), 0);
        w.clock.advance(31 * 86_400_000);
        assert!(prune(&w.app.engine, keep).await.unwrap() > 0, "what was ignored is dropped after 30 days");
        assert_eq!(w.listed(&["list"]).await.len(), 1);
        w.clock.advance(340 * 86_400_000);
        assert_eq!(prune(&w.app.engine, keep).await.unwrap(), 1);
        let (code, text) = w.operator(&["list"]).await;
        assert_eq!((code, text.as_str()), (0, "No delivery matches.\n"));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_signed_or_not_json_is_refused_and_not_kept() {
    scenario(vec![], async |w| {
        w.settle().await;
        let before = w.listed(&["list"]).await.len();
        assert_eq!(w.posts(b"{}", "application/json", "x-1", "another secret").await, 401);
        assert_eq!(w.posts(b"payload=%7B%7D", "application/x-www-form-urlencoded", "x-2", HOOK_SECRET).await, 415);
        if skin() != Skin::GitLab {
            // Older GitLab sends none, and the content stands in for it.
            assert_eq!(w.posts(b"{}", "application/json", "", HOOK_SECRET).await, 400);
        }
        assert_eq!(w.listed(&["list"]).await.len(), before);
    })
    .await;
}

#[tokio::test]
async fn wrong_questions_get_a_sentence() {
    scenario(vec![], async |w| {
        let unknown = "del_00000000000070008000000000000000";
        let (code, text) = w.operator(&["show", unknown]).await;
        assert!(code == 1 && text.contains("There is no delivery del_"), "{text}");
        let (code, text) = w.operator(&["replay", unknown]).await;
        assert!(code == 1 && text.contains("There is no delivery") && text.contains("Nothing is to be read again."), "{text}");
        let (code, text) = w.operator(&["list", "--project", "acme/none"]).await;
        assert!(code == 2 && text.contains("there are: acme/"), "{text}");
        let (code, text) = w.operator(&["list", "--since", "yesterday"]).await;
        assert!(code == 2 && text.contains("`yesterday` is no time"), "{text}");
        for words in
            [&["show", "42"][..], &["replay"], &["replay", "--since", "1d"], &["replay", unknown, "--failed"], &["list", "--state", "odd"]]
        {
            let error = Program::try_parse_from(["deliveries"].iter().chain(words)).err().expect("refused");
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
        let error = Program::try_parse_from(["deliveries", "show", "42"]).err().unwrap().to_string();
        assert!(error.contains("`42` is not an id that starts with `del_`"), "{error}");
    })
    .await;
}

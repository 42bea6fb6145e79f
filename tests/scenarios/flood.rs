//! Floods are limited, and fairly: whoever floods waits, nobody else does, and nothing is passed over in silence.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;
use syndarix::store::IntentState;

use super::answers::*;
use super::guard::helper;
use super::scenario;
use super::world::{REPO, World, policy};

/// What became of the intents of an issue's lane: done, refused, ignored.
async fn outcomes(w: &World, issue: i64) -> (usize, usize, usize) {
    let mut tx = w.store().begin_read(w.project(REPO).await).await.unwrap();
    let subject = tx.subject_by_alias(&format!("issue:{}", w.own(issue))).await.unwrap().unwrap();
    let intents = tx.intents(subject.id).await.unwrap();
    tx.rollback().await.unwrap();
    let count = |state: IntentState| intents.iter().filter(|intent| intent.state == state).count();
    assert!(
        intents
            .iter()
            .all(|intent| intent.state != IntentState::Refused || intent.note.as_ref().is_some_and(|note| note.starts_with("limited: ")))
    );
    (count(IntentState::Done), count(IntentState::Refused), count(IntentState::Ignored))
}

#[tokio::test]
async fn whoever_floods_waits_and_others_are_served() {
    scenario(policy(Vec::new(), "limits = { user_commands_per_hour = 10 }"), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        let other = w.alice().opens_issue("Another one", "Quiet here.").await;
        for n in 0..60 {
            let body = json!({"body": format!("/syndarix ping\n\n{n}")});
            let answer = w.rita().request(Method::POST, &format!("issues/{issue}/comments"), &body).send().await.unwrap();
            assert!(answer.status().is_success());
        }
        w.bob().comments(issue, "/syndarix whoami").await;
        w.alice().comments(other, "/syndarix ping").await;
        w.settle().await;
        let page = w.page(issue);
        assert_eq!(page.matches("I am here").count(), 10);
        assert_eq!(page.matches("limited until").count(), 1, "one reply for all of them");
        assert_eq!(outcomes(w, issue).await, (11, 50, 0), "ten of Rita's and Bob's one; the rest is recorded");
        assert!(page.contains("You are `bob`"), "{page}");
        assert!(w.page(other).contains("I am here"));
        let said = page.lines().find(|line| line.contains("limited until")).unwrap();
        assert_snapshot!(said, @"`rita`: limited until 2026-08-03 09:06:09 UTC. Nobody may give more than 10 commands an hour here (`user_commands_per_hour = 10` under `limits` in `policy.toml` or in the project's own file). What you write before then is recorded and not run; type it again afterwards. Others are not affected.");
        // After the wait she is served again; a new flood edits the same reply.
        w.news(issue);
        w.clock.advance(6 * 60 * 1000);
        w.rita().comments(issue, "/syndarix ping").await;
        w.rita().comments(issue, "/syndarix ping").await;
        w.settle().await;
        let page = w.page(issue);
        assert_eq!(page.matches("I am here").count(), 11);
        assert_eq!(page.matches("limited until").count(), 1, "the reply was edited");
    })
    .await;
}

#[tokio::test]
async fn five_hundred_commands_in_one_comment_are_one_refusal() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, &"/syndarix ping\n".repeat(500)).await;
        w.bob().comments(issue, "/syndarix ping").await;
        w.settle().await;
        let page = w.page(issue);
        assert_eq!((page.matches("**Not done:**").count(), page.matches("I am here").count()), (1, 1), "{page}");
        let long = format!("/syndarix ping\n\n{}", "All work and no play. ".repeat(2_800));
        w.alice().comments(issue, &long).await;
        w.settle().await;
        assert_eq!(w.page(issue).matches("I am here").count(), 2, "60 KB of prose around a command do no harm");
    })
    .await;
}

#[tokio::test]
async fn a_listed_program_is_heard_once_until_a_person_speaks() {
    scenario(policy(to_the_plan(), "listed_bots = [\"helper\"]"), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        for _ in 0..6 {
            helper(w).comments(issue, "/syndarix ping").await;
            w.settle().await;
        }
        assert_eq!(w.page(issue).matches("I am here").count(), 1, "an answer to a program is answered by no other one");
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        for _ in 0..3 {
            helper(w).comments(issue, "/syndarix ping").await;
            w.settle().await;
        }
        assert_eq!(w.page(issue).matches("I am here").count(), 2, "a person spoke in between");
        helper(w).comments(w.pull(), "/syndarix approve").await;
        w.settle().await;
        assert!(!w.story(issue).await.plan_approved);
        w.alice().comments(issue, "/syndarix pause").await;
        w.settle().await;
        w.news(issue);
        helper(w).comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/paused, syndarix/waiting
    --- helper
    /syndarix resume
    --- syndarix
    **Not done:** Only a person may let a stopped story go on. Ask somebody with write permission to type it.
    ");
        w.alice().comments(issue, "/syndarix resume").await;
        w.settle().await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_nobody_listed_is_told_by_its_pace() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        helper(w).comments(issue, "/syndarix ping").await;
        w.settle().await;
        // It answers each comment of the bot at once.
        for n in 0..12 {
            let body = json!({"body": format!("/syndarix ping\n\nThat is answer {n}.")});
            let answer = helper(w).request(Method::POST, &format!("issues/{issue}/comments"), &body).send().await.unwrap();
            assert!(answer.status().is_success());
            w.settle().await;
        }
        let page = w.page(issue);
        assert_eq!(page.matches("I am here").count(), 5, "{page}");
        let said: Vec<&str> = page.lines().filter(|line| line.contains("take that account for a program")).collect();
        assert_eq!(said.len(), 1);
        assert_snapshot!(said[0], @"`helper` wrote within two seconds after a comment of mine 5 times in a row, so I take that account for a program and do not react to it any more. If it is a person, a maintainer can list it under `people` in the project's configuration; if it is a program that may give commands, under `listed_bots`.");
        w.alice().comments(issue, "/syndarix ping").await;
        w.settle().await;
        assert_eq!(w.page(issue).matches("I am here").count(), 6, "people are served as before");
    })
    .await;
}

#[tokio::test]
async fn answers_are_limited_per_person() {
    let rules = vec![round(0, analyses_and_asks("Which currency?")), round(1, analyses()), designs("first")];
    scenario(policy(rules, "limits = { user_answers_per_hour = 1 }"), async |w| {
        let (first, second) = (w.story_is_planned().await, w.story_is_planned().await);
        w.alice().comments(first, "Euros.").await;
        w.settle().await;
        assert!(w.story(first).await.question.is_none());
        w.news(second);
        w.alice().comments(second, "Euros here, too.").await;
        w.settle().await;
        assert_snapshot!(w.news(second), @r"
    [open] story/analysis, syndarix/waiting
    --- alice
    Euros here, too.
    --- syndarix
    `alice`: limited until 2026-08-03 10:00:11 UTC. Nobody may give more than 1 answer an hour here (`user_answers_per_hour = 1` under `limits` in `policy.toml` or in the project's own file). What you write before then is recorded and not run; type it again afterwards. Others are not affected.
    ");
        w.bob().comments(second, "Euros.").await;
        w.settle().await;
        assert!(w.story(second).await.question.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_program_answers_no_question() {
    let rules = vec![round(0, analyses_and_asks("Which currency?")), round(1, analyses()), designs("first")];
    scenario(policy(rules, "listed_bots = [\"helper\"]"), async |w| {
        let issue = w.story_is_planned().await;
        helper(w).comments(issue, "Take euros.").await;
        w.settle().await;
        assert!(w.story(issue).await.question.is_some());
        w.alice().comments(issue, "Euros.").await;
        w.settle().await;
        assert!(w.story(issue).await.question.is_none());
    })
    .await;
}

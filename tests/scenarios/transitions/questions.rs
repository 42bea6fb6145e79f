//! Questions of agents, and what is an answer.

use super::super::answers::*;
use super::super::scenario;
use super::says;

fn asks_once() -> Vec<syndarix::llm::scripted::Rule> {
    vec![round(0, analyses_and_asks("Does it hold for two items as well?")), round(1, analyses()), designs("first")]
}

#[tokio::test]
async fn an_answer_with_a_command_runs_the_command_and_answers_nothing() {
    scenario(asks_once(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.alice().comments(issue, "No, from three on.\n\n/syndarix ping").await;
        w.settle().await;
        says(&w.news(issue), &["I am here: Syndarix"]);
        assert_eq!(w.stands(issue).await, "analysis: nobody works; waiting");
        w.rita().comments(issue, "I would say yes.").await;
        w.settle().await;
        assert_eq!(w.news(issue), "[open] story/analysis, syndarix/waiting\n--- rita\nI would say yes.\n", "no noise");
        w.alice().comments(issue, "No, from three on.").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "design: nobody works; waiting");
        says(&w.told(issue, "analyse").await, &["No, from three on."]);
    })
    .await;
}

#[tokio::test]
async fn the_same_question_twice_in_a_row_is_asked_twice() {
    let rules = vec![analyses(), designs("first"), implements_and_asks_twice("May I add a file?", "one.md"), accepts()];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(pull);
        w.bob().comments(pull, "Which one?").await;
        w.settle().await;
        says(&w.news(pull), &["--- bob\nWhich one?", "> May I add a file?"]);
        assert_eq!(w.stands(issue).await, "implementation: engineer works; waiting");
        w.bob().comments(pull, "Yes, you may.").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_nobody_told_of_is_found() {
    scenario(asks_once(), async |w| {
        let issue = w.story_is_planned().await;
        w.hooks_are_lost();
        w.alice().comments(issue, "No, from three on.").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "analysis: nobody works; waiting");
        w.looks().await;
        assert_eq!(w.stands(issue).await, "design: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn a_comment_from_before_the_question_is_no_answer() {
    scenario(asks_once(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.alice().comments(issue, "/syndarix plan").await;
        w.sandbox.settled().await;
        w.hooks_are_lost();
        w.alice().comments(issue, "It was fine last year.").await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "analysis: nobody works; waiting");
        w.looks().await;
        assert_eq!(w.stands(issue).await, "analysis: nobody works; waiting");
        w.alice().comments(issue, "No, from three on.").await;
        w.looks().await;
        assert_eq!(w.stands(issue).await, "design: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn an_answer_after_the_cancel_wakes_nobody() {
    scenario(vec![analyses_and_asks("Does it hold for two items as well?")], async |w| {
        let issue = w.story_is_planned().await;
        w.alice().comments(issue, "/syndarix cancel").await;
        w.settle().await;
        w.news(issue);
        w.alice().comments(issue, "No, from three on.").await;
        w.settle().await;
        assert_eq!(w.news(issue), "[open] no labels\n--- alice\nNo, from three on.\n");
        assert_eq!(w.stands(issue).await, "cancelled: nobody works; no flags");
    })
    .await;
}

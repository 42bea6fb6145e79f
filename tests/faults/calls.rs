//! Calls of tools that are none: each is told to the model in a typed answer, a few times, and then the step ends with a sentence.

use serde_json::json;

use super::answers::{accepts, analyses, designs, implements, tests};
use super::double::{Double, answers, calls};
use super::rules::Fault;
use super::stage::through_a_proxy;

/// Malformed calls with words that the answer to the model must hold.
fn malformed() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("create_file", r#"{"path": "a.md", "content": "#.into(), "are not JSON"),
        ("frobnicate", r#"{"path":"a.md"}"#.into(), "There is no tool `frobnicate`"),
        ("create_file", r#"{"path":7,"content":["x"]}"#.into(), "`path`"),
        ("create_file", json!({"path": "a.md", "content": "x".repeat(10 << 20)}).to_string(), "more than 2 MiB"),
        ("create_file", format!(r#"{{"path":"a.md","content":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)), "are not JSON"),
        ("create_file", r#"{"path":"a.md","path":"b.md","content":"x"}"#.into(), "the key `path` stands twice"),
        ("create_file", r#""just a text""#.into(), "are not JSON"),
    ]
}

/// Everything up to the engineer, and what comes after.
fn around(middle: Vec<Fault>) -> Vec<Fault> {
    let before = answers(&[analyses(), designs("first")]);
    before.into_iter().chain(middle).chain(answers(&[implements("one.md"), accepts(), tests()])).collect()
}

#[tokio::test]
async fn f10_each_malformed_call_is_told_to_the_model_and_the_story_goes_on() {
    for (tool, arguments, words) in malformed() {
        let double = Double::with(around(vec![calls(&[("call_1", tool, &arguments)])])).await;
        through_a_proxy(double.setup(""), async |w, _| {
            let (issue, pull) = w.story_is_reviewed().await;
            w.bob().approves(pull).await;
            w.settle().await;
            assert!(w.page(issue).contains("[closed]"), "after {words}: {}", w.page(issue));
            let told = double.told(3);
            assert!(
                told.contains(words),
                "the model was not told that {words}: {}",
                told.chars().rev().take(600).collect::<String>().chars().rev().collect::<String>()
            );
            assert_eq!(w.sandbox.counts(super::world::REPO).unwrap().branches, 2);
            assert!(!w.page(pull).contains("a.md"), "nothing of the call was carried out");
        })
        .await;
    }
}

#[tokio::test]
async fn f10_a_model_that_only_sends_malformed_calls_is_stopped_after_three_more_tries() {
    let (tool, arguments, _) = malformed().swap_remove(1);
    let double = Double::with(around((0..4).map(|_| calls(&[("call_1", tool, &arguments)])).collect())).await;
    through_a_proxy(double.setup(""), async |w, _| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        assert_eq!(double.calls().len(), 2 + 4, "once, and three more times");
        let page = w.page(pull);
        assert!(page.contains("did not have the asked-for form") && page.contains("/syndarix retry"), "{page}");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"), "{}", w.page(issue));
    })
    .await;
}

#[tokio::test]
async fn f10_two_calls_with_one_id_are_two_calls() {
    let file = |name: &str| json!({"path": name, "content": format!("{name}\n")}).to_string();
    let twice = calls(&[("call_7", "create_file", &file("two.md")), ("call_7", "create_file", &file("three.md"))]);
    let double = Double::with(around(vec![twice])).await;
    through_a_proxy(double.setup(""), async |w, _| {
        let (_, pull) = w.story_is_reviewed().await;
        let files = w.get(&format!("pulls/{pull}/files?limit=50")).await;
        let names: Vec<&str> = files.as_array().unwrap().iter().filter_map(|file| file["filename"].as_str()).collect();
        assert!(["one.md", "two.md", "three.md"].iter().all(|name| names.contains(name)), "{names:?}");
        let told = double.told(3);
        assert!(
            told.contains(r#""tool_call_id":"call_7""#) && told.contains(r#""tool_call_id":"call_7_2""#),
            "each has an answer of its own"
        );
    })
    .await;
}

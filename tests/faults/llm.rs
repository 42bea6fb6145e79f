//! Models that refuse, are late, or lose their answers, seen from a whole story.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use syndarix::base::Nano;
use syndarix::base::ids::{ProjectId, RunId, SubjectId};
use syndarix::domain::agent::message::{CallMeta, ChatRequest, Message};
use syndarix::domain::budget::{Catalog, Group, Model, ModelRef, Price, Rate};
use syndarix::llm::{Gateway, RetryPolicy};
use syndarix::store::LedgerRow;

use super::answers::smooth;
use super::double::{Double, answers, calls, cut, refusal, said};
use super::rules::Fault;
use super::stage::{difference, main_story, through_a_proxy, undisturbed};
use super::world::{REPO, World};

const PRICE: &str = "{ input = 1.0, output = 1.0 }";

/// Plays the main story with these answers before the ordinary ones.
async fn plays(first: Vec<Fault>, price: &str, look: impl AsyncFnOnce(&World, &Double, String)) {
    let double = Double::with(first.into_iter().chain(answers(&smooth()))).await;
    through_a_proxy(double.setup(price), async |w, _| {
        let page = main_story(w).await;
        look(w, &double, page).await;
    })
    .await;
}

/// Calls as the books have them, oldest first.
async fn ledger(w: &World) -> Vec<LedgerRow> {
    let project = w.project(REPO).await;
    let stories = w.stories().await;
    let mut tx = w.store().begin_read(project).await.unwrap();
    let mut rows = Vec::new();
    for (subject, _) in stories {
        rows.extend(tx.ledger(subject.id).await.unwrap());
    }
    tx.rollback().await.unwrap();
    rows
}

fn apart(double: &Double, one: usize, other: usize) -> i64 {
    let calls = double.calls();
    (calls[other].real.0 - calls[one].real.0) / 1_000
}

#[tokio::test]
async fn f08_a_model_that_asks_to_wait_is_asked_again_not_earlier_and_the_story_goes_on() {
    let want = undisturbed().await;
    let busy = json!({"error": {"message": "busy", "code": "rate_limit_exceeded"}});
    let rows = [
        (refusal(429, &[("retry-after", "1")], &busy), 1_000),
        (refusal(529, &[("retry-after-ms", "700")], &busy), 700),
        (refusal(503, &[], &busy), 400),
        (refusal(500, &[], &busy), 400),
    ];
    for (fault, wait) in rows {
        plays(vec![fault], "", async |_, double, page| {
            assert!(page == want, "{}", difference(want, &page));
            let waited = apart(double, 0, 1);
            assert!(waited >= wait, "asked again after {waited} ms, {wait} were to pass");
        })
        .await;
    }
}

#[tokio::test]
async fn f08_a_spending_limit_and_a_conversation_too_long_are_never_asked_again() {
    let spent = refusal(429, &[("retry-after", "1")], &json!({"error": {"message": "no credit", "code": "insufficient_quota"}}));
    let long = refusal(400, &[], &json!({"error": {"message": "too long", "code": "context_length_exceeded"}}));
    for (fault, words) in [(spent, "spending limit or credit"), (long, "longer than the model can read")] {
        let double = Double::with([fault].into_iter().chain(answers(&smooth()))).await;
        through_a_proxy(double.setup(""), async |w, _| {
            let issue = w.story_is_planned().await;
            assert_eq!(double.calls().len(), 1, "asked once");
            let page = w.page(issue);
            assert!(page.contains(words) && page.contains("/syndarix retry"), "{page}");
            w.alice().comments(issue, "/syndarix retry").await;
            w.settle().await;
            assert!(w.page(issue).contains("story/design"), "{}", w.page(issue));
        })
        .await;
    }
}

#[tokio::test]
async fn f08_a_call_whose_answer_never_comes_is_paid_for_and_made_once_more() {
    let want = undisturbed().await;
    let free = |page: &str| page.lines().filter(|line| !line.contains("Cost")).collect::<Vec<_>>().join("\n");
    for fault in [Fault::DropBefore, Fault::Stall] {
        plays(vec![fault], PRICE, async |w, double, page| {
            assert!(free(&page) == free(want), "{}", difference(&free(want), &free(&page)));
            assert_eq!(double.calls().len(), answers(&smooth()).len() + 1);
            let rows = ledger(w).await;
            let (lost, made) = (&rows[0], &rows[1]);
            assert_eq!(lost.actual, Some(lost.amount), "nobody knows what it cost, so all that it may have cost is booked");
            assert!(made.actual.unwrap() > Nano::ZERO && made.actual.unwrap() < made.amount, "{made:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn f08_the_next_model_is_asked_in_order_and_whoever_is_out_of_credit_is_left_alone() {
    let quota = refusal(429, &[("retry-after", "1")], &json!({"error": {"message": "no credit", "code": "insufficient_quota"}}));
    let slow = refusal(429, &[("retry-after", "1")], &json!({"error": {"message": "busy", "code": "rate_limit_exceeded"}}));
    let busy = || refusal(529, &[], &json!({"error": {"message": "busy"}}));
    let good = || said(json!({"role": "assistant", "content": "done"}), json!("stop"));
    let (one, two, three) = (Double::with([quota, good()]).await, Double::with([slow, busy(), busy()]).await, Double::with([good()]).await);
    let models = ["one/m", "two/m", "three/m"].map(|name| ModelRef::parse(name).unwrap());
    let each = Nano::from_usd(1.0);
    let price = Price { input: each, output: each, cache_write: each, cache_read: each, long: None };
    let catalog = Catalog {
        models: models.iter().map(|name| (name.clone(), Model { rate: Rate::Known(price), context: None, max_output: None })).collect(),
        groups: BTreeMap::from([("strong".to_owned(), Group { models: models.to_vec(), cheaper: None })]),
        ceiling: price,
    };
    let policy = RetryPolicy { tries: 3, first_pause: Duration::from_millis(5), longest_pause: Duration::from_secs(5) };
    let gateway = Gateway::new(catalog, [one.provider("one"), two.provider("two"), three.provider("three")], policy);
    let meta = CallMeta {
        project: ProjectId::named("p"),
        subject: SubjectId::named("s"),
        run: RunId::named("r"),
        agent: "engineer".into(),
        purpose: "implement".into(),
        round: 0,
    };
    let request = ChatRequest {
        meta,
        model: String::new(),
        system: String::new(),
        messages: vec![Message::user("go")],
        tools: vec![],
        max_tokens: 100,
    };
    let answered = gateway.chat("strong", &request).await.unwrap();
    assert_eq!(answered.model_ref.to_string(), "three/m");
    assert_eq!([one.calls().len(), two.calls().len(), three.calls().len()], [1, 3, 1]);
    assert!(one.calls()[0].real <= two.calls()[0].real && two.calls()[2].real <= three.calls()[0].real, "in the order of the group");
    assert!(apart(&two, 0, 1) >= 1_000, "not before the time it named");
}

/// Wherever an answer is cut, nothing of it is used, and what it cost is booked.
#[tokio::test]
async fn f09_an_answer_that_was_cut_is_never_used_and_still_paid() {
    let poison = || calls(&[("call_1", "finish", r#"{"summary":"Half an answer.","criteria":["CUT"],"questions":[]}"#)]);
    let Fault::Instead(whole) = poison() else { return };
    let length = whole.len() - super::http::body_at(&whole);
    for at in [0, 1, length / 2, length - 1] {
        plays(vec![cut(poison(), at)], PRICE, async |w, _, page| {
            assert!(!page.contains("CUT") && page.contains("[merged]"), "cut at {at}: {page}");
            let rows = ledger(w).await;
            assert_eq!(rows[0].actual, Some(rows[0].amount), "cut at {at}");
        })
        .await;
    }
}

#[tokio::test]
async fn f09_an_answer_without_a_reason_why_it_ended_is_no_answer() {
    let half = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "finish", "arguments": "{\"summary\":\"s\",\"criteria\":[\"CUT\"],\"questions\":[]}"}}]});
    plays(vec![said(half, json!(null))], PRICE, async |w, _, page| {
        assert!(!page.contains("CUT") && page.contains("[merged]"), "{page}");
        let first = ledger(w).await[0].actual.unwrap();
        assert_eq!(first, Nano::from_usd(120.0 / 1e6), "it told what it used, so that is what it cost");
    })
    .await;
}

#[tokio::test]
async fn f09_an_answer_that_is_lost_twice_ends_in_a_sentence() {
    let double = Double::with([Fault::DropBefore, Fault::DropBefore].into_iter().chain(answers(&smooth()))).await;
    through_a_proxy(double.setup(PRICE), async |w, _| {
        let issue = w.story_is_planned().await;
        let page = w.page(issue);
        assert!(page.contains("could not finish") && page.contains("/syndarix retry"), "{page}");
        assert_eq!(double.calls().len(), 2);
        assert!(ledger(w).await.iter().all(|row| row.actual == Some(row.amount)));
    })
    .await;
}

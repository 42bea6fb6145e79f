//! What waits for a person at the tightest level, and what no agent may touch.

use super::super::answers::*;
use super::super::scenario;
use super::super::world::{Setup, policy};
use super::says;

#[tokio::test]
async fn spending_above_the_estimate_waits_for_a_person() {
    let setup = policy(to_the_review(), "autonomy = \"full-control\"");
    let setup = Setup { price: "{ input = 5.0, output = 5.0 }".into(), ..setup };
    scenario(setup, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        says(&w.news(pull), &["the work stopped, because", "Autonomy FULL_CONTROL asks a person first."]);
        assert_eq!(w.stands(issue).await, "implementation: nobody works; waiting");
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        says(&w.news(pull), &["is committed but not pushed: autonomy FULL_CONTROL asks a person first"]);
        w.bob().comments(pull, "/syndarix fix").await;
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        let page = w.news(pull);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting", "{page}");
    })
    .await;
}

#[tokio::test]
async fn a_protected_path_is_refused_to_the_engineer() {
    let rules = vec![analyses(), designs("first"), implements_past_a_protected_path(".gitea/workflows/ci.yml", "one.md"), accepts()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        says(&w.page(pull), &["**Files:** `one.md`\n"]);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

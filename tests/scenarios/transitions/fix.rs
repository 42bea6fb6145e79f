//! `fix`: in the review, while somebody is at work, and after the merge.

use reqwest::Method;
use serde_json::json;

use super::super::answers::*;
use super::super::scenario;
use super::{pull_of, says};

#[tokio::test]
async fn fix_with_a_text_sends_the_engineer_and_comes_back_to_the_review() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[]), tests()];
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().remarks_in_a_review(pull, "A word on the name, nothing grave.").await;
        w.bob().comments(pull, "/syndarix fix add a second file").await;
        w.settle().await;
        says(
            &w.news(pull),
            &["[open] pr/reviewing, syndarix/waiting", "(eyes by syndarix)", "by somebody with write permission is missing"],
        );
        let told = w.told(issue, "fix").await;
        says(&told, &["add a second file", "A word on the name, nothing grave."]);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "done: nobody works; no flags");
    })
    .await;
}

#[tokio::test]
async fn nothing_to_fix_is_said() {
    scenario(to_the_review(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.bob().comments(issue, "/syndarix fix").await;
        w.settle().await;
        says(&w.news(issue), &["**Not done:** No story is under way here."]);
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        w.bob().comments(issue, "/syndarix fix").await;
        w.settle().await;
        says(&w.news(issue), &["nothing is coded yet that could be mended. Type `/syndarix revise <text>`"]);
        let pull = w.pull();
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix fix").await;
        w.rita().comments(pull, "/syndarix fix everything").await;
        w.settle().await;
        says(
            &w.news(pull),
            &["no CI check is red on this head. Say what to mend with `/syndarix fix <text>`", "`fix` needs write permission"],
        );
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn a_text_for_the_engineer_at_work_is_the_next_step() {
    let rules = vec![analyses(), designs("first"), implements("one.md"), fixes("two.md", &[]), accepts()];
    scenario(rules, async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        let order = json!({"body": "/syndarix fix\n/syndarix fix and mind the empty cart"});
        w.model.interrupt("engineer", 1, w.bob().request(Method::POST, &format!("issues/{issue}/comments"), &order));
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        let page = w.news(issue);
        says(&page, &["(engineer) is at work, and a review follows by itself", "(engineer) is at work. Your text is kept"]);
        says(&w.told(issue, "fix").await, &["and mind the empty cart"]);
        assert_eq!((w.runs(issue, "implement").await, w.runs(issue, "fix").await, w.runs(issue, "review").await), (1, 1, 1));
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
    })
    .await;
}

#[tokio::test]
async fn a_failed_test_is_mended_in_a_second_pull_request() {
    let mut rules = vec![analyses(), designs("first"), implements("one.md"), accepts(), fixes("two.md", &[])];
    rules.extend([round(0, tests_in_vain()), round(1, tests())]);
    scenario(rules, async |w| {
        let (issue, first) = w.story_is_reviewed().await;
        w.bob().approves(first).await;
        w.settle().await;
        assert_eq!(w.stands(issue).await, "testing: nobody works; blocked");
        says(&w.news(issue), &["Type `/syndarix fix` to have it mended in a second pull request"]);
        w.alice().comments(issue, "/syndarix fix").await;
        w.settle().await;
        let story = w.story(issue).await;
        let second = pull_of(&story);
        assert_ne!(second, first);
        assert_eq!(story.branch, "syndarix/1-three-items-no-discount-2");
        let told = w.told(issue, "fix").await;
        says(&told, &["Criterion 1 is not met: the comparison is still `>`", "what you commit becomes a second pull request"]);
        says(&w.page(second), &["[open] by syndarix", "-2 -> main", "Refs #1", "labels: pr/reviewing, syndarix/waiting"]);
        assert_eq!(w.news(first).lines().next(), Some("[merged] pr/merged"), "the first one is left in order");
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        w.bob().approves(second).await;
        w.settle().await;
        says(&w.news(issue), &["[closed] story/done", "- Merged before: pull request #2 as <", "- Merged: pull request #3 as <"]);
    })
    .await;
}

#[tokio::test]
async fn a_person_who_fixes_gives_the_tries_back() {
    let rules = vec![
        analyses(),
        designs("first"),
        implements("one.md"),
        accepts(),
        round(0, fixes("two.md", &[])),
        round(1, fixes("three.md", &[])),
    ];
    scenario(super::super::world::policy(rules, "fix_tries = 1"), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "failure").await;
        w.settle().await;
        let head = w.head_of(pull).await;
        w.news(pull);
        w.bob().reports_with(&head, "build", "failure", "2 tests failed", "https://ci.example/runs/7").await;
        w.settle().await;
        let asked = w.news(pull);
        says(&asked, &["still red after 1 try", "- `build` says `2 tests failed`: <https://ci.example/runs/7>"]);
        assert_eq!(w.stands(issue).await, "review: nobody works; waiting");
        w.bob().comments(pull, "/syndarix fix").await;
        w.settle().await;
        let told = w.told(issue, "fix").await;
        says(&told, &["kind=ci author=ci trust=untrusted", "build: failure 2 tests failed (https://ci.example/runs/7)"]);
        assert_eq!((w.story(issue).await.ci_fixes, w.runs(issue, "fix").await), (0, 2));
    })
    .await;
}

//! What may be spent is shown to everybody and set by maintainers.

use insta::assert_snapshot;
use syndarix::llm::scripted::Rule;

use super::answers::*;
use super::scenario;
use super::world::{Setup, policy};

/// Each call may cost some thirty cents and costs about one.
fn dear(rules: Vec<Rule>, keys: &str) -> Setup {
    Setup { price: "{ input = 50.0, output = 50.0 }".into(), ..policy(rules, keys) }
}

#[tokio::test]
async fn a_raised_budget_lets_the_story_go_on() {
    scenario(dear(to_the_plan(), "soft_usd = 0.1\nhard_usd = 0.2"), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.bob().comments(issue, "/syndarix budget set 100").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix budget set 2,50").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix budget set 2 --soft").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix budget set $3").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        assert!(w.story(issue).await.plan.is_some());
        w.mona().comments(issue, "/syndarix budget set 0.000001").await;
        w.settle().await;
        assert!(w.news(issue).contains("is spent or promised to calls under way for this story already"));
    })
    .await;
}

#[tokio::test]
async fn stories_share_what_the_project_may_cost_in_a_month() {
    scenario(dear(to_the_plan(), "soft_usd = 3.0\nhard_usd = 3.0"), async |w| {
        let other = w.alice().opens_issue("Something else", "Later.").await;
        w.mona().comments(other, "/syndarix budget set 0.1 --project").await;
        w.settle().await;
        assert_snapshot!(w.news(other), @"");
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(other, "/syndarix budget set 10 --project").await;
        w.settle().await;
        assert_snapshot!(w.news(other), @"");
        assert!(w.story(issue).await.plan.is_some(), "the story that waited went on by itself");
        w.mona().comments(other, "/syndarix budget set default --project").await;
        w.settle().await;
        assert_snapshot!(w.news(other), @"");
    })
    .await;
}

#[tokio::test]
async fn everybody_may_see_what_was_spent() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.rita().comments(issue, "/syndarix budget").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix pause\n/syndarix budget set 1").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        assert!(w.status(issue).contains("Cost so far: $0.00 of $1.00"));
    })
    .await;
}

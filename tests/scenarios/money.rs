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
        assert_snapshot!(w.news(issue), @r"
    [open] story/analysis, syndarix/over-budget
    --- bob
    /syndarix budget set 100
    --- syndarix
    **Not done:** `budget` needs maintainer permission in this repository; `bob` has: write. Ask a maintainer (an administrator of this repository) or its owner to type it.
    --- mona
    /syndarix budget set 2,50
    --- syndarix
    **Not done:** `2,50` is not an amount I can take: write the cents behind a point: `2.50`. Type `/syndarix budget [show] [set <amount>] [--soft] [--project]`.
    --- mona
    /syndarix budget set 2 --soft
    --- syndarix
    **Not done:** A soft limit above the hard one, which is $0.20, would never be reached. Raise the hard limit first, with the same command without `--soft`.
    ");
        w.mona().comments(issue, "/syndarix budget set $3").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- mona
    /syndarix budget set $3
    --- syndarix
    This story may cost $3.00, and from $0.10 on cheaper models work. Somebody (product-owner) takes the interrupted step up again.
    ");
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
        assert_snapshot!(w.news(other), @r"
    [open] no labels
    --- mona
    /syndarix budget set 0.1 --project
    --- syndarix
    All stories of the project together may cost $0.10 in a calendar month.
    ");
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/analysis, syndarix/over-budget
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    @alice: Somebody (product-owner) could not finish. The project's budget for this month of \$0.10 does not cover the next model call: \$0.00 is spent, and the call may cost up to \$0.31. A maintainer can raise it with `/syndarix budget set <amount> --project`.

    Once the budget is raised, type `/syndarix retry`, or end the story with `/syndarix cancel`.
    ");
        w.mona().comments(other, "/syndarix budget set 10 --project").await;
        w.settle().await;
        assert_snapshot!(w.news(other), @r"
    [open] no labels
    --- mona
    /syndarix budget set 10 --project
    --- syndarix
    All stories of the project together may cost $10.00 in a calendar month.
    ");
        assert!(w.story(issue).await.plan.is_some(), "the story that waited went on by itself");
        w.mona().comments(other, "/syndarix budget set default --project").await;
        w.settle().await;
        assert_snapshot!(w.news(other), @r"
    [open] no labels
    --- mona
    /syndarix budget set default --project
    --- syndarix
    All stories of the project together have no limit for a month; each keeps its own.
    ");
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
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- rita
    /syndarix budget
    --- syndarix
    | | spent | reserved | soft limit | hard limit | limits from |
    |---|---|---|---|---|---|
    | this story | $0.00 | $0.00 | $2.00 | $5.00 | policy.toml |
    | all stories in 2026-08 | $0.00 | $0.00 | none | none | nobody set one |
    | all stories ever | $0.00 | $0.00 | none | none | not limited |

    - Somebody (architect): $0.00 in 1 model call
    - Somebody (product-owner): $0.00 in 1 model call

    Reserved is what calls under way may still cost. A maintainer changes a limit with `/syndarix budget set <amount>`.
    ");
        w.mona().comments(issue, "/syndarix pause\n/syndarix budget set 1").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/paused, syndarix/waiting
    --- mona
    /syndarix pause
    /syndarix budget set 1
    (+1 by syndarix)
    --- syndarix
    This story may cost $1.00, and from $1.00 on cheaper models work.
    ");
        assert!(w.status(issue).contains("Cost so far: $0.00 of $1.00"));
    })
    .await;
}

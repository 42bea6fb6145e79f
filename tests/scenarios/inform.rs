//! People ask what holds here, why something happened, and whether the record can be trusted.

use insta::assert_snapshot;

use super::answers::*;
use super::scenario;
use super::world::{HOOK_SECRET, PROVIDER_KEY, policy};

#[tokio::test]
async fn config_is_for_writers_and_says_where_each_line_comes_from() {
    let setup = policy(Vec::new(), "autonomy = \"full-control\"\nwriters = [\"carol\", \"a|b\"]\nfix_tries = 1");
    scenario(setup, async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.rita().comments(issue, "/syndarix config").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.alice().comments(issue, "/syndarix config").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        for secret in [w.token("syndarix"), HOOK_SECRET.to_owned(), PROVIDER_KEY.to_owned()] {
            assert!(!w.page(issue).contains(&secret));
        }
    })
    .await;
}

#[tokio::test]
async fn explain_tells_the_last_step_from_the_journal() {
    scenario(to_the_review(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.rita().comments(issue, "/syndarix explain").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        w.news(issue);
        let pull = w.pull();
        w.news(pull);
        w.rita().comments(pull, "/syndarix why 2").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        w.alice().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(pull);
        w.bob().comments(issue, "/syndarix explain\n/syndarix explain twice").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}

#[tokio::test]
async fn the_answer_to_one_comment_is_one_comment() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        let asked = w.bob().comments(issue, "/syndarix autonomy").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        // The same delivery comes again.
        for delivery in w.stored_deliveries().await {
            w.comes_again(&delivery).await;
        }
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.bob().edits(asked, "/syndarix autonomy\n/syndarix autonomy set autonomous").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}

#[tokio::test]
async fn audit_checks_the_record_and_says_how_to_check_it_elsewhere() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        w.news(issue);
        w.rita().comments(issue, "/syndarix audit").await;
        w.settle().await;
        let said = w.news(issue);
        let numbers = regex::Regex::new(r"(?m)(Entries: |entry |Published: |story: |:)[0-9]+( entries|[,.`]|$)").unwrap();
        let chain = regex::Regex::new(r"prj_[0-9a-f]+|<[0-9]+>").unwrap();
        assert_snapshot!(chain.replace_all(&numbers.replace_all(&said, "${1}N$2"), "X"), @"");
    })
    .await;
}

#[tokio::test]
async fn labels_are_made_mended_and_left_alone() {
    scenario(Vec::new(), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        w.bob().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix label").await;
        w.settle().await;
        w.mona().comments(issue, "/syndarix label snyc").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        let labels = w.get("labels?limit=50").await;
        let done = labels.as_array().unwrap().iter().find(|label| label["name"] == "story/done").unwrap()["id"].clone();
        let change = serde_json::json!({"color": "#123456", "description": "mine now", "exclusive": false});
        let answer = w.mona().request(reqwest::Method::PATCH, &format!("labels/{done}"), &change).send().await.unwrap();
        assert!(answer.status().is_success());
        w.mona().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
        w.mona().comments(issue, "/syndarix label sync").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
    })
    .await;
}

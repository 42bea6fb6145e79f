//! Pushes that the forge refuses, and comments that land twice.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};
use syndarix::domain::marker;

use super::account;
use super::answers::*;
use super::scenario;
use super::world::{REPO, World};

impl World {
    /// The bot's comments under an issue or pull request, oldest first.
    async fn bots_comments(&self, number: i64) -> Vec<Value> {
        let all = self.get(&format!("issues/{number}/comments")).await;
        // A review is a note on some forges.
        let is_review = |one: &Value| marker::find(one["body"].as_str().unwrap()).is_some_and(|marker| marker.kind == "review");
        all.as_array().unwrap().iter().filter(|one| one["user"]["login"] == account::login() && !is_review(one)).cloned().collect()
    }

    /// The books name this comment for what it is about.
    async fn books_name(&self, object: &str, comment: i64) {
        let mut tx = self.store().begin(self.project(REPO).await).await.unwrap();
        let mut data = tx.object("comment", object).await.unwrap().unwrap().data;
        data["id"] = json!(comment);
        tx.put_object("comment", object, &data, None).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_protected_branch_is_named_with_who_can_lift_it() {
    scenario(to_the_plan(), async |w| {
        let rule = json!({"rule_name": "syndarix/**", "enable_push": false});
        let answer = w.mona().request(Method::POST, "branch_protections", &rule).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        let issue = w.story_is_planned().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/blocked
    --- alice
    /syndarix plan
    (eyes by syndarix)
    --- syndarix
    @alice: Syndarix could not push to the branch. The forge or Git answered: The forge refused the push: Not allowed to push to protected branch syndarix/1-three-items-no-discount \[remote rejected\] (pre-receive hook declined). Whoever administers the repository can let the account `syndarix` push to `syndarix/1-three-items-no-discount`, in its settings under branches.

    Once the cause is gone, type `/syndarix retry`; or end the story with `/syndarix cancel`.
    ");
        let gone = w.mona().request(Method::DELETE, "branch_protections/syndarix%2F**", &Value::Null).send().await.unwrap();
        assert!(gone.status().is_success(), "{}", gone.status());
        w.alice().comments(issue, "/syndarix retry").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix retry
    (eyes by syndarix)
    ");
        assert!(w.page(w.pull()).contains("[draft]"));
    })
    .await;
}

#[tokio::test]
async fn a_comment_that_landed_late_is_taken_away_at_the_next_look() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        // As when the process died while its request was on the way, and the next one had already looked and written its own.
        let asked = w.bots_comments(pull).await.pop().unwrap();
        w.bot().comments(pull, asked["body"].as_str().unwrap()).await;
        let status = w.bots_comments(issue).await.remove(0);
        let late = w.bot().comments(issue, status["body"].as_str().unwrap()).await;
        w.books_name(&format!("{issue}.status"), late).await;
        w.settle().await;
        assert_eq!((w.bots_comments(issue).await.len(), w.bots_comments(pull).await.len()), (2, 3));
        w.looks().await;
        let left = |comments: Vec<Value>| comments.into_iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
        assert_eq!(left(w.bots_comments(issue).await), [status["id"].clone()], "the oldest stays");
        assert_eq!(w.bots_comments(pull).await.last(), Some(&asked));
        // The next text goes to the comment that stayed.
        w.bob().approves(pull).await;
        w.settle().await;
        let first = w.bots_comments(issue).await.remove(0);
        assert_eq!(first["id"], status["id"]);
        assert!(first["body"].as_str().unwrap().contains("[x] Done"), "{first}");
    })
    .await;
}

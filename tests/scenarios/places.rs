//! Where a command counts: in a comment of a person, and nowhere else.

use super::answers::*;
use super::guard::helper;
use super::scenario;
use super::world::{has_reviews, policy};

#[tokio::test]
async fn only_a_comment_gives_commands() {
    scenario(policy(to_the_plan(), "bots = [\"helper\"]"), async |w| {
        let issue = w.alice().opens_issue("/syndarix plan", "/syndarix plan\n\n@syndarix plan").await;
        w.settle().await;
        helper(w).comments(issue, "/syndarix plan").await;
        w.settle().await;
        assert_eq!(w.page(issue).matches("by syndarix)").count(), 0, "{}", w.page(issue));
        assert!(w.model.log.served().is_empty(), "neither title nor text, and no program");
        let comment = w.alice().comments(issue, "Hello.").await;
        w.settle().await;
        w.alice().edits(comment, "Hello.\n\n/syndarix plan").await;
        w.settle().await;
        let pull = w.pull();
        if has_reviews() {
            w.bob().remarks_in_a_review(pull, "/syndarix approve").await;
        }
        w.bob().pushes(pull, "note.md", "/syndarix approve\n").await;
        w.settle().await;
        assert!(!w.story(issue).await.plan_approved, "neither a review's text nor a commit's");
    })
    .await;
}

//! Conflicts that the engineer may not or cannot resolve, and files that are protected or deleted.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

use super::super::answers::*;
use super::super::people::git;
use super::super::scenario;
use super::super::world::{REPO, World, policy};
use super::BRANCH;

impl World {
    async fn deletes_on_main(&self, path: &'static str) {
        let url = self.sandbox.url().replace("http://", &format!("http://mona:{}@", self.token("mona")));
        let work = move || {
            let dir = tempfile::tempdir().unwrap();
            let tree = dir.path().join("tree");
            git(dir.path(), "mona", &["clone", "--quiet", "--branch", "main", &format!("{url}/{REPO}.git"), "tree"]);
            git(&tree, "mona", &["rm", "--quiet", path]);
            git(&tree, "mona", &["commit", "--quiet", "-m", "take it away"]);
            git(&tree, "mona", &["push", "--quiet", "origin", "main"]);
        };
        self.clock.advance(2_000);
        tokio::task::spawn_blocking(work).await.unwrap();
    }
}

#[tokio::test]
async fn what_no_agent_can_resolve_is_for_a_person() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().pushes(pull, "logo.png", "\u{89}PNG\0bob").await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.mona().pushes_to("main", "logo.png", "\u{89}PNG\0mona").await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.news(pull);
        w.mona().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- mona approved
    --- syndarix
    @alice: `main` (<5>) and this branch conflict in a way that only a person can resolve (1 other conflict could have been resolved by the engineer):

    - `logo.png`: both branches changed it, and it is not text

    Merge `main` into `syndarix/1-three-items-no-discount` by hand, push, and type `/syndarix resume`.
    ");
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [ ] **Review**: waits for a person
    - [ ] Testing
    - [ ] Done

    **Waiting for a person:** Only a person can bring the base branch in. The last comment says what to type.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: MILESTONE, a person approves the plan and the merge
    ");
        // A second look at the same two commits says nothing new.
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "success").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"[open] pr/reviewing, syndarix/waiting");
        w.merges_by_hand().await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.mona().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"), "{}", w.page(pull));
    })
    .await;
}

impl World {
    /// Bob merges main into the branch, keeping the branch's side.
    async fn merges_by_hand(&self) {
        let url = self.sandbox.url().replace("http://", &format!("http://bob:{}@", self.token("bob")));
        let work = move || {
            let dir = tempfile::tempdir().unwrap();
            let tree = dir.path().join("tree");
            git(dir.path(), "bob", &["clone", "--quiet", "--branch", BRANCH, &format!("{url}/{REPO}.git"), "tree"]);
            git(&tree, "bob", &["merge", "--quiet", "-X", "ours", "-m", "merge by hand", "origin/main"]);
            git(&tree, "bob", &["push", "--quiet", "origin", BRANCH]);
        };
        self.clock.advance(2_000);
        tokio::task::spawn_blocking(work).await.unwrap();
    }
}

#[tokio::test]
async fn protected_files_that_conflict_are_not_for_the_engineer() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.bob().pushes(pull, "AGENTS.md", "be quick\n").await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.mona().pushes_to("main", "AGENTS.md", "be slow\n").await;
        w.news(pull);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    @alice: `main` (<5>) and this branch conflict in a way that only a person can resolve:

    - `AGENTS.md`: both branches changed it, and agents may not change protected files

    Merge `main` into `syndarix/1-three-items-no-discount` by hand, push, and type `/syndarix resume`.
    ");
    })
    .await;
}

#[tokio::test]
async fn protected_files_that_come_with_the_base_branch_are_not_the_branchs_change() {
    let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
    scenario(policy(rules, "autonomy = \"autonomous\""), async |w| {
        let issue = w.alice().opens_issue("Three items, no discount", "The README promises it.").await;
        let pause = w.bob().request(Method::POST, &format!("issues/{issue}/comments"), &json!({"body": "/syndarix pause"}));
        w.model.interrupt("reviewer", 0, pause);
        w.alice().comments(issue, "/syndarix plan").await;
        w.settle().await;
        w.mona().pushes_to("main", "AGENTS.md", "be slow\n").await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.bob().comments(issue, "/syndarix resume").await;
        w.settle().await;
        // Nobody had to approve: the protected file is no change of this branch.
        assert_snapshot!(w.news(w.pull()), @r"
    [merged] pr/merged
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    Everything for the merge of <1> was there, but `main` (<2>) has changed the same lines since. I merge `main` into this branch now.
    --- syndarix
    `main` (<2>) was merged into this branch as <3>, and the engineer resolved its conflicts; the reviewer looks at the result. Approvals given on <1> do not count for it.

    Kept both sides of `one.md`.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    ");
        assert_eq!(w.file("main", "one.md"), "both\n");
    })
    .await;
}

#[tokio::test]
async fn a_file_that_was_deleted_on_main_may_be_kept() {
    let rules = [smooth(), vec![takes_the_merge_as_it_is("Kept it, because the issue asks for it")]].concat();
    scenario(rules, async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.bob().pushes(pull, "README.md", "A new readme.\n").await;
        w.settle().await;
        w.bob().comments(pull, "/syndarix resume").await;
        w.settle().await;
        w.deletes_on_main("README.md").await;
        w.news(pull);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<5>) was merged into this branch as <6>, and the engineer resolved its conflicts; the reviewer looks at the result. Approvals given on <4> do not count for it.

    Kept it, because the issue asks for it.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <6> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <6> by somebody with write permission is missing

    To approve it, leave an approving review on <6> or type `/syndarix approve <6>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 Kept it, because the issue asks for it", true));
        w.mona().approves(pull).await;
        w.settle().await;
        assert_eq!(w.file("main", "README.md"), "A new readme.\n");
    })
    .await;
}

//! The base branch is merged in: because somebody types `rebase`, or because the forge would not merge otherwise. Nothing is ever forced.

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

use super::answers::*;
use super::people::git;
use super::scenario;
use super::world::{REPO, World, policy};

const BRANCH: &str = "syndarix/1-three-items-no-discount";

impl World {
    /// The commits of the story's branch that the main branch lacks, each with the number of its parents; and whether the branch holds all of main.
    fn branch_log(&self) -> (Vec<String>, bool) {
        let dir = self.sandbox.git_dir(REPO).unwrap();
        let log = run(&dir, &["log", "--format=%P|%s", &format!("main..{BRANCH}")]);
        let rows = log.lines().map(|line| line.split_once('|').unwrap()).map(|(parents, subject)| {
            let parents = parents.split(' ').count();
            format!("{parents} {subject}")
        });
        (rows.collect(), run(&dir, &["rev-list", "--count", &format!("{BRANCH}..main")]).trim() == "0")
    }

    fn file(&self, branch: &str, path: &str) -> String {
        run(&self.sandbox.git_dir(REPO).unwrap(), &["show", &format!("{branch}:{path}")])
    }

    async fn main_is_protected(&self) {
        let rule = json!({"rule_name": "main", "enable_push": true, "block_on_outdated_branch": true});
        let answer = self.mona().request(Method::POST, "branch_protections", &rule).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

impl World {
    /// Leases end by the database's own clock; nobody waits here until they do.
    async fn its_leases_are_over(&self) {
        let freed = self.store().let_go(&self.app.engine.owner).await.unwrap();
        assert!(freed > 0, "the run is leased");
    }
}

fn run(dir: &std::path::Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").current_dir(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn rebase_merges_the_base_branch_and_voids_approvals() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "other.md", "news\n").await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix comments (stale, on an older head)
    Somebody (reviewer): no findings.

    Fits the plan.
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<4>) was merged into this branch as <5>, without conflicts, so the change under review is the same. Approvals given on <3> do not count for it.
    --- syndarix
    The review of <5> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <5> by somebody with write permission is missing

    To approve it, leave an approving review on <5> or type `/syndarix approve <5>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 Merge branch 'main' into syndarix/1-three-items-no-discount", true));
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <6>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
        assert_eq!((w.file("main", "other.md").as_str(), w.file("main", "one.md").as_str()), ("news\n", "one.md was here\n"));
    })
    .await;
}

#[tokio::test]
async fn a_branch_that_holds_everything_is_left_alone() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        let head = w.head_of(pull).await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    This branch holds all of `main` (<4>) already, so there was nothing to merge.
    ");
        assert_eq!(w.head_of(pull).await, head);
    })
    .await;
}

#[tokio::test]
async fn the_engineer_resolves_conflicts_and_the_reviewer_looks_again() {
    let rules = [smooth(), vec![resolves_at_last("one.md", "one.md was here, and so was Mona\n")]].concat();
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix comments (stale, on an older head)
    Somebody (reviewer): no findings.

    Fits the plan.
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<4>) was merged into this branch as <5>, and the engineer resolved its conflicts; the reviewer looks at the result. Approvals given on <3> do not count for it.

    Kept both sides of `one.md`.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <5> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <5> by somebody with write permission is missing

    To approve it, leave an approving review on <5> or type `/syndarix approve <5>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 merge the base branch", true));
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <6>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
        assert_eq!(w.file("main", "one.md"), "one.md was here, and so was Mona\n");
    })
    .await;
}

#[tokio::test]
async fn an_approved_pull_request_in_conflict_is_brought_up_to_date_unasked() {
    let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix comments (stale, on an older head)
    Somebody (reviewer): no findings.

    Fits the plan.
    --- bob approved (stale, on an older head)
    --- syndarix
    Everything for the merge of <3> was there, but `main` (<4>) has changed the same lines since. I merge `main` into this branch now; what was approved on <3> has to be approved once more on the new head.
    --- syndarix
    `main` (<4>) was merged into this branch as <5>, and the engineer resolved its conflicts; the reviewer looks at the result. Approvals given on <3> do not count for it.

    Kept both sides of `one.md`.
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <5> is finished. The merge waits (autonomy MILESTONE):

    - an approval on <5> by somebody with write permission is missing
    - `bob` approved <3>, and the head has moved since

    To approve it, leave an approving review on <5> or type `/syndarix approve <5>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    ");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [merged] pr/merged
    --- bob approved (dismissed, stale, on an older head)
    --- bob approved
    ");
        assert_snapshot!(w.news(issue), @r"
    [closed] story/done
    --- syndarix
    **Done.**

    Added `one.md`.

    - Merged: pull request #2 as <6>
    - Approved by: `bob`
    - Cost: $0.00 of $5.00
    ");
    })
    .await;
}

#[tokio::test]
async fn a_base_branch_that_keeps_moving_is_followed_three_times() {
    scenario(smooth(), async |w| {
        w.main_is_protected().await;
        let (_, pull) = w.story_is_reviewed().await;
        for number in 0..3 {
            w.mona().pushes_to("main", &format!("{number}.md"), "news\n").await;
            w.bob().approves(pull).await;
            w.settle().await;
            let said = w.news(pull);
            assert!(said.contains("I merge `main` into this branch now"), "{said}");
            assert!(w.branch_log().1);
        }
        w.mona().pushes_to("main", "3.md", "news\n").await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob approved (dismissed, stale, on an older head)
    --- bob approved
    --- syndarix
    @alice: `main` was merged into this branch 3 times without anybody asking, and again the pull request cannot be merged: the base branch is at <10> by now.

    Type `/syndarix rebase` to have it merged in once more, or merge by hand when the base branch is quiet.
    ");
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    })
    .await;
}

#[tokio::test]
async fn at_full_control_a_person_is_asked_before_anything_is_pushed() {
    let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
    scenario(policy(rules, "autonomy = \"full-control\""), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        w.bob().approves(pull).await;
        w.settle().await;
        w.news(issue);
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- bob
    /syndarix approve
    (+1 by syndarix)
    --- syndarix comments
    Somebody (reviewer): no findings.

    Fits the plan.
    --- syndarix
    The review of <3> is finished. The merge waits (autonomy FULL_CONTROL):

    - an approval on <3> by somebody with write permission is missing

    To approve it, leave an approving review on <3> or type `/syndarix approve <3>`; to have something changed, request changes in a review. No CI has reported on this commit, so nothing was tested automatically.
    --- bob approved
    --- syndarix
    @alice: this pull request cannot be merged as it is: `main` (<4>) has changed the same lines since. Autonomy FULL_CONTROL asks a person first.

    Type `/syndarix rebase` here to have `main` merged into this branch.
    ");
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    @alice: code for `syndarix/1-three-items-no-discount` is committed but not pushed: autonomy FULL_CONTROL asks a person first (version `<5>`). Files: `one.md`.

    - To let it be pushed, type `/syndarix approve <5>`.
    - To send it back, type `/syndarix revise <what to change>`.

    <details><summary>The change</summary>

    ```diff
    diff --git a/one.md b/one.md
    index 7ba6673..49f33a8 100644
    --- a/one.md
    +++ b/one.md
    @@ -1 +1 @@
    -one.md was here
    +both
    ```

    </details>
    ");
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(pull);
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @r"
    syndarix
    ### Syndarix

    - [x] Analysis
    - [x] Design
    - [x] Implementation
    - [x] Review
    - [ ] **Testing**: waits for a person
    - [ ] Done

    **Waiting for a person:** Approval of closing the issue. `/syndarix approve` on #2 passes it.

    Pull request [#2](http://forge/acme/shop/pulls/2) · Cost so far: $0.00 of $5.00 · Autonomy: FULL_CONTROL, a person approves every step
    ");
        w.alice().comments(issue, "/syndarix approve").await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"));
    })
    .await;
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
    --- syndarix comments (stale, on an older head)
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
    --- syndarix comments (stale, on an older head)
    Somebody (reviewer): no findings.

    Fits the plan.
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
async fn a_pause_in_the_middle_of_a_merge_holds_it_and_resume_goes_on() {
    // Whoever takes the run up again begins with the merge made anew and the recorded changes laid over it, at any of its steps.
    for turn in 0..4 {
        let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
        scenario(rules, async |w| merge_is_paused_and_resumed(w, turn).await).await;
    }
}

async fn merge_is_paused_and_resumed(w: &World, turn: usize) {
    let (issue, pull) = w.story_is_reviewed().await;
    w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
    let pause = w.bob().request(Method::POST, &format!("issues/{issue}/comments"), &json!({"body": "/syndarix pause"}));
    w.model.interrupt("engineer", turn, pause);
    w.alice().comments(pull, "/syndarix rebase").await;
    w.settle().await;
    let status = w.status(issue);
    assert!(status.contains("- [ ] **Review**: stopped\n") && status.contains("**Paused:** Stopped by `bob`."), "{status}");
    assert_eq!(w.branch_log().0.len(), 3, "nothing was pushed");
    // The base branch moves on meanwhile; the merge that was begun is finished as it was begun.
    w.mona().pushes_to("main", "more.md", "more\n").await;
    w.bob().comments(issue, "/syndarix resume").await;
    w.settle().await;
    let (log, whole) = w.branch_log();
    assert_eq!((log.len(), log[0].as_str(), whole), (4, "2 merge the base branch", false));
    assert_eq!(w.file(BRANCH, "one.md"), "both\n");
    w.bob().approves(pull).await;
    w.settle().await;
    assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
}

#[tokio::test]
async fn a_merge_that_dies_with_its_process_is_finished_by_the_next() {
    for turn in 0..4 {
        let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
        scenario(rules, async |w| {
            let (_, pull) = w.story_is_reviewed().await;
            w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
            w.model.falls_silent("engineer", turn);
            w.alice().comments(pull, "/syndarix rebase").await;
            tokio::select! {
                () = w.settle() => panic!("nobody was killed"),
                () = w.model.is_silent() => {}
            }
            // The work tree of the dead one is no help, and nobody relies on it.
            std::fs::remove_dir_all(w.data.join("trees")).unwrap();
            w.its_leases_are_over().await;
            w.settle().await;
            let (log, whole) = w.branch_log();
            assert_eq!((log.len(), log[0].as_str(), whole), (4, "2 merge the base branch", true));
            assert_eq!(w.file(BRANCH, "one.md"), "both\n");
            w.bob().approves(pull).await;
            w.settle().await;
            assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
        })
        .await;
    }
}

#[tokio::test]
async fn a_pull_request_closed_during_the_merge_ends_it() {
    let rules =
        [to_the_review(), vec![round(0, first_half(resolves("one.md", "half\n"))), round(1, resolves("one.md", "both\n")), tests()]]
            .concat();
    scenario(rules, async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        let close = w.bob().request(Method::PATCH, &format!("issues/{pull}"), &json!({"state": "closed"}));
        w.model.interrupt("engineer", 1, close);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [closed] pr/reviewing, syndarix/blocked
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `bob` closed this pull request without merging it, so the story stands still.

    Type `/syndarix retry` to reopen it and go on, or `/syndarix cancel` to end the story.
    ");
        assert_eq!(w.branch_log().0.len(), 3, "nothing was pushed");
        w.alice().comments(pull, "/syndarix retry").await;
        w.settle().await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    })
    .await;
}

/// The first two answers of a rule.
fn first_half(mut rule: syndarix::llm::scripted::Rule) -> syndarix::llm::scripted::Rule {
    rule.replies.truncate(2);
    rule
}

#[tokio::test]
async fn a_persons_push_goes_before_a_rebase() {
    scenario(to_the_review(), async |w| {
        let (_, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "other.md", "news\n").await;
        w.bob().pushes(pull, "hand.md", "by hand\n").await;
        let head = w.head_of(pull).await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [open] pr/reviewing, syndarix/waiting
    --- syndarix comments (stale, on an older head)
    Somebody (reviewer): no findings.

    Fits the plan.
    --- alice
    /syndarix rebase
    --- syndarix
    `bob` pushed <4> to this branch. The agents stopped, and nothing of that work will be overwritten.

    Type `/syndarix resume` when they may go on from there.
    --- syndarix
    **Not done:** A person pushed to this branch and the agents have not taken that over yet. Type `/syndarix resume` first.
    ");
        assert_eq!(w.head_of(pull).await, head, "the person's commit stands");
    })
    .await;
}

#[tokio::test]
async fn a_rebase_that_makes_no_sense_is_refused_with_the_way_out() {
    scenario(to_the_plan(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(issue);
        w.news(pull);
        w.alice().comments(issue, "/syndarix rebase").await;
        w.rita().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @r"
    [open] story/design, syndarix/waiting
    --- alice
    /syndarix rebase
    --- syndarix
    **Not done:** `rebase` does not work on an issue. Type it on the pull request it is about.
    ");
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- rita
    /syndarix rebase
    --- syndarix
    **Not done:** `rebase` needs write permission in this repository; `rita` has: read. Ask somebody who may push to this repository to type it, or a maintainer for write permission.
    ");
        w.alice().comments(issue, "/syndarix pause").await;
        w.settle().await;
        w.news(issue);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/paused, syndarix/waiting
    --- alice
    /syndarix rebase
    --- syndarix
    **Not done:** The story is paused. Type `/syndarix resume` first.
    ");
        w.alice().comments(issue, "/syndarix cancel").await;
        w.settle().await;
        w.news(pull);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [closed] pr/submitted
    --- alice
    /syndarix rebase
    --- syndarix
    **Not done:** There is no open pull request of a story here that the base branch could be merged into. `/syndarix status` shows where the story is.
    ");
    })
    .await;
}

#[tokio::test]
async fn a_plan_that_waits_is_asked_for_again_on_the_new_head() {
    scenario(smooth(), async |w| {
        let issue = w.story_is_planned().await;
        let pull = w.pull();
        w.news(pull);
        w.mona().pushes_to("main", "other.md", "news\n").await;
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @r"
    [draft] pr/submitted, syndarix/waiting
    --- alice
    /syndarix rebase
    (eyes by syndarix)
    --- syndarix
    `main` (<3>) was merged into this branch as <4>, without conflicts, so the change under review is the same. Approvals given on <2> do not count for it.
    ");
        w.alice().approves(pull).await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"), "{}", w.page(issue));
    })
    .await;
}

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
        assert_snapshot!(w.news(pull), @"");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 Merge branch 'main' into syndarix/1-three-items-no-discount", true));
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
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
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(pull), @"");
        let (log, whole) = w.branch_log();
        assert_eq!((log[0].as_str(), whole), ("2 merge the base branch", true));
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(issue), @"");
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
        assert_snapshot!(w.news(pull), @"");
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        assert_snapshot!(w.news(issue), @"");
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
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(pull), @"");
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        w.bob().comments(pull, "/syndarix approve").await;
        w.settle().await;
        w.news(pull);
        w.bob().approves(pull).await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @"");
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
        assert_snapshot!(w.news(pull), @"");
        assert_snapshot!(w.status(issue), @"");
        // A second look at the same two commits says nothing new.
        let head = w.head_of(pull).await;
        w.bob().reports(&head, "build", "success").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(w.pull()), @"");
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
        assert_snapshot!(w.news(pull), @"");
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
    let rules = [smooth(), vec![resolves("one.md", "both\n")]].concat();
    scenario(rules, async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.mona().pushes_to("main", "one.md", "Mona was here\n").await;
        let pause = w.bob().request(Method::POST, &format!("issues/{issue}/comments"), &json!({"body": "/syndarix pause"}));
        w.model.interrupt("engineer", 2, pause);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.status(issue), @"");
        assert_eq!(w.branch_log().0.len(), 3, "nothing was pushed");
        // The base branch moves on meanwhile; the merge that was begun is finished as it was begun.
        w.mona().pushes_to("main", "more.md", "more\n").await;
        w.bob().comments(issue, "/syndarix resume").await;
        w.settle().await;
        assert_eq!(w.branch_log().0[0], "2 merge the base branch");
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(pull).contains("[merged]"), "{}", w.page(pull));
    })
    .await;
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
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(issue), @"");
        assert_snapshot!(w.news(pull), @"");
        w.alice().comments(issue, "/syndarix pause").await;
        w.settle().await;
        w.news(issue);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
        w.alice().comments(issue, "/syndarix cancel").await;
        w.settle().await;
        w.news(pull);
        w.alice().comments(pull, "/syndarix rebase").await;
        w.settle().await;
        assert_snapshot!(w.news(pull), @"");
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
        assert_snapshot!(w.news(pull), @"");
        w.alice().approves(pull).await;
        w.settle().await;
        w.bob().approves(pull).await;
        w.settle().await;
        assert!(w.page(issue).contains("[closed]"), "{}", w.page(issue));
    })
    .await;
}

//! The base branch comes in: what follows from each thing that may be found, and what may happen in between.

use super::*;
use crate::domain::agent::Resolution;
use crate::domain::conflict::{Conflict, ConflictKind};
use crate::domain::workflow::base::{BaseFound, MAX_TRIES};
use crate::domain::workflow::label::Flag;

impl Table {
    fn types_on_pull(&mut self, who: i64, body: &str) -> &mut Table {
        let place = Place { number: 8, is_pull: true };
        self.decide(Some(who), Intent::Commands { place, comment: 91, body: body.into(), previous: None, written_at: Time(1_000_000) })
    }

    fn found(&mut self, head: char, found: BaseFound) -> &mut Table {
        self.receipt(Receipt::BaseLooked { head: sha(head), base: sha('0'), found, comment: None })
    }

    fn clean(&mut self, head: char, commit: char) -> &mut Table {
        self.found(head, BaseFound::Clean { commit: sha(commit) })
    }

    fn conflict(&mut self, kind: ConflictKind) -> &mut Table {
        self.found('b', BaseFound::Conflicts { files: vec![Conflict { path: "a.txt".into(), kind, marker: None }] })
    }

    fn needed(&mut self, head: char) -> &mut Table {
        self.receipt(Receipt::BaseNeeded { head: sha(head), base: sha('0'), conflicts: true })
    }
}

/// A story whose review is clean.
fn reviewed(autonomy: Autonomy) -> Table {
    let mut table = Table::at_review(autonomy);
    table.ends(clean_review(), None);
    table
}

fn resolution() -> Outcome {
    Outcome::Merge(Resolution { summary: "kept both".into(), notes: String::new() })
}

#[test]
fn a_clean_merge_is_pushed_and_voids_what_was_approved() {
    let mut table = reviewed(Autonomy::Milestone);
    table.types_on_pull(BOB, "/syndarix rebase");
    assert!(table.orders("merge-base") && table.orders("react"));
    table.review(BOB, Verdict::Approved, 'b');
    assert!(!table.orders("merge"), "nothing is merged while the base branch comes in");
    table.clean('b', 'c').is_at(Stage::Review, "nobody works, nothing waits, flags []");
    let push = Effect::Push {
        branch: table.story.branch.clone(),
        expect: Some(sha('b')),
        to: sha('c'),
        what: crate::domain::workflow::effect::PushedWhat::Base,
    };
    assert!(table.effects.contains(&push), "{:?}", table.effects);
    table.receipt(Receipt::Pushed { head: sha('c') });
    assert!(table.orders("look-again") && table.reply().contains("Approvals given on bbbbbbbbbb do not count"), "{}", table.reply());
    table.forge_at('c').receipt(Receipt::Shown { head: sha('c') });
    table.is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert_eq!(table.story.checkpoint.as_ref().unwrap().version, sha('c').0);
    table.receipt(Receipt::Shown { head: sha('b') });
    assert_eq!(table.effects, [], "an older head is of no interest");
}

#[test]
fn findings_outlive_a_merge_in_which_nobody_decided_anything() {
    let mut table = reviewed(Autonomy::Milestone);
    table.story.open_findings = 2;
    table.types_on_pull(BOB, "/syndarix rebase").clean('b', 'c').receipt(Receipt::Pushed { head: sha('c') });
    assert_eq!((table.story.open_findings, table.story.head.clone()), (2, Some(sha('c'))));
    // What the engineer decided is looked at anew.
    let mut table = reviewed(Autonomy::Milestone);
    table.types_on_pull(BOB, "/syndarix rebase").conflict(ConflictKind::Lines);
    table.is_at(Stage::Review, "merge works, nothing waits, flags []");
    table.ends(resolution(), Some('c')).receipt(Receipt::Pushed { head: sha('c') });
    table.is_at(Stage::Review, "review works, nothing waits, flags []");
    assert_eq!(table.story.open_findings, 0);
}

#[test]
fn answers_that_come_too_late_change_nothing() {
    let asked = || {
        let mut table = reviewed(Autonomy::Milestone);
        table.types_on_pull(BOB, "/syndarix rebase");
        table
    };
    let mut table = asked();
    table.clean('a', 'c');
    assert_eq!(table.effects, [], "about another head");
    let mut table = asked();
    let pushed = Intent::Pushed { branch: table.story.branch.clone(), before: sha('b'), after: sha('e') };
    table.forge_at('e').decide(Some(BOB), pushed).clean('b', 'c');
    assert_eq!((table.effects.len(), table.story.unpushed.clone()), (0, None), "a person pushed");
    let mut table = asked();
    table.facts.pull.as_mut().unwrap().state = State::Closed;
    table.decide(Some(BOB), Intent::PullClosed { number: 8 }).clean('b', 'c');
    assert_eq!((table.effects.len(), table.story.unpushed.clone()), (0, None), "somebody closed it");
    let mut table = asked();
    table.says(BOB, "/syndarix cancel").clean('b', 'c');
    assert_eq!(table.effects, [], "the story is over");
}

#[test]
fn a_pause_keeps_the_question_and_resume_asks_it_again() {
    let mut table = reviewed(Autonomy::Milestone);
    table.types_on_pull(BOB, "/syndarix rebase").says(BOB, "/syndarix pause").clean('b', 'c');
    assert!(!table.orders("push") && table.story.base.asked == Some(sha('b')));
    table.says(BOB, "/syndarix resume");
    assert!(table.orders("merge-base"));
    table.clean('b', 'c');
    assert!(table.orders("push"));
}

#[test]
fn a_look_that_failed_is_repeated_by_retry() {
    let mut table = reviewed(Autonomy::Milestone);
    table.types_on_pull(BOB, "/syndarix rebase");
    let failed = Intent::EffectFailed { effect: EffectId(Default::default()), what: "merge-base".into(), error: "no disk".into() };
    table.decide(None, failed);
    assert!(
        table.story.flags.contains(&Flag::Blocked) && table.reply().contains("could not merge the base branch in"),
        "{}",
        table.reply()
    );
    table.says(BOB, "/syndarix retry");
    assert!(table.orders("merge-base") && !table.story.flags.contains(&Flag::Blocked));
    // So is a run that gave up, on the base branch as it is then.
    table.conflict(ConflictKind::Lines).run_ends(RunEnd::GaveUp { why: "no idea".into(), limit: None });
    table.says(BOB, "/syndarix retry");
    assert!(table.orders("merge-base") && table.story.active.is_none());
}

#[test]
fn what_nobody_asked_for_is_done_three_times_in_a_row() {
    let mut table = reviewed(Autonomy::Milestone);
    let mut head = 'b';
    for next in ['c', 'd', 'e'] {
        table.review(BOB, Verdict::Approved, head);
        assert!(table.orders("merge"), "{head}");
        table.needed(head);
        assert!(table.orders("merge-base") && table.reply().contains("has changed the same lines"), "{}", table.reply());
        table.clean(head, next).receipt(Receipt::Pushed { head: sha(next) }).forge_at(next).receipt(Receipt::Shown { head: sha(next) });
        head = next;
    }
    assert_eq!(table.story.base.tries, MAX_TRIES);
    table.review(BOB, Verdict::Approved, head).needed(head);
    assert!(!table.orders("merge-base") && table.reply().contains("3 times without anybody asking"), "{}", table.reply());
    table.decide(None, Intent::Wake);
    assert!(!table.orders("merge"), "the same two commits are not tried again");
    table.types_on_pull(BOB, "/syndarix rebase");
    assert!(table.orders("merge-base") && table.story.base.tries == 0);
}

#[test]
fn full_control_asks_and_a_persons_conflicts_are_named() {
    let mut table = reviewed(Autonomy::FullControl);
    table.review(BOB, Verdict::Approved, 'b').needed('b');
    assert!(!table.orders("merge-base") && table.reply().contains("Type `/syndarix rebase` here"), "{}", table.reply());
    let mut table = reviewed(Autonomy::Milestone);
    table.types_on_pull(BOB, "/syndarix rebase").conflict(ConflictKind::Binary);
    table.is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    assert!(table.reply().contains("`a.txt`: both branches changed it, and it is not text"), "{}", table.reply());
}

#[test]
fn receipts_about_a_merge_that_is_not_ordered_change_nothing() {
    let mut table = reviewed(Autonomy::Milestone);
    table.needed('b');
    assert_eq!(table.effects, []);
    table.clean('b', 'c').receipt(Receipt::Pushed { head: sha('c') });
    assert_eq!((table.effects.len(), table.story.head.clone()), (0, Some(sha('b'))));
}

#[test]
fn rows_of_an_older_program_are_read() {
    let input = serde_json::json!({"issue": 7, "pull": null, "base": null, "base_branch": "main", "branch": "x", "criteria": null, "plan": null,
        "review": null, "code": null, "focus": null, "constraints": [], "plan_approved": false, "ceiling": null, "keep_plan": false});
    let input: crate::domain::workflow::effect::RunInput = serde_json::from_value(input).unwrap();
    assert_eq!(input.merge, None);
}

//! The pull request was made, and somebody acted on it before the story knew its number.

use super::*;

impl Table {
    /// The plan is pushed, its pull request ordered, and perhaps made.
    fn opening() -> Table {
        let mut table = Table::new(Autonomy::Milestone);
        table.says(ALICE, "/syndarix plan").ends(analysis(&[]), None).ends(design(), Some('a')).receipt(Receipt::Pushed { head: sha('a') });
        assert!(table.orders("open-pull"));
        table
    }

    /// The story hears of it now; this is what the forge shows.
    fn hears(&mut self, change: impl Fn(&mut Pull, &mut GateFacts)) -> &mut Table {
        self.forge_at('a');
        let (mut pull, mut gate) = (self.facts.pull.take().unwrap(), self.facts.gate.take().unwrap());
        pull.base.branch = "main".into();
        change(&mut pull, &mut gate);
        gate.pull = pull.clone();
        (self.facts.pull, self.facts.gate) = (Some(pull), Some(gate));
        self.receipt(Receipt::PullOpened { number: 8, head: sha('a') })
    }
}

fn word(id: i64, who: i64, verdict: Verdict) -> Review {
    Review {
        id,
        author: user(who),
        verdict,
        body: String::new(),
        commit: Some(sha('a')),
        stale: false,
        official: true,
        dismissed: false,
        submitted_at: Time(id),
    }
}

#[test]
fn what_was_done_before_the_number_was_known_counts_as_done_right_after() {
    use Verdict::{Approved, ChangesRequested};
    type Change = fn(&mut Pull, &mut GateFacts);
    let plan = "nobody works, plan waits, flags [\"waiting\"]";
    let rows: [(&str, Change, Stage, &str); 9] = [
        ("nothing", |_, _| {}, Stage::Design, plan),
        ("closed", |pull, _| pull.state = State::Closed, Stage::Design, "nobody works, plan waits, flags [\"waiting\", \"blocked\"]"),
        (
            "merged",
            |pull, _| (pull.state, pull.merged, pull.merged_by) = (State::Closed, true, Some(user(BOB))),
            Stage::Testing,
            "test works, nothing waits, flags []",
        ),
        (
            "pointed elsewhere",
            |pull, _| pull.base.branch = "release".into(),
            Stage::Design,
            "nobody works, plan waits, flags [\"waiting\", \"blocked\"]",
        ),
        ("no draft any more", |pull, _| pull.draft = false, Stage::Design, plan),
        (
            "approved by a writer",
            |_, gate| gate.reviews.push(word(1, BOB, Approved)),
            Stage::Implementation,
            "implement works, nothing waits, flags []",
        ),
        ("approved by a reader", |_, gate| gate.reviews.push(word(1, EVE, Approved)), Stage::Design, plan),
        (
            "sent back by a writer",
            |_, gate| gate.reviews.push(word(1, BOB, ChangesRequested)),
            Stage::Design,
            "design works, nothing waits, flags []",
        ),
        (
            "sent back and then let through by another",
            |_, gate| gate.reviews.extend([word(2, ALICE, Approved), word(1, BOB, ChangesRequested)]),
            Stage::Design,
            "design works, nothing waits, flags []",
        ),
    ];
    for (what, change, stage, line) in rows {
        let mut table = Table::opening();
        // The event itself came too early, and nothing could follow from it.
        for early in [Intent::PullClosed { number: 8 }, Intent::PullMerged { number: 8, sha: None }, Intent::PullEdited { number: 8 }] {
            table.decide(Some(BOB), early);
            assert!(table.effects.is_empty(), "{what}");
        }
        table.hears(change);

        table.is_at(stage, line);
        assert_eq!(table.story.pull.as_ref().map(|of| of.number), Some(8), "{what}");
        // What comes again says nothing new.
        let before = table.story.clone();
        table.receipt(Receipt::PullOpened { number: 8, head: sha('a') });
        assert_eq!(table.story, before, "{what}");
    }
}

#[test]
fn a_closed_one_goes_on_with_retry_and_waits_for_the_plan() {
    let mut table = Table::opening();
    table.hears(|pull, _| pull.state = State::Closed);
    assert_eq!(table.reply().matches("without merging it").count(), 1, "{}", table.reply());
    table.says(ALICE, "/syndarix retry");
    assert!(table.orders("reopen-pull"));
    assert!(table.story.checkpoint.is_some(), "the plan is not made anew");
}

#[test]
fn labels_that_people_set_on_it_are_taken_up() {
    let mut table = Table::opening();
    let change = |label: &str, id| LabelChange { id, label: label.into(), added: true, actor: user(id), at: Time(1) };
    let labels = LabelFacts {
        now: ["syndarix/paused".to_owned(), "pr/approved".to_owned()].into(),
        confirmed: BTreeSet::new(),
        changes: vec![change("syndarix/paused", ALICE), change("pr/approved", BOB)],
        people: [ALICE, BOB].map(|id| Person { user: user(id), role: Some(Role::Writer), is_bot: false }).into(),
    };
    table.facts.labels = BTreeMap::from([(8, labels)]);
    table.hears(|_, _| {});
    assert!(!table.story.may_run());
    assert!(table.reply().contains("an approving review says more than a label"), "{}", table.reply());
}

#[test]
fn a_person_at_the_branch_stops_the_agents_all_the_same() {
    // Code, and its pull request is another one: the first could not be opened again.
    let mut table = Table::at_review(Autonomy::Milestone);
    table.facts.branches.clear();
    table.decide(None, Intent::EffectFailed { effect: EffectId(Default::default()), what: "reopen-pull".into(), error: "no".into() });
    assert!(table.orders("open-pull"));
    table.facts.pull = None;
    let mut pushed = Table { story: table.story.clone(), facts: table.facts.clone(), effects: Vec::new() };
    pushed.decide(Some(BOB), Intent::Pushed { branch: table.story.branch.clone(), before: sha('b'), after: sha('c') });
    let branch = table.story.branch.clone();
    table.decide(Some(BOB), Intent::BranchDeleted { branch });
    for (mut table, flag) in [(pushed, "waiting"), (table, "blocked")] {
        table.receipt(Receipt::PullOpened { number: 9, head: sha('b') });
        table.is_at(Stage::Review, &format!("nobody works, nothing waits, flags [\"{flag}\"]"));
        assert_eq!(table.story.loops.stopped, Some(Purpose::Review), "it goes on with the review");
    }
}

#[test]
fn one_that_nobody_wants_any_more_is_closed() {
    let mut table = Table::opening();
    table.says(ALICE, "/syndarix cancel").receipt(Receipt::PullOpened { number: 8, head: sha('a') });
    table.is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    assert!(table.orders("close-pull") && table.story.pull.is_none());
    let mut table = Table::opening();
    table.says(ALICE, "/syndarix cancel").says(ALICE, "/syndarix plan").receipt(Receipt::PullOpened { number: 8, head: sha('a') });
    table.is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert!(table.orders("close-pull") && table.story.pull.is_none());
}

#[test]
fn nothing_is_begun_on_a_closed_pull_request_and_its_words_are_heard_when_it_is_opened() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.facts.gate.as_mut().unwrap().pull.state = State::Closed;
    table.facts.pull.as_mut().unwrap().state = State::Closed;
    table.decide(Some(BOB), Intent::PullClosed { number: 8 });
    let stands = "nobody works, plan waits, flags [\"waiting\", \"blocked\"]";
    table.says(ALICE, "/syndarix approve").is_at(Stage::Design, stands);
    assert!(
        table.reply().contains("the pull request is closed") || table.reply().contains("The pull request is closed"),
        "{}",
        table.reply()
    );
    table.review(BOB, Verdict::Approved, 'a').is_at(Stage::Design, stands);
    table.facts.gate.as_mut().unwrap().pull.state = State::Open;
    table.facts.pull.as_mut().unwrap().state = State::Open;
    table.decide(Some(BOB), Intent::PullReopened { number: 8 });
    table.is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    // An agent that somebody starts all the same does not hide why nothing comes of it.
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.facts.pull.as_mut().unwrap().state = State::Closed;
    table.decide(Some(BOB), Intent::PullClosed { number: 8 }).says(ALICE, "/syndarix revise smaller");
    assert!(table.story.flags.contains(&Flag::Blocked));
}

//! The transition table: while the story is here and this happens, it goes there. Facts are made by hand, nothing is asked of anybody.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::base::ids::{EffectId, RunId};
use crate::base::{Nano, Time};
use crate::domain::agent::{Analysis, CriterionResult, Design, Outcome, Purpose, ReviewResult, TestResult, Work};
use crate::domain::approval::{GateFacts, Person};
use crate::domain::forge::*;
use crate::domain::workflow::effect::StartRun;
use crate::domain::workflow::facts::{LabelFacts, Limit, Policy, RunEnd, RunFacts};
use crate::domain::workflow::intent::{Place, Receipt};
use crate::domain::workflow::label::{Autonomy, Flag, PullStage, Stage};

mod settings;

mod base;
mod opened;
mod work;

const BOT: i64 = 1;
const ALICE: i64 = 2;
const BOB: i64 = 3;
const EVE: i64 = 4;

fn user(id: i64) -> User {
    User { id, login: ["syndarix", "alice", "bob", "eve"][usize::try_from(id - 1).unwrap()].into() }
}

fn sha(c: char) -> Sha {
    Sha(c.to_string().repeat(40))
}

/// A story and the hand that moves it.
struct Table {
    story: Story,
    facts: Facts,
    effects: Vec<Effect>,
}

impl Table {
    fn new(autonomy: Autonomy) -> Table {
        let repo = Repo {
            id: 1,
            path: "acme/shop".into(),
            default_branch: "main".into(),
            private: false,
            archived: false,
            empty: false,
            merge_style: MergeStyle::Merge,
            web_url: String::new(),
            bot_is_admin: true,
            bot_can_push: true,
        };
        let issue = Issue {
            number: 7,
            is_pull: false,
            title: "Add CSV".into(),
            body: String::new(),
            state: State::Open,
            labels: vec![],
            author: user(ALICE),
            created_at: Time(1),
            updated_at: Time(1),
        };
        let crew = Purpose::ALL.into_iter().map(|purpose| (purpose, (purpose.default_agent().to_owned(), "Dave".to_owned()))).collect();
        let facts = Facts {
            now: Time(1_000_000),
            bot: user(BOT),
            repo,
            policy: Policy { autonomy, ..Policy::default() },
            crew,
            actor: None,
            issue: Some(issue),
            pull: None,
            gate: None,
            labels: BTreeMap::new(),
            labels_pending: false,
            run: None,
            shown: None,
            branches: BTreeSet::new(),
            spent: Nano::ZERO,
            criteria: vec!["it works".into()],
            work: None,
            resolution: None,
            record: None,
            version: "0".into(),
            web_url: String::new(),
            guard: crate::domain::guard::GuardFacts::default(),
            places: Default::default(),
            asked: Default::default(),
            inform: Default::default(),
        };
        Table { story: Story::of(7), facts, effects: Vec::new() }
    }

    fn decide(&mut self, who: Option<i64>, intent: Intent) -> &mut Table {
        self.facts.actor =
            who.map(|id| Person { user: user(id), role: Some(if id == EVE { Role::Reader } else { Role::Writer }), is_bot: id == BOT });
        let wanted = Wanted { intent, actor: who.map(user), at: Time(1_000_000) };
        let decision = decide(&self.story, &wanted, &self.facts);
        let again = decide(&self.story, &wanted, &self.facts);
        assert_eq!(decision, again, "deciding twice differs");
        self.story = decision.events.iter().fold(std::mem::take(&mut self.story), Story::evolve);
        self.effects = decision.effects;
        self
    }

    fn says(&mut self, who: i64, body: &str) -> &mut Table {
        let place = Place { number: 7, is_pull: false };
        self.decide(Some(who), Intent::Commands { place, comment: 90, body: body.into(), previous: None, written_at: Time(1_000_000) })
    }

    /// The active run ends with this outcome and, where it commits, this head.
    fn ends(&mut self, outcome: Outcome, head: Option<char>) -> &mut Table {
        let end = RunEnd::Outcome {
            outcome: Box::new(outcome),
            head: head.map(sha),
            commits: u32::from(head.is_some()),
            paths: vec![],
            diff: None,
        };
        self.run_ends(end)
    }

    fn run_ends(&mut self, end: RunEnd) -> &mut Table {
        let active = self.story.active.clone().expect("an agent is at work");
        let started = StartRun {
            run: active.run,
            purpose: active.purpose,
            round: 0,
            agent: active.agent,
            name: active.name,
            input: Default::default(),
        };
        self.facts.run = Some(RunFacts { started, end });
        self.decide(None, Intent::RunEnded { run: active.run, purpose: active.purpose })
    }

    fn receipt(&mut self, receipt: Receipt) -> &mut Table {
        self.decide(None, Intent::EffectDone { effect: EffectId(Default::default()), receipt })
    }

    /// The forge shows the pull request at this head from now on.
    fn forge_at(&mut self, head: char) -> &mut Table {
        let side = |c| PullSide { branch: "syndarix/7-add-csv".into(), sha: sha(c), repo_id: Some(1) };
        let pull = Pull {
            number: 8,
            title: "Add CSV".into(),
            body: String::new(),
            state: State::Open,
            draft: false,
            merged: false,
            merge_sha: None,
            merged_by: None,
            mergeable: Some(true),
            head: side(head),
            base: side('0'),
            labels: vec![],
            author: user(BOT),
            updated_at: Time(1),
        };
        self.facts.gate = Some(GateFacts {
            autonomy: self.facts.policy.autonomy,
            pull: pull.clone(),
            head: sha(head),
            reviews: vec![],
            commands: vec![],
            plan_head: None,
            people: [ALICE, BOB, EVE]
                .map(|id| Person { user: user(id), role: Some(if id == EVE { Role::Reader } else { Role::Writer }), is_bot: false })
                .into(),
            requester: Some(user(ALICE)),
            authors: BTreeSet::new(),
            one_person_team: false,
            ci: vec![],
            stopped: false,
            open_findings: 0,
            protected: vec![],
            base_branch: String::new(),
            nameless: None,
        });
        self.facts.pull = Some(pull);
        self
    }

    fn review(&mut self, who: i64, verdict: Verdict, head: char) -> &mut Table {
        let gate = self.facts.gate.as_mut().expect("a pull request");
        let id = i64::try_from(gate.reviews.len()).unwrap() + 1;
        gate.reviews.push(Review {
            id,
            author: user(who),
            verdict,
            body: String::new(),
            commit: Some(sha(head)),
            stale: false,
            official: true,
            dismissed: false,
            submitted_at: Time(id),
        });
        self.decide(Some(who), Intent::Reviewed { number: 8, seen: verdict })
    }

    fn at_plan(autonomy: Autonomy) -> Table {
        let mut table = Table::new(autonomy);
        table.says(ALICE, "/syndarix plan").ends(analysis(&[]), None).ends(design(), Some('a'));
        table.receipt(Receipt::Pushed { head: sha('a') }).receipt(Receipt::PullOpened { number: 8, head: sha('a') }).forge_at('a');
        table
    }

    fn at_review(autonomy: Autonomy) -> Table {
        let mut table = Table::at_plan(autonomy);
        if autonomy != Autonomy::Autonomous {
            table.says(ALICE, "/syndarix approve");
        }
        table.ends(Outcome::Implement(work()), Some('b'));
        if autonomy == Autonomy::FullControl {
            table.says(ALICE, "/syndarix approve");
        }
        table.receipt(Receipt::Pushed { head: sha('b') }).forge_at('b');
        table
    }

    fn is_at(&self, stage: Stage, line: &str) {
        let purpose = self.story.active.as_ref().map_or("nobody".to_owned(), |active| active.purpose.to_string());
        let waits = self.story.checkpoint.as_ref().map_or("nothing".to_owned(), |open| format!("{:?}", open.checkpoint).to_lowercase());
        let flags: Vec<&str> = self.story.flags.iter().map(|flag| flag.label().trim_start_matches("syndarix/")).collect();
        assert_eq!((self.story.stage, format!("{purpose} works, {waits} waits, flags {flags:?}").as_str()), (stage, line));
    }

    fn orders(&self, word: &str) -> bool {
        self.effects.iter().any(|effect| effect.word() == word)
    }

    fn reply(&self) -> String {
        self.effects
            .iter()
            .filter_map(|effect| if let Effect::Comment { body, .. } = effect { Some(body.as_str()) } else { None })
            .collect()
    }
}

fn analysis(questions: &[&str]) -> Outcome {
    let questions = questions.iter().map(|&text| text.to_owned()).collect();
    Outcome::Analyse(Analysis { summary: "s".into(), criteria: vec!["it works".into()], questions })
}

fn design() -> Outcome {
    let plan_markdown = "# Plan".into();
    Outcome::Design(Design {
        summary: "s".into(),
        plan_markdown,
        files: vec![],
        steps: vec![],
        risks: vec![],
        tests: vec![],
        estimate_usd: None,
    })
}

fn work() -> Work {
    Work { summary: "done".into(), answers: vec![], notes: String::new() }
}

fn clean_review() -> Outcome {
    Outcome::Review(ReviewResult { summary: "fine".into(), findings: vec![] })
}

#[test]
fn a_plan_begins_with_analysis_and_only_a_writer_begins_it() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(EVE, "/syndarix plan").is_at(Stage::None, "nobody works, nothing waits, flags []");
    assert!(table.reply().contains("write permission"), "{}", table.reply());
    table.says(ALICE, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert!(table.orders("react") && table.orders("status") && table.orders("labels") && table.orders("start-run"));
    table.says(BOB, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert!(table.reply().contains("already under way"), "{}", table.reply());
}

#[test]
fn a_question_waits_for_the_requester_or_a_writer() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan").ends(analysis(&["Which separator?"]), None);
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    let remark = |id| Intent::Remark { place: Place { number: 7, is_pull: false }, comment: id };
    table.decide(Some(EVE), remark(91)).is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    table.decide(Some(ALICE), remark(92)).is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn the_plan_waits_as_the_level_says() {
    Table::at_plan(Autonomy::Milestone).is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    Table::at_plan(Autonomy::FullControl).is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    Table::at_plan(Autonomy::Autonomous).is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.review(BOB, Verdict::Approved, 'a').is_at(Stage::Implementation, "implement works, nothing waits, flags []");
    for back in ["/syndarix revise smaller", "/syndarix reject"] {
        let mut table = Table::at_plan(Autonomy::Milestone);
        table.says(BOB, back).is_at(Stage::Design, "design works, nothing waits, flags []");
    }
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.review(BOB, Verdict::ChangesRequested, 'a').is_at(Stage::Design, "design works, nothing waits, flags []");
}

#[test]
fn approve_means_what_was_shown() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.facts.shown = Some(BTreeSet::new());
    table.says(ALICE, "/syndarix approve").is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    assert!(table.reply().contains("came up after your comment"), "{}", table.reply());
    table.says(ALICE, "/syndarix approve 0123456789").is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\"]");
    let hash = table.story.plan.as_ref().unwrap().hash[..10].to_owned();
    table.says(ALICE, &format!("/syndarix approve {hash}")).is_at(Stage::Implementation, "implement works, nothing waits, flags []");
}

#[test]
fn code_goes_to_review_and_full_control_waits_before_the_push() {
    let mut table = Table::at_plan(Autonomy::Milestone);
    table.says(ALICE, "/syndarix approve").ends(Outcome::Implement(work()), Some('b'));
    assert!(table.orders("push"));
    table.receipt(Receipt::Pushed { head: sha('b') }).is_at(Stage::Review, "review works, nothing waits, flags []");
    assert!(table.orders("edit-pull"));
    let mut table = Table::at_plan(Autonomy::FullControl);
    table.says(ALICE, "/syndarix approve").ends(Outcome::Implement(work()), Some('b'));
    assert!(!table.orders("push"));
    table.is_at(Stage::Implementation, "nobody works, push waits, flags [\"waiting\"]");
    table.says(ALICE, "/syndarix approve");
    assert!(table.orders("push"));
}

#[test]
fn a_run_that_gives_up_asks_a_person_and_retry_repeats_it() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan").run_ends(RunEnd::GaveUp { why: "no idea".into(), limit: None });
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"waiting\"]");
    table.says(BOB, "/syndarix retry").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    table.run_ends(RunEnd::GaveUp { why: "too dear".into(), limit: Some(Limit::Hard) });
    table.is_at(Stage::Analysis, "nobody works, nothing waits, flags [\"over-budget\"]");
}

#[test]
fn full_control_asks_before_the_estimate_is_passed() {
    let mut table = Table::at_plan(Autonomy::FullControl);
    table.says(ALICE, "/syndarix approve");
    table.run_ends(RunEnd::GaveUp { why: "the estimate would be passed".into(), limit: Some(Limit::Estimate) });
    table.is_at(Stage::Implementation, "nobody works, spend waits, flags [\"waiting\"]");
    table.says(ALICE, "/syndarix approve").is_at(Stage::Implementation, "implement works, nothing waits, flags []");
}

#[test]
fn the_merge_needs_its_gate_on_this_head() {
    let mut table = Table::at_review(Autonomy::Milestone);
    table.ends(clean_review(), None).is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
    table.review(ALICE, Verdict::Approved, 'b');
    assert!(!table.orders("merge") && table.reply().contains("requester does not count"), "{}", table.reply());
    table.review(BOB, Verdict::Approved, 'a');
    assert!(!table.orders("merge"));
    table.review(BOB, Verdict::Approved, 'b');
    assert!(table.orders("merge"));
    assert_eq!(table.story.pull.as_ref().unwrap().stage, PullStage::Approved);
    table.receipt(Receipt::MergeHeldBack { reasons: vec!["paused".into()] });
    assert!(table.orders("merge"), "the gate still holds in the facts, so it is ordered again");
    table.receipt(Receipt::Merged { number: 8, sha: Some(sha('d')) }).is_at(Stage::Testing, "test works, nothing waits, flags []");
    assert_eq!(table.story.merged_by_hand, None);
    let mut table = Table::at_review(Autonomy::Autonomous);
    assert!(table.ends(clean_review(), None).orders("merge"));
}

#[test]
fn the_end_closes_the_issue_when_the_criteria_are_met() {
    let test = |met| {
        let results = vec![CriterionResult { criterion: 1, met, evidence: "read".into() }];
        Outcome::Test(TestResult { results, summary: "s".into() })
    };
    let merged = || {
        let mut table = Table::at_review(Autonomy::Milestone);
        table.ends(clean_review(), None).review(BOB, Verdict::Approved, 'b').receipt(Receipt::Merged { number: 8, sha: None });
        table
    };
    let mut table = merged();
    table.ends(test(true), None).is_at(Stage::Done, "nobody works, nothing waits, flags []");
    assert!(table.orders("close-issue"));
    let mut table = merged();
    table.ends(test(false), None).is_at(Stage::Testing, "nobody works, nothing waits, flags [\"blocked\"]");
    assert!(!table.orders("close-issue"));
}

#[test]
fn people_may_take_the_story_elsewhere() {
    let mut table = Table::at_review(Autonomy::Milestone);
    table.decide(Some(BOB), Intent::PullMerged { number: 8, sha: None }).is_at(Stage::Testing, "test works, nothing waits, flags []");
    assert_eq!(table.story.merged_by_hand, Some(user(BOB)));

    let mut table = Table::at_review(Autonomy::Milestone);
    table.facts.pull.as_mut().unwrap().state = State::Closed;
    table.decide(Some(BOB), Intent::PullClosed { number: 8 }).is_at(Stage::Review, "nobody works, nothing waits, flags [\"blocked\"]");

    let mut table = Table::at_review(Autonomy::Milestone);
    table.decide(Some(BOB), Intent::IssueClosed).is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    assert!(table.orders("stop-run") && table.orders("close-pull"));

    let mut table = Table::at_review(Autonomy::Milestone);
    table.forge_at('c').decide(Some(BOB), Intent::Pushed { branch: "syndarix/7-add-csv".into(), before: sha('b'), after: sha('c') });
    table.is_at(Stage::Review, "nobody works, nothing waits, flags [\"waiting\"]");
    table.says(BOB, "/syndarix resume").is_at(Stage::Review, "review works, nothing waits, flags []");
    assert_eq!(table.story.head, Some(sha('c')));
}

#[test]
fn our_own_pushes_are_echoes() {
    let mut table = Table::at_review(Autonomy::Milestone);
    let before = table.story.clone();
    table.decide(Some(BOT), Intent::Pushed { branch: "syndarix/7-add-csv".into(), before: sha('a'), after: sha('b') });
    assert_eq!(table.story, before);
}

#[test]
fn pause_holds_the_run_and_resume_lets_it_go() {
    let mut table = Table::at_review(Autonomy::Milestone);
    table.says(BOB, "/syndarix pause").is_at(Stage::Review, "review works, nothing waits, flags [\"paused\"]");
    assert!(table.orders("hold-run"));
    table.ends(clean_review(), None);
    assert!(!table.orders("merge"));
    table.says(BOB, "/syndarix resume").is_at(Stage::Review, "nobody works, merge waits, flags [\"waiting\"]");
}

#[test]
fn labels_are_doors_with_rules() {
    let moved = |table: &mut Table, name: &str, who: i64| {
        let change = LabelChange { id: 1, actor: user(who), label: name.into(), added: true, at: Time(2) };
        let person = Person { user: user(who), role: Some(if who == EVE { Role::Reader } else { Role::Writer }), is_bot: who == BOT };
        let confirmed: BTreeSet<String> = table.story.labels().0;
        let now = confirmed.iter().cloned().chain([name.to_owned()]).collect();
        let facts = LabelFacts { now, confirmed, changes: vec![change], people: if who == BOT { vec![] } else { vec![person] } };
        table.facts.labels = BTreeMap::from([(7, facts)]);
        table.decide(None, Intent::LabelsChanged { place: Place { number: 7, is_pull: false } });
    };
    let mut table = Table::new(Autonomy::Milestone);
    moved(&mut table, "story/analysis", EVE);
    table.is_at(Stage::None, "nobody works, nothing waits, flags []");
    let mut table = Table::at_plan(Autonomy::Milestone);
    moved(&mut table, "story/done", BOB);
    assert!(table.orders("labels") && table.reply().contains("moves on by itself"), "{}", table.reply());
    moved(&mut table, "story/done", BOB);
    assert!(table.orders("labels") && table.reply().is_empty(), "said once: {}", table.reply());
    moved(&mut table, "syndarix/paused", BOB);
    table.is_at(Stage::Design, "nobody works, plan waits, flags [\"waiting\", \"paused\"]");
    let mut table = Table::at_plan(Autonomy::Milestone);
    moved(&mut table, "autonomy/full-control", BOB);
    assert_eq!(table.story.autonomy, Autonomy::FullControl);
    moved(&mut table, "autonomy/autonomous", BOB);
    assert_eq!(table.story.autonomy, Autonomy::FullControl);
    assert!(table.reply().contains("may only tighten"), "{}", table.reply());
    let mut table = Table::at_plan(Autonomy::Milestone);
    moved(&mut table, "story/analysis", BOB);
    table.is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
}

#[test]
fn late_words_of_stopped_runs_change_nothing() {
    let mut table = Table::new(Autonomy::Milestone);
    table.says(ALICE, "/syndarix plan");
    let run: RunId = table.story.active.as_ref().unwrap().run;
    table.says(ALICE, "/syndarix cancel").is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    table
        .decide(None, Intent::RunEnded { run, purpose: Purpose::Analyse })
        .is_at(Stage::Cancelled, "nobody works, nothing waits, flags []");
    table.says(ALICE, "/syndarix plan").is_at(Stage::Analysis, "analyse works, nothing waits, flags []");
    assert_ne!(table.story.active.as_ref().unwrap().run, run);
}

#[test]
fn a_crossed_limit_halts_once_and_a_person_lifts_it() {
    use crate::domain::guard::{Hold, Stop, Trip};
    use crate::domain::workflow::label::Flag;
    let trip = |limit: &str| Trip { limit: limit.into(), allowed: 2, reached: 3 };
    let words = |t: &Table| t.effects.iter().map(Effect::word).collect::<Vec<_>>();
    let mut t = Table::new(Autonomy::Milestone);
    let halt = Intent::Halt { trip: trip("story_runs_per_hour"), story: None };
    t.decide(None, halt.clone());
    assert!(t.effects.is_empty(), "nothing runs here");
    t.says(ALICE, "/syndarix plan");
    t.decide(None, halt.clone());
    assert!(t.story.flags.contains(&Flag::Halted));
    assert_eq!(words(&t), ["hold-run", "comment", "labels", "status"]);
    t.decide(None, halt);
    assert!(t.effects.is_empty(), "said once");
    t.says(ALICE, "/syndarix resume");
    assert_eq!(words(&t), ["lift-limits", "resume-run", "react", "labels", "status"]);
    assert!(t.story.may_run());

    let of_project = Intent::Halt { trip: trip("project_runs_per_hour"), story: Some(3) };
    t.decide(None, of_project.clone());
    assert!(t.story.may_run(), "it was lifted before this story heard of it");
    t.facts.guard.hold = Some(Hold { stop: Stop::Halted, by: None, why: "a line".into(), at: Time(1) });
    t.decide(None, of_project);
    assert_eq!(words(&t), ["hold-run", "labels", "status"], "another story says it");
    t.says(ALICE, "/syndarix resume");
    assert!(!t.story.may_run() && words(&t) == ["comment"], "one story cannot go on alone");
    t.facts.guard.hold = None;
    t.decide(None, Intent::Hold { hold: false, by: user(BOB) });
    assert!(t.story.may_run());
}

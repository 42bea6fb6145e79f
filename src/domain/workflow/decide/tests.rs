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

mod base;
mod confidential;
mod opened;
mod rows;
mod settings;
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
            visibility: Visibility::Public,
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
            confidential: false,
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
            pulls_url: String::new(),
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

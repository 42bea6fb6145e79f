//! The workbench of a decision: events are folded as they are made, so that later steps see earlier ones.

use serde_json::json;

use crate::base::Nano;
use crate::base::ids::RunId;
use crate::base::text::sha256_hex;
use crate::domain::agent::Purpose;
use crate::domain::forge::User;

use super::super::effect::{Effect, RunInput, StartRun};
use super::super::event::{Checkpoint, StoryEvent};
use super::super::facts::Facts;
use super::super::intent::{Intent, Wanted};
use super::super::label::Flag;
use super::super::say;
use super::super::story::Story;
use super::{Decision, Note};

pub(super) struct Turn<'a> {
    pub before: &'a Story,
    pub story: Story,
    pub wanted: &'a Wanted,
    pub facts: &'a Facts,
    pub decision: Decision,
    /// Answers to the comment at hand; they become one comment.
    pub replies: Vec<String>,
    /// Labels must be written even when the story did not change: somebody moved one.
    pub labels_off: bool,
    /// Who is behind what is decided just now, where that is somebody else than the event's sender: a label event may report several people's moves.
    pub mover: Option<User>,
}

impl<'a> Turn<'a> {
    pub fn new(story: &'a Story, wanted: &'a Wanted, facts: &'a Facts) -> Turn<'a> {
        Turn {
            before: story,
            story: story.clone(),
            wanted,
            facts,
            decision: Decision::default(),
            replies: Vec::new(),
            labels_off: false,
            mover: None,
        }
    }

    pub fn event(&mut self, event: StoryEvent) {
        self.story = std::mem::take(&mut self.story).evolve(&event);
        self.decision.events.push(event);
    }

    pub fn effect(&mut self, effect: Effect) {
        self.decision.effects.push(effect);
    }

    pub fn note(&mut self, action: &'static str, details: serde_json::Value) {
        self.decision.notes.push(Note { action, details });
    }

    /// Keeps a text and gives its hash, under which events may name it.
    pub fn text(&mut self, text: &str) -> String {
        self.decision.texts.push(text.to_owned());
        sha256_hex(text)
    }

    pub fn actor(&self) -> Option<&User> {
        self.mover.as_ref().or(self.wanted.actor.as_ref())
    }

    /// The sender is Syndarix itself.
    pub fn is_own(&self) -> bool {
        self.actor().is_some_and(|user| user.id == self.facts.bot.id)
    }

    pub fn raise(&mut self, flag: Flag, why: impl Into<String>) {
        let why = why.into();
        if !self.story.flags.contains(&flag) || self.story.reasons.get(&flag) != Some(&why) {
            self.event(StoryEvent::FlagRaised { flag, why });
        }
    }

    pub fn lower(&mut self, flag: Flag) {
        if self.story.flags.contains(&flag) {
            self.event(StoryEvent::FlagLowered { flag });
        }
    }

    /// Where a request to act goes: the pull request once there is one, else the issue.
    pub fn desk(&self) -> i64 {
        self.story.pull.as_ref().map_or(self.story.issue, |pull| pull.number)
    }

    /// A new comment that asks somebody to act or reports an end. The key makes it one comment however often it is performed.
    pub fn say(&mut self, number: i64, key: impl Into<String>, body: String) {
        let key = format!("{}.{}", self.story.round, key.into());
        self.effect(Effect::Comment { number, key, body });
    }

    /// Starts the agent for a purpose. While the story is paused the run is made but held.
    pub fn start(&mut self, purpose: Purpose) {
        self.stop_active();
        if matches!(purpose, Purpose::Implement | Purpose::Fix) && !self.story.loops.texts.is_empty() {
            self.event(StoryEvent::TextsTaken);
        }
        let round = self.story.rounds.get(&purpose).copied().unwrap_or(0);
        let name = format!("{}:{}:{}:{:?}:{round}", self.facts.repo.id, self.story.issue, self.story.round, purpose);
        let run = RunId::named(&name);
        let chosen = self.story.assigned.get(&purpose).or_else(|| self.facts.crew.get(&purpose));
        let (agent, name) = chosen.cloned().unwrap_or_else(|| (format!("{purpose:?}"), "Nobody".into()));
        let input = self.run_input(purpose);
        self.lower(Flag::Waiting);
        self.lower(Flag::Blocked);
        self.event(StoryEvent::RunStarted { run, purpose, agent: agent.clone(), name: name.clone() });
        self.effect(Effect::StartRun(Box::new(StartRun { run, purpose, round, agent, name, input })));
        if !self.story.may_run() {
            self.effect(Effect::HoldRun { run });
        }
    }

    fn run_input(&self, purpose: Purpose) -> RunInput {
        let story = &self.story;
        RunInput {
            issue: story.issue,
            pull: story.pull.as_ref().map(|pull| pull.number),
            base: match purpose {
                Purpose::Analyse => None,
                // After the merge the base branch itself is looked at.
                Purpose::Test if !story.stage.is_before_merge() => None,
                _ => story.unpushed.clone().or_else(|| story.head.clone()),
            },
            base_branch: story.base_branch.clone(),
            branch: story.branch.clone(),
            criteria: story.criteria,
            plan: story.plan.as_ref().map(|plan| plan.run),
            review: story.review.filter(|_| purpose == Purpose::Fix || purpose == Purpose::Review),
            code: story.code,
            focus: story.focus.clone(),
            constraints: story.constraints.clone(),
            plan_approved: story.plan_approver.is_some(),
            ceiling: self.ceiling(),
            keep_plan: self.facts.policy.keep_plan,
            merge: story.base.conflict.clone().filter(|_| purpose == Purpose::Merge),
        }
    }

    /// The plan's estimate, as long as passing it needs a person's word.
    fn ceiling(&self) -> Option<Nano> {
        let waits = super::checkpoint::waits(self.story.autonomy, Checkpoint::Spend) && !self.story.passed.contains(&Checkpoint::Spend);
        self.story.plan.as_ref().and_then(|plan| plan.estimate).filter(|_| waits)
    }

    /// Stops the agent at work, if there is one.
    pub fn stop_active(&mut self) {
        if let Some(active) = self.story.active.clone() {
            self.event(StoryEvent::RunStopped { run: active.run });
            self.effect(Effect::StopRun { run: active.run });
        } else if let Some(run) = self.story.question {
            self.event(StoryEvent::RunStopped { run });
            self.effect(Effect::StopRun { run });
        }
    }

    /// Ends the turn: one reply, labels and status where they are due, a reaction where that is answer enough.
    pub fn finish(mut self) -> Decision {
        if self.decision.wait.is_some() {
            return Decision { wait: self.decision.wait, ..Decision::default() };
        }
        super::pull::show_shut(&mut self);
        if !self.replies.is_empty()
            && let Intent::Commands { place, comment, .. } = &self.wanted.intent
        {
            let body = say::reply(&self.replies);
            self.effect(Effect::Comment { number: place.number, key: format!("reply.{comment}"), body });
        }
        if self.story.labels() != self.before.labels() || self.labels_off || self.story.pull != self.before.pull {
            self.effect(Effect::Labels);
        }
        if self.story.round > 0 && self.story != *self.before {
            self.effect(Effect::Status);
        }
        self.decision
    }

    /// Records who asked for what with which permission, and what was answered.
    pub fn note_permission(&mut self, verb: &str, allowed: bool, code: &str) {
        let actor = self.facts.actor.as_ref();
        let details = json!({
            "verb": verb,
            "user": actor.map_or(0, |person| person.user.id),
            "role": actor.and_then(|person| person.role).map_or("unknown".to_owned(), |role| role.to_string()),
            "allowed": allowed,
            "code": code,
        });
        self.note("permission", details);
    }
}

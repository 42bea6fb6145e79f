//! What the commands of a comment do. Parsing and permissions are `domain::command` and `domain::access`; here is the meaning.

use crate::base::Time;
use crate::domain::access::{self, ActorFacts};
use crate::domain::agent::Purpose;
use crate::domain::approval::{Person, plan_vote};
use crate::domain::command::{self, Command, ParseContext, Verdict};
use crate::domain::refusal::Refusal;

use super::super::effect::Effect;
use super::super::event::{Checkpoint, StoryEvent};
use super::super::intent::{Intent, Place};
use super::super::label::{Flag, Stage};
use super::super::{page, say};
use super::turn::Turn;
use super::{answers, assign, base, checkpoint, hold, places, pull, settings, work};

/// What a command came to, when it was not refused.
pub(super) enum Said {
    /// A reaction is answer enough.
    Done,
    /// Work begins: eyes.
    Begun,
    Text(String),
}

pub(super) fn decide(turn: &mut Turn<'_>) {
    let Intent::Commands { place, comment, body, previous, written_at } = turn.wanted.intent.clone() else {
        return;
    };
    let cx = ParseContext { bot_login: &turn.facts.bot.login };
    let parsed = match &previous {
        Some(previous) => command::new_commands(previous, &body, &cx),
        None => command::parse(&body, &cx),
    };
    // Other bots get no answer at all: answering them is how loops begin.
    if access::listens_to(&actor(turn)).is_err() {
        turn.note_permission("any", false, "other-bot");
        return super::guard::say_taken_for_a_program(turn, place.number);
    }
    if turn.facts.actor.as_ref().is_some_and(|person| person.is_bot) && turn.facts.guard.bot_spoke.is_some() {
        // Programs that answer each other's answers never stop: after one of them, a person has to speak first.
        return turn.note_permission("any", false, "bot-depth");
    }
    let mut reactions = Vec::new();
    for (line, verdict) in parsed.verdicts() {
        let said = match verdict {
            Verdict::Run(command) => one(turn, command, place, written_at, &Source { comment, number: place.number, hash: &line.hash }),
            Verdict::HeldBack(refusal) | Verdict::Refused(refusal) => Err(refusal),
        };
        match said {
            Ok(Said::Done) => reactions.push("+1"),
            Ok(Said::Begun) => reactions.push("eyes"),
            Ok(Said::Text(text)) => turn.replies.push(text),
            Err(refusal) => turn.replies.push(say::refused(&refusal)),
        }
    }
    reactions.dedup();
    for content in reactions {
        turn.effect(Effect::React { number: place.number, comment, content: content.into() });
    }
}

/// Where a command stands.
pub(super) struct Source<'a> {
    comment: i64,
    number: i64,
    hash: &'a str,
}

impl Source<'_> {
    /// Names the comment as a remark for an agent: as a whole it may say more than the command's own text.
    pub fn remark(&self) -> String {
        format!("comment:{}:{}:{}", self.comment, self.hash, self.number)
    }
}

/// The sender as the rules of access see it.
pub(super) fn actor<'a>(turn: &Turn<'a>) -> ActorFacts<'a> {
    let person = turn.facts.actor.as_ref();
    let own = turn.is_own();
    ActorFacts {
        user: person.map(|person| person.user.clone()),
        role: person.and_then(|person| person.role),
        is_bot_self: own,
        is_other_bot: person.is_some_and(|person| person.is_bot) && !own,
        listed_bot: person.is_some_and(|person| {
            let listed = &turn.facts.policy.listed_bots;
            listed.iter().any(|login| login.trim_start_matches('@').eq_ignore_ascii_case(&person.user.login))
        }),
        is_requester: person.zip(turn.story.requester.as_ref()).is_some_and(|(person, requester)| person.user.id == requester.id),
        writers: Some(turn.facts.policy.writers.as_slice()).filter(|writers| !writers.is_empty()),
    }
}

fn one(turn: &mut Turn<'_>, command: &Command, place: Place, written_at: Time, source: &Source<'_>) -> Result<Said, Refusal> {
    let spec = command.spec();
    let allowed = may(turn, command, place, written_at);
    turn.note_permission(spec.name, allowed.is_ok(), allowed.as_ref().map_or_else(|refusal| refusal.code, |()| "ok"));
    allowed?;
    match command {
        Command::Help { verb } => Ok(Said::Text(command::help::text(verb.as_deref()))),
        Command::Ping => Ok(Said::Text(format!("I am here: Syndarix {}.", turn.facts.version))),
        Command::Whoami => Ok(Said::Text(access::introduce(&actor(turn)))),
        Command::Status => Ok(Said::Text(page::status(&turn.story, turn.facts.spent, &turn.facts.policy, &turn.facts.pulls_url))),
        Command::Plan { focus } => plan(turn, focus.as_deref()),
        Command::Revise { text } | Command::Reject { text } => send_back(turn, text.as_deref(), source),
        Command::Approve { hash } => approve(turn, hash.as_deref()),
        Command::Pause { all } => hold::pause(turn, *all),
        Command::Resume { all } => hold::resume(turn, *all),
        Command::Cancel => hold::cancel(turn),
        Command::Retry => hold::retry(turn),
        Command::Rebase => base::command(turn, source.comment),
        Command::Start => places::start(turn),
        Command::Fix { text } => work::fix(turn, text.as_deref(), source),
        Command::Review => work::review(turn),
        Command::Test => work::test(turn),
        Command::Config => Ok(Said::Text(answers::config(turn))),
        Command::Explain { last } => Ok(Said::Text(answers::explain(turn, *last))),
        Command::Audit => match &turn.facts.inform.audit {
            Some(facts) => Ok(Said::Text(answers::audit(facts))),
            None => refuse("no-record", "the record could not be read", "type the command again"),
        },
        Command::Label { sync: false } => Ok(Said::Text(command::help::text(Some("label")))),
        Command::Label { sync: true } => {
            // Its own comment: what it says is known only when it is done.
            let key = format!("labels.{}", source.comment);
            turn.effect(Effect::SyncLabels { number: place.number, key });
            Ok(Said::Begun)
        }
        Command::Autonomy { level, project } => settings::autonomy(turn, *level, *project),
        Command::Budget { amount, soft, project } => settings::budget(turn, *amount, *soft, *project),
        Command::Assign { agent, step } => assign::assign(turn, agent.as_deref(), *step),
    }
}

fn may(turn: &Turn<'_>, command: &Command, place: Place, written_at: Time) -> Result<(), Refusal> {
    if command.changes() {
        access::fresh(written_at, turn.facts.now)?;
    }
    let stops = matches!(command, Command::Pause { .. } | Command::Cancel);
    if command.changes() && !stops && turn.facts.issue.as_ref().is_some_and(|issue| issue.confidential) {
        return refuse(
            "confidential",
            "this issue is confidential, and what agents do shows in branches and pull requests to everybody who sees the project",
            "make the issue visible to them and type the command again",
        );
    }
    let place = if place.is_pull { command::Place::Pull } else { command::Place::Issue };
    access::may(command, &actor(turn), place)
}

pub(super) fn refuse<T>(code: &'static str, sentence: impl Into<String>, way_out: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(code, say::sentence(&sentence.into()), say::sentence(&way_out.into())))
}

/// Begins a round.
pub(super) fn plan(turn: &mut Turn<'_>, focus: Option<&str>) -> Result<Said, Refusal> {
    if turn.story.stage.is_active() {
        let words = format!("a story is already under way here, in {}", turn.story.stage.word());
        return refuse(
            "already-planned",
            words,
            "type `/syndarix revise <text>` to change the plan, or `/syndarix cancel` first to start over",
        );
    }
    let Some(issue) = turn.facts.issue.as_ref().filter(|issue| !issue.is_pull) else {
        return refuse("not-an-issue", "a story begins on an issue, not on a pull request", "type `/syndarix plan` under an issue");
    };
    if issue.state == crate::domain::forge::State::Closed {
        return refuse("issue-closed", "this issue is closed", "reopen it and type `/syndarix plan` again");
    }
    if turn.facts.repo.archived || turn.facts.repo.empty {
        let (what, way_out) = match turn.facts.repo.archived {
            true => ("archived", "ask an administrator to unarchive it, then type the command again"),
            false => ("empty", "push a first commit, then type the command again"),
        };
        return refuse("no-base", format!("the repository is {what}, so agents cannot work on it"), way_out);
    }
    let Some(requester) = turn.actor().cloned() else {
        return refuse("unknown-actor", "the forge did not say who wants this", "type `/syndarix plan` in a comment");
    };
    let autonomy = turn.facts.policy.autonomy;
    let tightest = super::labels::tightest(autonomy, &issue.labels);
    let event = StoryEvent::Started {
        round: turn.story.round + 1,
        requester,
        issue: issue.number,
        branch: say::branch_name(issue.number, &issue.title, &turn.facts.branches),
        base_branch: turn.facts.repo.default_branch.clone(),
        focus: focus.map(str::to_owned).filter(|text| !text.trim().is_empty()).map(|text| turn.text(&text)),
        autonomy,
    };
    turn.event(event);
    if tightest < autonomy {
        turn.event(StoryEvent::AutonomyTightened { autonomy: tightest, by: None });
    }
    let branch = turn.story.branch.clone();
    turn.decision.aliases.push(super::super::interpret::alias::branch(&branch));
    if let Some(hold) = turn.facts.guard.hold.clone() {
        let (flag, why) = super::guard::stopped_from_the_start(&hold);
        turn.raise(flag, why);
        turn.replies.push(say::begins_stopped(&hold));
    }
    // The label may have been put on before the story began, or its event overtook the command: what it says holds all the same.
    if issue.labels.iter().any(|name| name == Flag::Paused.label()) {
        turn.raise(Flag::Paused, format!("stopped by the label `{}`, which the issue carried from the start", Flag::Paused.label()));
    }
    turn.start(Purpose::Analyse);
    Ok(Said::Begun)
}

fn send_back(turn: &mut Turn<'_>, text: Option<&str>, source: &Source<'_>) -> Result<Said, Refusal> {
    let Some(by) = turn.actor().cloned() else {
        return refuse("unknown-actor", "the forge did not say who wants this", "type the command in a comment");
    };
    if matches!(turn.story.stage, Stage::Implementation | Stage::Review) {
        work::stands_free(turn)?;
    }
    let reason = text.map(str::trim).filter(|text| !text.is_empty()).map(|text| turn.text(text));
    let again = match turn.story.stage {
        Stage::Design if turn.story.plan.is_some() || turn.story.active.is_none() => Purpose::Design,
        Stage::Implementation if turn.story.loops.queued.is_some() => return work::fix(turn, text, source),
        Stage::Implementation if turn.story.checkpoint.is_some() || turn.story.active.is_none() => turn.story.build_purpose(),
        Stage::Review => Purpose::Fix,
        Stage::Analysis => Purpose::Analyse,
        _ => {
            let words = nothing_to_send_back(turn.story.stage);
            return refuse("nothing-to-send-back", words, "`/syndarix status` shows where it is");
        }
    };
    turn.event(StoryEvent::SentBack { by, reason, remark: Some(source.remark()) });
    turn.lower(Flag::Waiting);
    turn.start(again);
    Ok(Said::Begun)
}

fn nothing_to_send_back(stage: Stage) -> String {
    match stage {
        stage if stage.is_active() => format!("the story is in {}, where nothing waits that could be sent back", stage.word()),
        _ => "no story is under way here, so there is nothing to send back".into(),
    }
}

fn nothing_waits(stage: Stage) -> String {
    match stage {
        stage if stage.is_active() => format!("nothing waits for an approval here now; the story is in {}", stage.word()),
        _ => "no story is under way here, so nothing waits for an approval".into(),
    }
}

/// Passes the open checkpoint, in the version that the writer was shown.
fn approve(turn: &mut Turn<'_>, named: Option<&str>) -> Result<Said, Refusal> {
    let Some(open) = turn.story.checkpoint.clone() else {
        let words = nothing_waits(turn.story.stage);
        return refuse("no-checkpoint", words, "`/syndarix status` shows what happens next");
    };
    if pull::is_shut(turn) {
        work::stands_free(turn)?;
    }
    if let Some(head) = turn.story.foreign_head.as_ref().filter(|_| open.checkpoint == Checkpoint::Merge) {
        let words = format!("a person pushed {} since, so what waited for your approval is not what would be merged", head.short());
        return refuse("foreign-head", words, "type `/syndarix resume` to let the agents go on from there, then approve the new head");
    }
    check_version(turn, &open, named)?;
    let Some(person) = turn.facts.actor.clone() else {
        return refuse("unknown-actor", "the forge did not say who approves", "type `/syndarix approve` in a comment");
    };
    if open.checkpoint == Checkpoint::Merge {
        return vote_for_merge(turn, person, &open.version);
    }
    if let Err(why) = plan_vote(&person) {
        return refuse("may-not-approve", why, "ask somebody with write permission");
    }
    checkpoint::pass(turn, open.checkpoint, open.version, Some(person.user));
    Ok(Said::Done)
}

fn check_version(turn: &Turn<'_>, open: &super::super::story::OpenCheckpoint, named: Option<&str>) -> Result<(), Refusal> {
    let key = checkpoint::key_of(open.checkpoint, &open.version);
    match named {
        Some(hash) if hash.len() >= 7 && open.version.starts_with(&hash.to_lowercase()) => Ok(()),
        Some(hash) => {
            let words = format!("`{hash}` is not what waits for approval now; that is `{}`", short(&open.version));
            refuse("other-version", words, format!("look at it, then type `/syndarix approve {}`", short(&open.version)))
        }
        None if turn.facts.shown.as_ref().is_none_or(|shown| shown.contains(&key)) => Ok(()),
        None => {
            let words = format!("`{}` came up after your comment was written, so your approval cannot mean it", short(&open.version));
            refuse("not-shown", words, format!("look at it, then type `/syndarix approve {}`", short(&open.version)))
        }
    }
}

fn short(version: &str) -> &str {
    version.get(..10).unwrap_or(version)
}

fn vote_for_merge(turn: &mut Turn<'_>, person: Person, version: &str) -> Result<Said, Refusal> {
    let head = crate::domain::forge::Sha(version.to_owned());
    if let Some(facts) = &turn.facts.gate {
        let mut facts = facts.clone();
        facts.commands = vec![(person.user.clone(), head.clone())];
        facts.reviews.clear();
        facts.people.push(person.clone());
        if let Some(why) = crate::domain::approval::votes(&facts).into_iter().find_map(|vote| vote.counts.err()) {
            return refuse("vote-does-not-count", why, "ask somebody else with write permission to approve");
        }
    }
    turn.event(StoryEvent::Voted { by: person.user, head });
    checkpoint::look_at_gate(turn);
    Ok(Said::Done)
}

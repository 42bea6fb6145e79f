//! What is remembered about those who speak: how much they asked for, whether they are programs, and whether a program spoke last.

use serde_json::{Value, json};

use crate::base::Time;
use crate::base::ids::EffectId;
use crate::domain::approval::Person;
use crate::domain::command::{self, ParseContext};
use crate::domain::forge::User;
use crate::domain::guard::{Drawn, GuardFacts, QUICK_ANSWERS, What, is_quick};
use crate::domain::workflow::facts::Policy;
use crate::domain::workflow::intent::{Intent, Wanted};
use crate::domain::workflow::{Decision, Effect, StoryEvent, say};
use crate::store::{Ended, NewEffect, NewIntent, ProjectTx};

use super::Result;
use super::guard::project_hold;
use super::turn::{Peeked, SUBJECT};
use super::world::is_program;

/// Kind of the objects that hold when the bot last made a comment under a number.
const SPOKE: &str = "spoke";
/// Kind of the objects that hold how quickly an account answers.
const PACE: &str = "pace";
/// Kind of the objects that hold which program spoke last in a lane.
const DEPTH: &str = "depth";
/// Entries of the journal that a halt shows.
const RECENT: usize = 6;

/// The bot made a comment, at this time by the forge's clock.
pub async fn spoke(tx: &mut ProjectTx, number: i64, at: Time) -> Result<()> {
    tx.put_object(SPOKE, &number.to_string(), &json!(at.0), None).await?;
    Ok(())
}

/// What a decision has to know about the guard rails.
pub async fn facts(tx: &mut ProjectTx, policy: &Policy, own: i64, peeked: &Peeked, wanted: &Wanted) -> Result<GuardFacts> {
    let mut facts = GuardFacts { hold: project_hold(tx).await?, ..GuardFacts::default() };
    match &wanted.intent {
        Intent::Halt { .. } => facts.recent = recent(tx, peeked).await?,
        Intent::Remark { .. } if peeked.story.question.is_some() => {
            if let Some(user) = &wanted.actor {
                let per_hour = policy.limits.of_person(What::Answers);
                facts.answers_until = match tx.would_draw(What::Answers.word(), &user.id.to_string(), per_hour).await? {
                    Drawn::Served => None,
                    Drawn::Limited { until, .. } => Some(until),
                };
            }
        }
        Intent::Commands { .. } => {
            let last = tx.object(DEPTH, &peeked.subject.to_string()).await?;
            facts.bot_spoke = last.and_then(|row| row.data.as_str().map(str::to_owned));
        }
        _ => {}
    }
    facts.suspect = pace(tx, policy, own, wanted).await?.and_then(|pace| pace.suspect());
    Ok(facts)
}

async fn recent(tx: &mut ProjectTx, peeked: &Peeked) -> Result<Vec<String>> {
    let rows = tx.events(SUBJECT, peeked.subject.0).await?;
    let line = |row: &crate::store::EventRow| {
        let time = row.at.rfc3339().get(11..19).unwrap_or_default().to_owned();
        let purpose = row.payload.get("purpose").and_then(Value::as_str).map_or_else(String::new, |purpose| format!(" ({purpose})"));
        format!("{time} UTC: {}{purpose}", row.kind.replace('-', " "))
    };
    Ok(rows[rows.len().saturating_sub(RECENT)..].iter().map(line).collect())
}

/// How quickly somebody has answered so far, this time included.
struct Pace {
    user: i64,
    /// Quick answers, one after the other.
    streak: i64,
    /// It was taken for a program before.
    known: bool,
    limit: i64,
    /// What is stored.
    before: Option<Value>,
}

impl Pace {
    fn suspect(&self) -> Option<bool> {
        match (self.known, self.streak >= self.limit) {
            (true, _) => Some(false),
            (false, true) => Some(true),
            (false, false) => None,
        }
    }

    fn data(&self) -> Value {
        json!({"streak": self.streak, "program": self.known || self.streak >= self.limit})
    }
}

/// `None`: the intent is no comment of somebody whom this concerns.
async fn pace(tx: &mut ProjectTx, policy: &Policy, own: i64, wanted: &Wanted) -> Result<Option<Pace>> {
    let (place, at) = match &wanted.intent {
        Intent::Commands { place, written_at, .. } => (place, *written_at),
        Intent::Remark { place, .. } => (place, wanted.at),
        _ => return Ok(None),
    };
    let Some(user) = wanted.actor.as_ref().filter(|user| !is_program(user, own, policy) && !named(&policy.people, user)) else {
        return Ok(None);
    };
    let spoke = tx.object(SPOKE, &place.number.to_string()).await?.and_then(|row| row.data.as_i64()).map(Time);
    let before = tx.object(PACE, &user.id.to_string()).await?.map(|row| row.data);
    let number = |key: &str| before.as_ref().and_then(|data| data.get(key).and_then(Value::as_i64)).unwrap_or(0);
    let known = before.as_ref().and_then(|data| data.get("program").and_then(Value::as_bool)).unwrap_or(false);
    let streak = if spoke.is_some_and(|spoke| is_quick(spoke, at)) { number("streak") + 1 } else { 0 };
    Ok(Some(Pace { user: user.id, streak, known, limit: policy.limits.get(QUICK_ANSWERS), before }))
}

fn named(logins: &[String], user: &User) -> bool {
    logins.iter().any(|login| login.trim_start_matches('@').eq_ignore_ascii_case(&user.login))
}

/// Remembers what a committed decision tells about its sender.
pub async fn remember(
    tx: &mut ProjectTx,
    policy: &Policy,
    own: i64,
    peeked: &Peeked,
    wanted: &Wanted,
    actor: Option<&Person>,
    decision: &Decision,
) -> Result<()> {
    if let Some(pace) = pace(tx, policy, own, wanted).await?
        && (pace.streak > 0 || pace.before.is_some())
        && pace.before.as_ref() != Some(&pace.data())
    {
        tx.put_object(PACE, &pace.user.to_string(), &pace.data(), None).await?;
    }
    let Some(actor) = actor.filter(|actor| actor.user.id != own) else { return Ok(()) };
    if decision.events.iter().any(|event| matches!(event, StoryEvent::QuestionAnswered { .. })) {
        // An answer that came through a moment too late overdraws nothing: the bucket stays at its ground.
        let per_hour = policy.limits.of_person(What::Answers);
        let _ = tx.draw(What::Answers.word(), &actor.user.id.to_string(), 1, per_hour).await?;
    }
    depth(tx, peeked, wanted, actor, decision).await
}

/// A program's command is followed by no other program's until a person spoke here.
async fn depth(tx: &mut ProjectTx, peeked: &Peeked, wanted: &Wanted, actor: &Person, decision: &Decision) -> Result<()> {
    let key = peeked.subject.to_string();
    let speaks =
        matches!(wanted.intent, Intent::Commands { .. } | Intent::Remark { .. } | Intent::LabelsChanged { .. } | Intent::Reviewed { .. });
    match (actor.is_bot, &wanted.intent) {
        (true, Intent::Commands { .. }) if !decision.effects.is_empty() => {
            tx.put_object(DEPTH, &key, &json!(actor.user.login), None).await?;
        }
        (false, _) if speaks && tx.object(DEPTH, &key).await?.is_some_and(|row| !row.data.is_null()) => {
            tx.put_object(DEPTH, &key, &Value::Null, None).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Serves the commands of a fresh comment, or ends its intent as limited with one reply for all that are. Programs get none.
pub async fn limit(tx: &mut ProjectTx, policy: &Policy, bot: &User, new: &NewIntent, actor: Option<&User>) -> Result<()> {
    let Ok(Intent::Commands { place, body, previous, .. }) = serde_json::from_value(new.payload.clone()) else { return Ok(()) };
    let cx = ParseContext { bot_login: &bot.login };
    let parsed = match &previous {
        Some(previous) => command::new_commands(previous, &body, &cx),
        None => command::parse(&body, &cx),
    };
    let per_hour = policy.limits.of_person(What::Commands);
    let (user, login) = actor.map_or((0, "somebody"), |user| (user.id, user.login.as_str()));
    let lines = i64::try_from(parsed.commands.len()).unwrap_or(i64::MAX);
    let Drawn::Limited { until, say } = tx.draw(What::Commands.word(), &user.to_string(), lines, per_hour).await? else {
        return Ok(());
    };
    tx.finish_intent(new.id, Ended::Refused, Some(&format!("limited: {login} may give the next command at {}", until.rfc3339()))).await?;
    if !say || actor.is_some_and(|user| is_program(user, bot.id, policy)) {
        return Ok(());
    }
    let body = say::limited(login, What::Commands, per_hour, until);
    let effect = Effect::Comment { number: place.number, key: format!("limited.{user}"), body };
    let new = NewEffect {
        id: EffectId::named(&format!("{}:limited", new.id)),
        lane: new.subject,
        kind: effect.word().into(),
        key: None,
        payload: serde_json::to_value(&effect)?,
        not_before: None,
    };
    tx.add_effect(&new).await?;
    Ok(())
}

//! Taking a lane's turn: peek, gather without a transaction, decide, commit everything at once.

use serde_json::{Value, json};

use crate::base::ids::{EffectId, IntentId, SubjectId};
use crate::domain::forge::User;
use crate::domain::guard::{Hold, Scope, Stop, What};
use crate::domain::workflow::effect::StartRun;
use crate::domain::workflow::facts::Policy;
use crate::domain::workflow::intent::{Place, Wanted};
use crate::domain::workflow::{Decision, Effect, Intent, Story, StoryEvent, decide};
use crate::forge::ForgeError;
use crate::store::{
    Claim, Ended, EventRow, IntentRow, NewEffect, NewEvent, NewIntent, NewRun, ProjectTx, Release, RunState, StoreError, WorkKind,
};

use super::shield::{MAX_TRIES, shielded};
use super::{Engine, Result, gather, guard, manners, places, reconcile};

/// Journal stream of a story's events.
pub const SUBJECT: &str = "subject";
/// Journal stream of things for the record that no story is folded from.
pub const NOTES: &str = "note";

/// A lane at one moment.
pub struct Peeked {
    pub subject: SubjectId,
    pub number: i64,
    pub is_story: bool,
    pub story: Story,
    pub intent: Option<IntentRow>,
}

/// Takes turns on one lane until nothing is due on it.
pub async fn handle(engine: &Engine, claim: &Claim) -> Result<()> {
    let project = Engine::project_of(claim)?;
    let subject = SubjectId(claim.id);
    loop {
        let mut tx = engine.store.begin_read(project).await?;
        let peeked = peek(&mut tx, subject).await?;
        tx.rollback().await?;
        let Some(intent) = peeked.intent.clone() else {
            return engine.finish(claim).await;
        };
        if let Some(at) = engine.waits_until(intent.not_before) {
            return Ok(engine.store.release(claim, Release::Retry { at }).await?);
        }
        match shielded(Box::pin(one(engine, claim, &peeked, &intent))).await {
            Ok(Lane::GoesOn) => {}
            Ok(Lane::Rests) => return Ok(()),
            // Somebody appended in the meantime: gather again.
            Err(super::EngineError::Store(StoreError::VersionConflict { .. })) => {}
            Err(error) if error.is_race() => return Err(error),
            Err(error) => set_back(engine, claim, &intent, &error).await?,
        }
    }
}

/// Reads a lane.
pub async fn peek(tx: &mut ProjectTx, subject: SubjectId) -> Result<Peeked> {
    let row = tx.subject(subject).await?;
    let story = fold(row.number, &tx.events(SUBJECT, subject.0).await?)?;
    let intent = tx.next_intent(subject).await?;
    Ok(Peeked { subject, number: row.number, is_story: row.kind == "story", story, intent })
}

/// Folds the story from its journal.
pub fn fold(number: i64, rows: &[EventRow]) -> Result<Story> {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        events.push(serde_json::from_value::<StoryEvent>(row.payload.clone())?);
    }
    Ok(Story::fold(number, &events))
}

/// Whether there is more to do on a lane.
enum Lane {
    GoesOn,
    /// Nothing is due, and the lease has ended.
    Rests,
}

/// Ends the lease in the very transaction that does the lane's last work, if it was the last: each commit is a wait for the disk.
async fn rest(engine: &Engine, tx: &mut ProjectTx, claim: &Claim) -> Result<Lane> {
    let how = match tx.next_intent(SubjectId(claim.id)).await? {
        None => Release::Done,
        Some(IntentRow { not_before: Some(at), .. }) if at > engine.clock.now() => Release::Retry { at },
        Some(_) => return Ok(Lane::GoesOn),
    };
    tx.release(claim, how).await?;
    Ok(Lane::Rests)
}

async fn one(engine: &Engine, claim: &Claim, peeked: &Peeked, row: &IntentRow) -> Result<Lane> {
    let wanted = Wanted {
        intent: serde_json::from_value(row.payload.clone())?,
        actor: row.actor.clone().map(serde_json::from_value::<User>).transpose()?,
        at: row.at,
    };
    engine.hold(claim, engine.timings.gather).await?;
    // A forge that answers slowly must not outlast the lease: what is gathered then would be thrown away, each time anew.
    let gathering = async { gather::facts(engine, &engine.site(claim).await?, peeked, &wanted).await };
    let gathered = tokio::time::timeout(engine.timings.gather, Box::pin(gathering)).await;
    let facts = gathered.map_err(|_| ForgeError::Unavailable(format!("it did not answer within {:?}", engine.timings.gather)))??;
    let decision = decide(&peeked.story, &wanted, &facts);
    if let Some(why) = decision.wait {
        let at = engine.clock.now().plus_millis(500);
        let mut tx = engine.store.begin(Engine::project_of(claim)?).await?;
        tx.guard(claim).await?;
        tx.retry_intent(row.id, at, why).await?;
        let lane = rest(engine, &mut tx, claim).await?;
        engine.commit(tx).await?;
        return Ok(lane);
    }
    let mut tx = engine.store.begin(Engine::project_of(claim)?).await?;
    tx.guard(claim).await?;
    commit(engine, &mut tx, (peeked, &facts.policy), row, &wanted, &decision).await?;
    manners::remember(&mut tx, &facts.policy, facts.bot.id, peeked, &wanted, facts.actor.as_ref(), &decision).await?;
    let after = decision.events.iter().fold(peeked.story.clone(), Story::evolve).standing();
    let (before, jumps) = (peeked.story.standing(), decision.jumps_queue);
    let change = places::Change { subject: peeked.subject, intent: row.id, before, after, seen: &facts.places, jumps };
    places::settle(engine, &mut tx, &change).await?;
    reconcile::keep_list(&mut tx, peeked, &decision).await?;
    reconcile::taken_up(&mut tx, &wanted, &facts).await?;
    if let Intent::LabelsChanged { place } = &wanted.intent
        && let Some(labels) = facts.labels.get(&place.number)
    {
        // What was just interpreted is the new ground from which the next change is told.
        tx.put_object("labels", &place.number.to_string(), &json!(labels.now), None).await?;
    }
    let lane = rest(engine, &mut tx, claim).await?;
    engine.commit(tx).await?;
    Ok(lane)
}

/// Writes a decision: events, effects, runs, texts, names, notes, and the intent as done. All or none.
async fn commit(
    engine: &Engine,
    tx: &mut ProjectTx,
    (peeked, policy): (&Peeked, &Policy),
    row: &IntentRow,
    wanted: &Wanted,
    decision: &Decision,
) -> Result<()> {
    let now = engine.clock.now();
    let actor = actor_json(wanted.actor.as_ref());
    let target = json!({"subject": peeked.subject.to_string(), "number": peeked.number});
    let event = |kind: String, payload: Value| NewEvent {
        kind,
        actor: actor.clone(),
        target: target.clone(),
        payload,
        causation: Some(row.id.to_string()),
        at: now,
    };
    let mut events = Vec::new();
    for story_event in &decision.events {
        events.push(event(story_event.name(), serde_json::to_value(story_event)?));
    }
    tx.append(SUBJECT, peeked.subject.0, Some(peeked.story.version), &events).await?;
    after_guards(engine, tx, peeked, wanted, decision).await?;
    let notes: Vec<NewEvent> = decision.notes.iter().map(|note| event(note.action.to_owned(), note.details.clone())).collect();
    if !notes.is_empty() {
        tx.append(NOTES, peeked.subject.0, None, &notes).await?;
    }
    for text in &decision.texts {
        tx.put_text(text).await?;
    }
    if !decision.aliases.is_empty() {
        for (name, holder) in tx.add_aliases(peeked.subject, &decision.aliases).await? {
            // Somebody spoke on the pull request before the story knew its number.
            if tx.subject(holder).await?.kind == "pull" {
                tx.remove_alias(holder, &name).await?;
                tx.add_aliases(peeked.subject, &[name]).await?;
            }
        }
    }
    for (index, effect) in decision.effects.iter().enumerate() {
        order(engine, tx, (peeked, policy), row.id, index, effect).await?;
    }
    let ended = if decision.events.is_empty() && decision.effects.is_empty() { Ended::Ignored } else { Ended::Done };
    tx.finish_intent(row.id, ended, None).await?;
    Ok(())
}

/// What a decision means for the guard rails: stops that end with it, and effects that nobody wants any more.
async fn after_guards(engine: &Engine, tx: &mut ProjectTx, peeked: &Peeked, wanted: &Wanted, decision: &Decision) -> Result<()> {
    let after = decision.events.iter().fold(peeked.story.clone(), Story::evolve);
    let ended = !after.stage.is_active();
    if decision.events.iter().any(|event| matches!(event, StoryEvent::Started { .. })) {
        tx.forget_life(Scope::Story.word(), &peeked.subject.to_string()).await?;
    }
    if ended && peeked.story.stage.is_active() && guard::stop_of(tx, peeked.subject, &peeked.story).await?.is_some() {
        guard::drop_held(tx, peeked.subject).await?;
    }
    if ended && (peeked.story.stage.is_active() || matches!(wanted.intent, Intent::Halt { .. })) {
        guard::release_story(tx, peeked.subject).await?;
    }
    if (!peeked.story.may_run() && after.may_run()) || matches!(wanted.intent, Intent::Hold { hold: false, .. }) {
        let now = engine.clock.now();
        tx.schedule(WorkKind::Perform, peeked.subject.0, Some(peeked.subject), Some(now));
    }
    Ok(())
}

/// Who caused an event, as the record names it.
pub fn actor_json(actor: Option<&User>) -> Value {
    match actor {
        Some(user) => json!({"type": "user", "id": user.id.to_string(), "login": user.login}),
        None => json!({"type": "syndarix", "id": "engine"}),
    }
}

/// Effects on runs are rows of this very transaction; everything else is performed after it.
async fn order(
    engine: &Engine,
    tx: &mut ProjectTx,
    (peeked, policy): (&Peeked, &Policy),
    intent: IntentId,
    index: usize,
    effect: &Effect,
) -> Result<()> {
    let now = engine.clock.now();
    match effect {
        Effect::StartRun(start) => {
            start_run(engine, tx, peeked, start).await?;
            // Past a limit it is made, but held: whoever lets the story go on finds it where it was.
            if !guard::charge(tx, policy, peeked.subject, What::Runs, 1, &start.run.to_string(), now).await? {
                tx.request_stop(start.run).await?;
            }
            Ok(())
        }
        Effect::LiftLimits => guard::lift(tx, peeked.subject).await,
        Effect::StopRun { run } => Ok(tx.set_run(*run, RunState::Stopped, None, now).await?),
        Effect::HoldRun { run } => {
            tx.request_stop(*run).await?;
            Ok(())
        }
        Effect::ResumeRun { run } => {
            tx.clear_stop(*run).await?;
            tx.schedule(WorkKind::Perform, peeked.subject.0, Some(peeked.subject), None);
            tx.schedule(WorkKind::Run, run.0, Some(peeked.subject), None);
            Ok(())
        }
        Effect::AnswerRun { run, number, comment } => {
            tx.put_object("answer", &run.to_string(), &json!({"comment": comment, "number": number}), None).await?;
            tx.set_run(*run, RunState::Pending, None, now).await?;
            tx.schedule(WorkKind::Run, run.0, Some(peeked.subject), None);
            Ok(())
        }
        Effect::SetProject { .. } | Effect::SetLimits { .. } => super::settings::store(engine, tx, peeked, effect).await,
        outside => {
            if let Effect::SpreadHold { hold, by } = outside {
                let stop = Hold { stop: Stop::Paused, by: Some(by.login.clone()), why: String::new(), at: now };
                guard::hold_project(tx, hold.then_some(stop)).await?;
            }
            let new = NewEffect {
                id: EffectId::named(&format!("{intent}:{index}")),
                lane: peeked.subject,
                kind: outside.word().into(),
                key: outside.coalesce_key().map(str::to_owned),
                payload: serde_json::to_value(outside)?,
                not_before: Some(outside.delay()).filter(|delay| *delay > 0).map(|delay| now.plus_millis(delay)),
            };
            tx.add_effect(&new).await?;
            Ok(())
        }
    }
}

async fn start_run(engine: &Engine, tx: &mut ProjectTx, peeked: &Peeked, start: &StartRun) -> Result<()> {
    let agent = tx.ensure_agent(peeked.subject, &start.agent, &start.name).await?;
    if peeked.story.assigned.values().any(|(kind, name)| *kind == start.agent && *name == start.name) && agent.name != start.name {
        tx.rename_agent(agent.id, &start.name).await?;
    }
    let new = NewRun {
        id: start.run,
        subject: peeked.subject,
        agent_kind: start.agent.clone(),
        agent: agent.id,
        purpose: start.purpose.as_str().into(),
        round: start.round.into(),
        input: serde_json::to_value(start)?,
        at: engine.clock.now(),
    };
    tx.add_run(&new).await?;
    Ok(())
}

/// An intent failed: tried again later, and set aside with a sentence when that does not help. The lane goes on.
async fn set_back(engine: &Engine, claim: &Claim, intent: &IntentRow, error: &super::EngineError) -> Result<()> {
    let text = engine.redactor.mask(&error.to_string());
    tracing::warn!(intent.id = %intent.id, attempts = intent.attempts, "the intent could not be decided: {text}");
    // A forge that is down for a while is no fault of the intent, nor is an archived repository or one that is out of reach.
    let again =
        error.is_transient() || intent.attempts < MAX_TRIES || reconcile::stands_still_now(engine, &engine.site(claim).await?).await;
    let mut tx = engine.store.begin(Engine::project_of(claim)?).await?;
    tx.guard(claim).await?;
    if again {
        let at = engine.clock.now().plus_millis(engine.backoff(intent.attempts).max(error.asks_to_wait()));
        tx.retry_intent(intent.id, at, &text).await?;
    } else {
        tx.park_intent(intent.id, &text).await?;
        tell_parked(&mut tx, intent, &text).await?;
    }
    engine.commit(tx).await
}

/// Whoever typed the parked command is told; for other causes the journal must do.
async fn tell_parked(tx: &mut ProjectTx, intent: &IntentRow, error: &str) -> Result<()> {
    if let Ok(Intent::Commands { place: Place { number, .. }, comment, .. }) = serde_json::from_value(intent.payload.clone()) {
        let body = format!("**Not done:** something went wrong each time this was tried: {error}. Type it again once that is mended.");
        let effect = Effect::Comment { number, key: format!("reply.{comment}"), body };
        let new = NewEffect {
            id: EffectId::named(&format!("{}:parked", intent.id)),
            lane: intent.subject,
            kind: effect.word().into(),
            key: None,
            payload: serde_json::to_value(&effect)?,
            not_before: None,
        };
        tx.add_effect(&new).await?;
    }
    Ok(())
}

/// A timer went off: the lane looks again.
pub async fn wake(engine: &Engine, claim: &Claim) -> Result<()> {
    let mut tx = engine.store.begin(Engine::project_of(claim)?).await?;
    tx.guard(claim).await?;
    if let Some(timer) = tx.timer(claim.id).await? {
        post(&mut tx, timer.subject, format!("timer:{}:{}", timer.id, timer.at.0), &Intent::Wake, engine.clock.now()).await?;
        tx.clear_timer(timer.id).await?;
    }
    tx.release(claim, Release::Done).await?;
    engine.commit(tx).await
}

/// Puts an intent of Syndarix itself on a lane, within the transaction of what caused it.
pub async fn post(tx: &mut ProjectTx, subject: SubjectId, source_key: String, intent: &Intent, at: crate::base::Time) -> Result<()> {
    let new = NewIntent {
        id: IntentId::named(&format!("{subject}:{source_key}")),
        subject,
        source_key,
        kind: "internal".into(),
        actor: None,
        payload: serde_json::to_value(intent)?,
        at,
    };
    tx.add_intent(&new).await?;
    Ok(())
}

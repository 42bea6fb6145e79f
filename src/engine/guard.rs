//! Where the guard rails stand: before each effect, each start of a run and each step of one. Stops are read in the transaction that
//! claims the work, so that nothing begins after one is committed; counts are written in the same transaction.

use serde_json::Value;

use crate::base::Time;
use crate::base::ids::SubjectId;
use crate::domain::guard::{Drawn, Hold, Kind, Scope, Stop, Trip, What, judge, kind_of, passes};
use crate::domain::workflow::facts::Policy;
use crate::domain::workflow::intent::Intent;
use crate::domain::workflow::label::Flag;
use crate::domain::workflow::{Effect, Story};
use crate::store::ProjectTx;

use super::Result;
use super::turn::{SUBJECT, fold, post};

/// Kind of the objects that hold stops.
const HOLD: &str = "hold";
/// Key of the stop of all stories.
const PROJECT: &str = "project";
/// Changes of labels that a halted story may still make, so that its flag can be shown.
const LABELS_WHILE_HALTED: i64 = 10;

/// The stop that is on all stories of the project.
pub async fn project_hold(tx: &mut ProjectTx) -> Result<Option<Hold>> {
    hold(tx, PROJECT).await
}

async fn hold(tx: &mut ProjectTx, key: &str) -> Result<Option<Hold>> {
    let row = tx.object(HOLD, key).await?;
    Ok(row.filter(|row| !row.data.is_null()).map(|row| serde_json::from_value(row.data)).transpose()?)
}

/// Puts a stop on all stories of the project, or takes it off. A guard rail's stop is not made weaker by a person's.
pub async fn hold_project(tx: &mut ProjectTx, new: Option<Hold>) -> Result<()> {
    let Some(new) = new else {
        tx.put_object(HOLD, PROJECT, &Value::Null, None).await?;
        return Ok(tx.forget_counts(Scope::Project.word(), "").await?);
    };
    if project_hold(tx).await?.is_none_or(|old| old.stop <= new.stop) {
        tx.put_object(HOLD, PROJECT, &serde_json::to_value(&new)?, None).await?;
    }
    Ok(())
}

/// Takes a guard rail's stop off a story.
pub async fn release_story(tx: &mut ProjectTx, subject: SubjectId) -> Result<()> {
    if hold(tx, &subject.to_string()).await?.is_some() {
        tx.put_object(HOLD, &subject.to_string(), &Value::Null, None).await?;
    }
    Ok(())
}

/// Lets a halted story go on: its stop goes, and counting begins anew.
pub async fn lift(tx: &mut ProjectTx, subject: SubjectId) -> Result<()> {
    release_story(tx, subject).await?;
    Ok(tx.forget_counts(Scope::Story.word(), &subject.to_string()).await?)
}

/// Why the story stands still now, if it does. What has ended is not held.
pub async fn stop_of_lane(tx: &mut ProjectTx, subject: SubjectId, number: i64) -> Result<Option<Stop>> {
    let story = fold(number, &tx.events(SUBJECT, subject.0).await?)?;
    stop_of(tx, subject, &story).await
}

/// The same for a story that was folded already.
pub async fn stop_of(tx: &mut ProjectTx, subject: SubjectId, story: &Story) -> Result<Option<Stop>> {
    if !story.stage.is_active() {
        return Ok(None);
    }
    let own = story_stop(story).max(hold(tx, &subject.to_string()).await?.map(|hold| hold.stop));
    Ok(own.max(project_hold(tx).await?.map(|hold| hold.stop)))
}

fn story_stop(story: &Story) -> Option<Stop> {
    let flag = |flag, stop| story.flags.contains(&flag).then_some(stop);
    flag(Flag::Halted, Stop::Halted).or(flag(Flag::Paused, Stop::Paused))
}

/// Whether a run may take its next step, read in the transaction that claims the step.
pub async fn may_step(tx: &mut ProjectTx, subject: SubjectId) -> Result<bool> {
    Ok(hold(tx, &subject.to_string()).await?.is_none() && project_hold(tx).await?.is_none())
}

/// What to do with an effect.
#[derive(Debug, PartialEq, Eq)]
pub enum Admit {
    Go,
    /// The story is stopped, perhaps just now: it stays in the queue. Commit the transaction.
    Wait,
    /// It would only feed a loop: leave it out.
    Drop,
}

/// An effect that asks to be begun.
pub struct Candidate<'a> {
    pub subject: SubjectId,
    /// Number of the issue or pull request of the lane.
    pub number: i64,
    pub effect: &'a Effect,
    /// It was begun before, and was counted then.
    pub again: bool,
    /// Id of the effect.
    pub cause: String,
}

/// Asks before an effect is begun, and counts it.
pub async fn admit(tx: &mut ProjectTx, policy: &Policy, candidate: &Candidate<'_>, at: Time) -> Result<Admit> {
    let Candidate { subject, number, effect, again, cause } = candidate;
    let subject = *subject;
    let stop = stop_of_lane(tx, subject, *number).await?;
    if stop.is_some_and(|stop| !passes(effect, stop)) {
        return Ok(Admit::Wait);
    }
    let Some(what) = counted(effect).filter(|_| !again) else { return Ok(Admit::Go) };
    if what == What::Labels && stop == Some(Stop::Halted) {
        let counted = tx.count(Scope::Story.word(), &subject.to_string(), "labels-halted", 1).await?;
        return Ok(if counted.life > LABELS_WHILE_HALTED { Admit::Drop } else { Admit::Go });
    }
    match charge(tx, policy, subject, what, 1, cause, at).await? {
        true => Ok(Admit::Go),
        false => Ok(Admit::Wait),
    }
}

/// What an effect counts as; answers to people count for those people.
fn counted(effect: &Effect) -> Option<What> {
    match effect {
        Effect::Comment { .. } if kind_of(effect) == Kind::Answer => None,
        Effect::Comment { .. } => Some(What::Comments),
        Effect::PostReview { .. } => Some(What::Reviews),
        Effect::Labels => Some(What::Labels),
        Effect::Push { .. } => Some(What::Pushes),
        _ => None,
    }
}

/// Counts for the story and the project. False when that would cross a limit: then nothing is counted, the story or the project is
/// stopped at once, and its lane is told.
pub async fn charge(tx: &mut ProjectTx, policy: &Policy, subject: SubjectId, what: What, n: i64, cause: &str, at: Time) -> Result<bool> {
    let story = subject.to_string();
    for (scope, key) in [(Scope::Story, story.as_str()), (Scope::Project, "")] {
        let counted = tx.count(scope.word(), key, what.word(), n).await?;
        let Some(crossed) = judge(scope, what, counted, &policy.limits) else { continue };
        tx.count(scope.word(), key, what.word(), -n).await?;
        if scope == Scope::Project {
            tx.count(Scope::Story.word(), &story, what.word(), -n).await?;
        }
        trip(tx, subject, &crossed, cause, at).await?;
        return Ok(false);
    }
    Ok(true)
}

/// Corrects an earlier count, once the true number is known. Crosses nothing: the next charge will.
pub async fn correct(tx: &mut ProjectTx, subject: SubjectId, what: What, n: i64) -> Result<()> {
    tx.count(Scope::Story.word(), &subject.to_string(), what.word(), n).await?;
    tx.count(Scope::Project.word(), "", what.word(), n).await?;
    Ok(())
}

async fn trip(tx: &mut ProjectTx, subject: SubjectId, crossed: &Trip, cause: &str, at: Time) -> Result<()> {
    let stop = Hold { stop: Stop::Halted, by: None, why: crossed.rule(), at };
    if crossed.is_of_project() {
        // Another story may have crossed the same limit a moment ago; one says it.
        if project_hold(tx).await?.is_some_and(|old| old.stop == Stop::Halted) {
            return Ok(());
        }
        hold_project(tx, Some(stop)).await?;
    } else {
        tx.put_object(HOLD, &subject.to_string(), &serde_json::to_value(&stop)?, None).await?;
    }
    post(tx, subject, format!("halt:{cause}:{}", at.0), &Intent::Halt { trip: crossed.clone(), story: None }, at).await
}

/// What is left in the queue of a story that ended while it was stopped: nobody wants it any more.
pub async fn drop_held(tx: &mut ProjectTx, subject: SubjectId) -> Result<()> {
    for row in tx.pending_effects(subject).await? {
        let effect: Effect = serde_json::from_value(row.payload.clone())?;
        if !passes(&effect, Stop::Halted) {
            tx.effect_failed(row.id, "left out: the story ended while it was stopped").await?;
        }
    }
    Ok(())
}

/// Whether the person may ask for this many things now. `Err`: until when not, and whether that is news.
pub async fn draw(tx: &mut ProjectTx, what: What, user: i64, cost: i64, per_hour: i64) -> Result<std::result::Result<(), (Time, bool)>> {
    Ok(match tx.draw(what.word(), &user.to_string(), cost, per_hour).await? {
        Drawn::Served => Ok(()),
        Drawn::Limited { until, say } => Err((until, say)),
    })
}

/// Note of a charge for tokens that a model call may use, for the correction afterwards.
pub fn estimate(request: &impl serde::Serialize, reply: u32) -> i64 {
    // Three bytes to a token is more than any model needs for code or prose.
    let bytes = serde_json::to_vec(request).map_or(0, |bytes| bytes.len());
    i64::try_from(bytes / 3).unwrap_or(i64::MAX / 4) + i64::from(reply)
}

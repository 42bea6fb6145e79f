//! The places of a project: which stories are at work and which wait for one to end. One row, changed in the very transaction that changes a story's
//! standing, so that two instances cannot both take the last place; and compared with the stories themselves at every look at the forge.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::base::Time;
use crate::base::ids::{IntentId, SubjectId};
use crate::domain::workflow::Intent;
use crate::domain::workflow::facts::PlaceFacts;
use crate::domain::workflow::loops::Standing;
use crate::store::{ProjectTx, StoreError};

use super::turn::{SUBJECT, fold, post};
use super::world::Site;
use super::{Engine, Result};

/// Kind and key of the row.
const ROW: (&str, &str) = ("places", "stories");

/// Who is at work and who waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Places {
    held: BTreeSet<SubjectId>,
    /// In the order in which they queued up.
    queue: BTreeSet<(Time, SubjectId)>,
}

impl Places {
    fn seen_by(&self, subject: SubjectId, most: u32) -> PlaceFacts {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let taken = self.held.iter().filter(|id| **id != subject).count();
        let ahead = self.queue.iter().take_while(|(_, id)| *id != subject).count();
        PlaceFacts { most, taken: count(taken), ahead: count(ahead) }
    }

    fn standing(&self, subject: SubjectId) -> Standing {
        let since = self.queue.iter().find(|(_, id)| *id == subject).map(|(since, _)| *since);
        match since {
            _ if self.held.contains(&subject) => Standing::Held,
            Some(since) => Standing::Queued(since),
            None => Standing::Free,
        }
    }

    fn set(&mut self, subject: SubjectId, standing: Standing) {
        self.held.remove(&subject);
        self.queue.retain(|(_, id)| *id != subject);
        match standing {
            Standing::Held => {
                self.held.insert(subject);
            }
            Standing::Queued(since) => {
                self.queue.insert((since, subject));
            }
            Standing::Free => {}
        }
    }

    /// Those in the queue for whom there is a place.
    fn next(&self, most: u32) -> Vec<SubjectId> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let free = if most == 0 { usize::MAX } else { most.saturating_sub(self.held.len()) };
        self.queue.iter().take(free).map(|(_, id)| *id).collect()
    }
}

/// How many places are taken, seen by one story.
pub async fn seen_by(tx: &mut ProjectTx, subject: SubjectId, most: u32) -> Result<PlaceFacts> {
    let row = tx.object(ROW.0, ROW.1).await?;
    let places: Places = row.map(|row| serde_json::from_value(row.data)).transpose()?.unwrap_or_default();
    Ok(places.seen_by(subject, most))
}

/// What a turn does to its story's standing.
pub struct Change<'a> {
    pub subject: SubjectId,
    pub intent: IntentId,
    pub before: Standing,
    pub after: Standing,
    /// What the decision was made on.
    pub seen: &'a PlaceFacts,
    /// A person wants it now, whatever the count is.
    pub jumps: bool,
}

/// Writes the change and wakes whoever a free place is for. An error asks for a new decision: somebody else took the place in the meantime.
pub async fn settle(engine: &Engine, tx: &mut ProjectTx, change: &Change<'_>) -> Result<()> {
    if change.before == change.after {
        return Ok(());
    }
    let mut places = load(tx).await?;
    let now = places.seen_by(change.subject, change.seen.most);
    if change.after == Standing::Held && !change.jumps && change.seen.is_free() && !now.is_free() {
        return Err(StoreError::VersionConflict { expected: i64::from(change.seen.taken), actual: i64::from(now.taken) }.into());
    }
    places.set(change.subject, change.after);
    save(tx, &places).await?;
    for subject in places.next(change.seen.most) {
        wake(engine, tx, subject, &change.intent.to_string()).await?;
    }
    Ok(())
}

/// Compares the row with the stories as they were just read, mends what differs, and wakes whoever a free place is for.
pub async fn repair(engine: &Engine, site: &Site<'_>, seen: &[(SubjectId, Standing)]) -> Result<()> {
    let mut tx = engine.store.begin(site.project.id).await?;
    let mut places = load(&mut tx).await?;
    let before = places.clone();
    for (subject, standing) in seen {
        if places.standing(*subject) != *standing {
            // Read again under the lock: a turn may have been faster.
            let number = tx.subject(*subject).await?.number;
            let story = fold(number, &tx.events(SUBJECT, subject.0).await?)?;
            places.set(*subject, story.standing());
        }
    }
    if places != before {
        save(&mut tx, &places).await?;
    }
    let cause = format!("look:{}", engine.clock.now().0);
    for subject in places.next(site.rules.policy.max_stories) {
        wake(engine, &mut tx, subject, &cause).await?;
    }
    engine.commit(tx).await
}

async fn load(tx: &mut ProjectTx) -> Result<Places> {
    let row = tx.object_for_update(ROW.0, ROW.1).await?;
    Ok(row.map(|row| serde_json::from_value(row.data)).transpose()?.unwrap_or_default())
}

async fn save(tx: &mut ProjectTx, places: &Places) -> Result<()> {
    tx.put_object(ROW.0, ROW.1, &serde_json::to_value(places)?, None).await?;
    Ok(())
}

async fn wake(engine: &Engine, tx: &mut ProjectTx, subject: SubjectId, cause: &str) -> Result<()> {
    post(tx, subject, format!("place:{cause}:{subject}"), &Intent::Wake, engine.clock.now()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_goes_to_whoever_waited_longest() {
        let id = |n: u8| SubjectId(uuid::Uuid::from_bytes([n; 16]));
        let mut places = Places::default();
        for n in 1..=2 {
            assert!(places.seen_by(id(n), 2).is_free());
            places.set(id(n), Standing::Held);
        }
        places.set(id(4), Standing::Queued(Time(7)));
        places.set(id(3), Standing::Queued(Time(8)));
        assert_eq!(places.seen_by(id(3), 2), PlaceFacts { most: 2, taken: 2, ahead: 1 });
        assert_eq!(places.seen_by(id(5), 2).ahead, 2, "whoever comes now is last");
        assert_eq!(places.next(2), []);
        places.set(id(1), Standing::Free);
        assert_eq!(places.next(2), [id(4)]);
        assert!(places.seen_by(id(4), 2).is_free() && !places.seen_by(id(3), 2).is_free() && !places.seen_by(id(5), 2).is_free());
        assert_eq!(places.next(0), [id(4), id(3)], "without a limit nobody waits");
        let kept: Places = serde_json::from_value(serde_json::to_value(&places).unwrap()).unwrap();
        assert_eq!(kept, places);
    }
}

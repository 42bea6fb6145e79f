//! What is kept between two looks: how far each half has seen, and whether web hooks can be relied upon.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::base::Time;
use crate::base::ids::ProjectId;
use crate::forge::{Touched, Window};

use super::super::{Engine, Result};

/// Overlap of two looks, in milliseconds: forges keep whole seconds, and what is written late carries an earlier stamp.
const OVERLAP: i64 = 30_000;
/// How far the first look goes back, in milliseconds: a day, because older commands are not run any more.
const FIRST_LOOK: i64 = 24 * 60 * 60 * 1000;
/// How far a forge's clock may be ahead of ours where it does not tell its time, in milliseconds.
const AHEAD: i64 = 10 * 60 * 1000;
/// Most entries of one stretch. More are read in shorter stretches, one look after the other.
const AT_MOST: usize = 500;
/// How often the arrival of web hooks is noted, in microseconds.
const NOTED: i64 = 60 * 1_000_000;

const KIND: &str = "reconcile";
const WATCH: &str = "watch";
const HOOK: &str = "hook";

/// Kept per project.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Watch {
    pub issues: Cursor,
    pub comments: Cursor,
    /// The first story of the next look: each gets its turn, however many there are.
    pub next_story: usize,
    pub quiet_looks: u32,
    /// How many looks in a row have failed.
    pub failures: u32,
    pub missed_at: Option<Time>,
    /// How many findings were not announced, all in all.
    pub missed: u64,
    /// When deliveries that never arrived were last asked for.
    pub asked_again_at: Option<Time>,
    /// Kept apart, since web hooks come while a look is under way.
    #[serde(skip)]
    pub heard_at: Option<Time>,
}

impl Watch {
    pub async fn load(engine: &Engine, project: ProjectId) -> Result<Watch> {
        let mut tx = engine.store.begin_read(project).await?;
        let kept = tx.object(KIND, WATCH).await?;
        let hook = tx.object(KIND, HOOK).await?;
        tx.rollback().await?;
        let mut watch: Watch = kept.map(|row| serde_json::from_value(row.data)).transpose()?.unwrap_or_default();
        watch.heard_at = hook.and_then(|row| row.data.as_i64()).map(Time);
        Ok(watch)
    }

    pub async fn save(&self, engine: &Engine, project: ProjectId) -> Result<()> {
        let mut tx = engine.store.begin(project).await?;
        tx.put_object(KIND, WATCH, &serde_json::to_value(self)?, None).await?;
        Ok(tx.commit().await?)
    }
}

/// A web hook of the project was heard, whatever it said: it is there and finds us.
pub async fn hook_heard(engine: &Engine, project: ProjectId) -> Result<()> {
    let now = engine.clock.now();
    let mut tx = engine.store.begin_read(project).await?;
    let before = tx.object(KIND, HOOK).await?.and_then(|row| row.data.as_i64());
    tx.rollback().await?;
    if before.is_some_and(|at| now.0 - at < NOTED) {
        return Ok(());
    }
    let mut tx = engine.store.begin(project).await?;
    tx.put_object(KIND, HOOK, &json!(now.0), None).await?;
    Ok(tx.commit().await?)
}

/// How far a list of the forge was read, by the forge's own stamps: our clock has no part in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::engine) struct Cursor {
    /// The newest stamp that was seen.
    seen: Option<Time>,
    /// The end of the stretch that is to be read next, while catching up.
    until: Option<Time>,
    /// The stretch cannot be made shorter: everything in it is read at once.
    #[serde(skip)]
    whole: bool,
}

/// What to do after an answer.
pub(in crate::engine) enum Step {
    /// Everything of the stretch is here.
    Read,
    /// There was more than fits: ask again, for a shorter stretch.
    Shorten,
}

impl Cursor {
    /// The stretch to ask for. `now`: our clock, for the very first look only.
    pub fn window(&self, now: Time) -> Window {
        let since = self.seen.map_or_else(|| now.plus_millis(-FIRST_LOOK), |seen| seen.plus_millis(-OVERLAP));
        let at_most = if self.whole { usize::MAX } else { AT_MOST };
        Window { since, until: self.until.filter(|until| *until > since), at_most }
    }

    /// Moves on after an answer. `newest`: the newest stamp in it.
    pub fn advance<T>(&mut self, window: &Window, answer: &Touched<T>, newest: Option<Time>, now: Time) -> Step {
        let end = answer.forge_time.unwrap_or_else(|| now.plus_millis(AHEAD));
        if !answer.complete {
            let stop = window.until.unwrap_or(end).min(end);
            let length = stop.0 - window.since.0;
            // Stamps are whole seconds: within one second there is no shorter stretch.
            match length > 2_000_000 {
                true => self.until = Some(Time(window.since.0 + length / 2)),
                false => self.whole = true,
            }
            return Step::Shorten;
        }
        if window.until.is_some() {
            self.seen = window.until.map(|until| until.plus_millis(OVERLAP));
        } else if let Some(time) = answer.forge_time.filter(|time| *time < window.since) {
            // The forge's clock was set back, or ours is far ahead of it at the first look.
            self.seen = Some(if self.seen.is_some() { time } else { time.plus_millis(OVERLAP - FIRST_LOOK) });
        } else {
            // A stamp from the future (an import may carry one) must not make us blind until then.
            self.seen = newest.map(|newest| newest.min(end)).max(self.seen).or(Some(window.since.plus_millis(OVERLAP)));
        }
        (self.until, self.whole) = (None, false);
        Step::Read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_790_000_000_000_000);

    fn answer(complete: bool, forge_time: Option<Time>) -> Touched<()> {
        Touched { items: Vec::new(), complete, forge_time, requests: 1 }
    }

    #[test]
    fn the_forges_stamps_move_the_cursor_and_our_clock_does_not() {
        let mut cursor = Cursor::default();
        let first = cursor.window(NOW);
        assert_eq!((first.since, first.until), (NOW.plus_millis(-FIRST_LOOK), None));
        cursor.advance(&first, &answer(true, Some(NOW)), None, NOW);
        assert_eq!(cursor.window(Time(0)).since, first.since, "nothing was seen: the same stretch again");
        let newest = NOW.plus_millis(-5_000);
        cursor.advance(&cursor.window(NOW), &answer(true, Some(NOW)), Some(newest), NOW);
        assert_eq!(cursor.window(Time(0)).since, newest.plus_millis(-OVERLAP));
        cursor.advance(&cursor.window(NOW), &answer(true, Some(NOW)), None, NOW);
        assert_eq!(cursor.window(Time(0)).since, newest.plus_millis(-OVERLAP), "it never moves back by itself");
    }

    #[test]
    fn stamps_of_the_future_and_a_clock_set_back_do_not_blind_it() {
        let mut cursor = Cursor::default();
        let far = NOW.plus_millis(1_000_000_000);
        cursor.advance(&cursor.window(NOW), &answer(true, Some(NOW)), Some(far), NOW);
        assert_eq!(cursor.seen, Some(NOW));
        let back = NOW.plus_millis(-3_600_000);
        cursor.advance(&cursor.window(NOW), &answer(true, Some(back)), None, NOW);
        assert_eq!(cursor.seen, Some(back));
        let mut untold = Cursor::default();
        untold.advance(&untold.window(NOW), &answer(true, None), Some(far), NOW);
        assert_eq!(untold.seen, Some(NOW.plus_millis(AHEAD)));
    }

    #[test]
    fn too_much_is_read_in_shorter_stretches_until_it_is_caught_up() {
        let mut cursor = Cursor { seen: Some(NOW.plus_millis(-64_000_000)), until: None, whole: false };
        let mut halved = 0;
        while matches!(cursor.advance(&cursor.window(NOW), &answer(halved == 3, Some(NOW)), None, NOW), Step::Shorten) {
            halved += 1;
        }
        assert_eq!(halved, 3);
        let first = cursor.window(NOW);
        assert!(first.until.is_none() && first.since < NOW.plus_millis(-50_000_000) && first.since > NOW.plus_millis(-64_000_000));
        // Within one second nothing can be shortened.
        let mut dense = Cursor { seen: Some(NOW.plus_millis(OVERLAP - 1_000)), until: None, whole: false };
        assert!(matches!(dense.advance(&dense.window(NOW), &answer(false, Some(NOW)), None, NOW), Step::Shorten));
        assert_eq!(dense.window(NOW).at_most, usize::MAX);
    }
}

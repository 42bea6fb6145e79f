//! Where the circles of claiming stand, and where looks begin once looking has become slow: see [`super::claim`]. Kept in memory, by each
//! process for itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::exchange::Look;
use super::work::{Claim, WorkKind};

/// Most items that one share gets of one statement.
const MOST_QUOTA: usize = 1_024;
/// A look at all of the table is slow when it takes longer.
const SLOW: Duration = Duration::from_millis(25);
/// A look that takes longer may go by an old plan; plans are made anew at most this often.
const LATE: Duration = Duration::from_millis(5);
const PLANS_APART: Duration = Duration::from_secs(1);
/// So many slow ones in succession are no accident, after at least so many claims.
const SLOW_LOOKS: u32 = 3;
const MANY: u64 = 2_000;
/// The next look at all of the table is due after this, or after so many times as long as the last one took.
const SELDOM: Duration = Duration::from_secs(1);
const TIMES: u32 = 20;
/// How far before the last item of a share a look begins that follows a notice which does not say what there is, in microseconds: work
/// that another process scheduled a moment earlier may have been committed a moment later.
const MARGIN: i64 = 100_000;
/// Most shares of which it is known where they were left.
const MOST_KNOWN: usize = 10_000;

/// New or freed work: its kind, its share, and when it is due, in microseconds.
pub(super) type News = (WorkKind, Uuid, i64);

/// Where the circles stand.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: Mutex<BTreeMap<WorkKind, Turn>>,
    floors: Mutex<BTreeMap<WorkKind, Floors>>,
    planned: Mutex<Option<Instant>>,
}

/// Where the shares of a kind were left.
#[derive(Debug, Default)]
struct Floors {
    claimed: u64,
    slow: u32,
    /// When all of the table is to be looked at again.
    again: Option<Instant>,
    /// The next look begins earlier: there is work of which nothing is known.
    back: bool,
    /// Counts the news.
    stamp: u64,
    of: BTreeMap<Uuid, Floor>,
}

#[derive(Clone, Copy, Debug)]
struct Floor {
    run_at: i64,
    /// The newest news of this share.
    stamp: u64,
}

/// What a look goes by.
pub(super) struct Known {
    /// In the order of the circle, with the time from which each is to be looked at.
    pub(super) shares: Vec<(Uuid, i64)>,
    stamp: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// When this kind was last served, as a count of claims; 0: never.
    pub(super) served: u64,
    /// The share that was served last.
    pub(super) share: Option<Uuid>,
    /// How many items a share gets of one statement; 0: not known yet.
    quota: usize,
}

impl Turn {
    pub(super) fn quota(self) -> usize {
        self.quota.max(1)
    }
}

impl Floors {
    fn quick(&self, now: Instant) -> bool {
        self.slow >= SLOW_LOOKS && self.again.is_some_and(|again| now < again)
    }
}

impl Turns {
    fn all(&self) -> MutexGuard<'_, BTreeMap<WorkKind, Turn>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, kind: WorkKind) -> Turn {
        self.all().get(&kind).copied().unwrap_or_default()
    }

    pub(super) fn served(&self, kind: WorkKind, share: Uuid) {
        let mut all = self.all();
        let served = 1 + all.values().map(|turn| turn.served).max().unwrap_or(0);
        let turn = all.entry(kind).or_default();
        *turn = Turn { served, share: Some(share), ..*turn };
    }

    fn floors(&self) -> MutexGuard<'_, BTreeMap<WorkKind, Floors>> {
        self.floors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether looking for this kind has become slow and the next look goes by what is known.
    pub(super) fn quick(&self, kind: WorkKind, now: Instant) -> bool {
        self.floors().get(&kind).is_some_and(|floors| floors.quick(now))
    }

    /// What the next look goes by; `None`: all of the table is to be looked at.
    pub(super) fn known(&self, kind: WorkKind, now: Instant) -> Option<Known> {
        let last = self.of(kind).share.unwrap_or_default();
        let mut kinds = self.floors();
        let floors = kinds.get_mut(&kind).filter(|floors| floors.quick(now))?;
        let margin = if std::mem::take(&mut floors.back) { MARGIN } else { 0 };
        let mut shares: Vec<(Uuid, i64)> = floors.of.iter().map(|(share, floor)| (*share, floor.run_at.saturating_sub(margin))).collect();
        shares.sort_by_key(|(share, _)| (*share <= last, *share));
        Some(Known { shares, stamp: floors.stamp })
    }

    /// There is new work, and it is known which: the next look finds it wherever it begins.
    pub(super) fn tell(&self, news: &[News]) {
        let mut kinds = self.floors();
        for (kind, share, run_at) in news {
            let Some(floors) = kinds.get_mut(kind).filter(|floors| floors.slow > 0) else { continue };
            floors.stamp += 1;
            let stamp = floors.stamp;
            let floor = floors.of.entry(*share).or_insert(Floor { run_at: *run_at, stamp });
            *floor = Floor { run_at: floor.run_at.min(*run_at), stamp };
        }
    }

    /// There is new work, but nobody says which.
    pub(super) fn look_back(&self) {
        self.floors().values_mut().for_each(|floors| floors.back = true);
    }

    /// Notes what a look gave, and how long it took if it was one at all of the table.
    pub(super) fn took(&self, kind: WorkKind, known: Option<&Known>, began: Instant, from: &[(Uuid, i64)]) {
        let (now, mut kinds) = (Instant::now(), self.floors());
        let floors = kinds.entry(kind).or_default();
        floors.claimed += from.len() as u64;
        if known.is_none() {
            let took = now - began;
            if took < SLOW || floors.claimed < MANY {
                floors.slow = 0;
                floors.of.clear();
                return;
            }
            floors.slow = floors.slow.saturating_add(1);
            floors.again = Some(now + SELDOM.max(took * TIMES));
        }
        if floors.slow == 0 || floors.of.len() > MOST_KNOWN {
            floors.of.clear();
            return;
        }
        // A look at all of the table found everything that had been told of when it began; that is not noted, and costs a look more.
        let seen = known.map_or(0, |known| known.stamp);
        for (share, run_at) in from {
            let floor = floors.of.entry(*share).or_insert(Floor { run_at: i64::MIN, stamp: 0 });
            if floor.stamp <= seen {
                floor.run_at = floor.run_at.max(*run_at);
            }
        }
    }

    /// Whether the plan of a look that began then should be made anew, since it took long.
    pub(super) fn plans_are_old(&self, began: Instant) -> bool {
        let now = Instant::now();
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let old = now - began > LATE && planned.is_none_or(|planned| now - planned > PLANS_APART);
        if old {
            *planned = Some(now);
        }
        old
    }

    /// Learns from what a statement for `most` items gave: where shares had more than their quota and workers were left, it was too
    /// small; where none were left, somebody may have got nothing.
    pub(super) fn learn(&self, look: &Look<'_>, claims: &[Claim]) {
        let mut parts: BTreeMap<Uuid, usize> = BTreeMap::new();
        claims.iter().for_each(|claim| *parts.entry(claim.share()).or_default() += 1);
        let mut all = self.all();
        let turn = all.entry(look.kind).or_default();
        let quota = turn.quota();
        if claims.len() >= look.most {
            turn.quota = quota - quota.div_ceil(8).min(quota - 1);
        } else if parts.values().any(|count| *count >= quota) {
            turn.quota = (quota * 2).min(MOST_QUOTA);
        }
    }
}

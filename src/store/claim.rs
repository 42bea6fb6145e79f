//! Whose turn it is: work is claimed kind by kind and, within a kind, share by share in a circle, the longest due item of a share first.
//! A share is a project, or for a delivery the repository that it names. So nobody waits longer because somebody else has much to do:
//! the next of fifty thousand items of one project comes after one item of each other.
//!
//! Many items may be claimed in one statement, and what was done before ended in the same one. Each share then gets a quota, which goes
//! by how many shares had something to do before: with many of them it is one item each, with a single one all.
//!
//! A transaction that somebody keeps open for long keeps everything that was ended since from being swept, and every look has to pass it
//! (PostgreSQL). Where that has become slow, looks begin in each share where the last one ended, and all of the table is looked through
//! only now and then: what became due again meanwhile, and shares that are new, wait that long.
//!
//! Where the circle stands is kept in memory, by each process for itself: forgetting it costs nobody more than one round.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::Store;
use super::error::Result;
use super::exchange::Look;
use super::open::Pools;
use super::work::{Claim, WorkKind};
use crate::base::ids::SubjectId;

/// Most items that one share gets of one statement.
const MOST_QUOTA: usize = 1_024;

/// How many items of each share of a kind somebody is at.
pub type Held = BTreeMap<(WorkKind, Uuid), usize>;

/// What a crew of workers asks for in one look.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The kinds of work it takes.
    pub kinds: &'a [WorkKind],
    /// Who asks.
    pub owner: &'a str,
    /// How long the leases are to hold.
    pub lease: Duration,
    /// How many items it can begin at once.
    pub most: usize,
    /// How many of one share it may be at, those included that it holds.
    pub most_of_share: usize,
    /// What it holds.
    pub held: &'a Held,
}

/// What a look gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchanged {
    /// What was claimed; empty: nothing is due, or not for this crew.
    pub claims: Vec<Claim>,
    /// Claims that could not be ended because they had been lost before: another worker has the work or has finished it.
    pub lost: Vec<Claim>,
}

/// A look at all of the table is slow when it takes longer.
const SLOW: Duration = Duration::from_millis(25);
/// So many slow ones in succession are no accident, after at least so many claims.
const SLOW_LOOKS: u32 = 3;
const MANY: u64 = 2_000;
/// The next look at all of the table is due after this, or after so many times as long as the last one took.
const SELDOM: Duration = Duration::from_secs(1);
const TIMES: u32 = 20;
/// How far before the last item of a share the next look begins, in microseconds: work that was scheduled a moment earlier may have been
/// committed a moment later.
const MARGIN: i64 = 200_000;
/// Most shares of which it is known where they were left.
const MOST_KNOWN: usize = 10_000;

/// Where the circles stand.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<WorkKind, Turn>>, Mutex<BTreeMap<WorkKind, Floors>>);

/// Where the shares of a kind were left.
#[derive(Debug, Default)]
struct Floors {
    claimed: u64,
    slow: u32,
    /// When all of the table is to be looked at again.
    again: Option<Instant>,
    of: BTreeMap<Uuid, i64>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// When this kind was last served, as a count of claims; 0: never.
    served: u64,
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

impl Turns {
    fn all(&self) -> MutexGuard<'_, BTreeMap<WorkKind, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shares of this kind in the order of the circle, with the time from which each is to be looked at; `None`: all of the table
    /// is to be looked at.
    pub(super) fn known(&self, kind: WorkKind, now: Instant) -> Option<Vec<(Uuid, i64)>> {
        let last = self.of(kind).share.unwrap_or_default();
        let floors = self.floors();
        let floors = floors.get(&kind).filter(|floors| floors.slow >= SLOW_LOOKS && floors.again.is_some_and(|again| now < again))?;
        let mut known: Vec<(Uuid, i64)> = floors.of.iter().map(|(share, floor)| (*share, *floor)).collect();
        known.sort_by_key(|(share, _)| (*share <= last, *share));
        Some(known)
    }

    /// Notes what a look gave, and how long it took if it was one at all of the table.
    pub(super) fn took(&self, kind: WorkKind, all: bool, began: Instant, from: &[(Uuid, i64)]) {
        let (now, mut kinds) = (Instant::now(), self.floors());
        let floors = kinds.entry(kind).or_default();
        floors.claimed += from.len() as u64;
        if all {
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
        for (share, run_at) in from {
            let floor = floors.of.entry(*share).or_insert(i64::MIN);
            *floor = (*floor).max(run_at - MARGIN);
        }
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

impl Store {
    /// Leases one item of these kinds, or says that none is due. Kinds take turns, and so do the shares of a kind. Each item goes to
    /// one worker only; one whose lease ran out is due again.
    pub async fn claim(&self, kinds: &[WorkKind], owner: &str, lease: Duration) -> Result<Option<Claim>> {
        self.claim_beside(kinds, owner, lease, &[]).await
    }

    /// The same, leaving out shares that have enough workers already: see [`Claim::share`].
    pub async fn claim_beside(&self, kinds: &[WorkKind], owner: &str, lease: Duration, full: &[(WorkKind, Uuid)]) -> Result<Option<Claim>> {
        let held = full.iter().map(|share| (*share, 1)).collect();
        let ask = Ask { kinds, owner, lease, most: 1, most_of_share: 1, held: &held };
        Ok(self.claim_many(&ask).await?.pop())
    }

    /// Leases as many items as a crew can begin, one statement for each kind; fewer than asked for does not mean that nothing more is
    /// due, none at all does.
    pub async fn claim_many(&self, ask: &Ask<'_>) -> Result<Vec<Claim>> {
        Ok(self.exchange(&[], ask).await?.claims)
    }

    /// Ends claims whose work is done (see [`super::Release::Done`]) and leases new work, in one statement and with one wait for the disk.
    pub async fn exchange(&self, done: &[Claim], ask: &Ask<'_>) -> Result<Exchanged> {
        match &self.pools {
            Pools::Pg(pool) => self.exchange_pg(pool, done, ask).await,
            Pools::Lite { .. } => self.exchange_lite(done, ask).await,
        }
    }

    /// The kinds that have due work: the one that was served least recently first, of those never served the longest due first.
    /// Read only, so that idle workers do not stand in the writer's way.
    pub(super) async fn due_kinds(&self, kinds: &[WorkKind]) -> Result<Vec<WorkKind>> {
        let pg = "select k.kind from unnest($1::text[]) with ordinality as k (kind, place) cross join lateral (
                select w.run_at from work w where w.kind = k.kind and w.run_at <= $2
                    and w.lease_until <= (extract(epoch from clock_timestamp()) * 1000000)::bigint order by w.run_at limit 1) due
            order by due.run_at, k.place";
        let lite = "select kind from (select k.value as kind, k.key as place, (
                select w.run_at from work w where w.kind = k.value and w.run_at <= $2
                    and w.lease_until <= cast(unixepoch('subsec') * 1000000 as integer) order by w.run_at limit 1) as due
            from json_each($1) k) where due is not null order by due, place";
        // Where looking has become slow, the statement itself finds out.
        let asked = Instant::now();
        let (quick, kinds): (Vec<WorkKind>, Vec<WorkKind>) = kinds.iter().partition(|kind| self.turns.known(**kind, asked).is_some());
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let now = self.now();
        let rows: Vec<(WorkKind,)> = match &self.pools {
            Pools::Pg(pool) => sqlx::query_as(pg).bind(words).bind(now).fetch_all(pool).await?,
            Pools::Lite { readers, .. } => {
                sqlx::query_as(lite).bind(serde_json::json!(words).to_string()).bind(now).fetch_all(readers).await?
            }
        };
        let mut due: Vec<WorkKind> = rows.into_iter().map(|(kind,)| kind).chain(quick).collect();
        due.sort_by_key(|kind| self.turns.of(*kind).served);
        Ok(due)
    }
}

impl Claim {
    /// Whose share of the workers this takes: the project's, or for a delivery that of the repository it names.
    pub fn share(&self) -> Uuid {
        self.project.map(|project| project.0).or(self.lane.map(|lane| lane.0)).unwrap_or_default()
    }
}

/// The share of a delivery: a hash of the hook and of what its body says the repository is. Only a hint for taking turns; who lies
/// about it waits in somebody else's queue and gains nothing else. Within a JSON text a quotation mark is always escaped, so the key
/// cannot be planted in one.
pub(super) fn share_of_delivery(hook: &str, body: &[u8]) -> SubjectId {
    const KEYS: [&[u8]; 2] = [b"\"repository\":", b"\"repo\":"];
    let find = |hay: &[u8], needle: &[u8]| hay.windows(needle.len()).position(|part| part == needle).map(|at| at + needle.len());
    let id = KEYS.iter().find_map(|key| {
        let after = &body[find(body, key)?..];
        let id = &after[find(after, b"\"id\":")?..];
        let digits: Vec<u8> = id.iter().copied().skip_while(u8::is_ascii_whitespace).take_while(u8::is_ascii_digit).take(20).collect();
        String::from_utf8(digits).ok().filter(|digits| !digits.is_empty())
    });
    SubjectId::named(&format!("share of {hook}: {}", id.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqlitePoolOptions;
    use sqlx::{AssertSqlSafe, Row};

    use super::super::exchange::CLAIM_LITE;
    use super::*;

    #[test]
    fn deliveries_of_one_repository_share_a_turn() {
        let of = |hook: &str, body: &str| share_of_delivery(hook, body.as_bytes());
        let shop = of("gitea", r#"{"action":"x","repository":{"id": 17,"name":"shop"}}"#);
        assert_eq!(shop, of("gitea", r#"{"issue":{"id":3},"repository":{"owner":1,"id":17}}"#));
        assert_eq!(shop, of("gitea", r#"{"repo":{"id":17,"path":"acme/shop"}}"#));
        assert_ne!(shop, of("gitea", r#"{"repository":{"id":18}}"#));
        assert_ne!(shop, of("other", r#"{"repository":{"id":17}}"#));
        // A person's words cannot move a delivery to another queue.
        assert_eq!(shop, of("gitea", r#"{"comment":{"body":"\"repository\":{\"id\":99}"},"repository":{"id":17}}"#));
        assert_eq!(of("gitea", "no JSON"), of("gitea", r#"{"repository":null}"#));
    }

    /// What the embedded engine does to answer, as it says itself: every look at the table goes by an index, also without statistics.
    #[tokio::test]
    async fn looks_for_work_go_by_the_index() {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!("migrations/sqlite").run(&pool).await.unwrap();
        for text in CLAIM_LITE {
            let rows = sqlx::query(AssertSqlSafe(format!("explain query plan {text}"))).fetch_all(&pool).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>("detail")).collect();
            let looks: Vec<&String> = plan.iter().filter(|line| line.contains(" w ") || line.ends_with(" w")).collect();
            assert!(looks.len() >= 3, "{plan:#?}");
            assert!(looks.iter().all(|line| line.starts_with("SEARCH w USING") && line.contains("work_share")), "{plan:#?}");
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }
}

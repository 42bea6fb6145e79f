//! Whose turn it is: work is claimed kind by kind and, within a kind, share by share in a circle, the longest due item of a share first.
//! A share is a project, or for a delivery the repository that it names. So nobody waits longer because somebody else has much to do:
//! the next of fifty thousand items of one project comes after one item of each other.
//!
//! Where the circle stands is kept in memory, by each process for itself: forgetting it costs nobody more than one round.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::Store;
use super::error::Result;
use super::open::Pools;
use super::work::{Claim, WorkKind, micros};
use crate::base::ids::{ProjectId, SubjectId};

/// How often a candidate may be lost to another worker of this process before the look counts as in vain (embedded engine only).
const LOST_RACES: usize = 8;

/// Where the circles stand.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<WorkKind, Turn>>);

#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    /// When this kind was last served, as a count of claims; 0: never.
    served: u64,
    /// The share that was served last.
    share: Option<Uuid>,
}

impl Turns {
    fn all(&self) -> MutexGuard<'_, BTreeMap<WorkKind, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, kind: WorkKind) -> Turn {
        self.all().get(&kind).copied().unwrap_or_default()
    }

    fn served(&self, kind: WorkKind, share: Uuid) {
        let mut all = self.all();
        let served = 1 + all.values().map(|turn| turn.served).max().unwrap_or(0);
        all.insert(kind, Turn { served, share: Some(share) });
    }
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: Uuid,
    project_id: Option<ProjectId>,
    lane: Option<SubjectId>,
    epoch: i64,
    generation: i64,
    attempts: i64,
}

// The circle is walked by one probe of the index `work_share` for each share; within a share the index gives the longest due item.
// The epoch comes from a sequence, or on SQLite (millisecond clock) from time and chance: it must not repeat when a row was deleted
// and made again.
macro_rules! claim_pg {
    ($beyond:literal) => {
        concat!(
            "update work set owner = $3, attempts = attempts + 1, epoch = nextval('work_epoch'),
                lease_until = (extract(epoch from clock_timestamp()) * 1000000)::bigint + $4
            where kind = $1 and id = (
                with recursive shares (share) as (
                    (select coalesce(w.project_id, w.lane, '00000000-0000-0000-0000-000000000000'::uuid) from work w
                        where w.kind = $1 and coalesce(w.project_id, w.lane, '00000000-0000-0000-0000-000000000000'::uuid) ",
            $beyond,
            " $5 order by 1 limit 1)
                    union all
                    select (select coalesce(w.project_id, w.lane, '00000000-0000-0000-0000-000000000000'::uuid) from work w
                        where w.kind = $1 and coalesce(w.project_id, w.lane, '00000000-0000-0000-0000-000000000000'::uuid) > s.share
                        order by 1 limit 1)
                    from shares s where s.share is not null)
                select due.id from shares s cross join lateral (
                    select w.id from work w
                    where w.kind = $1 and coalesce(w.project_id, w.lane, '00000000-0000-0000-0000-000000000000'::uuid) = s.share
                        and w.run_at <= $2 and w.lease_until <= (extract(epoch from clock_timestamp()) * 1000000)::bigint
                    order by w.run_at limit 1 for update skip locked) due
                where s.share is not null and s.share <> all ($6) limit 1)
            returning id, project_id, lane, epoch, generation, attempts"
        )
    };
}

macro_rules! pick_lite {
    ($beyond:literal) => {
        concat!(
            "with recursive shares (share) as (
                select (select coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') from work w
                    where w.kind = $1 and coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') ",
            $beyond,
            " $3 order by 1 limit 1)
                union all
                select (select coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') from work w
                    where w.kind = $1 and coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') > s.share
                    order by 1 limit 1)
                from shares s where s.share is not null)
            select due.id from (
                select s.share as share, (select w.id from work w
                    where w.kind = $1 and coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') = s.share
                        and w.run_at <= $2 and w.lease_until <= cast(unixepoch('subsec') * 1000000 as integer)
                    order by w.run_at limit 1) as id
                from shares s where s.share is not null and hex(s.share) not in (select value from json_each($4))) due
            where due.id is not null limit 1"
        )
    };
}

const CLAIM_PG: [&str; 2] = [claim_pg!(">"), claim_pg!(">=")];
const PICK_LITE: [&str; 2] = [pick_lite!(">"), pick_lite!(">=")];

const CLAIM_LITE: &str = "update work set owner = $3, attempts = attempts + 1,
        epoch = max(epoch + 1, cast(unixepoch('subsec') * 1000 as integer) * 1000000 + abs(random() % 1000000)),
        lease_until = cast(unixepoch('subsec') * 1000000 as integer) + $4
    where kind = $1 and id = $5 and run_at <= $2 and lease_until <= cast(unixepoch('subsec') * 1000000 as integer)
    returning id, project_id, lane, epoch, generation, attempts";

/// What one look for work asks for.
struct Look<'a> {
    kind: WorkKind,
    owner: &'a str,
    lease: Duration,
    /// Shares that are to be left out.
    full: Vec<Uuid>,
}

impl Store {
    /// Leases one item of these kinds, or says that none is due. Kinds take turns, and so do the shares of a kind. Each item goes to
    /// one worker only; one whose lease ran out is due again.
    pub async fn claim(&self, kinds: &[WorkKind], owner: &str, lease: Duration) -> Result<Option<Claim>> {
        self.claim_beside(kinds, owner, lease, &[]).await
    }

    /// The same, leaving out shares that have enough workers already: see [`Claim::share`].
    pub async fn claim_beside(&self, kinds: &[WorkKind], owner: &str, lease: Duration, full: &[(WorkKind, Uuid)]) -> Result<Option<Claim>> {
        for kind in self.due_kinds(kinds).await? {
            let full = full.iter().filter(|(of, _)| *of == kind).map(|(_, share)| *share).collect();
            if let Some(claim) = self.claim_kind(&Look { kind, owner, lease, full }).await? {
                self.turns.served(kind, claim.share());
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    /// Goes on in the circle after the share that was served last, then once around.
    async fn claim_kind(&self, look: &Look<'_>) -> Result<Option<Claim>> {
        let until = Instant::now() + look.lease;
        let row = match self.turns.of(look.kind).share {
            Some(last) => match self.claim_from(look, 0, last).await? {
                None => self.claim_from(look, 1, Uuid::nil()).await?,
                row => row,
            },
            None => self.claim_from(look, 1, Uuid::nil()).await?,
        };
        Ok(row.map(|row| {
            let ClaimedRow { id, project_id: project, lane, epoch, generation, attempts } = row;
            Claim { kind: look.kind, id, project, lane, epoch, generation, attempts, owner: look.owner.to_owned(), until }
        }))
    }

    async fn claim_from(&self, look: &Look<'_>, way: usize, from: Uuid) -> Result<Option<ClaimedRow>> {
        let now = self.now();
        match &self.pools {
            Pools::Pg(pool) => {
                self.count_write();
                let query = sqlx::query_as(CLAIM_PG[way]).bind(look.kind).bind(now).bind(look.owner).bind(micros(look.lease));
                Ok(query.bind(from).bind(&look.full).fetch_optional(pool).await?)
            }
            // Looking is done by a reader, so that only work that is there costs the writer anything.
            Pools::Lite { writer, readers, .. } => {
                let full: Vec<String> = look.full.iter().map(|share| share.simple().to_string().to_uppercase()).collect();
                let full = serde_json::json!(full).to_string();
                for _ in 0..LOST_RACES {
                    let pick = sqlx::query_as(PICK_LITE[way]).bind(look.kind).bind(now).bind(from).bind(&full);
                    let Some((id,)): Option<(Uuid,)> = pick.fetch_optional(readers).await? else { return Ok(None) };
                    self.count_write();
                    let query = sqlx::query_as(CLAIM_LITE).bind(look.kind).bind(now).bind(look.owner).bind(micros(look.lease));
                    if let Some(row) = query.bind(id).fetch_optional(writer).await? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
        }
    }

    /// The kinds that have due work: the one that was served least recently first, of those never served the longest due first.
    /// Read only, so that idle workers do not stand in the writer's way.
    async fn due_kinds(&self, kinds: &[WorkKind]) -> Result<Vec<WorkKind>> {
        let pg = "select k.kind from unnest($1::text[]) with ordinality as k (kind, place) cross join lateral (
                select w.run_at from work w where w.kind = k.kind and w.run_at <= $2
                    and w.lease_until <= (extract(epoch from clock_timestamp()) * 1000000)::bigint order by w.run_at limit 1) due
            order by due.run_at, k.place";
        let lite = "select kind from (select k.value as kind, k.key as place, (
                select w.run_at from work w where w.kind = k.value and w.run_at <= $2
                    and w.lease_until <= cast(unixepoch('subsec') * 1000000 as integer) order by w.run_at limit 1) as due
            from json_each($1) k) where due is not null order by due, place";
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let now = self.now();
        let rows: Vec<(WorkKind,)> = match &self.pools {
            Pools::Pg(pool) => sqlx::query_as(pg).bind(words).bind(now).fetch_all(pool).await?,
            Pools::Lite { readers, .. } => {
                sqlx::query_as(lite).bind(serde_json::json!(words).to_string()).bind(now).fetch_all(readers).await?
            }
        };
        let mut due: Vec<WorkKind> = rows.into_iter().map(|(kind,)| kind).collect();
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
        for text in PICK_LITE {
            let rows = sqlx::query(AssertSqlSafe(format!("explain query plan {text}"))).fetch_all(&pool).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>("detail")).collect();
            let looks: Vec<&String> = plan.iter().filter(|line| line.contains(" w ") || line.ends_with(" w")).collect();
            assert!(looks.len() >= 3, "{plan:#?}");
            assert!(looks.iter().all(|line| line.starts_with("SEARCH w USING") && line.contains("work_share")), "{plan:#?}");
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }
}

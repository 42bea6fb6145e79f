//! The statements behind [`Store::exchange`]: ending claims and leasing work, many at once.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{PgPool, Sqlite, Transaction};
use tokio::time::Instant;
use uuid::Uuid;

use super::Store;
use super::claim::{Ask, Exchanged};
use super::error::{Result, StoreError};
use super::sql::Tx;
use super::turns::News;
use super::work::{Claim, Release, WorkKind, micros, release};
use crate::base::ids::{ProjectId, SubjectId};

/// What one statement asks for.
pub(super) struct Look<'a> {
    pub(super) kind: WorkKind,
    owner: &'a str,
    lease: Duration,
    pub(super) most: usize,
    /// What is left of shares that somebody is at, and of all others.
    rooms: BTreeMap<Uuid, usize>,
    room: usize,
}

impl<'a> Look<'a> {
    fn new(ask: &Ask<'a>, kind: WorkKind, most: usize) -> Look<'a> {
        let held = ask.held.iter().filter(|((of, _), _)| *of == kind);
        let rooms = held.map(|((_, share), count)| (*share, ask.most_of_share.saturating_sub(*count))).collect();
        Look { kind, owner: ask.owner, lease: ask.lease, most, rooms, room: ask.most_of_share }
    }

    fn claim(&self, row: ClaimedRow, until: Instant) -> Claim {
        let ClaimedRow { id, project_id: project, lane, epoch, generation, attempts } = row;
        Claim { kind: self.kind, id, project, lane, epoch, generation, attempts, owner: self.owner.to_owned(), until }
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

/// A row of the answer: a claim, or the end of one.
#[derive(sqlx::FromRow)]
struct Answer {
    claimed: bool,
    #[sqlx(flatten)]
    row: ClaimedRow,
    run_at: i64,
}

macro_rules! share {
    () => {
        "coalesce(w.project_id, w.lane, '00000000-0000-0000-0000-000000000000'::uuid)"
    };
}

// First the claims that end: their rows are locked in the order of their keys, like everybody's who locks several, and before any row
// is claimed. One to which work was added since it was claimed becomes free, the others go. An epoch belongs to one claim only, so the
// three lists together name exactly those rows, by the index.
//
// Then the shares in a circle; within a share the index gives the longest due items. All of it is walked only as far as items are wanted.
// A share is named as a range and stands in the order as well, so that no index but `work_share` gives that order: while most of the
// table belongs to one share, the planner takes it that a share says little, and would look for those of another all along `work_due`.
//
// The epoch comes from a sequence: it must not repeat when a row was deleted and made again.
macro_rules! exchange_pg {
    ($shares:expr, $from:expr, $beyond:expr) => {
        concat!(
            "with recursive held as materialized (
                select w.kind, w.id, w.epoch, w.generation = f.generation as same, w.next
                from unnest($7::text[], $8::uuid[], $9::bigint[], $10::bigint[]) as f (kind, id, epoch, generation)
                cross join lateral (select h.kind, h.id, h.epoch, h.generation, coalesce(h.again_at, h.run_at) as next from work h
                    where h.kind = f.kind and h.id = f.id and h.epoch = f.epoch and h.owner = $3 for update) w),
            gone as (delete from work where owner = $3 and kind = any (array(select kind from held where same))
                and id = any (array(select id from held where same)) and epoch = any (array(select epoch from held where same))),
            freed as (update work set lease_until = 0, owner = null, run_at = coalesce(again_at, run_at), again_at = null, attempts = 0
                where owner = $3 and kind = any (array(select kind from held where not same))
                and id = any (array(select id from held where not same)) and epoch = any (array(select epoch from held where not same))),
            ",
            $shares,
            "picked as materialized (
                select due.id from ",
            $from,
            " cross join lateral (
                    select w.id from work w where w.kind = $1 and ",
            share!(),
            " >= s.share and ",
            share!(),
            " <= s.share ",
            $beyond,
            " and w.run_at <= $2 and w.lease_until <= (extract(epoch from clock_timestamp()) * 1000000)::bigint
                    order by ",
            share!(),
            ", w.run_at limit least($11, coalesce(
                        (select r.room from unnest($12::uuid[], $13::bigint[]) as r (share, room) where r.share = s.share), $14))
                    for update skip locked) due
                limit $6),
            claimed as (
                update work set owner = $3, attempts = attempts + 1, epoch = nextval('work_epoch'),
                    lease_until = (extract(epoch from clock_timestamp()) * 1000000)::bigint + $4
                where kind = $1 and id = any (array(select id from picked))
                returning id, project_id, lane, epoch, generation, attempts, run_at)
            select true as claimed, id, project_id, lane, epoch, generation, attempts, run_at from claimed
            union all select false, id, null, null, epoch, 0, case when same then 0 else 1 end, next from held"
        )
    };
}

/// The statement of a look on PostgreSQL, for those who want the server to explain it. Every share there is: one probe of the index
/// `work_share` for each, beyond the one that was served last ($5) and once around.
pub const EXCHANGE_PG: &str = exchange_pg!(
    concat!(
        "circle (share) as (
            (select ",
        share!(),
        " from work w where w.kind = $1 and ",
        share!(),
        " > $5 and (select count(*) from held) >= 0 order by 1 limit 1)
            union all
            select (select ",
        share!(),
        " from work w where w.kind = $1 and ",
        share!(),
        " > c.share order by 1 limit 1) from circle c where c.share is not null),
        again (share) as (
            (select ",
        share!(),
        " from work w where w.kind = $1 and (select count(*) from held) >= 0 order by 1 limit 1)
            union all
            select (select ",
        share!(),
        " from work w where w.kind = $1 and ",
        share!(),
        " > c.share order by 1 limit 1) from again c where c.share < $5),
        "
    ),
    "(select share from circle where share is not null union all select share from again where share <= $5) s",
    ""
);

/// The shares that are known, each from where it was left ($5, $15): see [`super::turns::Turns`].
const EXCHANGE_KNOWN_PG: &str = exchange_pg!(
    "",
    "(select k.share, k.floor from unnest($5::uuid[], $15::bigint[]) as k (share, floor) where (select count(*) from held) >= 0) s",
    "and w.run_at >= s.floor"
);

// The same walk on SQLite, beyond a share ($8) to the end. A limit cannot go by the share there: those without room are left out ($6), the
// others get the same quota ($5).
//
// An epoch comes from time (a millisecond clock) and chance: it must not repeat when a row was deleted and made again.
macro_rules! claim_lite {
    ($beyond:literal) => {
        concat!(
            "update work set owner = $3, attempts = attempts + 1,
                epoch = max(epoch + 1, cast(unixepoch('subsec') * 1000 as integer) * 1000000 + abs(random() % 1000000)),
                lease_until = cast(unixepoch('subsec') * 1000000 as integer) + $4
            where kind = $1 and id in (
                with recursive shares (share) as (
                    select (select coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') from work w
                        where w.kind = $1 and coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') ",
            $beyond,
            " $8 order by 1 limit 1)
                    union all
                    select (select coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') from work w
                        where w.kind = $1 and coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') > s.share
                        order by 1 limit 1)
                    from shares s where s.share is not null)
                select p.id from shares s cross join work p on p.kind = $1 and p.id in (
                    select w.id from work w
                    where w.kind = $1 and coalesce(w.project_id, w.lane, x'00000000000000000000000000000000') = s.share
                        and w.run_at <= $2 and w.lease_until <= cast(unixepoch('subsec') * 1000000 as integer)
                    order by w.run_at limit $5)
                where s.share is not null and hex(s.share) not in (select value from json_each($6)) limit $7)
            returning id, project_id, lane, epoch, generation, attempts"
        )
    };
}

pub(super) const CLAIM_LITE: [&str; 2] = [claim_lite!(">"), claim_lite!(">=")];

impl Store {
    pub(super) async fn exchange_pg(&self, pool: &PgPool, done: &[Claim], ask: &Ask<'_>) -> Result<Exchanged> {
        // A single kind needs no look beforehand: the statement itself finds out whether there is any.
        let kinds = match ask.kinds {
            [one] => vec![*one],
            many if ask.most > 0 => self.due_kinds(many).await?,
            _ => Vec::new(),
        };
        let mut given = Exchanged::default();
        let mut ending = done;
        for (place, kind) in kinds.iter().enumerate() {
            let part = (ask.most - given.claims.len()).div_ceil(kinds.len() - place);
            given.claims.extend(self.one_exchange(pool, ending, &Look::new(ask, *kind, part), &mut given.lost).await?);
            ending = &[];
            if given.claims.len() >= ask.most {
                break;
            }
        }
        if !ending.is_empty() {
            self.one_exchange(pool, ending, &Look::new(ask, ending[0].kind, 0), &mut given.lost).await?;
        }
        Ok(given)
    }

    async fn one_exchange(&self, pool: &PgPool, done: &[Claim], look: &Look<'_>, lost: &mut Vec<Claim>) -> Result<Vec<Claim>> {
        let mut ending: Vec<&Claim> = done.iter().collect();
        ending.sort_by_key(|claim| (claim.kind.as_str(), claim.id));
        let (turn, began) = (self.turns.of(look.kind), Instant::now());
        let until = began + look.lease;
        let last = turn.share.unwrap_or_default();
        let known = self.turns.known(look.kind, began);
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let query = sqlx::query_as(if known.is_some() { EXCHANGE_KNOWN_PG } else { EXCHANGE_PG })
            .bind(look.kind)
            .bind(self.now())
            .bind(look.owner)
            .bind(micros(look.lease));
        let query = match &known {
            Some(known) => query.bind(known.shares.iter().map(|(share, _)| *share).collect::<Vec<_>>()),
            None => query.bind(last),
        };
        let query = query
            .bind(count(look.most))
            .bind(ending.iter().map(|claim| claim.kind.as_str()).collect::<Vec<_>>())
            .bind(ending.iter().map(|claim| claim.id).collect::<Vec<_>>())
            .bind(ending.iter().map(|claim| claim.epoch).collect::<Vec<_>>())
            .bind(ending.iter().map(|claim| claim.generation).collect::<Vec<_>>())
            .bind(count(turn.quota()))
            .bind(look.rooms.keys().copied().collect::<Vec<_>>())
            .bind(look.rooms.values().map(|room| count(*room)).collect::<Vec<_>>())
            .bind(count(look.room));
        let query = match &known {
            Some(known) => query.bind(known.shares.iter().map(|(_, floor)| *floor).collect::<Vec<_>>()),
            None => query,
        };
        let mut connection = pool.acquire().await?;
        let rows: Vec<Answer> = query.fetch_all(&mut *connection).await?;
        if !rows.is_empty() {
            self.count_write();
        }
        // Perhaps this was planned for a table that was nearly empty then.
        if self.turns.plans_are_old(began) {
            sqlx::raw_sql("discard plans").execute(&mut *connection).await?;
        }
        drop(connection);
        let (claimed, ended): (Vec<Answer>, Vec<Answer>) = rows.into_iter().partition(|row| row.claimed);
        let ended: BTreeMap<i64, &Answer> = ended.iter().map(|answer| (answer.row.epoch, answer)).collect();
        // What was scheduled during a lease is due now.
        let freed = done.iter().filter_map(|claim| Some((claim, ended.get(&claim.epoch).filter(|answer| answer.row.attempts > 0)?)));
        let freed: Vec<News> = freed.map(|(claim, answer)| (claim.kind, claim.share(), answer.run_at)).collect();
        if !freed.is_empty() {
            self.wake_for(&freed);
        }
        lost.extend(done.iter().filter(|claim| !ended.contains_key(&claim.epoch)).cloned());
        let (mut claims, mut from) = (Vec::with_capacity(claimed.len()), Vec::with_capacity(claimed.len()));
        for answer in claimed {
            let claim = look.claim(answer.row, until);
            from.push((claim.share(), answer.run_at));
            claims.push(claim);
        }
        if look.most > 0 {
            self.turns.took(look.kind, known.as_ref(), began, &from);
        }
        // As the circle went; it goes on after the share that came last.
        claims.sort_by_key(|claim: &Claim| (claim.share() <= last, claim.share()));
        self.turns.learn(look, &claims);
        if let Some(claim) = claims.last() {
            self.turns.served(look.kind, claim.share());
        }
        Ok(claims)
    }

    /// One writer and no way there and back: item by item, in one transaction.
    pub(super) async fn exchange_lite(&self, done: &[Claim], ask: &Ask<'_>) -> Result<Exchanged> {
        // Looking is done by a reader, so that only work that is there costs the writer anything.
        let kinds = if ask.most > 0 { self.due_kinds(ask.kinds).await? } else { Vec::new() };
        let mut given = Exchanged::default();
        if done.is_empty() && kinds.is_empty() {
            return Ok(given);
        }
        let (mut tx, mut freed) = (self.write().await?, Vec::new());
        for claim in done {
            match release(&mut tx, claim, Release::Done).await {
                Err(StoreError::LeaseLost) => given.lost.push(claim.clone()),
                other => freed.extend(other?.map(|at| (claim.kind, claim.share(), at.0))),
            }
        }
        let Tx::Lite(lite) = &mut tx else { return Err(StoreError::NotFound("transaction")) };
        for (place, kind) in kinds.iter().enumerate() {
            let part = (ask.most - given.claims.len()).div_ceil(kinds.len() - place);
            given.claims.extend(self.claim_lite(lite, &Look::new(ask, *kind, part)).await?);
        }
        tx.commit().await?;
        // What was scheduled during a lease is due now.
        if !freed.is_empty() {
            self.wake_for(&freed);
        }
        Ok(given)
    }

    /// Goes on in the circle after the share that was served last, then once around.
    async fn claim_lite(&self, tx: &mut Transaction<'static, Sqlite>, look: &Look<'_>) -> Result<Vec<Claim>> {
        let (now, until, turn) = (self.now(), Instant::now() + look.lease, self.turns.of(look.kind));
        let full: Vec<String> = look.rooms.iter().filter(|(_, room)| **room == 0).map(|(share, _)| hex_of(share)).collect();
        let full = serde_json::json!(full).to_string();
        let quota = look.rooms.values().copied().filter(|room| *room > 0).fold(turn.quota().min(look.room), usize::min);
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let last = turn.share.unwrap_or_default();
        let ways = turn.share.map(|last| (0, last)).into_iter().chain([(1, Uuid::nil())]);
        let mut claims: Vec<Claim> = Vec::new();
        for (way, from) in ways.filter(|_| quota > 0) {
            let query = sqlx::query_as(CLAIM_LITE[way]).bind(look.kind).bind(now).bind(look.owner).bind(micros(look.lease));
            let query = query.bind(count(quota)).bind(&full).bind(count(look.most - claims.len())).bind(from);
            let rows: Vec<ClaimedRow> = query.fetch_all(&mut **tx).await?;
            let mut more: Vec<Claim> = rows.into_iter().map(|row| look.claim(row, until)).collect();
            more.sort_by_key(|claim| (claim.share() <= last, claim.share()));
            claims.extend(more);
            // A share that had its part in the first half does not get another in the second.
            if claims.len() >= look.most || (way == 0 && !claims.is_empty()) {
                break;
            }
        }
        self.turns.learn(look, &claims);
        if let Some(claim) = claims.last() {
            self.turns.served(look.kind, claim.share());
        }
        Ok(claims)
    }
}

fn hex_of(share: &Uuid) -> String {
    share.simple().to_string().to_uppercase()
}

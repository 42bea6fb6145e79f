//! Whose turn it is: work is claimed kind by kind and, within a kind, share by share in a circle, the longest due item of a share first.
//! A share is a project, or for a delivery the repository that it names. So nobody waits longer because somebody else has much to do:
//! the next of fifty thousand items of one project comes after one item of each other.
//!
//! Many items may be claimed in one statement, and what was done before ended in the same one. Each share then gets a quota, which goes
//! by how many shares had something to do before: with many of them it is one item each, with a single one all.
//!
//! A transaction that somebody keeps open for long keeps everything that was ended since from being swept, and every look has to pass it
//! (PostgreSQL). Where that has become slow, looks begin in each share where the last one ended, or earlier where this process has
//! scheduled something since; all of the table is looked through only now and then, and what nobody tells of waits that long: leases that
//! ran out, and what other processes schedule for shares that are new here.
//!
//! Where the circle stands is kept in memory, by each process for itself: forgetting it costs nobody more than one round.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::Store;
use super::error::Result;
use super::open::Pools;
use super::work::{Claim, WorkKind, share};
use crate::base::ids::SubjectId;

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
        let (quick, kinds): (Vec<WorkKind>, Vec<WorkKind>) = kinds.iter().partition(|kind| self.turns.quick(**kind, asked));
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
        share(self.project, self.lane)
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

//! A crew: so many workers for some kinds of work, and one task that finds work for all of them. One look ends what was done, finds as
//! many items as there are free hands, and costs the database one wait for its disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::{Claim, Exchanged, Held, WorkKind};

/// What a crew needs to know of the work.
#[async_trait]
pub trait Foreman: Send + Sync + 'static {
    /// Ends claims, and claims as many items as there is room for.
    async fn look(&self, done: &[Claim], room: &Room<'_>) -> Result<Exchanged, String>;
    /// How long nothing of these kinds will be due, as far as is known now.
    async fn pause(&self, kinds: &[WorkKind]) -> Duration;
    /// Does one item of work; the lease is ended by then, or left to the crew with [`leave`].
    async fn work(&self, claim: Claim);
    /// Tells that there may be new work.
    fn woken(&self) -> Arc<Notify>;
}

/// What a crew has room for.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// The kinds of work it takes.
    pub kinds: &'a [WorkKind],
    /// Its free hands.
    pub most: usize,
    /// How many of one share it may be at.
    pub most_of_share: usize,
    /// What it is at.
    pub held: &'a Held,
}

tokio::task_local! {
    static LEFT: Mutex<Option<Claim>>;
}

/// Leaves it to the crew to end this claim together with others. False when no crew is there to do so.
pub fn leave(claim: &Claim) -> bool {
    let put = |left: &Mutex<Option<Claim>>| *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim.clone());
    LEFT.try_with(put).is_ok()
}

/// Most workers of a crew that one project may have at the same time: the rest is kept for others, so that nobody waits for the end of
/// somebody else's long work.
const fn most_of(count: usize) -> usize {
    let most = count - count / 4;
    if most == 0 { 1 } else { most }
}

/// Hands the work of some kinds to at most so many workers, until told to stop; what is begun then is done to its end.
pub async fn drive<F: Foreman>(foreman: Arc<F>, kinds: &'static [WorkKind], count: usize, stop: CancellationToken) {
    let woken = foreman.woken();
    let mut busy = JoinSet::new();
    let mut done = Vec::new();
    let shares = Shares::default();
    while !stop.is_cancelled() {
        // Listen before looking, so that what is scheduled in between is not missed.
        let wake = woken.notified();
        let mut pause = Duration::from_secs(1);
        let most = count - busy.len();
        if most > 0 || !done.is_empty() {
            let held = shares.all().clone();
            match foreman.look(&done, &Room { kinds, most, most_of_share: most_of(count), held: &held }).await {
                Ok(Exchanged { claims, .. }) => {
                    done.clear();
                    let found = !claims.is_empty();
                    claims.into_iter().for_each(|claim| begin(&mut busy, &foreman, &shares, claim));
                    if found {
                        collect(&mut busy, &mut done).await;
                        continue;
                    }
                    pause = foreman.pause(kinds).await;
                }
                Err(error) => tracing::error!("the store could not be asked for work: {error}"),
            }
        }
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(pause) => {}
            Some(ended) = busy.join_next() => {
                note(ended, &mut done);
                collect(&mut busy, &mut done).await;
            }
            () = stop.cancelled() => {}
        }
    }
    while let Some(ended) = busy.join_next().await {
        note(ended, &mut done);
    }
    let room = Room { kinds, most: 0, most_of_share: 0, held: &Held::new() };
    if !done.is_empty()
        && let Err(error) = foreman.look(&done, &room).await
    {
        tracing::warn!("the store did not take the end of some work, which is left to its lease: {error}");
    }
}

fn begin<F: Foreman>(busy: &mut JoinSet<Option<Claim>>, foreman: &Arc<F>, shares: &Shares, claim: Claim) {
    let (foreman, share) = (foreman.clone(), shares.taken(&claim));
    busy.spawn(LEFT.scope(Mutex::new(None), async move {
        foreman.work(claim).await;
        drop(share);
        LEFT.with(|left| left.lock().unwrap_or_else(PoisonError::into_inner).take())
    }));
}

/// Takes in who has ended by now; short work that has just begun gets a moment to do so.
async fn collect(busy: &mut JoinSet<Option<Claim>>, done: &mut Vec<Claim>) {
    tokio::task::yield_now().await;
    while let Some(ended) = busy.try_join_next() {
        note(ended, done);
    }
}

fn note(ended: Result<Option<Claim>, JoinError>, done: &mut Vec<Claim>) {
    match ended {
        Ok(left) => done.extend(left),
        Err(error) => tracing::error!("a worker ended unexpectedly, its work waits for its lease: {error}"),
    }
}

/// How many workers each share has, by kind of work.
#[derive(Clone, Default)]
struct Shares(Arc<Mutex<Held>>);

/// Counts a worker as long as it is there, however it ends.
struct Taken {
    shares: Shares,
    share: (WorkKind, Uuid),
}

impl Shares {
    fn all(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self, claim: &Claim) -> Taken {
        let share = (claim.kind, claim.share());
        *self.all().entry(share).or_default() += 1;
        Taken { shares: self.clone(), share }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut all = self.shares.all();
        if let Some(count) = all.get_mut(&self.share) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.share);
            }
        }
    }
}

impl super::Engine {
    /// Ends a claim for which nothing is left to do: by the crew, together with others, where there is one.
    pub async fn finish(&self, claim: &Claim) -> super::Result<()> {
        if leave(claim) {
            return Ok(());
        }
        Ok(self.store.release(claim, crate::store::Release::Done).await?)
    }
}

#[async_trait]
impl Foreman for super::Engine {
    async fn look(&self, done: &[Claim], room: &Room<'_>) -> Result<Exchanged, String> {
        self.exchange(done, room).await.map_err(|error| error.to_string())
    }

    async fn pause(&self, kinds: &[WorkKind]) -> Duration {
        let poll = self.timings.poll;
        match self.store.next_due(kinds).await {
            // What is due already has just been scheduled, and its wake-up is on the way.
            Ok(Some(due)) => {
                u64::try_from(due.0 - self.clock.now().0).map_or(poll, |micros| poll.min(Duration::from_micros(micros + 1_000)))
            }
            _ => poll,
        }
    }

    async fn work(&self, claim: Claim) {
        if let Err(error) = self.work(claim).await {
            tracing::error!("the store did not take the end of some work: {error}");
        }
    }

    fn woken(&self) -> Arc<Notify> {
        self.store.woken()
    }
}

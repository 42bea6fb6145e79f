//! Waking workers: the store tells its own process of work it committed, and on PostgreSQL the other instances too. A notice only says
//! "look again": it may be lost or come for nothing, and everybody looks now and then anyway.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Executor, PgPool};
use tokio::sync::Notify;
use uuid::Uuid;

use super::Store;
use super::error::Result;
use super::open::Pools;
use super::turns::News;
use crate::base::ids::EntryId;

/// Channel of the notices; the payload names the instance that sends.
const CHANNEL: &str = "syndarix_work";
/// Least time between two notices of one instance: much work at once is one notice.
const SPACING: Duration = Duration::from_millis(20);
/// Before a lost connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// What an instance needs to tell others of its work.
#[derive(Debug)]
pub(super) struct Touch {
    /// Tells own notices from those of others.
    me: String,
    /// Work was committed that others should hear of.
    news: Notify,
}

impl Default for Touch {
    fn default() -> Touch {
        Touch { me: EntryId(Uuid::now_v7()).to_string(), news: Notify::new() }
    }
}

impl Store {
    /// There is new work: everybody looks again.
    pub(super) fn wake(&self) {
        self.turns.look_back();
        self.wake_here();
        self.touch.news.notify_one();
    }

    /// The same, for work of which it is known what it is.
    pub(super) fn wake_for(&self, news: &[News]) {
        self.turns.tell(news);
        self.wake_here();
        self.touch.news.notify_one();
    }

    fn wake_here(&self) {
        self.woken.notify_waiters();
        // Kept for a worker that is between looking and waiting.
        self.woken.notify_one();
    }

    /// Tells other instances of new work and hears of theirs, until dropped. A lost connection is made again. An embedded database has
    /// no other instances.
    pub async fn keep_in_touch(&self) {
        let Pools::Pg(pool) = &self.pools else { return std::future::pending().await };
        // Connections of their own: workers that use all of the others must not silence them.
        let own = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(5)).after_connect(|connection, _| {
            Box::pin(async move {
                // A notice that a crash loses was a hint; it waits for no disk.
                connection.execute("set role syndarix_app; set synchronous_commit = off").await?;
                Ok(())
            })
        });
        let options = pool.connect_options().as_ref().clone().application_name("syndarix notices");
        let own = own.connect_lazy_with(options);
        tokio::join!(self.tell(&own), self.hear(&own));
    }

    async fn tell(&self, own: &PgPool) {
        loop {
            self.touch.news.notified().await;
            // Not being heard is no harm: the others look by themselves, a little later.
            if let Err(error) = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(&self.touch.me).execute(own).await {
                tracing::debug!("other instances could not be told of new work: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            tokio::time::sleep(SPACING).await;
        }
    }

    async fn hear(&self, own: &PgPool) {
        loop {
            if let Err(error) = self.hear_until_lost(own).await {
                tracing::debug!("the connection on which other instances tell of new work is lost and will be made again: {error}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn hear_until_lost(&self, own: &PgPool) -> Result<()> {
        let mut listener = PgListener::connect_with(own).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // What was said while nobody listened is not repeated.
            self.turns.look_back();
            self.wake_here();
            while let Some(notice) = listener.try_recv().await? {
                if notice.payload() != self.touch.me {
                    self.turns.look_back();
                    self.wake_here();
                }
            }
        }
    }
}

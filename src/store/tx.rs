//! A transaction on one project: the only way to its data.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::Store;
use super::error::Result;
use super::sql::{Tx, exec};
use super::turns::News;
use super::work::{Claim, Scheduled, WorkKind, fence, write_scheduled};
use crate::base::Time;
use crate::base::ids::ProjectId;

/// An open transaction on one project. On PostgreSQL the row-level-security variable is set for exactly this transaction; every
/// statement filters by project as well. Dropped without [`ProjectTx::commit`], nothing happened.
///
/// Never keep one open across a call to the network: on SQLite it is the only writer.
#[must_use = "a transaction that is not committed does nothing"]
pub struct ProjectTx {
    pub(super) tx: Tx,
    pub(super) project: ProjectId,
    pub(super) store: Store,
    /// Written at commit, sorted and once each: the work table is the one place where lanes of a project meet.
    pub(super) scheduled: BTreeMap<(WorkKind, Uuid), Scheduled>,
    /// The lease that must still hold when this commits.
    pub(super) guarded: Option<Claim>,
    /// Whether committing this gives somebody something to do.
    pub(super) stirred: bool,
    /// What there is to do then.
    pub(super) news: Vec<News>,
    /// There is more of it, which is not named.
    pub(super) unnamed: bool,
}

/// Begins a transaction on one project: beginning it and naming the project are one way there and back. The setting is local to the
/// transaction, since a plain SET would stay on the pooled connection for its next user. The id is ours: hexadecimal digits and dashes.
pub(super) fn opening(begin: &str, project: ProjectId) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{begin}; select set_config('app.project_id', '{}', true)", project.0))
}

impl ProjectTx {
    /// On PostgreSQL the transaction was begun with [`opening`].
    pub(super) fn enter(tx: Tx, project: ProjectId, store: Store) -> ProjectTx {
        ProjectTx { tx, project, store, scheduled: BTreeMap::new(), guarded: None, stirred: false, news: Vec::new(), unnamed: false }
    }

    /// The project of this transaction.
    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// The injected clock's time.
    pub(super) fn now(&self) -> Time {
        self.store.clock().now()
    }

    /// Makes everything in this transaction, and the work it scheduled, durable and visible at once. Fails with
    /// [`super::StoreError::LeaseLost`] when the lease it is guarded by was lost meanwhile; nothing is written then.
    pub async fn commit(mut self) -> Result<()> {
        self.flush().await?;
        self.tx.commit().await?;
        // Every worker that is woken asks the database: only new or freed work is worth that.
        if self.unnamed {
            self.store.wake();
        } else if self.stirred {
            self.store.wake_for(&self.news);
        }
        Ok(())
    }

    /// Undoes everything in this transaction.
    pub async fn rollback(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }

    pub(super) async fn flush(&mut self) -> Result<()> {
        let items: Vec<_> = std::mem::take(&mut self.scheduled).into_iter().collect();
        if let Some(claim) = self.guarded.take() {
            fence(&mut self.tx, &claim, &items).await?;
        }
        if items.is_empty() {
            return Ok(());
        }
        self.stirred = true;
        self.news.extend(items.iter().map(|((kind, _), item)| item.news(*kind)));
        write_scheduled(&mut self.tx, &items).await
    }

    /// Locks a name within the project until the transaction ends. SQLite has one writer anyway.
    pub async fn lock(&mut self, name: &str) -> Result<()> {
        let key = format!("{}/{name}", self.project);
        if matches!(self.tx, Tx::Pg(_)) {
            exec!(&mut self.tx, "select pg_advisory_xact_lock(hashtextextended($1, 0))", key)?;
        }
        Ok(())
    }
}

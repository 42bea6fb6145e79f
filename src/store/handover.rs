//! Work that would wait for no good reason: for the leases of a process that ends in good order, or for a time that a clock showed before
//! it was set back.

use super::error::Result;
use super::sql::exec;
use super::{Store, WorkKind};
use crate::base::Time;

impl Store {
    /// Gives back every lease of this owner, and says how many there were. Whatever the owner still does with one of them is refused from
    /// now on, as with any lost lease; so call it when its workers are stopped, and never for another owner.
    pub async fn let_go(&self, owner: &str) -> Result<u64> {
        let mut tx = self.write().await?;
        let sql = "update work set lease_until = 0, owner = null, again_at = null,
                run_at = case when again_at < run_at then again_at else run_at end
            where owner = $1 and lease_until <> 0";
        let freed = exec!(&mut tx, sql, owner)?;
        tx.commit().await?;
        Ok(freed)
    }

    /// Makes due now what is put off beyond `limit`, timers excepted, and says how much there was.
    pub async fn bring_forward(&self, now: Time, limit: Time) -> Result<u64> {
        let mut tx = self.write().await?;
        let sql = "update work set run_at = $1 where run_at > $2 and lease_until = 0 and kind <> $3";
        let brought = exec!(&mut tx, sql, now, limit, WorkKind::Timer)?;
        tx.commit().await?;
        Ok(brought)
    }
}

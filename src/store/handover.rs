//! Letting go of work when a process ends in good order, so that nobody waits for its leases.

use super::Store;
use super::error::Result;
use super::sql::exec;

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
}

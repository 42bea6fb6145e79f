//! What becomes of a repository as a whole, told to those protocols that speak of it.

use super::{Act, no_such};
use crate::sandbox::fate;
use crate::sandbox::problem::Problem;
use crate::sandbox::state::Repo;
use crate::sandbox::told::What;

impl Act<'_> {
    fn row(&self, id: i64) -> Result<Repo, Problem> {
        self.world.repos.get(id).cloned().ok_or_else(no_such)
    }

    /// A new name under the same owner.
    pub fn rename_repo(&mut self, id: i64, name: &str) -> Result<(), Problem> {
        let from = self.row(id)?.name;
        fate::rename(self.world, id, name)?;
        self.tell(id, What::Renamed { from });
        Ok(())
    }

    /// A new owner, who must have an account.
    pub fn transfer_repo(&mut self, id: i64, owner: &str) -> Result<(), Problem> {
        let from = self.row(id)?.owner;
        fate::transfer(self.world, id, owner)?;
        self.tell(id, What::Transferred { from });
        Ok(())
    }

    /// Into the archive, or out of it.
    pub fn archive_repo(&mut self, id: i64, archived: bool) -> Result<(), Problem> {
        let before = self.row(id)?.archived;
        self.world.repos.edit(id).ok_or_else(no_such)?.archived = archived;
        if before != archived {
            self.tell(id, What::Archived { archived });
        }
        Ok(())
    }

    /// The end. Its own hooks go first, so only those of the whole forge are told.
    pub fn delete_repo(&mut self, id: i64) -> Result<(), Problem> {
        let repo = Box::new(self.row(id)?);
        fate::delete(self.world, id)?;
        self.tell(id, What::Deleted { repo });
        Ok(())
    }
}

//! Checks on commits, which stand beside statuses.

use super::{Act, no_such};
use crate::sandbox::problem::Problem;
use crate::sandbox::state::{CheckRun, Grant};
use crate::sandbox::told::What;

impl Act<'_> {
    /// Writes down a check; with the number 0 it is a new one. Returns its number.
    pub fn put_check(&mut self, mut check: CheckRun) -> Result<i64, Problem> {
        let repo = check.repo;
        self.repo(repo, Grant::Write)?;
        let begun = check.id == 0;
        if begun {
            check.id = self.world.next_id("check");
            (check.by, check.started) = (self.actor, self.at);
        } else if self.world.checks.get(check.id).is_none_or(|old| old.repo != repo) {
            return Err(no_such());
        }
        check.completed = check.conclusion.as_ref().map(|_| check.completed.unwrap_or(self.at));
        let id = check.id;
        self.world.checks.put(id, check);
        self.tell(repo, What::Checked { check: id, begun });
        Ok(id)
    }
}

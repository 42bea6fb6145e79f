//! What becomes of a repository as a whole: a new name, a new owner, the archive, the end.

use super::act::no_such;
use super::admin::{check_name, repo_id};
use super::problem::Problem;
use super::server::Sandbox;
use super::world::World;

impl Sandbox {
    /// Where the repository is now that is, or was, at this path.
    pub fn present_path(&self, repo: &str) -> Result<String, Problem> {
        self.forge.read(|world| {
            let id = repo_id(world, repo)?;
            world.repos.get(id).map(|repo| world.path_of(repo)).ok_or_else(no_such)
        })
    }

    /// Renames a repository; the former path answers 301 from then on.
    pub fn rename_repo(&self, repo: &str, name: &str) -> Result<(), Problem> {
        let (id, owner) = self.found(repo)?;
        self.forge.act(owner, |act| act.rename_repo(id, name))
    }

    /// Gives a repository to another owner; the former path answers 301 from then on.
    pub fn transfer_repo(&self, repo: &str, owner: &str) -> Result<(), Problem> {
        let (id, by) = self.found(repo)?;
        self.forge.act(by, |act| act.transfer_repo(id, owner))
    }

    /// Archives a repository or takes it out of the archive. While it is there nobody can write to it.
    pub fn archive_repo(&self, repo: &str, archived: bool) -> Result<(), Problem> {
        let (id, owner) = self.found(repo)?;
        self.forge.act(owner, |act| act.archive_repo(id, archived))
    }

    /// Number and owner of a repository.
    fn found(&self, repo: &str) -> Result<(i64, i64), Problem> {
        self.forge.read(|world| {
            let id = repo_id(world, repo)?;
            Ok((id, world.repos.get(id).map_or(0, |repo| repo.owner)))
        })
    }

    /// Deletes a repository with everything in it. Its own hooks go first, so they are not told.
    pub fn delete_repo(&self, repo: &str) -> Result<(), Problem> {
        let (id, owner) = self.found(repo)?;
        self.forge.act(owner, |act| act.delete_repo(id))
    }

    /// Deletes an issue or pull request. Nobody is told.
    pub fn delete_issue(&self, repo: &str, number: i64) -> Result<(), Problem> {
        self.forge.change(|world| {
            let id = repo_id(world, repo)?;
            let issue = world.issue_at(id, number).map(|issue| issue.id).ok_or_else(no_such)?;
            world.issues.remove(issue).map(drop).ok_or_else(no_such)
        })
    }
}

/// A new name under the same owner.
pub(super) fn rename(world: &mut World, id: i64, name: &str) -> Result<(), Problem> {
    check_name(name)?;
    let repo = world.repos.get(id).ok_or_else(no_such)?;
    let owner = world.login(repo.owner).to_owned();
    move_to(world, id, repo.owner, &owner, name)
}

/// A new owner, who must have an account.
pub(super) fn transfer(world: &mut World, id: i64, owner: &str) -> Result<(), Problem> {
    let user = world.user_named(owner).ok_or_else(|| Problem::missing(format!("there is no account `{owner}`")))?;
    let (user, login) = (user.id, user.login.clone());
    let name = world.repos.get(id).ok_or_else(no_such)?.name.clone();
    move_to(world, id, user, &login, &name)
}

fn move_to(world: &mut World, id: i64, owner: i64, login: &str, name: &str) -> Result<(), Problem> {
    if world.repo_at(login, name).is_some_and(|other| other.id != id) {
        return Err(Problem::conflict(format!("`{login}/{name}` exists already")));
    }
    let former = world.repos.get(id).map(|repo| world.path_of(repo)).ok_or_else(no_such)?;
    let repo = world.repos.edit(id).ok_or_else(no_such)?;
    (repo.owner, repo.name) = (owner, name.to_owned());
    world.meta.edit(0).ok_or_else(no_such)?.former_paths.insert(former.to_lowercase(), id);
    Ok(())
}

/// The end of a repository: issues, comments and hooks go with it.
pub(super) fn delete(world: &mut World, id: i64) -> Result<(), Problem> {
    world.repos.remove(id).ok_or_else(no_such)?;
    let issues: Vec<i64> = world.issues.all().filter(|issue| issue.repo == id).map(|issue| issue.id).collect();
    let comments: Vec<i64> = world.comments.all().filter(|comment| issues.contains(&comment.issue)).map(|comment| comment.id).collect();
    let hooks: Vec<i64> = world.hooks.all().filter(|hook| hook.repo == Some(id)).map(|hook| hook.id).collect();
    comments.into_iter().for_each(|id| drop(world.comments.remove(id)));
    issues.into_iter().for_each(|id| drop(world.issues.remove(id)));
    hooks.into_iter().for_each(|id| drop(world.hooks.remove(id)));
    Ok(())
}

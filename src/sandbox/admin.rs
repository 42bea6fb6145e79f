//! Setting the forge up from Rust. Everything here may be called again: it makes what is missing and leaves the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::act::{LabelPatch, no_such};
use super::deliver::Delivered;
use super::git_ops::{Maker, Signature};
use super::problem::Problem;
use super::render::{self, Counts};
use super::server::Sandbox;
use super::state::{Grant, Hook, Lab, Repo, Skin, User};
use super::told::{Told, What};
use super::world::World;

/// What a user may do in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    None,
    Read,
    Write,
    Admin,
}

/// News of a sandbox: whether anything has changed on it. Says only that it is worth looking, never what there is to see.
#[derive(Clone, Debug)]
pub struct Changes(tokio::sync::watch::Receiver<u64>);

impl Changes {
    /// Whoever calls this looks now: what happened before is no news any more.
    pub fn seen(&mut self) {
        self.0.mark_unchanged();
    }

    /// Waits for a change and a little longer, so that several are seen at once; not longer than `patience` in all.
    pub async fn wait(&mut self, longer: Duration, patience: Duration) {
        // A sandbox that has gone has no more news.
        if let Ok(Err(_)) = tokio::time::timeout(patience, self.0.changed()).await {
            tokio::time::sleep(patience).await;
        }
        tokio::time::sleep(longer).await;
    }
}

/// A label that a repository shall have.
#[derive(Clone, Debug)]
pub struct LabelWish {
    pub name: String,
    /// Six hex digits, with or without `#`.
    pub color: String,
    pub description: String,
    pub exclusive: bool,
}

impl Sandbox {
    /// Makes an account when it is missing and returns its token. Ids and tokens stay the same.
    pub fn ensure_user(&self, login: &str, bot: bool, admin: bool) -> Result<String, Problem> {
        let at = self.forge.clock.now();
        self.forge.change(|world| {
            if let Some(user) = world.user_named(login).cloned() {
                if (user.bot, user.admin) != (bot, admin) {
                    world.users.put(user.id, User { bot, admin, ..user.clone() });
                }
                return Ok(user.token);
            }
            check_login(login)?;
            let id = world.next_id("user");
            let token = new_token();
            let token_name = String::new();
            world.users.put(
                id,
                User { id, login: login.to_owned(), admin, bot, token: token.clone(), token_name, full_name: String::new(), created: at },
            );
            Ok(token)
        })
    }

    /// Makes a public repository when it is missing: with all branches and tags of another one (bare or not, never changed),
    /// or with one commit that holds a README. The owner must exist. Returns its id.
    pub async fn ensure_repo(&self, owner: &str, name: &str, import: Option<&Path>, default_branch: Option<&str>) -> Result<i64, Problem> {
        let wanted = default_branch.unwrap_or("main");
        if !super::git_ops::is_branch_name(wanted) {
            return Err(Problem::invalid(format!("`{wanted}` is not a branch name")));
        }
        let (id, owner_id) = self.reserve_repo(owner, name, wanted)?;
        let _alone = self.forge.alone(id).await;
        let git = self.forge.git(id);
        if !git.dir.join("HEAD").exists() {
            git.create(import, wanted).await?;
        }
        if git.refs().await?.is_empty() {
            let tree = String::from_utf8_lossy(&git.run(&["mktree"], &self.readme(&git, name).await?, &[]).await?.stdout).trim().to_owned();
            let maker = Maker { ..self.forge.maker(owner_id) };
            let author = Signature { name: maker.name.clone(), email: maker.email.clone(), date: String::new() };
            let sha = git.commit_tree(&tree, &[], "Initial commit\n", &author, &maker).await?;
            git.set_ref(&format!("refs/heads/{wanted}"), &sha).await?;
        }
        let refs = git.refs().await?;
        let first = self.forge.read(|world| world.repos.get(id).is_none_or(|repo| repo.refs.is_empty()));
        let branch = default_of(&refs, wanted, default_branch.is_none(), import).ok_or_else(|| {
            Problem::invalid(format!("the repository to import has no branch `{wanted}`; name one of its branches as the default"))
        })?;
        if first {
            git.set_head(&branch).await?;
            self.forge.act(owner_id, |act| {
                let repo = act.world.repos.edit(id).ok_or_else(no_such)?;
                (repo.refs, repo.default_branch) = (refs, branch);
                act.told.push(Told { repo: id, actor: owner_id, what: What::RepoCreated });
                Ok(())
            })?;
        }
        Ok(id)
    }

    async fn readme(&self, git: &super::git_ops::Git, name: &str) -> Result<Vec<u8>, Problem> {
        let blob = git.run(&["hash-object", "-w", "--stdin"], format!("# {name}\n").as_bytes(), &[]).await?;
        Ok(format!("100644 blob {}\tREADME.md\n", String::from_utf8_lossy(&blob.stdout).trim()).into_bytes())
    }

    pub(super) fn reserve_repo(&self, owner: &str, name: &str, default_branch: &str) -> Result<(i64, i64), Problem> {
        check_name(name)?;
        let at = self.forge.clock.now();
        self.forge.change(|world| {
            let owner = world.user_named(owner).map(|user| user.id);
            let owner = owner.ok_or_else(|| Problem::missing("the owner of the repository has no account; make it first"))?;
            let login = world.login(owner).to_owned();
            if let Some(repo) = world.repo_at(&login, name) {
                return Ok((repo.id, owner));
            }
            let id = world.next_id("repo");
            let repo = Repo {
                id,
                owner,
                name: name.to_owned(),
                private: false,
                archived: false,
                default_branch: default_branch.to_owned(),
                created: at,
                updated: at,
                last_number: 0,
                grants: BTreeMap::new(),
                refs: BTreeMap::new(),
                lab: Lab::default(),
            };
            world.repos.put(id, repo);
            Ok((id, owner))
        })
    }

    /// Makes a repository visible to collaborators only, or to everybody.
    pub fn set_private(&self, repo: &str, private: bool) -> Result<(), Problem> {
        self.forge.change(|world| {
            let id = repo_id(world, repo)?;
            world.repos.edit(id).ok_or_else(no_such)?.private = private;
            Ok(())
        })
    }

    /// Sets what a user may do in `owner/name`.
    pub fn set_permission(&self, repo: &str, login: &str, permission: Permission) -> Result<(), Problem> {
        self.forge.change(|world| {
            let id = repo_id(world, repo)?;
            let user =
                world.user_named(login).map(|user| user.id).ok_or_else(|| Problem::missing(format!("there is no account `{login}`")))?;
            let grants = &mut world.repos.edit(id).ok_or_else(no_such)?.grants;
            match permission {
                Permission::None => drop(grants.remove(&user)),
                Permission::Read => drop(grants.insert(user, Grant::Read)),
                Permission::Write => drop(grants.insert(user, Grant::Write)),
                Permission::Admin => drop(grants.insert(user, Grant::Admin)),
            }
            Ok(())
        })
    }

    /// Makes a hook for all events of a repository (`None`: of all repositories) when there is none with this address; sets its secret.
    pub fn ensure_hook(&self, repo: Option<&str>, url: &str, secret: &str) -> Result<i64, Problem> {
        self.ensure_hook_in(Skin::Gitea, repo, url, secret)
    }

    /// The same, told in this protocol.
    pub fn ensure_hook_in(&self, skin: Skin, repo: Option<&str>, url: &str, secret: &str) -> Result<i64, Problem> {
        let at = self.forge.clock.now();
        self.forge.change(|world| {
            let repo = repo.map(|repo| repo_id(world, repo)).transpose()?;
            let standing = world.hooks.all().find(|hook| hook.repo == repo && hook.url == url).cloned();
            if let Some(hook) = standing {
                if hook.secret != secret || !hook.active || hook.skin != skin {
                    world.hooks.put(hook.id, Hook { secret: secret.to_owned(), active: true, skin, ..hook.clone() });
                }
                return Ok(hook.id);
            }
            let id = world.next_id("hook");
            let hook = Hook {
                id,
                repo,
                url: url.to_owned(),
                secret: secret.to_owned(),
                authorization: String::new(),
                branches: String::new(),
                events: BTreeSet::from(["*".to_owned()]),
                active: true,
                created: at,
                updated: at,
                skin,
                form: false,
                app: None,
            };
            world.hooks.put(id, hook);
            Ok(id)
        })
    }

    /// Removes all hooks, for a demo whose bot has moved to another address.
    pub fn remove_hooks(&self) -> Result<(), Problem> {
        self.forge.change(|world| {
            let ids: Vec<i64> = world.hooks.entries().map(|(id, _)| id).collect();
            ids.into_iter().for_each(|id| drop(world.hooks.remove(id)));
            Ok(())
        })
    }

    /// Makes a label when there is none of this name; returns its id.
    pub fn ensure_label(&self, repo: &str, label: &LabelWish) -> Result<i64, Problem> {
        let (id, owner) = self.forge.read(|world| {
            let id = repo_id(world, repo)?;
            Ok::<_, Problem>((id, world.repos.get(id).map_or(0, |repo| repo.owner)))
        })?;
        self.forge.act(owner, |act| {
            if let Some(found) = act.world.labels.all().find(|found| found.repo == id && found.name == label.name) {
                return Ok(found.id);
            }
            let LabelWish { name, color, description, exclusive } = label.clone();
            let wish = LabelPatch { name: Some(name), color: Some(color), description: Some(description), exclusive: Some(exclusive) };
            act.create_label(id, wish)
        })
    }

    /// The bare repository on the disk.
    pub fn git_dir(&self, repo: &str) -> Result<PathBuf, Problem> {
        Ok(self.forge.git(self.repo_id(repo)?).dir)
    }

    /// The number of a repository, by which clients find it after a rename.
    pub fn repo_id(&self, repo: &str) -> Result<i64, Problem> {
        self.forge.read(|world| repo_id(world, repo))
    }

    /// Tells when something on the forge has changed.
    pub fn changes(&self) -> Changes {
        Changes(self.forge.changed.subscribe())
    }

    /// How many of each thing there are in a repository.
    pub fn counts(&self, repo: &str) -> Result<Counts, Problem> {
        let id = self.repo_id(repo)?;
        Ok(self.forge.read(|world| render::counts(world, id)))
    }

    /// An issue or pull request as plain text, the way a person sees it. Holds no times and no commit ids.
    pub fn page(&self, repo: &str, number: i64) -> Result<String, Problem> {
        let id = self.repo_id(repo)?;
        let missing = || Problem::missing(format!("{repo} has no issue or pull request #{number}"));
        self.forge.read(|world| world.issue_at(id, number).map(|issue| render::page(world, issue)).ok_or_else(missing))
    }

    /// Numbers of all pull requests of a repository, oldest first.
    pub fn pull_numbers(&self, repo: &str) -> Result<Vec<i64>, Problem> {
        let id = self.repo_id(repo)?;
        let of_repo =
            |world: &World| world.issues.all().filter(|issue| issue.repo == id && issue.pull.is_some()).map(|issue| issue.number).collect();
        Ok(self.forge.read(of_repo))
    }

    /// The address that signs a user in by a browser.
    pub fn login_link(&self, login: &str) -> Result<String, Problem> {
        let token = self.forge.read(|world| world.user_named(login).map(|user| user.token.clone())).ok_or_else(no_such)?;
        Ok(format!("{}/sandbox/login?token={token}", self.url()))
    }

    /// Waits until no delivery to a hook is under way.
    pub async fn settled(&self) {
        self.forge.deliveries.settled().await;
    }

    /// How many deliveries to hooks are under way.
    pub fn undelivered(&self) -> usize {
        self.forge.deliveries.under_way()
    }

    /// The deliveries finished since the start, oldest first.
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.forge.deliveries.log()
    }
}

/// First parts of paths that are not owners.
const RESERVED: [&str; 4] = ["api", "sandbox", "avatars", "assets"];

pub(super) fn check_login(login: &str) -> Result<(), Problem> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if login.is_empty() || login.len() > 40 || !login.chars().all(good) || login.starts_with(['-', '.']) {
        return Err(Problem::invalid(format!("`{login}` is not a login: use up to 40 letters, digits, `-`, `_` and `.`")));
    }
    if RESERVED.contains(&login) {
        return Err(Problem::invalid(format!("`{login}` is an address of the forge itself; choose another login")));
    }
    Ok(())
}

pub(super) fn repo_id(world: &World, path: &str) -> Result<i64, Problem> {
    let found = path.split_once('/').and_then(|(owner, name)| world.repo_at(owner, name).or_else(|| world.repo_formerly_at(owner, name)));
    found.map(|repo| repo.id).ok_or_else(|| Problem::missing(format!("there is no repository `{path}`")))
}

pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 100 || !name.chars().all(good) || name.starts_with('.') || name.ends_with(".git") {
        return Err(Problem::invalid(format!("`{name}` is not a name for a repository: use letters, digits, `-`, `_` and `.`")));
    }
    Ok(())
}

/// The default branch: the wished one if it is there; if none was wished, the one the source stands on, or the first.
fn default_of(refs: &BTreeMap<String, String>, wanted: &str, any: bool, import: Option<&Path>) -> Option<String> {
    let there = |branch: &str| refs.contains_key(&format!("refs/heads/{branch}"));
    if !any {
        return there(wanted).then(|| wanted.to_owned());
    }
    let of_source = import.and_then(|source| {
        let head = [source.join(".git/HEAD"), source.join("HEAD")].into_iter().find_map(|path| std::fs::read_to_string(path).ok())?;
        head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
    });
    let candidates = of_source.into_iter().chain([wanted.to_owned()]);
    let first = || refs.keys().find_map(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    candidates.into_iter().find(|branch| there(branch)).or_else(first)
}

/// A token nobody can guess: two time-ordered UUIDs hold 148 random bits between them.
pub(super) fn new_token() -> String {
    let seed = [uuid::Uuid::now_v7(), uuid::Uuid::now_v7()].map(|id| id.to_string()).concat();
    hex::encode(&Sha256::digest(seed)[..20])
}

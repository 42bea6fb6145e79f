//! The running forge: state, clock, repositories and deliveries in one place. Skins and pages hold it behind an `Arc`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::act::Act;
use super::deliver::{self, Deliveries};
use super::git_http::Greeting;
use super::git_ops::{Git, Known, Maker};
use super::inspect::{self, Move};
use super::persist::Store;
use super::problem::Problem;
use super::state::{Grant, Repo};
use super::world::World;
use crate::base::Clock;

/// The forge, shared by everything that serves it.
pub type Shared = Arc<Forge>;

/// State, clock, repositories and deliveries.
pub struct Forge {
    store: Mutex<Store>,
    dir: PathBuf,
    /// Address of the server without a slash at the end.
    pub root: String,
    pub clock: Clock,
    /// How many questions after a push or an opening are answered with "still checking".
    pub busy: u32,
    pub deliveries: Deliveries,
    /// Requests that change something: they run to their end even when the caller hangs up half-way.
    pub work: TaskTracker,
    /// Counts the changes of the state.
    pub changed: watch::Sender<u64>,
    busy_repos: Mutex<HashMap<i64, Arc<tokio::sync::Mutex<()>>>>,
    known: Known,
    /// What whoever fetches is greeted with.
    pub greeting: Greeting,
    moves: Mutex<Vec<Move>>,
    /// What tokens are limited to.
    pub scopes: super::limits::Scopes,
    /// How much may be asked over the protocol of GitHub.
    pub quota: super::github::Quota,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Forge {
    /// Puts the parts together.
    pub fn new(store: Store, dir: PathBuf, root: String, clock: Clock, busy: u32, deliveries: Deliveries) -> Forge {
        Forge {
            store: Mutex::new(store),
            dir,
            root,
            clock,
            busy,
            deliveries,
            work: TaskTracker::new(),
            changed: watch::Sender::new(0),
            busy_repos: Mutex::default(),
            known: Known::default(),
            greeting: Greeting::default(),
            moves: Mutex::default(),
            scopes: super::limits::Scopes::default(),
            quota: super::github::Quota::default(),
        }
    }

    /// Reads the state.
    pub fn read<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&lock(&self.store).world)
    }

    /// Does one act as a whole: on the disk before this returns, told only then; a refusal changes nothing.
    pub fn act<R>(&self, actor: i64, work: impl FnOnce(&mut Act) -> Result<R, Problem>) -> Result<R, Problem> {
        let mut store = lock(&self.store);
        let mut act = Act { world: &mut store.world, actor, at: self.clock.now(), told: Vec::new() };
        let outcome = work(&mut act);
        let told = act.told;
        let result = match outcome {
            Ok(result) => result,
            Err(problem) => {
                store.undo();
                return Err(problem);
            }
        };
        let outgoing = deliver::prepare(&mut store.world, &self.root, &told);
        store.commit()?;
        lock(&self.moves).extend(inspect::moves(&told));
        // Counted while the lock is held, so that nobody sees the change before its deliveries are under way.
        self.deliveries.send(outgoing);
        self.changed.send_modify(|changes| *changes += 1);
        Ok(result)
    }

    /// Who moved which branch or tag, oldest first.
    pub fn moves(&self) -> Vec<Move> {
        lock(&self.moves).clone()
    }

    /// Changes the state without an actor: set-up.
    pub fn change<R>(&self, work: impl FnOnce(&mut World) -> Result<R, Problem>) -> Result<R, Problem> {
        self.act(0, |act| work(act.world))
    }

    /// The bare repository on the disk. Its name is the number: a renamed repository stays where it is.
    pub fn git(&self, repo: i64) -> Git {
        Git { dir: self.git_root().join(format!("{repo}.git")), known: self.known.clone() }
    }

    /// The directory of all bare repositories.
    pub fn git_root(&self) -> PathBuf {
        self.dir.join("repos")
    }

    /// Waits until nobody else writes to this repository.
    pub async fn alone(&self, repo: i64) -> tokio::sync::OwnedMutexGuard<()> {
        let gate = lock(&self.busy_repos).entry(repo).or_default().clone();
        gate.lock_owned().await
    }

    /// The repository if this user (`None`: nobody signed in) may see it and has this permission.
    pub fn repo_for(&self, user: Option<i64>, owner: &str, name: &str, least: Grant) -> Result<Repo, Problem> {
        self.read(|world| {
            let repo = world.repo_at(owner, name).ok_or_else(super::act::no_such)?;
            match world.grant(repo, user) {
                Grant::None => Err(super::act::no_such()),
                grant if grant >= least => Ok(repo.clone()),
                _ if user.is_none() => Err(Problem::sign_in("token is required")),
                _ => Err(super::act::lacking(least)),
            }
        })
    }

    /// Who signs a commit that the forge makes for this user.
    pub fn maker(&self, user: i64) -> Maker {
        self.read(|world| {
            let (name, email) = world.users.get(user).map_or_else(Default::default, |user| (user.login.clone(), user.email()));
            Maker { name, email, at: self.clock.now() }
        })
    }
}

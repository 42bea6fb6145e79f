//! Pull requests that change a repository's own file: what would become of it is said on their heads. Nothing of a head is ever applied.

use serde_json::json;

use crate::config::repository::FILE;
use crate::domain::forge::{EventKind, Pull, PullAction, Sha, State, User};
use crate::domain::path::RepoPath;
use crate::engine::world::Site;
use crate::engine::{Engine, EngineError, Result};
use crate::forge::ForgeError;
use crate::git::{GitError, Mirror};
use crate::store::ProjectTx;

use super::{over, readable, tell};

/// Kind of the rows that name pull requests to look at.
const ASKED: &str = "config-pull";
/// Most pull requests that are looked at in one go.
const MOST: usize = 20;

/// Whether this event is about a pull request of somebody else than the bot that may change the file.
pub fn is_to_be_judged(event: &EventKind, default_branch: &str, bot: &User) -> Option<i64> {
    match event {
        EventKind::Pull { action: PullAction::Opened | PullAction::Synchronized | PullAction::Reopened, pull } => {
            (pull.author.id != bot.id && pull.base.branch == default_branch).then_some(pull.number)
        }
        _ => None,
    }
}

/// Has a pull request looked at.
pub async fn ask(tx: &mut ProjectTx, number: i64) -> Result<()> {
    tx.put_object(ASKED, &number.to_string(), &json!({}), None).await?;
    Ok(())
}

/// Looks at the pull requests that were asked for. One that cannot be looked at waits for the next time.
pub async fn judge(engine: &Engine, site: &Site<'_>) -> Result<()> {
    let mut tx = engine.store.begin_read(site.project.id).await?;
    let asked = tx.objects(ASKED).await?;
    tx.rollback().await?;
    for number in asked.into_iter().filter_map(|row| row.key.parse::<i64>().ok()).take(MOST) {
        match one(engine, site, number).await {
            Ok(true) => {
                let mut tx = engine.store.begin(site.project.id).await?;
                tx.drop_object(ASKED, &number.to_string()).await?;
                engine.commit(tx).await?;
            }
            Ok(false) => {}
            Err(error) if error.is_race() => return Err(error),
            Err(error) => {
                let error = engine.redactor.mask(&error.to_string());
                tracing::warn!(project.path = site.project.path, pull = number, "its {FILE} could not be looked at: {error}");
            }
        }
    }
    Ok(())
}

/// True when there is nothing more to look at.
async fn one(engine: &Engine, site: &Site<'_>, number: i64) -> Result<bool> {
    let pull = match site.connection.forge.pull(&site.repo, number).await {
        Ok(pull) => pull,
        Err(ForgeError::NotFound(_)) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if pull.state == State::Closed || pull.base.branch != site.project.default_branch {
        return Ok(true);
    }
    // Most repositories have no such file, and are not fetched for it. What a fork holds is only known from its head.
    let is_branch = pull.head.repo_id == Some(site.repo.id);
    if is_branch && !site.connection.forge.has_file(&site.repo, &pull.head.branch, FILE).await? {
        return Ok(true);
    }
    let mirror = engine.mirror(site.project.id).await?;
    let Some(change) = change(engine, site, &mirror, &pull).await? else { return Ok(false) };
    if let Change::To(bytes) = change {
        let (is_read, mistakes) = match readable(&bytes) {
            Ok((file, _)) => (true, over(site.team.rules.of(&site.project), &file, &pull.head.sha.0).refused),
            Err(errors) => (false, errors),
        };
        tell(engine, site, &pull.head.sha, is_read, &mistakes).await?;
    }
    Ok(true)
}

/// What a pull request does to the file.
enum Change {
    None,
    To(Vec<u8>),
}

/// `None`: the forge does not serve the head yet that it tells of.
async fn change(engine: &Engine, site: &Site<'_>, mirror: &Mirror, pull: &Pull) -> Result<Option<Change>> {
    let head = &pull.head.sha;
    if !mirror.has(head).await? && mirror.fetch_pull(&site.remote(), pull.number).await?.as_ref() != Some(head) {
        return Ok(None);
    }
    engine.bring(site, mirror, &pull.base.sha).await?;
    let path = RepoPath::parse(FILE).map_err(GitError::from)?;
    let read = async |commit: &Sha| mirror.read_file(commit, &path).await.map_err(EngineError::from);
    let before = match mirror.merge_base(&pull.base.sha, head).await? {
        Some(base) => read(&base).await?,
        None => None,
    };
    Ok(Some(match read(head).await? {
        Some(now) if Some(&now) != before.as_ref() => Change::To(now),
        _ => Change::None,
    }))
}

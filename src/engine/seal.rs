//! The record: journal entries are linked into the project's chain, and the chain is pushed to the audit repository in segments.

use serde_json::{Map, Value, json};

use crate::base::ids::ProjectId;
use crate::base::text::sha256_hex;
use crate::domain::audit::{self, Actor, ActorKind, ChainId, Entry, segment};
use crate::git::{Appended, AuditRepo, Signature};
use crate::store::{AuditPosition, ChainRow, Claim, EventRow, NewEvent, Release, Store, WorkKind};

use super::turn::NOTES;
use super::{Engine, EngineError, Result};

/// Entries linked in one transaction, and pushed in one commit.
const BATCH: usize = 1_000;

/// Links what is queued, and has it pushed.
pub async fn seal(engine: &Engine, claim: &Claim) -> Result<()> {
    let project = Engine::project_of(claim)?;
    let link = move |seq: u64, prev: &str, row: &EventRow| link_row(project, seq, prev, row);
    loop {
        let mut tx = engine.store.begin(project).await?;
        let is_last = tx.seal_waiting(BATCH as i64, &link).await? < BATCH;
        // The system's own chain stays in the database: it belongs to no project, and so to no project's audit repository.
        if is_last && project != Store::SYSTEM {
            let spacing = i64::try_from(engine.timings.audit_spacing.as_millis()).unwrap_or(0);
            tx.schedule(WorkKind::PushAudit, claim.id, None, Some(engine.clock.now().plus_millis(spacing)));
        }
        if is_last {
            tx.release(claim, Release::Done).await?;
        }
        tx.commit().await?;
        if is_last {
            return Ok(());
        }
    }
}

/// The record's line for a journal entry. One that does not fit the format is recorded by its hash: a chain must never stop.
pub(super) fn link_row(project: ProjectId, seq: u64, prev: &str, row: &EventRow) -> (String, String) {
    let entry = entry(project, row, details(row));
    let linked = audit::link(seq, prev, &entry).or_else(|_| {
        let hashed = json!({"payload_sha256": sha256_hex(row.payload.to_string())});
        audit::link(seq, prev, &self::entry(project, row, hashed))
    });
    match linked {
        Ok(link) => (link.line, link.hash),
        Err(error) => {
            // Cannot happen for an entry made of a hash; the line would then say so instead of being left out.
            let line = json!({"error": error.to_string(), "seq": seq}).to_string();
            let hash = sha256_hex(&line);
            (line, hash)
        }
    }
}

fn entry(project: ProjectId, row: &EventRow, details: Value) -> Entry {
    let word = |name: &str| row.actor.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let kind = match word("type").as_str() {
        "user" => ActorKind::Person,
        "agent" => ActorKind::Agent,
        _ => ActorKind::System,
    };
    let target = row.target.get("number").and_then(Value::as_i64).map(|number| format!("issue:{number}"));
    Entry {
        chain: if project == Store::SYSTEM { ChainId::System } else { ChainId::Project(project) },
        ts: row.at,
        actor: Actor { id: word("id"), kind },
        action: format!("{}.{}", row.stream, row.kind),
        target,
        details,
        causation: row.causation.clone(),
    }
}

/// The payload with its target, less the names of people: accounts are recorded by id, so that a name can be forgotten.
fn details(row: &EventRow) -> Value {
    let mut details = Map::new();
    for source in [&row.target, &row.payload] {
        if let Some(fields) = without_names(source).as_object() {
            details.extend(fields.clone());
        }
    }
    Value::Object(details)
}

fn without_names(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().filter(|(key, _)| *key != "login").map(|(key, value)| (key.clone(), without_names(value))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_names).collect()),
        other => other.clone(),
    }
}

/// Pushes sealed lines to the audit repository. A repository that does not continue what was pushed is never overwritten.
pub async fn push(engine: &Engine, claim: &Claim) -> Result<()> {
    let site = engine.site(claim).await?;
    let project = site.project.id;
    let repo = engine.audit_repo(&site).await?;
    loop {
        let position = engine.store.audit_pushed(project).await?;
        let standing = standing(&repo, project, position.next_seq).await?;
        // A copy that lacks what another instance pushed elsewhere is completed: the chain has it all.
        let from = next_of(&standing).min(position.next_seq);
        let rows = engine.store.chain(project, from, BATCH as i64).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return engine.finish(claim).await;
        };
        if contradicts(&standing, &rows) {
            return alarm(engine, claim, repo.head().await?.map(|sha| sha.0)).await;
        }
        engine.hold(claim, engine.timings.call).await?;
        let files = files(&standing, project, first.seq, &rows)?;
        let author = Signature { name: "Syndarix".into(), email: "syndarix@noreply.invalid".into() };
        let message = format!("record: entries {} to {}", first.seq, last.seq);
        let at = engine.clock.now();
        match engine.outside(repo.append(&files, &message, &author, at)).await? {
            Appended::Done { head } | Appended::Already { head } => {
                let position = AuditPosition { next_seq: last.seq + 1, head: Some(head.0) };
                let is_last = rows.len() < BATCH;
                engine.store.set_audit_pushed(claim, project, &position, is_last.then_some(Release::Done)).await?;
                if is_last {
                    return Ok(());
                }
            }
            Appended::Diverged { remote, .. } => return alarm(engine, claim, remote.map(|sha| sha.0)).await,
        }
    }
}

/// The last segments that our copy holds, oldest first, down to the one with the first line that was not pushed. A copy that is not where
/// the books say is brought up to date first.
async fn standing(repo: &AuditRepo, project: ProjectId, pushed: u64) -> Result<Vec<(u64, Vec<u8>)>> {
    let standing = segments(repo, project, pushed).await?;
    if next_of(&standing) == pushed {
        return Ok(standing);
    }
    repo.refresh().await?;
    segments(repo, project, pushed).await
}

async fn segments(repo: &AuditRepo, project: ProjectId, from: u64) -> Result<Vec<(u64, Vec<u8>)>> {
    let of_project = move |path: &str| segment::parse_path(path).filter(|(of, _)| *of == ChainId::Project(project)).map(|(_, first)| first);
    let files = repo.read_picked(move |paths| ends(paths.iter().map(|path| of_project(path)), from)).await?;
    let mut standing: Vec<(u64, Vec<u8>)> = files.into_iter().filter_map(|(path, bytes)| Some((of_project(&path)?, bytes))).collect();
    standing.sort_by_key(|(first, _)| *first);
    Ok(standing)
}

/// Places of the last segment and of those that reach beyond this line. `None`: no segment of this chain.
fn ends(firsts: impl Iterator<Item = Option<u64>>, from: u64) -> Vec<usize> {
    let mut all: Vec<(u64, usize)> = firsts.enumerate().filter_map(|(place, first)| Some((first?, place))).collect();
    all.sort_unstable();
    // A segment ends where the next one begins.
    let is_wanted = |at: usize| all.get(at + 1).is_none_or(|(next, _)| *next > from);
    (0..all.len()).filter(|at| is_wanted(*at)).map(|at| all[at].1).collect()
}

fn last_of(standing: &[(u64, Vec<u8>)]) -> Option<segment::Last<'_>> {
    standing.last().map(|(first_seq, bytes)| segment::Last { first_seq: *first_seq, bytes })
}

/// The place of the line that comes next.
fn next_of(standing: &[(u64, Vec<u8>)]) -> u64 {
    last_of(standing).map_or(0, |last| last.next_seq())
}

/// Whether what stands there already says otherwise than our chain: it went on without us, as it does when an older copy of the database
/// is put in place. Continuing it would break its chain.
fn contradicts(standing: &[(u64, Vec<u8>)], rows: &[ChainRow]) -> bool {
    let Some(first) = rows.first().map(|row| row.seq).filter(|first| *first < next_of(standing)) else { return false };
    let mut published = std::collections::BTreeMap::new();
    for (start, bytes) in standing {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        published.extend((*start..).zip(lines).filter(|(seq, _)| *seq >= first));
    }
    rows.iter().any(|row| published.get(&row.seq).is_some_and(|line| *line != row.line.as_bytes()))
}

fn files(standing: &[(u64, Vec<u8>)], project: ProjectId, first_new: u64, rows: &[ChainRow]) -> Result<Vec<(String, Vec<u8>)>> {
    let chain = ChainId::Project(project);
    let last = last_of(standing);
    // After a crash between the push and its receipt the repository is ahead of us by lines it has already.
    let due = last.map_or(0, |last| last.next_seq());
    let fresh: Vec<&str> = rows.iter().filter(|row| row.seq >= due).map(|row| row.line.as_str()).collect();
    let files = segment::files_to_write(chain, last, due.max(first_new), &fresh).map_err(|gap| EngineError::Setup(gap.to_string()))?;
    Ok(files.into_iter().map(|file| (file.path, file.bytes)).collect())
}

/// Somebody else wrote to the audit repository, or rewrote it: the alarm goes into the record itself, and the local chain goes on.
async fn alarm(engine: &Engine, claim: &Claim, remote: Option<String>) -> Result<()> {
    let project = Engine::project_of(claim)?;
    tracing::error!(project.id = %project, "the audit repository does not continue what was pushed; nothing was overwritten. Compare it with a copy, then restore its branch");
    let at = engine.clock.now();
    let mut tx = engine.store.begin(project).await?;
    tx.guard(claim).await?;
    let raised = tx.object("audit-alarm", "diverged").await?;
    let found = json!({"remote": remote});
    // Kept up to date while it lasts: a push that goes well later shows that it is over.
    tx.put_object("audit-alarm", "diverged", &found, None).await?;
    if raised.is_none_or(|row| row.data != found) {
        let event = NewEvent {
            kind: "audit.diverged".into(),
            actor: json!({"type": "syndarix", "id": "engine"}),
            target: json!({}),
            payload: found,
            causation: None,
            at,
        };
        tx.append(NOTES, project.0, None, &[event]).await?;
    }
    tx.release(claim, Release::Retry { at: at.plus_millis(60_000) }).await?;
    engine.commit(tx).await
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn only_the_end_of_the_record_is_read() {
        let firsts = [None, Some(2_000), Some(0), Some(1_000)];
        let rows = [(3_500, vec![1]), (2_000, vec![1]), (1_999, vec![3, 1]), (1_000, vec![3, 1]), (0, vec![2, 3, 1])];
        for (from, want) in rows {
            assert_eq!(ends(firsts.into_iter(), from), want, "{from}");
        }
        assert!(ends([None].into_iter(), 0).is_empty());
    }
}

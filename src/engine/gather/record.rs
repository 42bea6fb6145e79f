//! The state of the record: its newest part is checked, and what is published is looked up.

use crate::domain::audit::{ChainId, check_tail};
use crate::domain::speech::code;
use crate::domain::workflow::inform::{AuditFacts, Published};
use crate::engine::turn::{Peeked, SUBJECT};
use crate::engine::world::Site;
use crate::engine::{Engine, Result};
use crate::git::AuditRemote;

use super::config::address;

/// Entries that one answer checks at most; `syndarix audit verify` checks all.
const NEWEST: u64 = 5_000;

pub(super) async fn audit(engine: &Engine, site: &Site<'_>, peeked: &Peeked) -> Result<AuditFacts> {
    let project = site.project.id;
    let head = engine.store.chain_head(project).await?.map(|row| (row.seq, row.hash));
    let entries = head.as_ref().map_or(0, |(seq, _)| seq + 1);
    let from = entries.saturating_sub(NEWEST);
    let rows = engine.store.chain(project, from, i64::try_from(NEWEST).unwrap_or(i64::MAX)).await?;
    let lines = rows.iter().map(|row| (row.seq, row.line.as_str(), row.hash.as_str()));
    let checked = check_tail(ChainId::Project(project), from, lines).map(|to| (from, to));
    let mut tx = engine.store.begin_read(project).await?;
    let published = tx.audit_published().await?;
    let alarm = tx.object("audit-alarm", "diverged").await?;
    let waiting = tx.waiting_for_seal().await?;
    let newest = tx.version(SUBJECT, peeked.subject.0).await?;
    let last = match tx.events_after(SUBJECT, peeked.subject.0, newest - 1).await?.pop() {
        Some(event) => tx.sealed(event.id).await?,
        None => None,
    };
    tx.rollback().await?;
    // A push that went well after the alarm ended it.
    let diverged = alarm.map(|row| row.seen_at).filter(|seen| published.as_ref().is_none_or(|(_, at)| *seen >= *at));
    Ok(AuditFacts {
        chain: ChainId::Project(project).to_string(),
        entries,
        head,
        waiting,
        checked,
        published: published.map(|(position, at)| Published { entries: position.next_seq, commit: position.head, at }),
        diverged,
        place: place(site.rules.audit.as_ref()),
        last,
    })
}

/// Paths of the server are nobody's business but the administrator's.
fn place(audit: Option<&AuditRemote>) -> String {
    match audit {
        Some(remote) if address(remote).contains("://") => code(&address(remote)),
        Some(_) => "a directory that the administrator chose".into(),
        None => "the data directory of this installation, in `record/`".into(),
    }
}

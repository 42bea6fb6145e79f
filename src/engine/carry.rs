//! Commits that are not pushed yet lie in the mirror of the instance that made them. So that another instance can go on from there, or
//! push them, each is kept in the database as well, and taken from there where the mirror does not have it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::domain::forge::Sha;
use crate::git::{Mirror, Packed};
use crate::store::ProjectTx;

use super::world::Site;
use super::{Engine, EngineError, Result};

/// Kind of the objects that hold commits.
const KIND: &str = "commit";

#[derive(Serialize, Deserialize)]
struct Kept {
    parents: Vec<Sha>,
    /// The pack, in base64.
    pack: String,
}

/// Keeps a commit, within the transaction that records it.
pub async fn keep(tx: &mut ProjectTx, commit: &Sha, packed: &Packed) -> Result<()> {
    let kept = Kept { parents: packed.parents.clone(), pack: BASE64.encode(&packed.pack) };
    tx.put_object(KIND, &commit.0, &serde_json::to_value(&kept)?, None).await?;
    Ok(())
}

impl Engine {
    /// Makes sure that the mirror has a commit: from the database if an instance made it, else from the remote.
    pub async fn bring(&self, site: &Site<'_>, mirror: &Mirror, commit: &Sha) -> Result<()> {
        // On the heap: whoever waits for this is deep in its stack already.
        Box::pin(self.bring_all(site, mirror, commit)).await
    }

    async fn bring_all(&self, site: &Site<'_>, mirror: &Mirror, commit: &Sha) -> Result<()> {
        let mut wanted = vec![commit.clone()];
        let mut taken: Vec<(Sha, Packed)> = Vec::new();
        let mut fetched = false;
        while let Some(commit) = wanted.pop() {
            if mirror.has(&commit).await? || taken.iter().any(|(known, _)| *known == commit) {
                continue;
            }
            if let Some(packed) = self.kept(site, &commit).await? {
                wanted.extend(packed.parents.iter().cloned());
                taken.push((commit, packed));
            } else if !fetched {
                fetched = true;
                mirror.fetch(&site.remote()).await?;
                wanted.push(commit);
            }
            // A commit that is nowhere is named by whoever needs it.
        }
        // The last one found is the oldest.
        while let Some((commit, packed)) = taken.pop() {
            mirror.unpack(&commit, packed).await?;
        }
        Ok(())
    }

    async fn kept(&self, site: &Site<'_>, commit: &Sha) -> Result<Option<Packed>> {
        let mut tx = self.store.begin_read(site.project.id).await?;
        let row = tx.object(KIND, &commit.0).await?;
        tx.rollback().await?;
        let Some(row) = row else { return Ok(None) };
        let kept: Kept = serde_json::from_value(row.data)?;
        let pack = BASE64.decode(kept.pack).map_err(|error| EngineError::Setup(format!("a kept commit cannot be read: {error}")))?;
        Ok(Some(Packed { parents: kept.parents, pack }))
    }
}

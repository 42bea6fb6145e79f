//! Carrying commits from one mirror to another without a remote: a commit with what is new in it, as one pack.

use std::io::Write;

use super::error::{GitError, Result};
use super::mirror::{Mirror, set_ref};
use super::objects::{find_commit, oid};
use crate::domain::forge::Sha;

/// A commit, with everything in it that its parents do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The commits it builds on; a mirror must have them before it takes this one in.
    pub parents: Vec<Sha>,
    /// A Git pack, complete in itself.
    pub pack: Vec<u8>,
}

impl Mirror {
    /// Whether the mirror holds this commit.
    pub async fn has(&self, commit: &Sha) -> Result<bool> {
        let id = oid(&commit.0)?;
        self.with(move |repo| Ok(repo.find_commit(id).is_ok())).await
    }

    /// Packs one commit.
    pub async fn pack(&self, commit: &Sha) -> Result<Packed> {
        let commit = commit.clone();
        self.with(move |repo| {
            let found = find_commit(repo, &commit)?;
            let mut walk = repo.revwalk()?;
            walk.push(found.id())?;
            for parent in found.parent_ids() {
                walk.hide(parent)?;
            }
            let mut builder = repo.packbuilder()?;
            builder.insert_walk(&mut walk)?;
            let mut pack = git2::Buf::new();
            builder.write_buf(&mut pack)?;
            Ok(Packed { parents: found.parent_ids().map(super::objects::sha).collect(), pack: pack.to_vec() })
        })
        .await
    }

    /// Takes a packed commit in and keeps it from being collected. Repeating it is harmless.
    pub async fn unpack(&self, commit: &Sha, packed: Packed) -> Result<()> {
        let commit = commit.clone();
        let mirror = self.clone();
        self.with(move |repo| {
            for parent in &packed.parents {
                find_commit(repo, parent)?;
            }
            let odb = repo.odb()?;
            let mut writer = odb.packwriter()?;
            writer.write_all(&packed.pack)?;
            writer.commit()?;
            drop(writer);
            // Its tree must have come along: an incomplete pack shows here and not when somebody builds on it.
            let found = find_commit(repo, &commit)?;
            found
                .tree()
                .map_err(|error| GitError::BadObject(format!("commit {} came without its tree: {}", commit.short(), error.message())))?;
            let _turn = mirror.turn("refs.lock")?;
            set_ref(repo, &format!("refs/syndarix/commit/{commit}"), &commit)
        })
        .await
    }
}

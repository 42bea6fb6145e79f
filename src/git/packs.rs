//! Packs: how much a fetch may bring, and what becomes of the many that fetches bring. Git itself knows no bound, so a pack is watched while it arrives.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use super::command::Invocation;
use super::error::{GitError, Result};
use super::mirror::Mirror;
use super::remote::sweep;

/// Most packs that are left as they came.
const PACKS: usize = 64;

/// Bounds of one fetch. The defaults hold the largest open repositories and stop a server that sends without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// Bytes as they arrive, compressed.
    pub bytes: u64,
    /// Objects that the server announces.
    pub objects: u64,
}

impl Default for FetchLimits {
    fn default() -> FetchLimits {
        FetchLimits { bytes: 8 << 30, objects: 25_000_000 }
    }
}

/// Looks at the packs that are just arriving in a repository; an error when one is beyond the limits.
pub(super) fn check(git_dir: &Path, limits: &FetchLimits) -> Result<()> {
    let Ok(entries) = fs::read_dir(git_dir.join("objects").join("pack")) else { return Ok(()) };
    let arriving = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("tmp_pack_")));
    for entry in arriving {
        // It may have become a finished pack since it was listed.
        let Ok(size) = entry.metadata().map(|found| found.len()) else { continue };
        if size > limits.bytes {
            return Err(beyond(format!("more than {} MB", limits.bytes.div_ceil(1_000_000)), "max_fetch_megabytes"));
        }
        let announced = objects(&entry.path()).unwrap_or(0);
        if announced > limits.objects {
            return Err(beyond(format!("{announced} objects, more than the {} allowed", limits.objects), "max_fetch_objects"));
        }
    }
    Ok(())
}

impl Mirror {
    /// Each fetch brings a pack of its own. When there are many, the small ones become one; nothing is dropped.
    pub(super) async fn gather_packs(&self) -> Result<()> {
        let packs = fs::read_dir(self.path().join("objects/pack")).map(|entries| entries.flatten().filter(is_pack).count()).unwrap_or(0);
        if packs > PACKS {
            let call = Invocation::new(self.path(), "repack", None)?.arg("--geometric=2").arg("-d").arg("--quiet");
            // Git before 2.32 cannot. What was fetched is there all the same, and everything works, more slowly.
            match call.run(self.patience).await {
                Ok(output) if output.ok => {}
                Ok(output) => tracing::debug!("the packs of a mirror were not gathered: {}", output.stderr),
                Err(error) => tracing::debug!("the packs of a mirror were not gathered: {error}"),
            }
        }
        Ok(())
    }
}

fn is_pack(entry: &fs::DirEntry) -> bool {
    entry.path().extension().is_some_and(|ending| ending == "pack")
}

/// Removes packs that never became whole.
pub(super) fn sweep_packs(git_dir: &Path) -> Result<()> {
    sweep(&git_dir.join("objects/pack"), &|name| name.starts_with("tmp_") || name.starts_with(".tmp-"))
}

fn beyond(what: String, key: &str) -> GitError {
    GitError::Limit(format!(
        "the Git remote sends {what} at once, so the fetch was stopped. If the repository is really that large, raise `{key}` under `[git]` in the settings"
    ))
}

/// How many objects a pack says it holds: the third word of its header.
fn objects(pack: &Path) -> Option<u64> {
    let mut header = [0; 12];
    File::open(pack).ok()?.read_exact(&mut header).ok()?;
    let [b'P', b'A', b'C', b'K', _, _, _, _, count @ ..] = header else { return None };
    Some(u64::from(u32::from_be_bytes(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arriving_pack_is_judged_by_size_and_by_what_it_announces() {
        let dir = tempfile::tempdir().unwrap();
        let packs = dir.path().join("objects/pack");
        let limits = FetchLimits { bytes: 1_000, objects: 5 };
        assert_eq!(check(dir.path(), &limits), Ok(()), "no packs yet");
        fs::create_dir_all(&packs).unwrap();
        let header = |count: u32| [b"PACK\0\0\0\x02".as_slice(), &count.to_be_bytes()].concat();
        fs::write(packs.join("tmp_pack_a"), header(5)).unwrap();
        fs::write(packs.join("pack-1.pack"), header(500)).unwrap();
        fs::write(packs.join("tmp_idx_b"), vec![0; 5_000]).unwrap();
        assert_eq!(check(dir.path(), &limits), Ok(()));
        fs::write(packs.join("tmp_pack_a"), header(6)).unwrap();
        assert!(check(dir.path(), &limits).unwrap_err().to_string().contains("`max_fetch_objects` under `[git]`"));
        fs::write(packs.join("tmp_pack_a"), vec![0; 1_001]).unwrap();
        assert!(check(dir.path(), &limits).unwrap_err().to_string().contains("`max_fetch_megabytes` under `[git]`"));
    }
}

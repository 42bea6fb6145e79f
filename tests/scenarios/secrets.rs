//! No secret of the installation shows up anywhere: not on the forge, not in the record, not in the database, not in the log.

use std::path::Path;

use super::answers::*;
use super::world::{HOOK_SECRET, PROVIDER_KEY, REPO};
use super::scenario;

#[tokio::test]
async fn secrets_are_nowhere() {
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.alice().comments(pull, "/syndarix status\n/syndarix whoami\n/syndarix help").await;
        w.bob().approves(pull).await;
        w.settle().await;
        let secrets = [w.token("syndarix"), HOOK_SECRET.to_owned(), PROVIDER_KEY.to_owned()];
        for number in [issue, pull] {
            free_of("a page", w.sandbox.page(REPO, number).unwrap().as_bytes(), &secrets);
        }
        let record = w.data.join("record").join(format!("{}.git", w.project(REPO).await));
        let files = syndarix::git::read_repo_at(&record, None).unwrap();
        assert!(!files.is_empty());
        for (path, bytes) in files {
            free_of(&path, &bytes, &secrets);
        }
        // The database with its log, the mirrors with their settings, the work trees.
        let mut read = 0;
        walk(&w.data, &mut |path| {
            read += 1;
            free_of(&path.display().to_string(), &std::fs::read(path).unwrap(), &secrets);
        });
        assert!(read > 10);
    })
    .await;
}

fn free_of(what: &str, bytes: &[u8], secrets: &[String]) {
    for (number, secret) in secrets.iter().enumerate() {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "secret {number} stands in {what}");
    }
}

fn walk(dir: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { walk(&entry, each) } else { each(&entry) }
    }
}

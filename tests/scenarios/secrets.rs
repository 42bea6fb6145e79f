//! No secret of the installation shows up anywhere: not on the forge, not in the record, not in the database, not in the log.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::account;
use super::answers::*;
use super::scenario;
use super::world::{HOOK_SECRET, PROVIDER_KEY, REPO};

/// Everything that is logged from here on, by this scenario and by those beside it.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn secrets_are_nowhere() {
    let written = Log::default();
    let log = written.0.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || written.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    scenario(smooth(), async |w| {
        let (issue, pull) = w.story_is_reviewed().await;
        w.alice().comments(pull, "/syndarix status\n/syndarix whoami\n/syndarix help").await;
        w.bob().approves(pull).await;
        w.publishes().await;
        let secrets = [account::secret(&w.sandbox), HOOK_SECRET.to_owned(), PROVIDER_KEY.to_owned()];
        let log = log.lock().unwrap().clone();
        assert!(!log.is_empty(), "the log was written");
        free_of("the log", &log, &secrets);
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

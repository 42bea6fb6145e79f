//! The audit repository: only ever added to, healed after a crash, never forced.

use std::path::PathBuf;

use syndarix::base::Time;
use syndarix::domain::forge::Sha;
use syndarix::git::{Appended, AuditRemote, AuditRepo, GitError, read_repo_at};

use crate::world::{dave, git};

struct Record {
    dir: tempfile::TempDir,
}

impl Record {
    fn new() -> Record {
        Record { dir: tempfile::tempdir().unwrap() }
    }

    fn bare(&self) -> PathBuf {
        self.dir.path().join("audit.git")
    }

    async fn open(&self, local: &str) -> AuditRepo {
        AuditRepo::open(&self.dir.path().join(local), AuditRemote::Path(self.bare())).await.unwrap()
    }

    fn remote_tip(&self) -> Sha {
        Sha(git(&self.bare(), &["rev-parse", "refs/heads/main"]))
    }
}

const SEGMENT: &str = "projects/prj_1/0.jsonl";

async fn append(repo: &AuditRepo, content: &str) -> Result<Appended, GitError> {
    repo.append(&[(SEGMENT.to_owned(), content.as_bytes().to_vec())], "audit: 1 entry", &dave(), Time(1_770_000_000_000_000)).await
}

fn head(appended: Appended) -> Sha {
    match appended {
        Appended::Done { head } => head,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn segments_are_published_and_read_back_offline() {
    let record = Record::new();
    let repo = record.open("local").await;
    assert_eq!(repo.head().await, Ok(None));
    assert_eq!(repo.read_all().await, Ok(Vec::new()));
    let first = head(append(&repo, "a\n").await.unwrap());
    assert_eq!(append(&repo, "a\n").await, Ok(Appended::Already { head: first.clone() }));
    let second = head(append(&repo, "a\nb\n").await.unwrap());
    assert_eq!((repo.head().await, record.remote_tip()), (Ok(Some(second.clone())), second.clone()));
    let files = vec![(SEGMENT.to_owned(), b"a\nb\n".to_vec())];
    assert_eq!(repo.read_all().await, Ok(files.clone()));
    assert_eq!(read_repo_at(&record.bare(), None), Ok(files.clone()));
    assert_eq!(read_repo_at(&record.bare(), Some(&first.0)), Ok(vec![(SEGMENT.to_owned(), b"a\n".to_vec())]));
    git(record.dir.path(), &["clone", "--quiet", "audit.git", "clone"]);
    assert_eq!(read_repo_at(&record.dir.path().join("clone"), None), Ok(files));
    assert!(read_repo_at(&record.bare(), Some("nonsense")).unwrap_err().to_string().contains("no commit `nonsense`"));
    assert!(read_repo_at(&record.dir.path().join("missing"), None).is_err());
    let log = git(&record.bare(), &["log", "--format=%an %s", "main"]);
    assert_eq!(log, "Dave (Syndarix) audit: 1 entry\nDave (Syndarix) audit: 1 entry");
}

#[tokio::test]
async fn a_crash_between_commit_and_push_heals() {
    let record = Record::new();
    let repo = record.open("local").await;
    let first = head(append(&repo, "a\n").await.unwrap());
    let second = head(append(&repo, "a\nb\n").await.unwrap());
    // As if the process had been killed after the commit: the remote and what is known of it are one behind.
    git(&record.bare(), &["update-ref", "refs/heads/main", &first.0]);
    git(&record.dir.path().join("local"), &["update-ref", "refs/syndarix/audit/confirmed", &first.0]);
    assert_eq!(append(&repo, "a\nb\n").await, Ok(Appended::Done { head: second.clone() }));
    assert_eq!(record.remote_tip(), second);
    // Killed even before the first publication.
    let fresh = Record::new();
    let repo = fresh.open("local").await;
    let only = head(append(&repo, "a\n").await.unwrap());
    git(&fresh.bare(), &["update-ref", "-d", "refs/heads/main"]);
    git(&fresh.dir.path().join("local"), &["update-ref", "-d", "refs/syndarix/audit/confirmed"]);
    assert_eq!(append(&repo, "a\n").await, Ok(Appended::Done { head: only }));
}

#[tokio::test]
async fn a_rewritten_remote_is_reported_and_left_alone() {
    for damage in ["rewound", "replaced", "deleted", "edited"] {
        let record = Record::new();
        let repo = record.open("local").await;
        let first = head(append(&repo, "a\n").await.unwrap());
        let second = head(append(&repo, "a\nb\n").await.unwrap());
        let bare = record.bare();
        let after = match damage {
            "rewound" => Some(first.0.clone()),
            "deleted" => None,
            "replaced" => Some(git(&bare, &["commit-tree", &format!("{second}^{{tree}}"), "-m", "replaced"])),
            _ => {
                git(record.dir.path(), &["clone", "--quiet", "audit.git", "clone"]);
                let clone = record.dir.path().join("clone");
                std::fs::write(clone.join(SEGMENT), "a\nX\n").unwrap();
                git(&clone, &["commit", "--quiet", "-am", "tidy up"]);
                git(&clone, &["push", "--quiet", "origin", "HEAD:main"]);
                Some(git(&clone, &["rev-parse", "HEAD"]))
            }
        };
        match &after {
            Some(tip) => git(&bare, &["update-ref", "refs/heads/main", tip]),
            None => git(&bare, &["update-ref", "-d", "refs/heads/main"]),
        };
        for content in ["a\nb\nc\n", "a\nb\nc\nd\n"] {
            let Appended::Diverged { remote, ours } = append(&repo, content).await.unwrap() else { panic!("{damage}") };
            assert_eq!(remote, after.clone().map(Sha), "{damage}");
            assert_eq!(repo.head().await, Ok(Some(ours)), "{damage}: the record goes on locally");
        }
        assert_eq!(repo.read_all().await.unwrap()[0].1, b"a\nb\nc\nd\n", "{damage}");
        // A person puts the remote right; what gathered meanwhile is published.
        git(&bare, &["update-ref", "refs/heads/main", &second.0]);
        let healed = head(append(&repo, "a\nb\nc\nd\n").await.unwrap());
        assert_eq!(record.remote_tip(), healed, "{damage}");
    }
}

#[tokio::test]
async fn another_instance_may_have_published() {
    let record = Record::new();
    let (one, other) = (record.open("one").await, record.open("other").await);
    append(&one, "a\n").await.unwrap();
    head(append(&other, "a\nb\n").await.unwrap());
    let third = head(append(&one, "a\nb\nc\n").await.unwrap());
    assert_eq!(record.remote_tip(), third);
    assert_eq!(git(&record.bare(), &["rev-list", "--count", "main"]), "3");
}

#[tokio::test]
async fn the_record_is_never_shortened_or_misplaced() {
    let record = Record::new();
    let repo = record.open("local").await;
    append(&repo, "a\nb\n").await.unwrap();
    for content in ["a\n", "a\nX\n", ""] {
        let refused = append(&repo, content).await.unwrap_err();
        assert!(refused.to_string().contains("only ever continued"), "{content:?}: {refused}");
    }
    let outside = repo.append(&[("../x".to_owned(), Vec::new())], "m", &dave(), Time(1)).await;
    assert!(matches!(outside, Err(GitError::Refused(_))), "{outside:?}");
    let free = [("README.md".to_owned(), b"one".to_vec())];
    head(repo.append(&free, "m", &dave(), Time(1)).await.unwrap());
    head(repo.append(&[("README.md".to_owned(), b"two".to_vec())], "m", &dave(), Time(1)).await.unwrap());
}

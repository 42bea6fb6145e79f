//! A disk without room: what cannot be written fails with a sentence, nothing is written by halves, and the work goes on once there is
//! room again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::fleet::{Fleet, SECRET};
use crate::{TURN, say};

/// A small file system in memory; gone when dropped.
struct Disk {
    at: PathBuf,
}

impl Disk {
    /// `None`, and a line that says so, for whoever may not mount.
    fn mount(at: &Path, size: &str) -> Option<Disk> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = rustix::process::getuid().is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
                .arg(at)
                .status()
                .is_ok_and(|status| status.success());
        if !mounted {
            say("skipped: the full disk: this user may not mount a small file system");
            return None;
        }
        Some(Disk { at: at.to_owned() })
    }

    /// Takes all room that is left.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.at.join("filler")).unwrap();
        for size in [65_536, 4_096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: somebody may still have a file open. What cannot be unmounted goes with the test's process.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

async fn knock(url: &str, id: &str) -> (u16, String) {
    let body = format!("{{\"action\":\"nothing\",\"filler\":\"{}\"}}", "x".repeat(100_000));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
    let request = http.post(format!("{url}/hooks/sandbox")).header("x-gitea-event", "issues").header("x-gitea-delivery", id);
    let request = request.header("x-gitea-signature", hex::encode(mac.finalize().into_bytes()));
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn ready(url: &str) -> (u16, String) {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
    let answer = http.get(format!("{url}/readyz")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Fills a disk in the middle of a story on the embedded database and makes room again.
async fn story_with_a_full_disk(place: &str, what: &str) {
    let mut fleet = Fleet::open("", 1, 1).await.unwrap();
    let Some(disk) = Disk::mount(&fleet.dir.path().join("a").join(place), "24m") else { return };
    fleet.start("a").await.unwrap();
    let url = fleet.instances[0].url.clone();
    let people = fleet.people_at_work();
    tokio::pin!(people);
    let disturb = async {
        // Full when the first agent begins, so that its work has nowhere to go.
        let begun = async {
            while !fleet.messages("a").contains("work.kind=run ") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(crate::fleet::PATIENCE, begun).await.expect("an agent begins");
        disk.fill();
        if place.is_empty() {
            let (status, text) = knock(&url, "no-room").await;
            assert_eq!(status, 507, "{text}\n{}", fleet.last_messages());
            assert!(text.contains("disk"), "{text}");
            let (status, text) = ready(&url).await;
            assert!(status == 503 && text.contains("disk is full"), "{status} {text}");
        }
        let told = async {
            let sentence = |text: &str| text.contains("No space left") || text.contains("disk is full") || text.contains("no room");
            while !sentence(&fleet.messages("a")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), told).await.unwrap_or_else(|_| panic!("nothing is said:\n{}", fleet.messages("a")));
        disk.free();
        if place.is_empty() {
            // Before anybody does anything: it finds back by itself, and soon.
            let back = async {
                while ready(&url).await.0 != 200 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(5), back).await.unwrap_or_else(|_| panic!("not back:\n{}", fleet.last_messages()));
        }
    };
    let (played, ()) = tokio::join!(people, disturb);
    played.map_err(|error| error.context(fleet.last_messages())).unwrap();
    if place.is_empty() {
        assert_eq!(knock(&url, "no-room").await.0, 202, "the delivery that found no room is taken when it comes again");
    }
    fleet.ends_well(2).await.unwrap();
    say(&format!("disk full under {what}: said, and the story went on when there was room"));
    fleet.stop().await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_everything_is_said_and_survived() {
    let _turn = TURN.lock().await;
    story_with_a_full_disk("", "the data directory").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_mirrors_is_said_and_survived() {
    let _turn = TURN.lock().await;
    story_with_a_full_disk("git", "the mirrors").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_record_is_said_and_survived() {
    let _turn = TURN.lock().await;
    story_with_a_full_disk("audit", "the record").await;
}

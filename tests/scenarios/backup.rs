//! The embedded database is copied while it is served, and put in place again.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use syndarix::app::{App, Options};
use syndarix::base::ids::ProjectId;
use syndarix::cli::backup::{BackupArgs, RestoreArgs, backup, restore};
use syndarix::engine::reconcile;

use super::answers::*;
use super::model::Model;
use super::world::{REPO, Setup, World, config, policy};

#[derive(Parser)]
struct Backup {
    #[command(flatten)]
    args: BackupArgs,
}

#[derive(Parser)]
struct Restore {
    #[command(flatten)]
    args: RestoreArgs,
}

/// A settings file for this data directory.
fn settings(data: &Path) -> String {
    std::fs::create_dir_all(data).unwrap();
    let file = data.join("settings.toml");
    let forge = "[[forges]]\nid = \"sandbox\"\nkind = \"gitea\"\nurl = \"http://127.0.0.1:1\"\ntoken = \"t\"\nhook_secret = \"s\"\n";
    std::fs::write(&file, format!("data_dir = {data:?}\nprojects = [{REPO:?}]\n\n{forge}")).unwrap();
    file.to_str().unwrap().to_owned()
}

/// `syndarix backup FILE` for this data directory; the sentence when it is refused.
async fn backs_up(data: &Path, file: &Path) -> Result<(), String> {
    let words = ["backup", file.to_str().unwrap(), "--config", &settings(data)];
    backup(Backup::try_parse_from(words).unwrap().args).await.map(drop).map_err(|error| format!("{error:#}"))
}

async fn restores(file: &Path, data: &Path, more: &[&str]) -> Result<(), String> {
    let settings = settings(data);
    let words = [&["restore", file.to_str().unwrap(), "--config", &settings], more].concat();
    restore(Restore::try_parse_from(words).unwrap().args).await.map(drop).map_err(|error| format!("{error:#}"))
}

/// The program, started anew on another data directory.
async fn starts_on(w: &World, setup: &Setup, data: &Path) -> App {
    let model = Arc::new(Model::new(w.script.clone(), w.sandbox.clone()));
    let options = Options { clock: w.clock.clone(), provider: Some(model), ..Options::default() };
    App::open(config(data, data, setup, &w.sandbox), options).await.unwrap()
}

/// It looks at the forge, which sends it nothing, and does what is due.
async fn looks(w: &World, app: &App) {
    w.clock.advance(60_000);
    reconcile::look(&app.engine).await.unwrap();
    for _ in 0..20 {
        Box::pin(app.settle_once()).await.unwrap();
        w.clock.advance(1_000);
    }
}

async fn shop(app: &App) -> ProjectId {
    app.engine.store.projects().await.unwrap().into_iter().find(|project| project.path == REPO).unwrap().id
}

/// Everything the record's repository holds, put together in order.
fn published(record: &Path) -> Vec<String> {
    let git = |words: &[&str]| {
        let output = std::process::Command::new("git").arg("--git-dir").arg(record).args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let names = git(&["ls-tree", "-r", "--name-only", "main"]);
    let segments = names.lines().filter(|name| name.ends_with(".jsonl"));
    segments.flat_map(|name| git(&["show", &format!("main:{name}")]).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn a_backup_taken_while_served_goes_on_elsewhere() {
    let setup = Setup::from(smooth());
    let w = Box::pin(World::new(Setup::from(smooth()))).await;
    let issue = w.story_is_planned().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("monday.db");
    backs_up(&w.data, &file).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "only its owner may read it");
    assert!(backs_up(&w.data, &file).await.unwrap_err().contains("is there already"));

    // What happens from here on is lost with the machine, but the forge has it.
    w.alice().comments(w.pull(), "/syndarix approve").await;
    let new = dir.path().join("new");
    restores(&file, &new, &[]).await.unwrap();
    let app = starts_on(&w, &setup, &new).await;
    looks(&w, &app).await;
    assert!(w.page(issue).contains("story/review"), "{}", w.page(issue));
    w.bob().approves(w.pull()).await;
    looks(&w, &app).await;
    assert!(w.page(issue).contains("story/done"), "{}", w.page(issue));
    let plans = w.page(w.pull()).matches("the plan is ready for approval").count();
    assert_eq!(plans, 1, "what was said before the backup is not said again");
    let chain = app.engine.store.chain(shop(&app).await, 0, 10_000).await.unwrap();
    let record = published(&new.join("record").join(format!("{}.git", shop(&app).await)));
    assert_eq!(record, chain.iter().map(|row| row.line.clone()).collect::<Vec<_>>(), "the record is written again, whole");
}

#[tokio::test]
async fn an_older_backup_never_breaks_the_chain_of_a_record_that_went_on() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("record.git");
    let keys = format!("audit_repo = {record:?}");
    let w = Box::pin(World::new(policy(smooth(), &keys))).await;
    w.story_is_planned().await;
    let file = dir.path().join("old.db");
    backs_up(&w.data, &file).await.unwrap();
    w.alice().comments(w.pull(), "/syndarix approve").await;
    w.settle().await;
    w.publishes().await;
    let before = published(&record);

    let new = dir.path().join("new");
    restores(&file, &new, &[]).await.unwrap();
    let app = starts_on(&w, &policy(smooth(), &keys), &new).await;
    w.bob().approves(w.pull()).await;
    looks(&w, &app).await;
    assert_eq!(published(&record), before, "nothing was written over or behind what stands there");
    let mut tx = app.engine.store.begin(shop(&app).await).await.unwrap();
    assert!(tx.object("audit-alarm", "diverged").await.unwrap().is_some(), "and somebody is told");
}

#[tokio::test]
async fn what_is_no_usable_backup_is_refused_and_nothing_is_touched() {
    let w = Box::pin(World::new(Setup::from(smooth()))).await;
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.db");
    backs_up(&w.data, &good).await.unwrap();
    let whole = std::fs::read(&good).unwrap();
    let made = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut damaged = whole.clone();
    let half = damaged.len() / 2;
    damaged[half..half + 8192].fill(0xa5);
    let newer = made("newer.db", &whole);
    let output = std::process::Command::new("python3").arg("-c").arg(
        "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute('update _sqlx_migrations set version = 9999 where version = (select max(version) from _sqlx_migrations)')\ndb.commit()\ndb.close()",
    ).arg(&newer).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cases: &[(PathBuf, &str)] = &[
        (dir.path().join("nothing.db"), "cannot be read"),
        (made("text.db", b"Dear diary, today I learnt what a backup is."), "file is not a database"),
        (made("empty.db", b""), "its tables are missing"),
        (made("damaged.db", &damaged), "malformed"),
        (made("cut.db", &whole[..whole.len() / 2]), "cannot be used as a backup"),
        (newer, "it was used by a newer Syndarix"),
    ];
    let target = dir.path().join("target");
    for (file, sentence) in cases {
        let refused = restores(file, &target, &[]).await.expect_err(&file.display().to_string());
        assert!(refused.contains(sentence), "{}: {refused}", file.display());
        assert!(!target.join("syndarix.db").exists(), "{}", file.display());
    }
    assert!(restores(&good, &w.data, &["--replace"]).await.unwrap_err().contains("already serves"), "it is being served");
    restores(&good, &target, &[]).await.unwrap();
    assert!(restores(&good, &target, &[]).await.unwrap_err().contains("--replace"));
    restores(&good, &target, &["--replace"]).await.unwrap();
    let names = std::fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.starts_with("syndarix.db.before-")), "what was there is kept");
}

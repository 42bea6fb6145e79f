//! Names of branches and addresses of remotes that mean something else: at every place that takes one, before Git sees it.

use std::collections::BTreeSet;

use syndarix::base::secret::SecretString;
use syndarix::config::{Env, Settings};
use syndarix::domain::forge::GitRemote;
use syndarix::domain::workflow::say::branch_name;
use syndarix::git::{AuditRemote, AuditRepo, BranchName, GitError, Pushed, merge_message};

use crate::world::{World, branch, git};

/// Names that an option parser, a shell, the ref syntax or a file system reads as something else.
fn bad_names() -> Vec<String> {
    let names = [
        "-b",
        "--exec=x",
        "--upload-pack=touch PWNED",
        "refs/heads/../x",
        "refs/heads/main",
        "HEAD",
        "@",
        "@{-1}",
        "@{upstream}",
        "a..b",
        "a^{}",
        "a~1",
        "a lock.lock",
        "a.lock",
        "feature/$(id)",
        "x;id",
        "`id`",
        "syndarix/../main",
        "syndarix//1",
        "syndarix/",
        "/syndarix/1",
        "a\nb",
        "a\0b",
        "a\x1b[2Jb",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\tb",
        "a:b",
        "+main:main",
        "a\\b",
        "a*",
        "",
    ];
    names.into_iter().map(str::to_owned).chain(["x".repeat(300)]).collect()
}

#[tokio::test]
async fn no_place_takes_a_name_that_means_something_else() {
    let world = World::new().await;
    let main = world.main().await;
    for name in bad_names() {
        assert!(BranchName::parse(&name).is_err(), "{name:?}");
        assert!(serde_json::from_value::<BranchName>(serde_json::json!(name)).is_err(), "{name:?} from a stored row");
        assert!(world.mirror.keep(&name, &main).await.is_err(), "keep {name:?}");
        assert!(world.mirror.kept(&name).await.is_err(), "kept {name:?}");
        assert!(world.mirror.forget(&name).await.is_err(), "forget {name:?}");
        // Whatever an issue is called, its branch has a name that Git and a shell take for a name.
        let made = branch_name(7, &name, &BTreeSet::new());
        assert!(BranchName::parse(&made).is_ok_and(|made| made.is_ours()), "{name:?} became {made:?}");
        assert!(BranchName::for_issue(7, &name, 2).is_ours(), "{name:?}");
        // A base branch is named by the forge; in a commit message its name is only words.
        let message = merge_message(&name, "syndarix/7", &main, 7);
        let subject = message.lines().next().unwrap();
        assert!(subject.starts_with("Merge ") && !subject.chars().any(char::is_control), "{message:?}");
        assert!(message.ends_with(&format!("\n\nSyndarix-Merge: {main}\nRefs: #7\n")), "{message:?}");
    }
    assert_eq!(git(world.mirror.path(), &["for-each-ref", "refs/syndarix/keep"]), "");
}

#[tokio::test]
async fn twins_of_other_names_are_other_branches() {
    let world = World::new().await;
    let (remote, main) = (world.remote(), world.main().await);
    let made = world.commit(&main, "a", "1").await;
    for name in ["Main", "MAIN", "🚀/x", "syndarix-old/1", "SYNDARIX/1"] {
        let name = branch(name);
        assert!(!name.is_ours(), "{name}");
        assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Done));
        assert_eq!(world.remote_tip(name.as_str()), Some(made.clone()));
        assert_eq!(world.remote_tip("main"), Some(main.clone()), "{name} is not main");
        assert_eq!(world.mirror.remote_head(&remote, &branch("main")).await, Ok(Some(main.clone())));
    }
    // A tag with the branch's name is left where it is, and never taken for the branch.
    git(&world.bare(), &["tag", "syndarix/1", main.0.as_str()]);
    assert_eq!(world.mirror.remote_head(&remote, &branch("syndarix/1")).await, Ok(None));
    assert_eq!(world.mirror.push(&remote, &branch("syndarix/1"), None, &made).await, Ok(Pushed::Done));
    assert_eq!(world.mirror.delete_remote_branch(&remote, &branch("syndarix/1"), &made).await, Ok(Pushed::Done));
    assert_eq!(git(&world.bare(), &["rev-parse", "refs/tags/syndarix/1"]), main.0);
}

/// Addresses that run a program, read a local file by another way, talk without encryption or carry a password.
const BAD_URLS: [&str; 14] = [
    "ext::sh -c touch% PWNED",
    "ext::touch PWNED",
    "fd::17",
    "git://127.0.0.1/x",
    "ssh://-oProxyCommand=touch PWNED/x",
    "git@host:acme/shop.git",
    "https://u:hunter2@host/x",
    "https://u@host/x",
    "https:///host",
    "http://?x",
    "file://host/x",
    "-u",
    "--upload-pack=touch PWNED",
    "https://host/a\nb",
];

#[tokio::test]
async fn no_place_takes_an_address_that_runs_programs_or_holds_a_password() {
    let world = World::new().await;
    let main = world.main().await;
    let name = branch("syndarix/1");
    for url in BAD_URLS {
        let remote =
            GitRemote { url: url.to_owned(), header: Some(SecretString::from("Authorization: token canary-5c1".to_owned()).into()) };
        let audit = AuditRepo::open(&world.dir.path().join("audit"), AuditRemote::Remote(remote.clone())).await.unwrap();
        let files = [("a.jsonl".to_owned(), b"{}\n".to_vec())];
        let errors = [
            world.mirror.fetch(&remote).await.unwrap_err(),
            world.mirror.remote_head(&remote, &name).await.unwrap_err(),
            world.mirror.push(&remote, &name, None, &main).await.unwrap_err(),
            world.mirror.delete_remote_branch(&remote, &name, &main).await.unwrap_err(),
            audit.append(&files, "x", &crate::world::dave(), syndarix::base::Time(0)).await.unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            assert!(matches!(error, GitError::Refused(_)) && !error.is_transient(), "{url}: {error:?}");
            assert!(!text.contains("hunter2") && !text.contains("canary-5c1") && !text.contains('\n'), "{url}: {text}");
        }
        let settings = format!("[[forges]]\nid = \"home\"\nkind = \"gitea\"\nurl = {url:?}\ntoken = \"t\"\nhook_secret = \"s\"\n");
        let read = Settings::read(&Env::default(), "s.toml", &settings);
        // A line break is percent-encoded by nobody; everything else is refused where it is configured.
        let refused = read.as_ref().err().map(ToString::to_string);
        assert!(refused.as_ref().is_none_or(|text| !text.contains("hunter2")), "{refused:?}");
        assert!(refused.is_some() || ["https:///host", "https://host/a\nb"].contains(&url), "{url} was configured");
    }
    assert!(!world.dir.path().join("PWNED").exists() && !std::path::Path::new("PWNED").exists());
}

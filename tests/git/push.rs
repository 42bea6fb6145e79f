//! Fetch and push over local remotes: what a crash, a person or a rule may have done in between.

use std::os::unix::fs::PermissionsExt as _;

use syndarix::domain::forge::{GitRemote, Sha};
use syndarix::git::{GitError, Mirror, Pushed};

use crate::world::{World, branch, git, local};

#[tokio::test]
async fn a_new_branch_is_pushed_once() {
    let world = World::new().await;
    let (remote, name, main) = (world.remote(), branch("syndarix/1-login"), world.main().await);
    let made = world.commit(&main, "login.rs", "x\n").await;
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Done));
    assert_eq!(world.remote_tip("syndarix/1-login"), Some(made.clone()));
    assert_eq!(world.mirror.branch_head(&name).await, Ok(Some(made.clone())));
    // As after a crash that lost the answer: the same push again.
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Already));
    let next = world.commit(&made, "login.rs", "y\n").await;
    assert_eq!(world.mirror.push(&remote, &name, Some(&made), &next).await, Ok(Pushed::Done));
    assert_eq!(git(&world.bare(), &["fsck", "--strict"]), "");
}

#[tokio::test]
async fn a_persons_commit_is_never_overwritten() {
    let world = World::new().await;
    let (remote, name, main) = (world.remote(), branch("syndarix/1"), world.main().await);
    let first = world.commit(&main, "a", "1").await;
    world.mirror.push(&remote, &name, None, &first).await.unwrap();
    let theirs = world.person_pushes("origin/syndarix/1", "syndarix/1", "by-hand");
    let second = world.commit(&first, "a", "2").await;
    assert_eq!(world.mirror.push(&remote, &name, Some(&first), &second).await, Ok(Pushed::Moved { actual: Some(theirs.clone()) }));
    assert_eq!(world.mirror.push(&remote, &name, None, &second).await, Ok(Pushed::Moved { actual: Some(theirs.clone()) }));
    // Even a caller that takes their commit for its own expectation cannot drop it.
    world.mirror.fetch(&remote).await.unwrap();
    let error = world.mirror.push(&remote, &name, Some(&theirs), &second).await.unwrap_err();
    assert!(error.to_string().contains("nothing is ever forced"), "{error}");
    assert_eq!(world.mirror.delete_remote_branch(&remote, &name, &first).await, Ok(Pushed::Moved { actual: Some(theirs.clone()) }));
    assert_eq!(world.remote_tip("syndarix/1"), Some(theirs));
}

#[tokio::test]
async fn a_branch_that_somebody_deleted_is_not_made_again() {
    let world = World::new().await;
    let (remote, name, main) = (world.remote(), branch("syndarix/1"), world.main().await);
    let first = world.commit(&main, "a", "1").await;
    world.mirror.push(&remote, &name, None, &first).await.unwrap();
    git(&world.bare(), &["update-ref", "-d", "refs/heads/syndarix/1"]);
    let second = world.commit(&first, "a", "2").await;
    assert_eq!(world.mirror.push(&remote, &name, Some(&first), &second).await, Ok(Pushed::Moved { actual: None }));
    assert_eq!(world.remote_tip("syndarix/1"), None);
    world.mirror.fetch(&remote).await.unwrap();
    assert_eq!(world.mirror.branch_head(&name).await, Ok(None), "pruned");
}

#[tokio::test]
async fn a_branch_is_deleted_once() {
    let world = World::new().await;
    let (remote, name, main) = (world.remote(), branch("syndarix/1"), world.main().await);
    let made = world.commit(&main, "a", "1").await;
    world.mirror.push(&remote, &name, None, &made).await.unwrap();
    assert_eq!(world.mirror.delete_remote_branch(&remote, &name, &made).await, Ok(Pushed::Done));
    assert_eq!(world.remote_tip("syndarix/1"), None);
    assert_eq!(world.mirror.delete_remote_branch(&remote, &name, &made).await, Ok(Pushed::Already));
}

#[tokio::test]
async fn objects_that_arrived_before_the_crash_do_not_matter() {
    let world = World::new().await;
    let (remote, name, main) = (world.remote(), branch("syndarix/1"), world.main().await);
    let made = world.commit(&main, "a", "1").await;
    // The pack arrived, the ref did not: as when the process is killed in the middle of a push.
    let mirror = world.mirror.path().to_str().unwrap().to_owned();
    git(&world.bare(), &["fetch", "--quiet", &mirror, &format!("refs/syndarix/commit/{made}:refs/scratch")]);
    git(&world.bare(), &["update-ref", "-d", "refs/scratch"]);
    assert_eq!(world.remote_tip("syndarix/1"), None);
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Done));
    assert_eq!(world.remote_tip("syndarix/1"), Some(made));
}

#[tokio::test]
async fn a_protection_is_quoted() {
    let world = World::new().await;
    let hook = world.bare().join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho 'main is protected: ask \u{1b}[31mAnna' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let main = world.main().await;
    let made = world.commit(&main, "a", "1").await;
    let pushed = world.mirror.push(&world.remote(), &branch("main"), Some(&main), &made).await.unwrap();
    let Pushed::Refused(reason) = pushed else { panic!("{pushed:?}") };
    assert!(reason.starts_with("main is protected: ask [31mAnna"), "{reason:?}");
    assert_eq!(world.remote_tip("main"), Some(main));
}

#[tokio::test]
async fn a_branch_named_like_the_prefix_is_explained() {
    let world = World::new().await;
    git(&world.bare(), &["branch", "syndarix", "main"]);
    let made = world.commit(&world.main().await, "a", "1").await;
    let pushed = world.mirror.push(&world.remote(), &branch("syndarix/1"), None, &made).await.unwrap();
    let Pushed::Refused(reason) = pushed else { panic!("{pushed:?}") };
    assert!(reason.contains("rename or delete it"), "{reason}");
}

#[tokio::test]
async fn an_empty_repository_gets_its_first_commit() {
    let world = World::empty().await;
    let (remote, name) = (world.remote(), branch("main"));
    world.mirror.fetch(&remote).await.unwrap();
    assert_eq!(world.mirror.branch_head(&name).await, Ok(None));
    assert_eq!(world.mirror.remote_head(&remote, &name).await, Ok(None));
    let tree = world.mirror.apply(&syndarix::git::TreeId::empty(), vec![crate::world::write("a", b"1")]).await.unwrap();
    let made = world.mirror.commit(&crate::world::new_commit(tree, Vec::new(), "First")).await.unwrap();
    assert_eq!(world.mirror.push(&remote, &name, None, &made).await, Ok(Pushed::Done));
    assert_eq!(world.remote_tip("main"), Some(made));
}

#[tokio::test]
async fn branches_of_people_come_and_go_and_tags_do_not_count() {
    let world = World::new().await;
    let remote = world.remote();
    let theirs = world.person_pushes("origin/main", "feature", "f");
    git(&world.person(), &["push", "--quiet", "origin", &format!("{theirs}:refs/tags/main")]);
    world.mirror.fetch(&remote).await.unwrap();
    let main = world.main().await;
    assert_eq!(world.mirror.branches().await, Ok(vec![(branch("feature"), theirs), (branch("main"), main.clone())]));
    assert_eq!(world.mirror.remote_head(&remote, &branch("main")).await, Ok(Some(main)), "the branch, not the tag of its name");
    // A branch becomes a directory of branches.
    git(&world.bare(), &["branch", "-m", "feature", "feature/one"]);
    world.mirror.fetch(&remote).await.unwrap();
    assert_eq!(world.mirror.branch_head(&branch("feature")).await, Ok(None));
    assert!(world.mirror.branch_head(&branch("feature/one")).await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_killed_process_left_behind_is_swept() {
    let world = World::new().await;
    let inside = |name: &str| world.mirror.path().join(name);
    for name in ["packed-refs.lock", "refs/remotes/origin/main.lock", "objects/pack/tmp_pack_abc"] {
        std::fs::write(inside(name), "").unwrap();
    }
    world.person_pushes("origin/main", "main", "f");
    world.mirror.fetch(&world.remote()).await.unwrap();
    assert_eq!(Some(world.main().await), world.remote_tip("main"));
    assert!(!inside("objects/pack/tmp_pack_abc").exists());
}

#[tokio::test]
async fn a_half_made_mirror_is_completed_and_keeps_its_objects() {
    let world = World::new().await;
    let main = world.main().await;
    let path = world.mirror.path().to_owned();
    for damage in ["HEAD", "config"] {
        std::fs::write(path.join(damage), "").unwrap();
        std::fs::write(path.join(format!("{damage}.lock")), "").unwrap();
        let again = Mirror::open(&path).await.unwrap();
        assert_eq!(again.branch_head(&branch("main")).await, Ok(Some(main.clone())), "{damage}");
        again.fetch(&world.remote()).await.unwrap();
    }
    let nothing = world.dir.path().join("made/of/nothing");
    std::fs::create_dir_all(nothing.join("objects")).unwrap();
    let (one, other) = tokio::join!(Mirror::open(&nothing), Mirror::open(&nothing));
    one.unwrap().fetch(&world.remote()).await.unwrap();
    assert_eq!(other.unwrap().branch_head(&branch("main")).await, Ok(Some(main)));
}

#[tokio::test]
async fn unusable_remotes_get_a_sentence() {
    let world = World::new().await;
    let fetch = |url: &str| {
        let remote = GitRemote { url: url.to_owned(), header: None };
        let mirror = world.mirror.clone();
        async move { mirror.fetch(&remote).await.unwrap_err() }
    };
    assert!(matches!(fetch("/nonexistent/repo.git").await, GitError::NotFound(_)));
    let marker = world.dir.path().join("PWNED");
    for url in [&*format!("ext::touch {}", marker.display()), "--upload-pack=touch", "ssh://-oProxyCommand=x/y"] {
        assert!(matches!(fetch(url).await, GitError::Refused(_)), "{url}");
    }
    assert!(!marker.exists());
    let error = world.mirror.push(&world.remote(), &branch("x"), None, &Sha("abc".to_owned())).await.unwrap_err();
    assert!(error.to_string().contains("40 hex digits"), "{error}");
}

#[tokio::test]
async fn old_but_honest_repositories_are_fetched_and_dangerous_ones_are_not() {
    let world = World::new().await;
    let bare = world.bare();
    let person = world.person();
    let tree = git(&bare, &["rev-parse", "main^{tree}"]);
    let honest = [
        ("zone", format!("tree {tree}\nauthor A <a@x> 1 +051800\ncommitter A <a@x> 1 +051800\n\nold\n")),
        ("space", format!("tree {tree}\nauthor A<a@x> 1 +0000\ncommitter A<a@x> 1 +0000\n\nold\n")),
        ("email", format!("tree {tree}\nauthor A 1 +0000\ncommitter A 1 +0000\n\nold\n")),
    ];
    for (name, commit) in &honest {
        let id = raw(&person, "commit", commit.as_bytes());
        git(&person, &["push", "--quiet", "origin", &format!("{id}:refs/heads/{name}")]);
        world.mirror.fetch(&world.remote()).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let blob = raw(&person, "blob", b"x");
    let mut padded = b"0100644 a\0".to_vec();
    padded.extend(hex::decode(&blob).unwrap());
    push_tree(&world, "padded", &padded);
    world.mirror.fetch(&world.remote()).await.unwrap();

    let mut hostile = b"100644 .git\0".to_vec();
    hostile.extend(hex::decode(&blob).unwrap());
    push_tree(&world, "hostile", &hostile);
    let error = world.mirror.fetch(&world.remote()).await.unwrap_err();
    assert!(matches!(error, GitError::BadObject(_)), "{error:?}");
}

fn raw(repo: &std::path::Path, kind: &str, content: &[u8]) -> String {
    crate::world::git_fed(repo, &["hash-object", "-w", "--literally", "--stdin", "-t", kind], content)
}

fn push_tree(world: &World, name: &str, tree: &[u8]) {
    let id = raw(&world.person(), "tree", tree);
    let commit = raw(&world.person(), "commit", format!("tree {id}\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nx\n").as_bytes());
    git(&world.person(), &["push", "--quiet", "origin", &format!("{commit}:refs/heads/{name}")]);
}

#[tokio::test]
async fn local_is_a_plain_path() {
    let world = World::new().await;
    let url = format!("file://{}", world.bare().display());
    let by_url = GitRemote { url, ..local(&world.bare()) };
    assert_eq!(world.mirror.remote_head(&by_url, &branch("main")).await, Ok(Some(world.main().await)));
}

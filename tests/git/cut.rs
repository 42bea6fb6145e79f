//! A push or a fetch that ends in the middle: killed with its process, cut off by the server, or never ending.

use syndarix::domain::forge::{GitRemote, Sha};
use syndarix::git::{BranchName, FetchLimits, GitError, Pushed};

use crate::http::{Cut, HEADER, Server, remote, served};
use crate::world::{World, branch, git};

/// What a push meets.
struct Scene {
    world: World,
    server: Server,
    remote: GitRemote,
    name: BranchName,
    first: Sha,
    second: Sha,
}

/// A branch with one commit on the forge and a second that is to be pushed.
async fn scene() -> Scene {
    let (world, server, address) = served().await;
    let (remote, name, main) = (remote(address, Some(HEADER)), branch("syndarix/1"), world.main().await);
    let first = world.commit(&main, "a", "1").await;
    assert_eq!(world.mirror.push(&remote, &name, None, &first).await, Ok(Pushed::Done));
    let second = world.commit(&first, "a", "2").await;
    Scene { world, server, remote, name, first, second }
}

impl Scene {
    /// Begins the push and kills it, with its `git`, at the moment when the server is as far as `cut` says.
    async fn killed(&self, cut: Cut) {
        self.server.cut(Some(cut));
        tokio::select! {
            done = self.push() => panic!("the push came to an end: {done:?}"),
            () = self.server.is_cut() => {}
        }
        self.server.cut(None);
    }

    async fn push(&self) -> syndarix::git::Result<Pushed> {
        self.world.mirror.push(&self.remote, &self.name, Some(&self.first), &self.second).await
    }

    fn tip(&self) -> Option<Sha> {
        self.world.remote_tip("syndarix/1")
    }

    fn branches(&self) -> String {
        git(&self.world.bare(), &["for-each-ref", "--format=%(refname:short)", "refs/heads"])
    }
}

#[tokio::test]
async fn killed_after_the_pack_was_uploaded_it_is_pushed_again() {
    let s = scene().await;
    s.killed(Cut::AfterPack).await;
    assert_eq!(s.tip(), Some(s.first.clone()), "the server had the pack and moved nothing");
    assert_eq!(s.push().await, Ok(Pushed::Done));
    assert_eq!((s.tip(), s.branches()), (Some(s.second.clone()), "main\nsyndarix/1".to_owned()));
}

#[tokio::test]
async fn killed_after_the_ref_moved_it_is_found_and_not_repeated() {
    let s = scene().await;
    s.killed(Cut::AfterRef).await;
    assert_eq!(s.tip(), Some(s.second.clone()));
    assert_eq!(s.push().await, Ok(Pushed::Already));
    assert_eq!((s.tip(), s.branches()), (Some(s.second.clone()), "main\nsyndarix/1".to_owned()));
}

#[tokio::test]
async fn a_connection_cut_off_is_told_apart_by_looking() {
    let s = scene().await;
    s.server.cut(Some(Cut::BrokenBeforeRef));
    let error = s.push().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(s.tip(), Some(s.first.clone()));
    s.server.cut(Some(Cut::BrokenAfterRef));
    assert_eq!(s.push().await, Ok(Pushed::Done), "the answer was lost, the branch says it is done");
    assert_eq!(s.tip(), Some(s.second.clone()));
}

#[tokio::test]
async fn a_person_who_pushes_after_the_kill_is_never_overwritten() {
    for cut in [Cut::AfterPack, Cut::AfterRef] {
        let s = scene().await;
        s.killed(cut).await;
        let theirs = s.world.person_pushes("origin/syndarix/1", "syndarix/1", "by-hand");
        assert_eq!(s.push().await, Ok(Pushed::Moved { actual: Some(theirs.clone()) }), "{cut:?}");
        assert_eq!(s.tip(), Some(theirs));
    }
}

#[tokio::test]
async fn a_branch_deleted_after_the_kill_stays_deleted() {
    for cut in [Cut::AfterPack, Cut::AfterRef] {
        let s = scene().await;
        s.killed(cut).await;
        git(&s.world.bare(), &["update-ref", "-d", "refs/heads/syndarix/1"]);
        assert_eq!(s.push().await, Ok(Pushed::Moved { actual: None }), "{cut:?}");
        assert_eq!((s.tip(), s.branches()), (None, "main".to_owned()));
    }
}

#[tokio::test]
async fn a_fetch_ends_when_more_comes_than_is_allowed() {
    let (world, server, address) = served().await;
    let remote = remote(address, Some(HEADER));
    let before = world.main().await;
    let person = world.person();
    let mut seed = 7_u64;
    let mut noise = Vec::new();
    while noise.len() < 3 << 20 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.extend_from_slice(&seed.to_be_bytes());
    }
    git(&person, &["fetch", "--quiet", "origin"]);
    git(&person, &["checkout", "--quiet", "--detach", "origin/main"]);
    std::fs::write(person.join("large.bin"), noise).unwrap();
    git(&person, &["add", "large.bin"]);
    git(&person, &["commit", "--quiet", "-m", "Large"]);
    git(&person, &["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    // The server sends nearly all of the pack and then no more, so that whoever only waits for its end waits for ever.
    server.cut(Some(Cut::NeverEnds));
    let limits = [
        (FetchLimits { bytes: 1_000_000, ..FetchLimits::default() }, "more than 1 MB at once", "`max_fetch_megabytes`"),
        (FetchLimits { objects: 2, ..FetchLimits::default() }, "3 objects, more than the 2 allowed", "`max_fetch_objects`"),
    ];
    for (limits, what, key) in limits {
        let error = world.mirror.clone().with_limits(limits).fetch(&remote).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, GitError::Limit(_)) && text.contains(what) && text.contains(key), "{text}");
        let left: Vec<_> = std::fs::read_dir(world.mirror.path().join("objects/pack")).unwrap().flatten().collect();
        assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("tmp_")), "{left:?}");
        assert_eq!(world.main().await, before);
    }
    server.cut(None);
    world.mirror.fetch(&remote).await.unwrap();
    assert_eq!(Some(world.main().await), world.remote_tip("main"), "within the limits it arrives");
}

#[tokio::test]
async fn many_small_packs_are_gathered_and_nothing_is_lost() {
    let world = World::new().await;
    let made = world.commit(&world.main().await, "unpushed.txt", "kept by nothing but the mirror\n").await;
    let mirror = world.mirror.path().to_owned();
    let packs = || {
        std::fs::read_dir(mirror.join("objects/pack"))
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "pack"))
            .count()
    };
    let mut blobs = Vec::new();
    for number in 0..70 {
        let blob = crate::world::git_fed(&mirror, &["hash-object", "-w", "--stdin"], format!("blob {number}\n").as_bytes());
        crate::world::git_fed(&mirror, &["pack-objects", "--quiet", "objects/pack/pack"], format!("{blob}\n").as_bytes());
        blobs.push(blob);
    }
    git(&mirror, &["prune-packed", "--quiet"]);
    assert!(packs() >= 70);
    world.person_pushes("origin/main", "main", "f");
    world.mirror.fetch(&world.remote()).await.unwrap();
    assert!(packs() < 10, "{}", packs());
    for blob in blobs {
        assert_eq!(git(&mirror, &["cat-file", "-t", &blob]), "blob");
    }
    assert!(world.mirror.commit_row(&made).await.is_ok());
}

#[tokio::test]
async fn loose_objects_are_packed_once_there_are_many_and_nothing_is_lost() {
    let world = World::new().await;
    let made = world.commit(&world.main().await, "unpushed.txt", "kept by nothing but the mirror\n").await;
    assert!(!world.mirror.maintain().await.unwrap(), "a few are left alone");
    let mirror = world.mirror.path().to_owned();
    let loose = || std::fs::read_dir(mirror.join("objects/17")).map_or(0, |entries| entries.count());
    let feed = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..6_000)
        .map(|number| {
            let path = feed.path().join(number.to_string());
            std::fs::write(&path, format!("blob {number}\n")).unwrap();
            path.display().to_string()
        })
        .collect();
    // In portions: whoever writes all before reading anything waits for ever once the answers fill their pipe.
    let told: Vec<String> = names
        .chunks(500)
        .map(|some| crate::world::git_fed(&mirror, &["hash-object", "-w", "--stdin-paths"], some.join("\n").as_bytes()))
        .collect();
    assert!(loose() > 15, "{}", loose());
    assert!(world.mirror.maintain().await.unwrap());
    assert!(world.mirror.commit_row(&made).await.is_ok(), "a commit that no branch names");
    let first = told[0].lines().next().unwrap();
    assert_eq!(git(&mirror, &["cat-file", "-t", first]), "blob", "what is young is kept, whether anybody names it or not");
}

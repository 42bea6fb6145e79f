//! Two branches brought together as objects: what goes by itself, what the engineer is shown, what only a person can resolve.

use std::os::unix::fs::PermissionsExt as _;

use syndarix::domain::conflict::{Conflict, ConflictKind, leftover};
use syndarix::domain::forge::Sha;
use syndarix::domain::path::RepoPath;
use syndarix::git::{GitError, Merge, Sides, merge_message};

use crate::world::{World, delete, git, new_commit, write};

const TEXT: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

fn sides() -> Sides {
    Sides { ours: "syndarix/1".into(), theirs: "main".into() }
}

/// A change of files on top of a commit.
async fn change(world: &World, parent: &Sha, changes: Vec<syndarix::domain::path::FileChange>) -> Sha {
    let base = world.mirror.tree_of(parent).await.unwrap();
    let tree = world.mirror.apply(&base, changes).await.unwrap();
    world.mirror.commit(&new_commit(tree, vec![parent.clone()], "Change")).await.unwrap()
}

/// Two commits on a common one, each with its changes.
async fn split(
    base: &[(&str, &[u8])],
    ours: Vec<syndarix::domain::path::FileChange>,
    theirs: Vec<syndarix::domain::path::FileChange>,
) -> (World, Sha, Sha) {
    let world = World::new().await;
    let main = world.main().await;
    let base = change(&world, &main, base.iter().map(|(path, content)| write(path, content)).collect()).await;
    let (ours, theirs) = (change(&world, &base, ours).await, change(&world, &base, theirs).await);
    (world, ours, theirs)
}

async fn merged(world: &World, ours: &Sha, theirs: &Sha) -> Merge {
    let merge = world.mirror.merge(ours, theirs, &sides()).await.unwrap();
    assert_eq!(world.mirror.merge(ours, theirs, &sides()).await.unwrap(), merge, "twice the same");
    merge
}

async fn content(world: &World, merge: &Merge, path: &str) -> Option<String> {
    let (Merge::Clean(tree) | Merge::Conflicts { tree, .. }) = merge else { panic!("{merge:?}") };
    let bytes = world.mirror.read_file_of(tree, &RepoPath::parse(path).unwrap()).await.unwrap();
    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

fn conflicts(merge: &Merge) -> &[Conflict] {
    match merge {
        Merge::Conflicts { files, .. } => files,
        other => panic!("{other:?}"),
    }
}

fn kinds(merge: &Merge) -> Vec<(&str, ConflictKind)> {
    conflicts(merge).iter().map(|conflict| (conflict.path.as_str(), conflict.kind)).collect()
}

#[tokio::test]
async fn what_does_not_touch_goes_together_by_itself() {
    let ours = vec![write("a.txt", TEXT.replace("one", "ONE").as_bytes()), write("new.txt", b"ours\n")];
    let theirs = vec![write("a.txt", TEXT.replace("seven", "SEVEN").as_bytes()), delete("b.txt")];
    let (world, ours, theirs) = split(&[("a.txt", TEXT.as_bytes()), ("b.txt", b"b\n")], ours, theirs).await;
    let merge = merged(&world, &ours, &theirs).await;
    assert!(matches!(merge, Merge::Clean(_)), "{merge:?}");
    assert_eq!(content(&world, &merge, "a.txt").await.unwrap(), TEXT.replace("one", "ONE").replace("seven", "SEVEN"));
    assert_eq!(content(&world, &merge, "b.txt").await, None);
    assert_eq!(content(&world, &merge, "new.txt").await.as_deref(), Some("ours\n"));
    let Merge::Clean(tree) = merge else { unreachable!() };
    let made = new_commit(tree, vec![ours.clone(), theirs.clone()], &merge_message("main", "syndarix/1", &theirs, 1));
    let commit = world.mirror.commit(&made).await.unwrap();
    assert_eq!(world.mirror.commit(&made).await.unwrap(), commit, "the same merge is the same commit");
    assert_eq!(world.mirror.merge(&commit, &theirs, &sides()).await, Ok(Merge::UpToDate));
    assert_eq!(world.mirror.merge(&ours, &ours, &sides()).await, Ok(Merge::UpToDate));
    assert_eq!(git(world.mirror.path(), &["fsck", "--strict", "--no-dangling"]), "");
    let row = world.mirror.commit_row(&commit).await.unwrap();
    assert_eq!(row.parents, [ours, theirs.clone()]);
    assert!(row.message.starts_with("Merge branch 'main' into syndarix/1\n\n"), "{}", row.message);
    assert_eq!(row.trailers, [("Syndarix-Merge".to_owned(), theirs.0), ("Refs".to_owned(), "#1".to_owned())]);
}

#[tokio::test]
async fn lines_that_conflict_stand_between_markers_with_what_was_there_before() {
    let ours = vec![write("a.txt", TEXT.replace("four", "4").as_bytes())];
    let theirs = vec![write("a.txt", TEXT.replace("four", "IV").as_bytes()), write("theirs.txt", b"x\n")];
    let (world, ours, theirs) = split(&[("a.txt", TEXT.as_bytes())], ours, theirs).await;
    let merge = merged(&world, &ours, &theirs).await;
    assert_eq!(conflicts(&merge), [Conflict { path: "a.txt".into(), kind: ConflictKind::Lines, marker: Some(7) }]);
    let text = content(&world, &merge, "a.txt").await.unwrap();
    assert_eq!(text, "one\ntwo\nthree\n<<<<<<< syndarix/1\n4\n||||||| before\nfour\n=======\nIV\n>>>>>>> main\nfive\nsix\nseven\n");
    assert_eq!(leftover(text.as_bytes(), 7), Some(4));
    assert_eq!(content(&world, &merge, "theirs.txt").await.as_deref(), Some("x\n"), "the rest is merged");
}

#[tokio::test]
async fn a_text_about_markers_gets_longer_ones() {
    let before = "Title\n==========\nx\n".to_owned();
    let ours = vec![write("a.rst", before.replace('x', "y").as_bytes())];
    let theirs = vec![write("a.rst", before.replace('x', "z").as_bytes())];
    let (world, ours, theirs) = split(&[("a.rst", before.as_bytes())], ours, theirs).await;
    let merge = merged(&world, &ours, &theirs).await;
    assert_eq!(conflicts(&merge)[0].marker, Some(11));
    assert!(content(&world, &merge, "a.rst").await.unwrap().contains("\n<<<<<<<<<<< syndarix/1\ny\n"));
}

#[tokio::test]
async fn files_both_added_deleted_or_renamed_can_be_resolved_with_tools() {
    let base: &[(&str, &[u8])] = &[("gone-here.txt", b"1\n2\n3\n"), ("gone-there.txt", b"1\n2\n3\n"), ("moved.txt", TEXT.as_bytes())];
    let ours = vec![
        write("both.txt", b"ours\n"),
        delete("gone-here.txt"),
        write("gone-there.txt", b"1\n2\nours\n"),
        delete("moved.txt"),
        write("to-here.txt", TEXT.as_bytes()),
    ];
    let theirs = vec![
        write("both.txt", b"theirs\n"),
        write("gone-here.txt", b"1\n2\ntheirs\n"),
        delete("gone-there.txt"),
        delete("moved.txt"),
        write("to-there.txt", TEXT.as_bytes()),
    ];
    let (world, ours, theirs) = split(base, ours, theirs).await;
    let merge = merged(&world, &ours, &theirs).await;
    let mut found = kinds(&merge);
    found.sort();
    assert_eq!(
        found,
        [
            ("both.txt", ConflictKind::BothAdded),
            ("gone-here.txt", ConflictKind::DeletedHere),
            ("gone-there.txt", ConflictKind::DeletedThere),
            ("to-here.txt", ConflictKind::Renamed),
            ("to-there.txt", ConflictKind::Renamed),
        ]
    );
    assert!(conflicts(&merge).iter().all(|conflict| conflict.kind.is_for_agent()));
    assert_eq!(content(&world, &merge, "gone-here.txt").await.as_deref(), Some("1\n2\ntheirs\n"), "the changed version stays");
    assert_eq!(content(&world, &merge, "gone-there.txt").await.as_deref(), Some("1\n2\nours\n"));
    assert_eq!(content(&world, &merge, "moved.txt").await, None);
    assert!(content(&world, &merge, "to-here.txt").await.is_some() && content(&world, &merge, "to-there.txt").await.is_some());
    let both = content(&world, &merge, "both.txt").await.unwrap();
    assert!(both.contains("<<<<<<< syndarix/1\nours\n") && both.contains("=======\ntheirs\n>>>>>>> main\n"), "{both}");
}

#[tokio::test]
async fn a_renamed_file_takes_the_other_sides_change_along() {
    let ours = vec![delete("old.txt"), write("new.txt", TEXT.as_bytes())];
    let theirs = vec![write("old.txt", TEXT.replace("four", "IV").as_bytes())];
    let (world, ours, theirs) = split(&[("old.txt", TEXT.as_bytes())], ours, theirs).await;
    let merge = merged(&world, &ours, &theirs).await;
    assert!(matches!(merge, Merge::Clean(_)), "{merge:?}");
    assert_eq!(content(&world, &merge, "new.txt").await.unwrap(), TEXT.replace("four", "IV"));
}

#[tokio::test]
async fn what_is_no_text_is_for_a_person() {
    let large = |c: &str| c.repeat(3 << 20).into_bytes();
    let base: &[(&str, &[u8])] =
        &[("logo.png", b"\x89PNG\0\x01"), ("latin.txt", b"caf\xe9\n"), ("large.txt", &large("a\n")), ("text.txt", b"t\n")];
    let side = |c: &str| {
        vec![
            write("logo.png", format!("\u{89}PNG\0{c}").as_bytes()),
            write("latin.txt", &[b"caf\xe9 ".as_slice(), c.as_bytes()].concat()),
            write("large.txt", &large(&format!("{c}\n"))),
            write("text.txt", format!("{c}\n").as_bytes()),
        ]
    };
    let (world, ours, theirs) = split(base, side("b"), side("c")).await;
    let merge = merged(&world, &ours, &theirs).await;
    let expected = [
        ("large.txt", ConflictKind::TooLarge),
        ("latin.txt", ConflictKind::Binary),
        ("logo.png", ConflictKind::Binary),
        ("text.txt", ConflictKind::Lines),
    ];
    assert_eq!(kinds(&merge), expected);
}

/// A person's commit made with Git itself, on top of a branch of the clone.
fn by_hand(world: &World, branch: &str, work: impl FnOnce(&std::path::Path)) -> Sha {
    let person = world.person();
    git(&person, &["checkout", "--quiet", "-B", branch, "origin/main"]);
    work(&person);
    git(&person, &["add", "-A"]);
    git(&person, &["commit", "--quiet", "-m", branch]);
    git(&person, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
    Sha(git(&person, &["rev-parse", "HEAD"]))
}

#[tokio::test]
async fn links_submodules_and_directories_are_for_a_person() {
    let world = World::new().await;
    let person = world.person();
    git(&person, &["fetch", "--quiet"]);
    let link = |to: &'static str| {
        move |dir: &std::path::Path| {
            std::fs::remove_file(dir.join("link")).unwrap();
            std::os::unix::fs::symlink(to, dir.join("link")).unwrap();
            // A file on one side, a directory on the other.
            let place = dir.join("place");
            if to == "one" {
                std::fs::write(place, "file\n")
            } else {
                std::fs::create_dir(&place).and_then(|()| std::fs::write(place.join("in"), "x\n"))
            }
            .unwrap();
            let module = if to == "one" { "1" } else { "2" }.repeat(40);
            git(dir, &["update-index", "--add", "--cacheinfo", &format!("160000,{module},module")]);
        }
    };
    // `add -A` would take the submodule away again: it has no directory.
    let made = |branch: &str, to: &'static str| {
        let person = world.person();
        git(&person, &["checkout", "--quiet", "-B", branch, "origin/main"]);
        link(to)(&person);
        git(&person, &["add", "link", "place"]);
        git(&person, &["commit", "--quiet", "-m", branch]);
        git(&person, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
        let sha = Sha(git(&person, &["rev-parse", "HEAD"]));
        git(&person, &["rm", "--cached", "--quiet", "module"]);
        git(&person, &["reset", "--quiet", "--hard", "origin/main"]);
        git(&person, &["clean", "-qfd"]);
        sha
    };
    let (ours, theirs) = (made("one", "one"), made("two", "two"));
    world.mirror.fetch(&world.remote()).await.unwrap();
    let merge = merged(&world, &ours, &theirs).await;
    let expected = [("link", ConflictKind::Link), ("module", ConflictKind::Submodule), ("place", ConflictKind::FileAndDirectory)];
    assert_eq!(kinds(&merge), expected);
    assert_eq!(content(&world, &merge, "place/in").await.as_deref(), Some("x\n"), "the tree holds what goes together");
}

#[tokio::test]
async fn a_side_that_makes_a_file_executable_is_heard() {
    let world = World::new().await;
    git(&world.person(), &["fetch", "--quiet"]);
    let ours = by_hand(&world, "one", |dir| {
        std::fs::write(dir.join("src/main.rs"), "fn main() { one() }\n").unwrap();
    });
    let theirs = by_hand(&world, "two", |dir| {
        std::fs::write(dir.join("src/main.rs"), "fn main() { two() }\n").unwrap();
        std::fs::set_permissions(dir.join("src/main.rs"), std::fs::Permissions::from_mode(0o755)).unwrap();
    });
    world.mirror.fetch(&world.remote()).await.unwrap();
    let merge = merged(&world, &ours, &theirs).await;
    assert_eq!(kinds(&merge), [("src/main.rs", ConflictKind::Lines)]);
    let Merge::Conflicts { tree, .. } = merge else { unreachable!() };
    let listed = git(world.mirror.path(), &["ls-tree", &tree.0, "src/main.rs", "--full-tree", "-r"]);
    assert!(listed.starts_with("100755 blob "), "{listed}");
}

#[tokio::test]
async fn branches_without_a_common_commit_are_not_merged() {
    let world = World::new().await;
    let main = world.main().await;
    let tree = world.mirror.tree_of(&main).await.unwrap();
    let alone = world.mirror.commit(&new_commit(tree, Vec::new(), "Alone")).await.unwrap();
    let error = world.mirror.merge(&main, &alone, &sides()).await.unwrap_err();
    assert!(matches!(&error, GitError::Refused(text) if text.contains("no commit in common")), "{error:?}");
}

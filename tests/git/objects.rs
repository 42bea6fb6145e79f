//! Trees and commits as values, and reading them back.

use syndarix::base::ids::RunId;
use syndarix::domain::forge::Sha;
use syndarix::domain::path::RepoPath;
use syndarix::git::{Disclosure, GitError, TreeId, commit_message};

use crate::world::{World, branch, delete, git, new_commit, write};

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

#[tokio::test]
async fn the_same_input_gives_the_same_commit() {
    let world = World::new().await;
    let main = world.main().await;
    let base = world.mirror.tree_of(&main).await.unwrap();
    let changes = vec![
        write("src/lib.rs", b"pub fn f() {}\n"),
        write("ünï/日本.txt", "äöü\n".as_bytes()),
        write("logo.bin", &[0, 159, 146, 150, 255]),
    ];
    let by = Disclosure { agent: "Dave".to_owned(), role: "engineer".to_owned(), run: RunId::named("r"), issue: 7 };
    let message = commit_message("Add a library", &by);
    let mut made = Vec::new();
    for _ in 0..2 {
        let tree = world.mirror.apply(&base, changes.clone()).await.unwrap();
        made.push(world.mirror.commit(&new_commit(tree, vec![main.clone()], &message)).await.unwrap());
    }
    assert_eq!(made[0], made[1]);
    let row = world.mirror.commit_row(&made[0]).await.unwrap();
    assert_eq!((row.at.0, row.author.name.as_str(), &row.parents), (1_770_000_000_000_000, "Dave (Syndarix)", &vec![main.clone()]));
    assert_eq!(row.trailers[0], ("Syndarix-Agent".to_owned(), "Dave (engineer)".to_owned()));
    assert_eq!(
        git(world.mirror.path(), &["log", "-1", "--format=%cI %(trailers:key=Refs,valueonly)", &made[0].0]),
        "2026-02-02T02:40:00+00:00 #7"
    );
    for (name, content) in [("logo.bin", vec![0, 159, 146, 150, 255]), ("ünï/日本.txt", "äöü\n".as_bytes().to_vec())] {
        assert_eq!(world.mirror.read_file(&made[0], &path(name)).await, Ok(Some(content)), "{name}");
    }
    assert_eq!(world.mirror.read_file(&made[0], &path("link/main.rs")).await, Ok(None), "links are not followed");
    assert_eq!(world.mirror.read_file(&made[0], &path("link")).await, Ok(None));
    assert_eq!(world.mirror.read_file(&made[0], &path("src")).await, Ok(None));
}

#[tokio::test]
async fn a_patch_applied_in_parts_gives_the_same_tree() {
    let world = World::new().await;
    let base = world.mirror.tree_of(&world.main().await).await.unwrap();
    let steps =
        [write("a/b/c", b"1"), write("run.sh", b"#!/bin/bash\n"), delete("src/main.rs"), delete("a/b/c"), write("a", b"now a file")];
    let mut tree = base.clone();
    for step in &steps {
        tree = world.mirror.apply(&tree, vec![step.clone()]).await.unwrap();
    }
    assert_eq!(world.mirror.apply(&base, steps.to_vec()).await, Ok(tree.clone()));
    let listed = git(world.mirror.path(), &["ls-tree", "-r", &tree.0]);
    let shown: Vec<_> = listed.lines().map(|line| (&line[..6], line.rsplit('\t').next().unwrap())).collect();
    assert_eq!(shown, [("100644", "a"), ("120000", "link"), ("100755", "run.sh")], "empty directories vanish, the executable bit stays");
    assert_eq!(world.mirror.apply(&tree, vec![delete("no/such/file"), delete("a/b")]).await, Ok(tree.clone()), "already as it shall be");
    let nothing = world.mirror.apply(&tree, vec![delete("a"), delete("run.sh")]).await.unwrap();
    let emptied = world.mirror.apply(&TreeId::empty(), vec![write("x/y", b""), delete("x/y")]).await;
    assert_eq!(emptied, Ok(TreeId::empty()));
    assert_ne!(nothing, TreeId::empty(), "the link is still there");
}

#[tokio::test]
async fn links_submodules_and_directories_are_never_written_over_or_through() {
    let world = World::new().await;
    let main = world.main().await;
    git(&world.person(), &["update-index", "--add", "--cacheinfo", &format!("160000,{main},vendor/lib")]);
    git(&world.person(), &["commit", "--quiet", "-m", "Submodule"]);
    git(&world.person(), &["push", "--quiet", "origin", "HEAD:main"]);
    world.mirror.fetch(&world.remote()).await.unwrap();
    let base = world.mirror.tree_of(&world.main().await).await.unwrap();
    let rows = [
        (write("link/key", b"x"), "`link` on the way is a symbolic link"),
        (write("link", b"x"), "it is a symbolic link"),
        (delete("link"), "it is a symbolic link"),
        (delete("link/main.rs"), "`link` on the way is a symbolic link"),
        (write("vendor/lib", b"x"), "it is a submodule"),
        (write("vendor/lib/x", b"x"), "`lib` on the way is a submodule"),
        (write("src", b"x"), "it is a directory"),
        (delete("src"), "it is a directory"),
        (write("run.sh/x", b"x"), "`run.sh` on the way is a file"),
    ];
    for (change, reason) in rows {
        let refused = world.mirror.apply(&base, vec![change.clone()]).await.unwrap_err();
        assert!(matches!(refused, GitError::Refused(_)) && refused.to_string().contains(reason), "{change:?}: {refused}");
    }
}

#[tokio::test]
async fn history_is_read_from_objects() {
    let world = World::new().await;
    let main = world.main().await;
    let one = world.commit(&main, "src/main.rs", "fn main() { run() }\n").await;
    let two = world.commit(&one, "docs/new.md", "# New\n").await;
    let side = world.commit(&main, "side", "s").await;
    let mirror = &world.mirror;
    let rows = mirror.commits_between(&main, &two).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.sha).collect::<Vec<_>>(), [&one, &two]);
    assert_eq!(mirror.commits_between(&two, &two).await, Ok(Vec::new()));
    assert_eq!(mirror.changed_paths(&main, &two).await, Ok(vec!["docs/new.md".to_owned(), "src/main.rs".to_owned()]));
    for (old, new, related) in [(&main, &two, true), (&two, &two, true), (&two, &main, false), (&side, &two, false)] {
        assert_eq!(mirror.is_ancestor(old, new).await, Ok(related));
    }
    assert_eq!(mirror.merge_base(&side, &two).await, Ok(Some(main.clone())));
    let diff = mirror.diff(&main, &two, 10_000).await.unwrap();
    assert!(diff.contains("-fn main() {}\n+fn main() { run() }\n") && diff.contains("+++ b/docs/new.md"), "{diff}");
    let cut = mirror.diff(&main, &two, 120).await.unwrap();
    assert!(cut.len() < 200 && cut.ends_with("(the rest of the diff is left out)\n"), "{cut}");
    let files: Vec<_> =
        mirror.list_files(&two).await.unwrap().into_iter().map(|file| (file.path.to_string(), file.size, file.executable)).collect();
    let listed = [("docs/new.md", 6, false), ("run.sh", 10, true), ("src/main.rs", 20, false)];
    assert_eq!(files, listed.map(|(path, size, executable)| (path.to_owned(), size, executable)));
    let unknown = mirror.commit_row(&Sha("0".repeat(40))).await.unwrap_err();
    assert!(matches!(unknown, GitError::BadObject(_)), "{unknown}");
}

#[tokio::test]
async fn commits_that_are_not_pushed_survive_housekeeping() {
    let world = World::new().await;
    let main = world.main().await;
    let one = world.commit(&main, "a", "1").await;
    let two = world.commit(&one, "a", "2").await;
    world.mirror.keep("story/plan", &one).await.unwrap();
    git(world.mirror.path(), &["gc", "--quiet", "--prune=now"]);
    assert_eq!(world.mirror.commits_between(&main, &two).await.unwrap().len(), 2);
    assert_eq!(world.mirror.kept("story/plan").await, Ok(Some(one.clone())));
    world.mirror.maintain().await.unwrap();
    world.mirror.forget("story/plan").await.unwrap();
    world.mirror.forget("story/plan").await.unwrap();
    assert_eq!(world.mirror.kept("story/plan").await, Ok(None));
    assert!(world.mirror.keep("../main", &one).await.is_err());
    assert_eq!(world.mirror.branch_head(&branch("main")).await, Ok(Some(main)));
}

#[tokio::test]
async fn hostile_names_and_messages_do_not_reach_the_commit_format() {
    let world = World::new().await;
    let main = world.main().await;
    let tree = world.mirror.tree_of(&main).await.unwrap();
    let mut new = new_commit(tree, vec![main], "x");
    new.author.name = "Eve <eve@x> 0 +0000\nparent 123".to_owned();
    new.author.email = "<>\u{202e}".to_owned();
    let made = world.mirror.commit(&new).await.unwrap();
    let row = world.mirror.commit_row(&made).await.unwrap();
    assert_eq!((row.author.name.as_str(), row.author.email.as_str()), ("Eve eve@x 0 +0000parent 123", "unknown@localhost"));
    for message in ["", " \n", "a\0b"] {
        new.message = message.to_owned();
        assert!(matches!(world.mirror.commit(&new).await, Err(GitError::Refused(_))), "{message:?}");
    }
}

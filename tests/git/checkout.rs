//! Writing trees to disk, honest and hostile ones.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use syndarix::domain::forge::Sha;
use syndarix::git::{CheckoutLimits, GitError, TreeId};

use crate::world::{World, git, git_fed, write};

#[tokio::test]
async fn a_tree_is_written_as_it_is() {
    let world = World::new().await;
    let main = world.main().await;
    git(&world.person(), &["update-index", "--add", "--cacheinfo", &format!("160000,{main},vendor/lib")]);
    git(&world.person(), &["commit", "--quiet", "-m", "Submodule"]);
    git(&world.person(), &["push", "--quiet", "origin", "HEAD:main"]);
    world.mirror.fetch(&world.remote()).await.unwrap();
    let base = world.mirror.tree_of(&world.main().await).await.unwrap();
    let tree = world.mirror.apply(&base, vec![write("ünï/日本.bin", &[0, 255, 10])]).await.unwrap();
    let into = world.dir.path().join("trees/one");
    let done = world.mirror.checkout(&tree, &into).await.unwrap();
    assert_eq!((done.files, done.left_out.len()), (4, 0));
    assert_eq!(std::fs::read(into.join("ünï/日本.bin")).unwrap(), [0, 255, 10]);
    let mode = |name: &str| std::fs::metadata(into.join(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("run.sh") & 0o100, mode("src/main.rs")), (0o100, 0));
    assert_eq!(std::fs::read_link(into.join("link")).unwrap(), Path::new("src"));
    assert!(std::fs::read_dir(into.join("vendor/lib")).unwrap().next().is_none());
    assert!(!into.join(".git").exists());

    let again = world.mirror.checkout(&tree, &into).await.unwrap_err();
    assert!(again.to_string().contains("not empty"), "{again}");
    let outside = world.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, world.dir.path().join("trees/two")).unwrap();
    let linked = world.mirror.checkout(&tree, &world.dir.path().join("trees/two")).await.unwrap_err();
    assert!(linked.to_string().contains("not a directory"), "{linked}");
    assert!(std::fs::read_dir(&outside).unwrap().next().is_none());
}

/// Each row is one entry of a tree: mode, name, and what it holds.
enum Entry {
    File(&'static [u8], &'static [u8]),
    Link(&'static [u8], &'static str),
    Directory(&'static [u8], Vec<Entry>),
}

/// Writes the tree byte by byte: Git's own tools would refuse these names.
fn raw_tree(repo: &Path, entries: &[Entry]) -> String {
    let mut bytes = Vec::new();
    for entry in entries {
        let blob = |content: &[u8]| git_fed(repo, &["hash-object", "-w", "--stdin"], content);
        let (mode, name, id) = match entry {
            Entry::File(name, content) => ("100644", name, blob(content)),
            Entry::Link(name, target) => ("120000", name, blob(target.as_bytes())),
            Entry::Directory(name, inner) => ("40000", name, raw_tree(repo, inner)),
        };
        bytes.extend(format!("{mode} ").bytes());
        bytes.extend(*name);
        bytes.push(0);
        bytes.extend(hex::decode(id).unwrap());
    }
    git_fed(repo, &["hash-object", "-w", "--literally", "--stdin", "-t", "tree"], &bytes)
}

#[tokio::test]
async fn hostile_trees_write_nothing_outside_and_no_git_files() {
    use Entry::{Directory, File, Link};
    let world = World::new().await;
    let outside = world.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let inner = |name: &'static [u8]| Directory(name, vec![File(b"config", b"PWNED"), File(b"key", b"PWNED")]);
    let rows: Vec<(&str, Vec<Entry>)> = vec![
        ("git directory", vec![inner(b".git")]),
        ("git directory, other case", vec![inner(b".GIT"), inner(b".Git ")]),
        ("git directory, hidden character", vec![inner(".git\u{200c}".as_bytes()), inner(b"git~1"), inner(b".git.")]),
        ("parent", vec![Directory(b"..", vec![Directory(b"outside", vec![File(b"key", b"PWNED")])])]),
        ("slash in a name", vec![File(b"../outside/key", b"PWNED"), File(b"a/../../outside/key", b"PWNED")]),
        ("absolute", vec![File(b"/tmp/pwned-by-checkout", b"PWNED"), File(b".", b"PWNED")]),
        ("backslash", vec![File(b"..\\outside\\key", b"PWNED"), File(b"C:\\x", b"PWNED")]),
        ("link, then a directory of its name", vec![Link(b"a", "../outside"), Directory(b"a", vec![File(b"key", b"PWNED")])]),
        ("directory, then a link of its name", vec![Directory(b"a", vec![File(b"key", b"PWNED")]), Link(b"a", "../outside")]),
        ("link, then a file of its name", vec![Link(b"a", "../outside/key"), File(b"a", b"PWNED")]),
        ("a file's name twice", vec![File(b"a", b"1"), File(b"a", b"2")]),
        ("not UTF-8", vec![File(&[0xff, 0xfe], b"x"), File(b"a\nb", b"x")]),
        ("link without target", vec![Link(b"a", "")]),
    ];
    for (at, (what, entries)) in rows.iter().enumerate() {
        let tree = TreeId(raw_tree(world.mirror.path(), entries));
        let into = world.dir.path().join(format!("hostile{at}"));
        let done = world.mirror.checkout(&tree, &into).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!done.left_out.is_empty(), "{what}");
        assert!(std::fs::read_dir(&outside).unwrap().next().is_none(), "{what} wrote outside");
        for entry in std::fs::read_dir(&into).unwrap() {
            let name = entry.unwrap().file_name();
            assert_eq!(name, "a", "{what} wrote {name:?}");
        }
    }
    assert!(!Path::new("/tmp/pwned-by-checkout").exists());
    let nameless = TreeId(raw_tree(world.mirror.path(), &[File(b"", b"PWNED")]));
    let refused = world.mirror.checkout(&nameless, &world.dir.path().join("nameless")).await;
    assert!(matches!(refused, Err(GitError::BadObject(_))), "{refused:?}");
}

#[tokio::test]
async fn limits_stop_large_files_and_endless_trees() {
    let world = World::new().await;
    let base = world.mirror.tree_of(&world.main().await).await.unwrap();
    let tree = world.mirror.apply(&base, vec![write("big", &[b'x'; 5000])]).await.unwrap();
    let place = |name: &str| world.dir.path().join(name);
    let limits = CheckoutLimits { file: 1000, ..CheckoutLimits::default() };
    let done = world.mirror.checkout_within(&tree, &place("a"), limits).await.unwrap();
    assert_eq!(done.left_out.iter().map(|left| left.path.as_str()).collect::<Vec<_>>(), ["big"]);
    assert!(done.left_out[0].reason.contains("5000 bytes"), "{:?}", done.left_out);
    let limits = CheckoutLimits { bytes: 1000, ..CheckoutLimits::default() };
    assert!(matches!(world.mirror.checkout_within(&tree, &place("b"), limits).await, Err(GitError::Limit(_))));

    // Twenty tiny trees, each holding the next ten times: ten to the power of twenty files.
    let mut bomb = raw_tree(world.mirror.path(), &[Entry::File(b"f", b"x")]);
    for _ in 0..20 {
        let lines: String = (0..10).map(|name| format!("040000 tree {bomb}\td{name}\n")).collect();
        bomb = git_fed(world.mirror.path(), &["mktree"], lines.as_bytes());
    }
    let limits = CheckoutLimits { entries: 500, ..CheckoutLimits::default() };
    assert!(matches!(world.mirror.checkout_within(&TreeId(bomb.clone()), &place("c"), limits).await, Err(GitError::Limit(_))));
    let commit = git_fed(world.mirror.path(), &["commit-tree", &bomb, "-m", "bomb"], b"");
    assert!(matches!(world.mirror.list_files(&Sha(commit)).await, Err(GitError::Limit(_))));
}

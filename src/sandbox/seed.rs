//! Repositories that begin with given files: the bundled sample, and small projects for tests.

use super::Sandbox;
use super::problem::Problem;

/// The bundled sample: a small price calculator with a real bug.
pub const SAMPLE: &[(&str, &str)] = &[
    ("README.md", include_str!("sample/README.md")),
    ("shop/__init__.py", include_str!("sample/shop/__init__.py")),
    ("shop/cart.py", include_str!("sample/shop/cart.py")),
    ("tests/test_cart.py", include_str!("sample/tests/test_cart.py")),
];
/// Title of the issue about the sample's bug.
pub const SAMPLE_TITLE: &str = "No discount for exactly three items";
/// Its text.
pub const SAMPLE_ISSUE: &str = include_str!("sample/issue.md");
/// What the scripted model answers in the sample's story.
pub const SAMPLE_SCRIPT: &str = include_str!("sample/script.toml");

impl Sandbox {
    /// Makes a repository with one commit on `main` that holds these files. One that is there already stays as it is. Gives its id.
    pub async fn ensure_seeded(&self, owner: &str, name: &str, files: &[(&str, &str)]) -> Result<i64, Problem> {
        let (id, _) = self.reserve_repo(owner, name, "main")?;
        {
            let _alone = self.forge.alone(id).await;
            let git = self.forge.git(id);
            if !git.dir.join("HEAD").exists() {
                git.create(None, "main").await?;
            }
            if git.refs().await?.is_empty() {
                // The date is fixed, so that the same files give the same commit.
                let stream = stream("main", "Alice <alice@example.invalid> 1767225600 +0000", files, "Initial commit\n");
                git.run(&["fast-import", "--quiet"], &stream, &[]).await?;
            }
        }
        self.ensure_repo(owner, name, None, Some("main")).await
    }
}

/// The first commit of a branch as input for `git fast-import`. `who` is the committer, with seconds since 1970 and an offset.
pub(super) fn stream(branch: &str, who: &str, files: &[(impl AsRef<str>, impl AsRef<str>)], message: &str) -> Vec<u8> {
    let mut stream = format!("commit refs/heads/{branch}\ncommitter {who}\ndata {}\n{message}", message.len());
    for (path, content) in files {
        let (path, content) = (path.as_ref(), content.as_ref());
        stream.push_str(&format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len()));
    }
    stream.push_str("done\n");
    stream.into_bytes()
}

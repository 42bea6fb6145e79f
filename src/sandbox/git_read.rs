//! Reading files, directories and diffs of a bare repository.

use super::git_ops::Git;
use super::problem::Problem;

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `blob`, `tree` or `commit` (a submodule).
    pub kind: String,
    pub mode: String,
    pub sha: String,
    pub size: u64,
    /// Path from the top of the repository.
    pub path: String,
}

/// A file that differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub path: String,
    pub previous: Option<String>,
    /// `added`, `deleted`, `changed` or `renamed`.
    pub status: &'static str,
    pub additions: u64,
    pub deletions: u64,
}

impl Git {
    /// What a path names in a commit: the entry itself, and for a directory what it holds.
    pub async fn look(&self, sha: &str, path: &str) -> Result<(Option<Entry>, Vec<Entry>), Problem> {
        let path = path.trim_matches('/');
        if path.is_empty() {
            return Ok((None, self.list(sha, &[]).await?));
        }
        let entry = self.list(sha, &[path]).await?.into_iter().next();
        let entry = entry.ok_or_else(|| Problem::missing(format!("object does not exist [id: , rel_path: {path}]")))?;
        let inside = if entry.kind == "tree" { self.list(sha, &[&format!("{path}/")]).await? } else { Vec::new() };
        Ok((Some(entry), inside))
    }

    /// Lists a tree; with `-r` among the arguments, all files below it.
    pub async fn list(&self, sha: &str, paths: &[&str]) -> Result<Vec<Entry>, Problem> {
        let mut arguments = vec!["--literal-pathspecs", "ls-tree", "-z", "-l", "--full-tree", sha];
        arguments.push("--");
        arguments.extend_from_slice(paths);
        Ok(self.text(&arguments).await?.split('\0').filter_map(entry).collect())
    }

    /// All files and directories below the top.
    pub async fn list_all(&self, sha: &str) -> Result<Vec<Entry>, Problem> {
        Ok(self.text(&["ls-tree", "-z", "-l", "-r", "-t", "--full-tree", sha]).await?.split('\0').filter_map(entry).collect())
    }

    /// The bytes of a file.
    pub async fn blob(&self, sha: &str) -> Result<Vec<u8>, Problem> {
        let output = self.run(&["cat-file", "blob", sha], b"", &[]).await?;
        if output.status.success() { Ok(output.stdout) } else { Err(Problem::missing(format!("there is no file object {sha}"))) }
    }

    /// The difference between two commits as a patch.
    pub async fn diff(&self, from: &str, to: &str) -> Result<String, Problem> {
        self.text(&["diff-tree", "-p", "-r", "-M", "--full-index", "--no-ext-diff", "--no-textconv", from, to]).await
    }

    /// The files that differ between two commits.
    pub async fn changed(&self, from: &str, to: &str) -> Result<Vec<Changed>, Problem> {
        let names = self.text(&["diff-tree", "-r", "-z", "-M", "--name-status", from, to]).await?;
        let counts = self.text(&["diff-tree", "-r", "-z", "-M", "--numstat", from, to]).await?;
        let mut files = parse_names(&names);
        let mut fields = counts.split('\0');
        for file in &mut files {
            let Some(line) = fields.next() else { break };
            let mut columns = line.splitn(3, '\t').map(|column| column.parse().unwrap_or(0));
            (file.additions, file.deletions) = (columns.next().unwrap_or(0), columns.next().unwrap_or(0));
            if line.ends_with('\t') {
                // A rename carries both paths in fields of their own.
                fields.nth(1);
            }
        }
        Ok(files)
    }
}

fn parse_names(listing: &str) -> Vec<Changed> {
    let mut files = Vec::new();
    let mut fields = listing.split('\0').filter(|field| !field.is_empty()).map(str::to_owned);
    while let (Some(letter), Some(path)) = (fields.next(), fields.next()) {
        let (status, previous) = match letter.chars().next() {
            Some('A') => ("added", None),
            Some('D') => ("deleted", None),
            Some('R') => ("renamed", fields.next()),
            _ => ("changed", None),
        };
        let (path, previous) = previous.map_or((path.clone(), None), |new| (new, Some(path)));
        files.push(Changed { path, previous, status, additions: 0, deletions: 0 });
    }
    files
}

fn entry(line: &str) -> Option<Entry> {
    let (facts, path) = line.split_once('\t')?;
    let mut facts = facts.split_whitespace().map(str::to_owned);
    let (mode, kind, sha) = (facts.next()?, facts.next()?, facts.next()?);
    let size = facts.next()?.parse().unwrap_or(0);
    Some(Entry { kind, mode, sha, size, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_renames_and_odd_letters() {
        let files = parse_names("A\0new.rs\0R090\0old name\0new name\0D\0gone\0M\0same\0");
        let rows: Vec<_> = files.iter().map(|file| (file.status, file.path.as_str(), file.previous.as_deref())).collect();
        assert_eq!(
            rows,
            [("added", "new.rs", None), ("renamed", "new name", Some("old name")), ("deleted", "gone", None), ("changed", "same", None)]
        );
    }
}

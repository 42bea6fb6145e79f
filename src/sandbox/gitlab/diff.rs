//! Patches taken apart: the files of a diff, and the lines that a comment may stand on.

use serde_json::{Value, json};

/// One file of a patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff {
    pub old_path: String,
    pub new_path: String,
    pub new_file: bool,
    pub deleted_file: bool,
    pub renamed_file: bool,
    /// From the first `@@` on.
    pub text: String,
}

/// The files of a patch.
pub fn files(patch: &str) -> Vec<FileDiff> {
    let mut files: Vec<FileDiff> = Vec::new();
    let mut in_head = false;
    for line in patch.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if let Some(names) = bare.strip_prefix("diff --git ") {
            let (old, new) = names.split_once(" b/").unwrap_or((names, names));
            let old = old.strip_prefix("a/").unwrap_or(old);
            files.push(FileDiff { old_path: old.to_owned(), new_path: new.to_owned(), ..FileDiff::default() });
            in_head = true;
            continue;
        }
        let Some(file) = files.last_mut() else { continue };
        in_head &= !bare.starts_with("@@");
        if !in_head {
            file.text.push_str(line);
            continue;
        }
        match bare.split_once(' ').unwrap_or((bare, "")) {
            ("new", rest) if rest.starts_with("file") => file.new_file = true,
            ("deleted", _) => file.deleted_file = true,
            ("rename", rest) => {
                file.renamed_file = true;
                if let Some(from) = rest.strip_prefix("from ") {
                    file.old_path = from.to_owned();
                }
                if let Some(to) = rest.strip_prefix("to ") {
                    file.new_path = to.to_owned();
                }
            }
            ("---", name) => file.old_path = name.strip_prefix("a/").map_or_else(|| file.old_path.clone(), str::to_owned),
            ("+++", name) => file.new_path = name.strip_prefix("b/").map_or_else(|| file.new_path.clone(), str::to_owned),
            _ => {}
        }
    }
    files
}

impl FileDiff {
    /// As the API shows it.
    pub fn shape(&self) -> Value {
        json!({
            "diff": self.text, "collapsed": false, "too_large": false, "new_path": self.new_path, "old_path": self.old_path,
            "a_mode": if self.new_file { "0" } else { "100644" }, "b_mode": if self.deleted_file { "0" } else { "100644" },
            "new_file": self.new_file, "renamed_file": self.renamed_file, "deleted_file": self.deleted_file, "generated_file": false,
        })
    }

    /// Whether a comment may stand here: an added line by its new number, a removed one by its old, an unchanged one by both.
    pub fn has_line(&self, old: Option<u64>, new: Option<u64>) -> bool {
        let (mut at_old, mut at_new) = (0, 0);
        self.text.lines().any(|line| {
            let here = match line.as_bytes().first() {
                Some(b'@') => {
                    (at_old, at_new) = starts(line);
                    return false;
                }
                Some(b'\\') => return false,
                Some(b'+') => (None, Some(at_new)),
                Some(b'-') => (Some(at_old), None),
                _ => (Some(at_old), Some(at_new)),
            };
            at_old += u64::from(here.0.is_some());
            at_new += u64::from(here.1.is_some());
            here == (old, new)
        })
    }
}

/// First line numbers from `@@ -3,4 +5,6 @@`.
fn starts(line: &str) -> (u64, u64) {
    let number = |mark: char| {
        let text = line.split(' ').find_map(|word| word.strip_prefix(mark)).unwrap_or("0");
        text.split(',').next().and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    (number('-'), number('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_taken_apart() {
        let patch = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -3,2 +5,3 @@ fn\n same\n-old\n+new\n+more\n\
                     diff --git a/y b/y\nnew file mode 100644\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+only\n";
        let files = files(patch);
        let facts: Vec<_> = files.iter().map(|file| (file.new_path.as_str(), file.new_file)).collect();
        assert_eq!(facts, [("x", false), ("y", true)]);
        assert!(files[1].text.starts_with("@@ -0,0 +1 @@\n+only"));
        let rows = [
            ((None, Some(6)), true),
            ((None, Some(7)), true),
            ((Some(4), None), true),
            ((Some(3), Some(5)), true),
            ((None, Some(5)), false),
            ((None, Some(8)), false),
            ((Some(3), None), false),
        ];
        for ((old, new), want) in rows {
            assert_eq!(files[0].has_line(old, new), want, "{old:?} {new:?}");
        }
    }
}

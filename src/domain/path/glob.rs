//! Patterns over repository paths: `*` and `?` inside one part, `**` over any number of parts, `{a,b}` for a choice.
//!
//! A pattern without `/` matches the last part anywhere (`*.pem`); one that ends in `/` or `/**` matches everything below that
//! directory, and the directory itself. Letters match in both cases, because some file systems do not tell them apart.

use super::RepoPath;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    /// The choices of all braces, written out; each is a list of parts.
    choices: Vec<Vec<Vec<char>>>,
}

/// A pattern that cannot be used, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` cannot be used: {reason}")]
pub struct BadGlob {
    pattern: String,
    reason: &'static str,
}

const MOST_CHOICES: usize = 64;

impl Glob {
    /// Compiles a pattern of at most 256 bytes.
    pub fn new(pattern: &str) -> Result<Glob, BadGlob> {
        let bad = |reason| BadGlob { pattern: pattern.chars().take(100).collect(), reason };
        if pattern.is_empty() || pattern.len() > 256 {
            return Err(bad("it is empty or longer than 256 bytes"));
        }
        let mut texts = Vec::new();
        expand(pattern.trim_start_matches("./").to_lowercase(), &mut texts).map_err(bad)?;
        Ok(Glob { text: pattern.to_owned(), choices: texts.iter().map(|text| parts(text)).collect() })
    }

    /// True when the path, or a directory above it for patterns that end in `/**`, is meant.
    pub fn matches(&self, path: &RepoPath) -> bool {
        let lower = path.as_str().to_lowercase();
        let path: Vec<Vec<char>> = lower.split('/').map(|part| part.chars().collect()).collect();
        self.choices.iter().any(|choice| match_parts(choice, &path))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The first of the patterns that matches, if any does.
pub fn first_match<'a>(globs: &'a [Glob], path: &RepoPath) -> Option<&'a Glob> {
    globs.iter().find(|glob| glob.matches(path))
}

/// Writes out the braces, innermost first.
fn expand(text: String, out: &mut Vec<String>) -> Result<(), &'static str> {
    let mut waiting = vec![text];
    while let Some(text) = waiting.pop() {
        let Some(close) = text.find('}') else {
            if text.contains('{') {
                return Err("a brace is not closed");
            }
            out.push(text);
            continue;
        };
        let open = text[..close].rfind('{').ok_or("a brace is not opened")?;
        for choice in text[open + 1..close].split(',') {
            waiting.push(format!("{}{choice}{}", &text[..open], &text[close + 1..]));
        }
        if waiting.len() + out.len() > MOST_CHOICES {
            return Err("its braces stand for more than 64 patterns");
        }
    }
    Ok(())
}

fn parts(text: &str) -> Vec<Vec<char>> {
    let mut parts: Vec<Vec<char>> = text.trim_start_matches('/').split('/').map(|part| part.chars().collect()).collect();
    if !text.contains('/') {
        parts.insert(0, vec!['*', '*']);
    }
    if parts.last().is_some_and(Vec::is_empty) {
        parts.pop();
        parts.push(vec!['*', '*']);
    }
    parts.dedup_by(|a, b| is_any(a) && is_any(b));
    parts
}

fn is_any(part: &[char]) -> bool {
    part == ['*', '*']
}

/// Both matchers fall back to the last star only, which is enough for stars and keeps the work at most quadratic.
fn match_parts(pattern: &[Vec<char>], path: &[Vec<char>]) -> bool {
    star_match(pattern, path, |p| is_any(p), |p, part| star_match(p, part, |c| *c == '*', |c, d| *c == '?' || c == d))
}

fn star_match<P, T>(pattern: &[P], text: &[T], star: impl Fn(&P) -> bool, same: impl Fn(&P, &T) -> bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && star(&pattern[p]) {
            last_star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && same(&pattern[p], &text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_at, from)) = last_star {
            last_star = Some((star_at, from + 1));
            p = star_at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(star)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).unwrap().matches(&RepoPath::parse(path).unwrap())
    }

    #[test]
    fn patterns_mean_what_people_expect() {
        let yes = [
            ("*.pem", "a/b/key.pem"),
            ("*.pem", "KEY.PEM"),
            ("src/**", "src/a/b.rs"),
            ("src/**", "src"),
            ("src/", "src/a"),
            ("**/*.rs", "a.rs"),
            ("**/*.rs", "x/y/a.rs"),
            ("src/*.rs", "src/a.rs"),
            (".github/**", ".GitHub/workflows/x.yml"),
            ("a?c", "x/abc"),
            ("*.{rs,toml}", "Cargo.toml"),
            ("src/**/mod.rs", "src/mod.rs"),
            ("src/**/mod.rs", "src/a/b/mod.rs"),
            ("/README.md", "README.md"),
            ("**", "a/b"),
            ("a*b*c", "aXbXbc"),
            ("AGENTS.md", "sub/agents.md"),
        ];
        for (pattern, path) in yes {
            assert!(check(pattern, path), "{pattern} should match {path}");
        }
        let no = [
            ("src/*.rs", "src/a/b.rs"),
            ("src/**", "srcs/a"),
            ("*.rs", "a.rsx"),
            ("/README.md", "docs/README.md"),
            ("a?c", "ac"),
            ("*.{rs,toml}", "a.md"),
        ];
        for (pattern, path) in no {
            assert!(!check(pattern, path), "{pattern} should not match {path}");
        }
    }

    #[test]
    fn bad_patterns_are_named() {
        for pattern in ["", "{a", "a}", &"{a,b}".repeat(8), &"x".repeat(300)] {
            assert!(Glob::new(pattern).is_err(), "{pattern:?} was taken");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "a*".repeat(120) + "b";
        assert!(!check(&pattern, &"a".repeat(255)));
        assert!(!check(&("**/a/".repeat(50) + "b"), &("a/".repeat(400) + "c")));
    }
}

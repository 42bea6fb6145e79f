//! One conversation, whichever forge it is held on. Scenarios speak of issues and pull requests by the numbers that both share, and of labels
//! as the program calls them inside. GitLab counts merge requests apart and spells scopes with `::`; what people write there is put into its
//! words, and what the program writes is read back from them.

use regex::{Captures, Regex};
use syndarix::domain::forge::{ForgeKind, PULL_OFFSET};
use syndarix::domain::scopes;
use syndarix::sandbox::{Numbered, Sandbox, Skin};

use super::world::REPO;

/// The words of one kind of forge.
pub struct Tongue {
    skin: Skin,
    spelled: Regex,
    address: Regex,
    reference: Regex,
    review: Regex,
}

impl Tongue {
    pub fn of(skin: Skin) -> Tongue {
        let scopes = "story|sprint|pr|autonomy|priority";
        Tongue {
            skin,
            spelled: Regex::new(&format!(r"\b({scopes})::([a-z-]+)")).unwrap(),
            address: Regex::new(r"(http://[^/ ]+/[^/ ]+/[^/ ]+)/(?:-/)?(pull|issues|merge_requests)/([0-9]+)").unwrap(),
            reference: Regex::new(r"(^|[^\w&!#/])([!#])([0-9]+)\b").unwrap(),
            review: Regex::new(r"(?m)^--- syndarix\n([A-Z][a-z]+ \(reviewer\): )").unwrap(),
        }
    }

    /// A label as people see it there.
    pub fn label(&self, name: &str) -> String {
        if self.skin == Skin::GitLab { scopes::spelled(name, ForgeKind::GitLab).into_owned() } else { name.to_owned() }
    }

    /// A label as the program calls it.
    pub fn plain_label(&self, shown: &str) -> String {
        let neutral = |found: &Captures<'_>| scopes::neutral(&found[0], ForgeKind::GitLab).into_owned();
        if self.skin == Skin::GitLab { self.spelled.replace_all(shown, neutral).into_owned() } else { shown.to_owned() }
    }

    /// What a person would write there to say `text`.
    pub fn said(&self, sandbox: &Sandbox, text: &str) -> String {
        if self.skin != Skin::GitLab {
            return text.to_owned();
        }
        let numbers = numbers(sandbox);
        let named = |found: &Captures<'_>| match numbers.iter().find(|one| &found[2] == "#" && found[3] == one.shared.to_string()) {
            Some(one) => format!("{}{}{}", &found[1], if one.is_pull { '!' } else { '#' }, one.own),
            None => found[0].to_owned(),
        };
        self.reference.replace_all(text, named).into_owned()
    }

    /// A page in the words of every forge.
    pub fn heard(&self, sandbox: &Sandbox, text: &str) -> String {
        if self.skin == Skin::Gitea {
            return text.to_owned();
        }
        let numbers = numbers(sandbox);
        let shared = |own: &str, is_pull: bool| match self.skin {
            Skin::GitLab => {
                numbers.iter().find(|one| one.is_pull == is_pull && one.own.to_string() == own).map(|one| one.shared.to_string())
            }
            _ => Some(own.to_owned()),
        };
        let page = |found: &Captures<'_>| {
            let is_pull = &found[2] != "issues";
            let number = shared(&found[3], is_pull).unwrap_or_else(|| format!("?{}", &found[3]));
            format!("{}/{}/{number}", &found[1], if is_pull { "pulls" } else { "issues" })
        };
        let text = self.address.replace_all(text, page);
        if self.skin != Skin::GitLab {
            return text.into_owned();
        }
        let text = self.plain_label(&text);
        let named = |found: &Captures<'_>| match shared(&found[3], &found[2] == "!") {
            Some(number) => format!("{}#{number}", &found[1]),
            None => found[0].to_owned(),
        };
        let line = |line: &str| {
            // The page itself speaks in shared numbers.
            let own = line.strip_prefix("mentioned in: ").map_or(0, |_| "mentioned in: ".len());
            let own = own + line[own..].strip_prefix('#').map_or(0, |rest| 1 + rest.bytes().take_while(u8::is_ascii_digit).count());
            // Twice: two references may share the character between them.
            let once = self.reference.replace_all(&line[own..], |found: &Captures<'_>| named(found).replace('#', "\u{1}"));
            let twice = self.reference.replace_all(&once, named).replace('\u{1}', "#");
            format!("{}{twice}", &line[..own])
        };
        let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
        // What the reviewer sums up is a note there.
        with_threads(&self.review.replace_all(&text, "--- syndarix comments\n$1"))
    }

    /// The number that the program knows a thing by. What was deleted has its number for both: scenarios delete only the first issue.
    pub fn own(&self, sandbox: &Sandbox, shared: i64) -> i64 {
        match numbers(sandbox).into_iter().find(|one| one.shared == shared) {
            Some(one) if self.skin == Skin::GitLab => one.own + if one.is_pull { PULL_OFFSET } else { 0 },
            _ => shared,
        }
    }

    /// The shared number of what the program knows by this one.
    pub fn shared(&self, sandbox: &Sandbox, own: i64) -> i64 {
        if self.skin != Skin::GitLab {
            return own;
        }
        let (is_pull, number) = (own > PULL_OFFSET, own % PULL_OFFSET);
        let found = numbers(sandbox).into_iter().find(|one| one.is_pull == is_pull && one.own == number);
        found.map_or(number, |one| one.shared)
    }
}

/// Findings on lines are threads there, each an entry before the one that sums up; here they stand below it.
fn with_threads(page: &str) -> String {
    let mut entries: Vec<String> = Vec::new();
    let mut threads = String::new();
    for entry in page.split("\n--- ") {
        match entry.strip_prefix("syndarix comments\n") {
            Some(body) if body.lines().all(|line| line.is_empty() || line.starts_with("  ")) => {
                threads.push_str(body.trim_end_matches('\n'));
                threads.push('\n');
            }
            Some(_) if !threads.is_empty() => entries.push(format!("{}\n\n{}", entry.trim_end(), std::mem::take(&mut threads))),
            _ => entries.push(entry.to_owned()),
        }
    }
    entries.join("\n--- ")
}

fn numbers(sandbox: &Sandbox) -> Vec<Numbered> {
    sandbox.numbers(REPO).unwrap()
}

//! Reading a page as a person does: what is new since the last look, without what differs from one test run to the next.

use std::collections::BTreeMap;

use regex::Regex;
use syndarix::sandbox::Sandbox;

use super::account;
use super::tongue::Tongue;

/// Remembers what was read and which commits were seen.
pub struct Reader {
    seen: BTreeMap<i64, Vec<String>>,
    commits: Vec<String>,
    hex: Regex,
    address: Regex,
    agent: Regex,
    exclusive: Regex,
    pub tongue: Tongue,
}

impl Reader {
    pub fn new(tongue: Tongue) -> Reader {
        Reader {
            seen: BTreeMap::new(),
            commits: Vec::new(),
            hex: Regex::new(r"\b[0-9a-f]{10,64}\b").unwrap(),
            exclusive: Regex::new(r"(?m)^This forge .*\bexclusive\b.*$").unwrap(),
            agent: Regex::new(r"\b[A-Z][a-z]+ \((product-owner|architect|engineer|reviewer|tester)\)").unwrap(),
            tongue,
            address: Regex::new(r"http://127\.0\.0\.1:[0-9]+").unwrap(),
        }
    }

    /// Commits and hashes become `<1>`, `<2>` in the order in which they come up; markers, ports, agents' names and the length of the record go.
    pub fn plain(&mut self, sandbox: &Sandbox, text: &str) -> String {
        let passes = |line: &&str| !line.starts_with("<!-- syndarix:v1 ") && !line.starts_with("- Record: ");
        let text = text.lines().filter(passes).collect::<Vec<_>>().join("\n");
        let text = self.address.replace_all(&text, "http://forge").into_owned();
        // An App's account has a name of its own kind.
        let text = text.replace(account::login(), "syndarix");
        // Whether a newer commit came since is told of people's reviews; where reviews are notes, it is not told of the bot's.
        let text = text.replace("--- syndarix comments (stale, on an older head)", "--- syndarix comments");
        let text = self.tongue.heard(sandbox, &text);
        let text = self.exclusive.replace_all(&text, "<how this forge keeps labels exclusive>").into_owned();
        let text = self.agent.replace_all(&text, "Somebody ($1)").into_owned();
        let mut plain = String::new();
        let mut rest = 0;
        for found in self.hex.find_iter(&text) {
            if !found.as_str().bytes().any(|byte| byte.is_ascii_digit()) {
                continue;
            }
            let short = &found.as_str()[..10];
            let number = self.commits.iter().position(|known| known == short).unwrap_or_else(|| {
                self.commits.push(short.to_owned());
                self.commits.len() - 1
            });
            plain.push_str(&text[rest..found.start()]);
            plain.push_str(&format!("<{}>", number + 1));
            rest = found.end();
        }
        plain.push_str(&text[rest..]);
        plain
    }

    /// First line and labels, then every entry that was not there at the last look or reads differently now. The status comment is left out.
    pub fn news(&mut self, sandbox: &Sandbox, number: i64, page: &str) -> String {
        let page = self.plain(sandbox, page);
        let mut parts = page.split("\n--- ").map(|part| part.trim_end().to_owned());
        let head = parts.next().unwrap_or_default();
        let entries: Vec<String> = parts.filter(|entry| !entry.contains("\n### Syndarix\n")).collect();
        let seen = self.seen.insert(number, entries.clone()).unwrap_or_default();
        let title = head.lines().next().unwrap_or_default();
        let state = title.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("?", |(state, _)| state);
        let labels = head.lines().find_map(|line| line.strip_prefix("labels: ")).unwrap_or("no labels");
        let mut news = format!("[{state}] {labels}\n");
        let mut old = seen.into_iter();
        for entry in &entries {
            if old.next().as_ref() != Some(entry) {
                news.push_str(&format!("--- {entry}\n"));
            }
        }
        news
    }

    /// The text of the status comment.
    pub fn status(&mut self, sandbox: &Sandbox, page: &str) -> String {
        let page = self.plain(sandbox, page);
        let found = page.split("\n--- ").find(|entry| entry.contains("\n### Syndarix\n")).unwrap_or("there is none");
        found.trim_end().to_owned()
    }
}

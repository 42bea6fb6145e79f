//! The commented settings file, and what the comments of the built-in files say about a key.

use super::{File, Key, Kind, SETTINGS};
use crate::config::embedded;
use crate::domain::forge::ForgeKind;

/// What a key means: the table's own words, else the comment above the key in the built-in file.
pub fn notes_of(file: &File, path: &str, key: &Key) -> String {
    if !key.note.is_empty() {
        return key.note.to_owned();
    }
    let Some(name) = file.explained_by else { return String::new() };
    let last = path.rsplit('.').next().unwrap_or(path);
    let own = embedded::BOT_CONFIG.iter().find(|(file, _)| *file == name).and_then(|(_, text)| comment_above(text, last));
    // The rules of a project are explained where they are set for all.
    let policy = embedded::BOT_CONFIG.iter().find(|(file, _)| *file == "policy.toml");
    let shared = || policy.filter(|_| path.starts_with("policy.")).and_then(|(_, text)| comment_above(text, last));
    shared().or(own).unwrap_or_default()
}

/// The comment lines right above a key or a table's head, on one line. The key itself may be commented out.
fn comment_above(text: &str, key: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_key = |line: &str| {
        let bare = line.trim_start_matches("# ");
        bare.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) || line == format!("[{key}]")
    };
    let at = lines.iter().position(|line| is_key(line))?;
    let begin = lines[..at].iter().rposition(|line| !line.starts_with('#') || is_assignment(line)).map_or(0, |line| line + 1);
    let words: Vec<&str> = lines[begin..at].iter().map(|line| line.trim_start_matches('#').trim()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A key that is commented out.
fn is_assignment(line: &str) -> bool {
    let bare = line.trim_start_matches("# ");
    bare.split_once(" = ").is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
}

/// The built-in team as files to begin with, each with the schema that editors check it by.
pub fn team_files() -> Vec<(&'static str, String)> {
    let with_schema = |&(name, text): &(&'static str, &str)| {
        let up = "../".repeat(name.matches('/').count());
        let schema = super::of_team_file(name).map_or(String::new(), |file| format!("#:schema {up}.schemas/{}.schema.json\n", file.name));
        (name, schema + text)
    };
    embedded::BOT_CONFIG.iter().map(with_schema).collect()
}

/// Keys of a forge that only this kind has.
const OF_GITHUB: [&str; 3] = ["app_id", "private_key", "private_key_file"];

/// A settings file in which every key stands with its meaning, commented out where `set` has no value for its path. Of the keys of a forge
/// only those of its kind, where that is known.
pub fn settings_file(set: &[(&str, String)], kind: Option<ForgeKind>) -> String {
    let mut text = String::from(
        "# Settings of Syndarix. Every key can be left out; what is commented out shows the built-in value or an example.\n\
         # A variable named beside a key goes over the file. `syndarix config check` finds mistakes, `syndarix config show` says what holds.\n",
    );
    write(&mut text, "", SETTINGS, &Wish { set, kind }, false);
    text
}

struct Wish<'a> {
    set: &'a [(&'a str, String)],
    kind: Option<ForgeKind>,
}

impl Wish<'_> {
    fn has(&self, path: &str, key: &Key) -> bool {
        path != "forges" || self.kind.is_none_or(|kind| kind == ForgeKind::GitHub) || !OF_GITHUB.contains(&key.name)
    }

    /// An example in the words of the kind.
    fn sample(&self, full: &str, key: &Key) -> &'static str {
        match (full, self.kind) {
            ("forges.kind", Some(ForgeKind::Forgejo)) => "\"forgejo\"",
            ("forges.kind", Some(ForgeKind::GitHub)) => "\"github\"",
            ("forges.kind", Some(ForgeKind::GitLab)) => "\"gitlab\"",
            _ => key.sample.or(key.standard).unwrap_or("…"),
        }
    }
}

fn write(text: &mut String, path: &str, keys: &[Key], wish: &Wish<'_>, dormant: bool) {
    let set = wish.set;
    let (tables, plain): (Vec<&Key>, Vec<&Key>) =
        keys.iter().filter(|key| wish.has(path, key)).partition(|key| matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Map(_)));
    for key in plain {
        let full = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        text.push_str(&format!("\n{}\n", wrapped(key.note)));
        if let Some(variable) = key.variable {
            text.push_str(&format!("# Variable: {variable}\n"));
        }
        match set.iter().find(|(name, _)| *name == full) {
            Some((_, value)) => text.push_str(&format!("{} = {value}\n", key.name)),
            None => text.push_str(&format!("# {} = {}\n", key.name, wish.sample(&full, key))),
        }
    }
    for key in tables {
        let used = set.iter().any(|(name, _)| name.split('.').next() == Some(key.name));
        let off = if used && !dormant { "" } else { "# " };
        text.push_str(&format!("\n{}\n", wrapped(key.note)));
        match key.kind {
            Kind::Tables(of) => {
                text.push_str(&format!("{off}[[{}]]\n", key.name));
                write(text, key.name, of, wish, off == "# ");
            }
            Kind::Map(Kind::Table(of)) => {
                text.push_str(&format!("{off}[{}.ollama]\n", key.name));
                write(text, key.name, of, wish, off == "# ");
            }
            Kind::Table(of) => {
                text.push_str(&format!("[{}]\n", key.name));
                write(text, key.name, of, wish, false);
            }
            _ => {}
        }
    }
}

/// Comment lines of at most 120 characters.
fn wrapped(note: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in note.split(' ') {
        let last = lines.len() - 1;
        if lines[last].chars().count() + word.chars().count() + 1 > 120 {
            lines.push(String::from("#"));
        }
        let last = lines.len() - 1;
        lines[last].push(' ');
        lines[last].push_str(word);
    }
    lines.join("\n")
}

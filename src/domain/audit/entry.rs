//! One entry: who did what to what, when, and because of what.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::canonical;
use crate::base::ids::ProjectId;
use crate::base::text::sha256_hex;
use crate::base::{Nano, Time};

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// The longest line in bytes, without its line feed.
pub const MAX_LINE: usize = 65_536;
/// The longest name of an action in bytes.
pub const MAX_ACTION: usize = 64;

/// Which chain an entry belongs to: one for each project and one for what concerns none of them. Also the name of its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainId {
    Project(ProjectId),
    System,
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChainId::System => f.write_str("system"),
            ChainId::Project(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl FromStr for ChainId {
    type Err = String;

    /// Takes only the printed form; other spellings of the same id would give one chain two folders.
    fn from_str(text: &str) -> Result<ChainId, String> {
        let chain = match text {
            "system" => ChainId::System,
            other => ChainId::Project(other.parse().map_err(|_| not_a_chain(text))?),
        };
        if chain.to_string() == text { Ok(chain) } else { Err(not_a_chain(text)) }
    }
}

fn not_a_chain(text: &str) -> String {
    format!("`{}` is neither `system` nor a project id such as `{}`", text.escape_debug(), ProjectId::named("example"))
}

/// What kind of actor it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person, known by the forge's numeric id.
    Person,
    /// An account of another program on the forge.
    Bot,
    /// One of Syndarix' own agents.
    Agent,
    /// Syndarix itself: timers, sealing, reconciliation.
    System,
    /// An event whose sender the forge does not name. It never carries authority.
    Unknown,
}

impl ActorKind {
    const ALL: [(ActorKind, &str); 5] = [
        (ActorKind::Person, "person"),
        (ActorKind::Bot, "bot"),
        (ActorKind::Agent, "agent"),
        (ActorKind::System, "system"),
        (ActorKind::Unknown, "unknown"),
    ];

    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("unknown", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<ActorKind> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// An id that survives renames and erasure, such as `gitea:7` or `agt_…`; not a name.
    pub id: String,
    pub kind: ActorKind,
}

/// What is recorded about one thing that happened, before it has a place in a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub chain: ChainId,
    pub ts: Time,
    pub actor: Actor,
    /// What happened, as a word of printable ASCII, such as `model.called`.
    pub action: String,
    /// What it happened to, such as `issue:42` or `pull:43`.
    pub target: Option<String>,
    /// A JSON object: identifiers, integers, hashes, links. See [`text_by_hash`] and [`money`].
    pub details: Value,
    /// The id of what caused it: a delivery, an intent, an earlier entry.
    pub causation: Option<String>,
}

/// The entry cannot be written into the record, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the entry `{action}` cannot be recorded: {reason}")]
pub struct BadEntry {
    action: String,
    reason: String,
}

impl Entry {
    /// An entry with neither target, cause nor details.
    pub fn new(chain: ChainId, ts: Time, actor: Actor, action: impl Into<String>) -> Entry {
        Entry { chain, ts, actor, action: action.into(), target: None, details: json!({}), causation: None }
    }

    /// Whether the entry can be linked at whatever place it gets. To be asked before the entry is committed anywhere: a later refusal would stop the chain.
    pub fn check(&self) -> Result<(), BadEntry> {
        self.line(canonical::MAX_INTEGER, super::GENESIS).map(drop)
    }

    /// The canonical line at this place of the chain, without line feed.
    pub(super) fn line(&self, seq: u64, prev: &str) -> Result<String, BadEntry> {
        let bad = |reason| BadEntry { action: self.action.chars().take(MAX_ACTION).collect(), reason };
        self.check_fields().map_err(bad)?;
        let line = canonical::encode(&self.value(seq, prev)).map_err(bad)?;
        if line.len() > MAX_LINE {
            return Err(bad(format!("its line would be longer than {MAX_LINE} bytes; record long parts by hash")));
        }
        Ok(line)
    }

    fn value(&self, seq: u64, prev: &str) -> Value {
        json!({
            "v": VERSION,
            "seq": seq,
            "prev": prev,
            "ts": self.ts.0,
            "project": self.chain.to_string(),
            "actor": { "id": self.actor.id, "type": self.actor.kind.as_str() },
            "action": self.action,
            "target": self.target,
            "details": self.details,
            "causation": self.causation,
        })
    }

    fn check_fields(&self) -> Result<(), String> {
        if self.action.is_empty() || self.action.len() > MAX_ACTION || !self.action.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("an action is 1 to {MAX_ACTION} printable ASCII characters without spaces"));
        }
        if self.actor.id.is_empty() {
            return Err("the actor has no id".into());
        }
        if self.ts.0 < 0 {
            return Err("its time lies before 1970".into());
        }
        if !self.details.is_object() {
            return Err("its details are not a JSON object".into());
        }
        Ok(())
    }
}

/// How the record refers to a text that a person or a model wrote: by hash and length.
pub fn text_by_hash(text: &str) -> Value {
    json!({ "bytes": text.len(), "sha256": sha256_hex(text) })
}

/// How the record writes an amount: nano-USD as a text of digits, since amounts may pass the integers that every JSON reader keeps.
pub fn money(amount: Nano) -> Value {
    Value::String(amount.0.to_string())
}

/// An entry as read from a line, with its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Linked {
    pub seq: u64,
    /// SHA-256 of the previous raw line in lower-case hex; see [`super::GENESIS`].
    pub prev: String,
    pub entry: Entry,
}

impl Linked {
    /// Reads a raw line without its line feed. Strict: exactly the bytes that this version would have written, or a sentence about what is wrong.
    pub fn parse(line: &[u8]) -> Result<Linked, String> {
        if line.len() > MAX_LINE {
            return Err(format!("the line is longer than {MAX_LINE} bytes"));
        }
        let value: Value = serde_json::from_slice(line).map_err(|error| format!("the line is not JSON ({error})"))?;
        check_version(&value)?;
        let canonical = canonical::encode(&value)?;
        if canonical.as_bytes() != line {
            return Err("the line is not in canonical form (spacing, key order, escapes or a repeated key)".into());
        }
        let linked = Fields(value).linked()?;
        linked.entry.check_fields()?;
        Ok(linked)
    }
}

fn check_version(value: &Value) -> Result<(), String> {
    match value.get("v").and_then(Value::as_u64) {
        Some(VERSION) => Ok(()),
        Some(newer) if newer > VERSION => {
            Err(format!("it is written in version {newer} of the format and this program reads version {VERSION}; use a newer one"))
        }
        _ => Err(format!("the field `v` is missing or not {VERSION}")),
    }
}

const FIELDS: [&str; 10] = ["action", "actor", "causation", "details", "prev", "project", "seq", "target", "ts", "v"];

/// The members of a line, taken out one by one.
struct Fields(Value);

impl Fields {
    fn linked(mut self) -> Result<Linked, String> {
        exactly(&self.0, &FIELDS)?;
        exactly(&self.0["actor"], &["id", "type"])?;
        let kind = text(self.0["actor"]["type"].take(), "actor.type")?;
        let actor = Actor {
            id: text(self.0["actor"]["id"].take(), "actor.id")?,
            kind: ActorKind::parse(&kind).ok_or_else(|| format!("`{}` is not a type of actor", kind.escape_debug()))?,
        };
        let entry = Entry {
            chain: text(self.0["project"].take(), "project")?.parse()?,
            ts: Time(self.0["ts"].as_i64().ok_or("the field `ts` is not an integer")?),
            actor,
            action: text(self.0["action"].take(), "action")?,
            target: optional(self.0["target"].take(), "target")?,
            details: self.0["details"].take(),
            causation: optional(self.0["causation"].take(), "causation")?,
        };
        let seq = self.0["seq"].as_u64().ok_or("the field `seq` is not a number from 0")?;
        Ok(Linked { seq, prev: text(self.0["prev"].take(), "prev")?, entry })
    }
}

fn exactly(value: &Value, names: &[&str]) -> Result<(), String> {
    let members = value.as_object().ok_or_else(|| format!("an object with {} is expected", names.join(", ")))?;
    if let Some(missing) = names.iter().find(|name| !members.contains_key(**name)) {
        return Err(format!("the field `{missing}` is missing"));
    }
    match members.keys().find(|key| !names.contains(&key.as_str())) {
        Some(unknown) => Err(format!("the field `{}` is not part of the format", unknown.escape_debug())),
        None => Ok(()),
    }
}

fn text(value: Value, name: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(format!("the field `{name}` is not a text")),
    }
}

fn optional(value: Value, name: &str) -> Result<Option<String>, String> {
    if value.is_null() { Ok(None) } else { text(value, name).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let actor = Actor { id: "gitea:7".into(), kind: ActorKind::Person };
        Entry::new(ChainId::System, Time(1_785_740_400_000_000), actor, "story.planned")
    }

    #[test]
    fn a_line_reads_back_as_what_was_written() {
        let mut wanted = entry();
        wanted.target = Some("issue:42".into());
        wanted.causation = Some("del_1".into());
        wanted.details = json!({ "cost_nano": money(Nano(i64::MAX)), "plan": text_by_hash("do it") });
        let line = wanted.line(3, super::super::GENESIS).expect("a good entry");
        let linked = Linked::parse(line.as_bytes()).expect("a good line");
        assert_eq!((linked.seq, linked.entry), (3, wanted));
    }

    #[test]
    fn entries_that_would_stop_the_chain_are_refused_early() {
        type Spoil = fn(&mut Entry);
        let rows: [(Spoil, &str); 6] = [
            (|e| e.action = "two words".into(), "an action is"),
            (|e| e.actor.id.clear(), "no id"),
            (|e| e.ts = Time(-1), "1970"),
            (|e| e.details = json!([]), "not a JSON object"),
            (|e| e.details = json!({"text": "x".repeat(2_000)}), "hash"),
            (|e| e.details = json!({"texts": vec!["x".repeat(1_000); 66]}), "longer than 65536"),
        ];
        for (spoil, why) in rows {
            let mut entry = entry();
            spoil(&mut entry);
            let refused = entry.check().expect_err(why).to_string();
            assert!(refused.contains(why), "{refused}");
        }
        assert_eq!(entry().check(), Ok(()));
    }

    #[test]
    fn a_chain_has_one_name() {
        let id = ProjectId::named("acme/shop").to_string();
        assert_eq!(id.parse::<ChainId>().map(|chain| chain.to_string()), Ok(id.clone()));
        assert_eq!("system".parse(), Ok(ChainId::System));
        for other in ["", "System", "sub_1", &id.to_uppercase(), &format!("prj_{}", ProjectId::named("acme/shop").0)] {
            assert!(other.parse::<ChainId>().is_err(), "{other}");
        }
    }
}

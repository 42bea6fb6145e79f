//! The shapes of answers: which fields an item has, and what each means. The description is written from these, and tests hold the
//! answers against them.

use serde_json::{Map, Value, json};

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    /// RFC 3339 in UTC.
    Moment,
    Whole,
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    Texts,
    Item(&'static Shape),
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: &'static str,
    kind: Kind,
    /// It may be null. Fields are always there.
    maybe: bool,
    about: &'static str,
}

/// An item.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    fields: &'static [&'static [Field]],
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, maybe: false, about }
}

const fn maybe(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, maybe: true, about }
}

use Kind::{Flag, Item, Moment, Text, Texts, Whole, Word};

pub const PROJECT: Shape = Shape {
    name: "Project",
    fields: &[&[
        field("id", Text, "Its id, `prj_…`."),
        field("forge", Text, "Name of the forge in the settings."),
        field("path", Text, "`owner/name` as last seen."),
        field("default_branch", Text, "The branch that stories merge into."),
        field("since", Moment, "When it was first seen."),
        field("stories", Whole, "Issues and pull requests under care."),
        field("intents_waiting", Whole, "What people and events asked for that is not decided yet."),
        field("effects_waiting", Whole, "What is decided and not done on the forge yet."),
        field("model_calls", Whole, "Calls of models that money was reserved for."),
        field("spent_micro_usd", Whole, "What models have cost, in millionths of a US dollar, rounded up."),
        field("reserved_micro_usd", Whole, "Reserved for calls under way, likewise."),
    ]],
};

const AGENT: Shape = Shape {
    name: "Agent",
    fields: &[&[
        field("name", Text, "What it is called."),
        field("type", Text, "Its type in the configuration."),
        field("purpose", Text, "What it was sent to do."),
        field("run", Text, "The run, `run_…`."),
    ]],
};

const PULL: Shape = Shape {
    name: "PullRequest",
    fields: &[&[field("number", Whole, "Its number."), field("stage", Text, "As its label says."), field("open", Flag, "It is open.")]],
};

pub const STORY: Shape = Shape {
    name: "Story",
    fields: &[&[
        field("id", Text, "Its id, `sub_…`."),
        field("number", Whole, "Number of the issue."),
        field(
            "stage",
            Word(&["none", "analysis", "design", "implementation", "review", "testing", "done", "cancelled"]),
            "Where it stands.",
        ),
        field("flags", Texts, "Labels such as `syndarix/waiting`."),
        field("round", Whole, "How often it was planned."),
        field("autonomy", Text, "The level in force."),
        maybe("waits_for", Text, "The checkpoint that waits for a person."),
        maybe("agent", Item(&AGENT), "Who is at work."),
        maybe("pull", Item(&PULL), "Its pull request."),
        field("spent_micro_usd", Whole, "What models have cost, in millionths of a US dollar, rounded up."),
        field("since", Moment, "When it was first seen."),
    ]],
};

pub const JOB: Shape = Shape {
    name: "Job",
    fields: &[&[
        field("id", Text, "Its id."),
        field("kind", Word(super::query::KIND.words), "What is to be done."),
        maybe("project", Text, "`owner/name`."),
        maybe("project_id", Text, "The project's id."),
        maybe("number", Whole, "Issue or pull request that it is about."),
        field("under_way", Flag, "Somebody is at it."),
        maybe("owner", Text, "The process that is at it."),
        field("run_at", Moment, "When it is or was due."),
        field("attempts", Whole, "How often it was begun."),
        maybe("next", Text, "What is to be decided or done."),
        maybe("error", Text, "Why the last try failed."),
        field("why", Text, "Why it is not done yet, in a sentence."),
    ]],
};

pub const RETRIED: Shape =
    Shape { name: "Retried", fields: &[&[field("id", Text, "The job."), field("said", Text, "What happens next.")]] };

const DELIVERY_FIELDS: &[Field] = &[
    field("id", Text, "Its id, `del_…`."),
    field("state", Word(super::query::STATE.words), "What became of it."),
    maybe("reason", Text, "Why, in words."),
    field("hook", Text, "The web hook it came through."),
    field("event", Text, "The sender's name of the event."),
    field("delivery_id", Text, "The sender's id of it."),
    field("source", Word(&["webhook", "internal", "synthetic"]), "How it came."),
    maybe("project", Text, "`owner/name`."),
    maybe("project_id", Text, "The project's id."),
    field("received_at", Moment, "When it first came."),
    field("last_seen", Moment, "When it last came."),
    field("redeliveries", Whole, "How often it came again."),
    field("replays", Whole, "How often somebody had it read again."),
    maybe("replayed_at", Moment, "When that was, the last time."),
    maybe("finished_at", Moment, "When it was finished."),
];

pub const DELIVERY: Shape = Shape { name: "Delivery", fields: &[DELIVERY_FIELDS] };

pub const DELIVERY_WITH_BODY: Shape = Shape {
    name: "DeliveryWithBody",
    fields: &[DELIVERY_FIELDS, &[field("body", Text, "What was sent, as text; secrets of this installation are masked.")]],
};

pub const REPLAYED: Shape =
    Shape { name: "Replayed", fields: &[&[field("id", Text, "The delivery."), field("said", Text, "What happens next.")]] };

pub const RECORD: Shape = Shape {
    name: "Record",
    fields: &[&[
        field("chain", Text, "Name of the chain: the project's id, or `system`."),
        maybe("project", Text, "`owner/name`."),
        field("unsealed", Whole, "Entries without a place in the chain."),
        field("entries", Whole, "Lines of the chain."),
        field("pushed", Whole, "Lines that the audit repository has. The system's chain is not pushed."),
        maybe("head", Text, "SHA-256 of the newest line."),
        maybe("commit", Text, "The commit that was pushed last."),
        maybe("diverged_at", Moment, "Since when the audit repository has not continued what was pushed; see `syndarix audit verify`."),
    ]],
};

impl Shape {
    /// As a JSON schema: all fields are there, and no others.
    pub fn schema(&self) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in self.fields.iter().copied().flatten() {
            let mut schema = field.kind.schema();
            if field.maybe {
                schema = json!({"anyOf": [schema, {"type": "null"}]});
            }
            schema["description"] = json!(field.about);
            properties.insert(field.name.to_owned(), schema);
            required.push(field.name);
        }
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Text => json!({"type": "string"}),
            Moment => json!({"type": "string", "format": "date-time"}),
            Whole => json!({"type": "integer"}),
            Flag => json!({"type": "boolean"}),
            Word(words) => json!({"type": "string", "enum": words}),
            Texts => json!({"type": "array", "items": {"type": "string"}}),
            Item(shape) => shape.schema(),
        }
    }
}

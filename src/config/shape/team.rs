//! The files of `bot-config/`, key by key. What a key means stands in the built-in file where that is commented.

use super::{Key, Kind};

const STORIES: &[Key] = &[
    Key::needed("max_parallel_runs", Kind::Whole(0)),
    Key::needed("repair_tries", Kind::Whole(0)),
    Key::needed("command_max_age_hours", Kind::Whole(0)),
];

pub(super) const MAIN: &[Key] = &[
    Key::needed("stories", Kind::Table(STORIES)).note("How stories run."),
    Key::needed("identity", Kind::Table(&[Key::needed("commit_email", Kind::Text)])).note("As whom commits are made."),
];

const INPUT: Key = Key::needed("input", Kind::Amount).note("US dollars for a million plain tokens in.");
const OUTPUT: Key = Key::needed("output", Kind::Amount).note("US dollars for a million tokens out.");
const CACHE_WRITE: Key =
    Key::new("cache_write", Kind::Amount).note("US dollars for a million tokens put into the prompt cache. Left out: as `input`.");
const CACHE_READ: Key =
    Key::new("cache_read", Kind::Amount).note("US dollars for a million tokens read from the prompt cache. Left out: as `input`.");

const LONG: &[Key] = &[
    Key::needed("over", Kind::Whole(0)).note("Tokens of the prompt from which these prices hold for the whole request."),
    INPUT,
    OUTPUT,
    CACHE_WRITE,
    CACHE_READ,
];

const PRICE: &[Key] =
    &[INPUT, OUTPUT, CACHE_WRITE, CACHE_READ, Key::new("long", Kind::Table(LONG)).note("Prices of requests with a long prompt.")];

const MODEL_PROVIDER: &[Key] = &[
    Key::needed("wire", Kind::Word(&["anthropic", "openai", "ollama", "scripted"]))
        .note("How it is spoken to: `openai` is every OpenAI-compatible server."),
    Key::new("url", Kind::Text).note("Where it is. Left out: the provider's own address."),
    Key::new("needs_key", Kind::Flag).note("true: without a key it is not used at all.").or("false"),
];

const MODEL: &[Key] = &[
    Key::new("price", Kind::Table(PRICE)).note("What it costs. Left out: `unknown_price`, and people read \"cost unknown\"."),
    Key::new("free", Kind::Flag).note("true: it costs nothing.").or("false"),
    Key::new("context", Kind::Whole(0)).note("Most tokens of prompt and answer."),
    Key::new("max_output", Kind::Whole(0)).note("Most tokens of one answer."),
];

const GROUP: &[Key] = &[
    Key::needed("models", Kind::List(&Kind::Text)).note("Models in the order in which they are tried."),
    Key::new("cheaper", Kind::Text).note("The group that takes over past the soft limit of a story."),
];

pub(super) const MODELS: &[Key] = &[
    Key::needed("unknown_price", Kind::Table(PRICE)),
    Key::needed("providers", Kind::Map(&Kind::Table(MODEL_PROVIDER))).note("Providers of models, by a name of your own."),
    Key::needed("models", Kind::Map(&Kind::Table(MODEL))).note("Models, by \"provider/name as the provider knows it\"."),
    Key::needed("groups", Kind::Map(&Kind::Table(GROUP))).note("Groups of models, by a name of your own; agents name a group."),
];

const LABEL: &[Key] = &[
    Key::needed("name", Kind::Text).note("Which label. The names are fixed."),
    Key::needed("color", Kind::Text).note("Six hex digits without `#`."),
    Key::needed("description", Kind::Text).note("What people read beside it."),
];

pub(super) const LABELS: &[Key] = &[Key::needed("labels", Kind::Tables(LABEL)).note("Each label once.")];

const LEVEL: Kind = Kind::Word(&["full-control", "milestone", "autonomous"]);

const RULES: &[Key] = &[
    Key::new("autonomy", LEVEL),
    Key::new("autonomy_ceiling", LEVEL),
    Key::new("one_person_team", Kind::Flag),
    Key::new("writers", Kind::List(&Kind::Text)),
    Key::new("listed_bots", Kind::List(&Kind::Text)),
    Key::new("keep_plan", Kind::Flag),
    Key::new("soft_usd", Kind::Amount),
    Key::new("hard_usd", Kind::Amount),
    Key::new("protected_paths", Kind::List(&Kind::Text)),
    Key::new("audit_repo", Kind::Text),
    Key::new("fix_tries", Kind::Whole(0)),
    Key::new("limits", Kind::Limits).note("Guard rails, see docs/guard-rails.md."),
    Key::new("bots", Kind::List(&Kind::Text)),
    Key::new("people", Kind::List(&Kind::Text)),
    Key::new("max_stories", Kind::Whole(0)),
];

pub(super) const POLICY: &[Key] = &[Key::needed("defaults", Kind::Table(RULES)).note("The rules.")];

pub(super) const PROJECT: &[Key] = &[
    Key::needed("forge", Kind::Text),
    Key::needed("repo", Kind::Text),
    Key::new("policy", Kind::Table(RULES)).note("What differs from policy.toml."),
    Key::new("link", Kind::Table(LINK)).note("A second repository in which issues of this one stand, see docs/linked.md."),
];

const LINK: &[Key] = &[
    Key::needed("forge", Kind::Text).note("Id of the linked repository's forge in the settings file."),
    Key::needed("repo", Kind::Text).note("The linked repository, owner/name. It is no project itself, and linked once."),
    Key::new("primary", Kind::Word(&["this", "linked"]))
        .note("Whose change holds where both sides changed the same thing and the time stamps are equal.")
        .or("\"this\""),
    Key::new("inward", Kind::Flag).note("true: what happens in the linked repository comes here.").or("true"),
    Key::new("outward", Kind::Flag).note("true: issues of this repository that carry `outward_label` go there.").or("false"),
    Key::new("outward_label", Kind::Text).note("The label by which people let an issue out.").or("\"mirror/outward\""),
];

/// What a repository may set for itself.
pub(super) const REPOSITORY: &[Key] = &[
    Key::new("autonomy", LEVEL)
        .note("What waits for a person, if that is to be more: `full-control` is the tightest, `autonomous` the loosest."),
    Key::new("autonomy_ceiling", LEVEL).note(
        "The loosest level that a maintainer may set by command. Left out: the administrator's, or `autonomy` where this file sets it.",
    ),
    Key::new("one_person_team", Kind::Flag).note("false: who asked for a story, or wrote commits in it, does not approve it."),
    Key::new("writers", Kind::List(&Kind::Text)).note("Those of the administrator's list that count as writers here."),
    Key::new("listed_bots", Kind::List(&Kind::Text)).note("Those of the administrator's list that may give commands here."),
    Key::new("bots", Kind::List(&Kind::Text)).note("Further logins of programs, which are ignored."),
    Key::new("soft_usd", Kind::Amount).note(
        "US dollars one story may cost before its agents go on with a cheaper model group: at most as many as the administrator allows.",
    ),
    Key::new("hard_usd", Kind::Amount).note("US dollars one story may never cost more than: at most as many as the administrator allows."),
    Key::new("protected_paths", Kind::List(&Kind::Text)).note(
        "Further files that agents change only after a person has approved that very change: a file, `dir/**`, or `*.ext` at any depth.",
    ),
    Key::new("fix_tries", Kind::Whole(0))
        .note("Tries to turn a failed CI green before a person is asked: at most as many as the administrator allows."),
    Key::new("max_stories", Kind::Whole(0)).note("Most stories at work at once: at most as many as the administrator allows."),
    Key::new("limits", Kind::Limits).note("Guard rails, see docs/guard-rails.md; each at most as high as the administrator's."),
    Key::new("link", Kind::Table(DIRECTIONS)).note("Directions of the administrator's link that are switched off, see docs/linked.md."),
];

const DIRECTIONS: &[Key] = &[
    Key::new("inward", Kind::Flag).note("false: nothing comes from the linked repository."),
    Key::new("outward", Kind::Flag).note("false: nothing goes to the linked repository."),
];

const CAPS: &[Key] = &[
    Key::needed("max_steps", Kind::Whole(0)),
    Key::needed("max_minutes", Kind::Whole(0)),
    Key::needed("max_tokens", Kind::Whole(0)),
    Key::needed("max_reply_tokens", Kind::Whole(0)),
    Key::needed("max_usd", Kind::Amount),
];

pub(super) const AGENT: &[Key] = &[
    Key::needed("title", Kind::Text),
    Key::needed("model_group", Kind::Text),
    Key::needed("names", Kind::List(&Kind::Text)),
    Key::needed("expertise", Kind::List(&Kind::Text)),
    Key::needed("personality", Kind::Text),
    Key::needed("capabilities", Kind::List(&Kind::Word(&["analyse", "design", "implement", "fix", "review", "test", "merge"]))),
    Key::needed("tools", Kind::List(&Kind::Text)),
    Key::needed("reads_untrusted", Kind::Flag),
    Key::needed("caps", Kind::Table(CAPS)).note("Where a run stops and a person is asked."),
];

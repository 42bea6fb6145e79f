//! The settings file, key by key.

use super::{Key, Kind};

const FORGE: &[Key] = &[
    Key::needed("id", Kind::Text)
        .note("Name of this forge: lower-case letters, digits and dashes. Its web hooks come to `/hooks/<id>`.")
        .like("\"home\""),
    Key::needed("kind", Kind::Word(&["gitea", "forgejo", "github", "gitlab"]))
        .note("What it is: `gitea`, `forgejo`, `github` or `gitlab`.")
        .like("\"gitea\"")
        .by("SYNDARIX_FORGE_<ID>_KIND"),
    Key::needed("url", Kind::Text)
        .note("Address at which this program reaches it; may have a sub-path.")
        .like("\"https://git.example.org\"")
        .by("SYNDARIX_FORGE_<ID>_URL"),
    Key::new("public_url", Kind::Text)
        .note("Address at which people reach it, for links. Left out: `url`.")
        .like("\"https://git.example.org\"")
        .by("SYNDARIX_FORGE_<ID>_PUBLIC_URL"),
    Key::new("token", Kind::Secret)
        .note("Access token of the bot's account. Better in a file of its own, see `token_file`.")
        .like("\"…\"")
        .by("SYNDARIX_FORGE_<ID>_TOKEN"),
    Key::new("token_file", Kind::Path)
        .note("File that holds the access token of the bot's account, readable by this program alone.")
        .like("\"/etc/syndarix/token\"")
        .by("SYNDARIX_FORGE_<ID>_TOKEN_FILE"),
    Key::new("app_id", Kind::Whole(1))
        .note("GitHub only: number of the GitHub App that the bot is, in place of a token. Its settings page calls it \"App ID\".")
        .like("123456")
        .by("SYNDARIX_FORGE_<ID>_APP_ID"),
    Key::new("private_key", Kind::Secret)
        .note("Private key of the GitHub App, in PEM. Better in a file of its own, see `private_key_file`.")
        .like("\"…\"")
        .by("SYNDARIX_FORGE_<ID>_PRIVATE_KEY"),
    Key::new("private_key_file", Kind::Path)
        .note("File that holds the private key of the GitHub App as GitHub gave it, readable by this program alone.")
        .like("\"/etc/syndarix/app.pem\"")
        .by("SYNDARIX_FORGE_<ID>_PRIVATE_KEY_FILE"),
    Key::new("hook_secret", Kind::Secret)
        .note("Secret that signs web hooks. Better in a file of its own, see `hook_secret_file`.")
        .like("\"…\"")
        .by("SYNDARIX_FORGE_<ID>_HOOK_SECRET"),
    Key::new("hook_secret_file", Kind::Path)
        .note("File that holds the secret that signs web hooks. `syndarix init` makes one, `syndarix onboard` gives it to the forge.")
        .like("\"/etc/syndarix/hook-secret\"")
        .by("SYNDARIX_FORGE_<ID>_HOOK_SECRET_FILE"),
];

const PROVIDER: &[Key] = &[
    Key::new("url", Kind::Text)
        .note("Address in place of the one in models.toml.")
        .like("\"http://127.0.0.1:11434\"")
        .by("SYNDARIX_<NAME>_URL"),
    Key::new("key_file", Kind::Path)
        .note("File that holds the key of this provider. The variable SYNDARIX_<NAME>_API_KEY holds the key itself.")
        .like("\"/etc/syndarix/anthropic-key\"")
        .by("SYNDARIX_<NAME>_API_KEY_FILE"),
];

const TIMINGS: &[Key] = &[
    Key::new("status_spacing_seconds", Kind::Whole(0))
        .note("Least time between two edits of one status comment.")
        .or("5")
        .by("SYNDARIX_TIMINGS_STATUS_SPACING_SECONDS"),
    Key::new("audit_spacing_seconds", Kind::Whole(0))
        .note("Least time between two pushes to an audit repository.")
        .or("10")
        .by("SYNDARIX_TIMINGS_AUDIT_SPACING_SECONDS"),
    Key::new("subject_lease_seconds", Kind::Whole(0))
        .note("How long a turn of a story may hold it without a sign of life. After a crash of one of several instances others wait this long.")
        .or("30")
        .by("SYNDARIX_TIMINGS_SUBJECT_LEASE_SECONDS"),
    Key::new("run_lease_seconds", Kind::Whole(0))
        .note("How long an agent's run holds its work without a sign of life.")
        .or("120")
        .by("SYNDARIX_TIMINGS_RUN_LEASE_SECONDS"),
    Key::new("poll_seconds", Kind::Whole(0))
        .note("Longest wait between two looks at a repository for what no web hook told.")
        .or("300")
        .by("SYNDARIX_TIMINGS_POLL_SECONDS"),
    Key::new("poll_quick_seconds", Kind::Whole(0))
        .note("Shortest wait between two such looks, while something goes on there.")
        .or("12")
        .by("SYNDARIX_TIMINGS_POLL_QUICK_SECONDS"),
    Key::new("idle_seconds", Kind::Whole(0))
        .note("Between two looks into the database when nobody wakes a worker.")
        .or("1")
        .by("SYNDARIX_TIMINGS_IDLE_SECONDS"),
    Key::new("call_seconds", Kind::Whole(0))
        .note("How long one call to a forge may take.")
        .or("30")
        .by("SYNDARIX_TIMINGS_CALL_SECONDS"),
    Key::new("drain_seconds", Kind::Whole(0))
        .note("How long a process that was asked to stop ends what is under way; the rest is handed over. A service manager should wait longer than this.")
        .or("30")
        .by("SYNDARIX_TIMINGS_DRAIN_SECONDS"),
];

const RETENTION: &[Key] = &[
    Key::new("ignored_days", Kind::Whole(0))
        .note("Days that deliveries are kept on which nobody acted. 0: for ever.")
        .or("30")
        .by("SYNDARIX_RETENTION_IGNORED_DAYS"),
    Key::new("done_days", Kind::Whole(0))
        .note("Days that deliveries are kept that led to something. 0: for ever.")
        .or("90")
        .by("SYNDARIX_RETENTION_DONE_DAYS"),
    Key::new("failed_days", Kind::Whole(0))
        .note("Days that deliveries are kept that could not be read; until then they can be replayed. 0: for ever.")
        .or("365")
        .by("SYNDARIX_RETENTION_FAILED_DAYS"),
];

const GIT: &[Key] = &[
    Key::new("max_fetch_megabytes", Kind::Whole(0))
        .note("Most millions of bytes that one fetch from a forge may bring.")
        .like("2000")
        .by("SYNDARIX_GIT_MAX_FETCH_MEGABYTES"),
    Key::new("max_fetch_objects", Kind::Whole(0))
        .note("Most objects that one fetch from a forge may bring.")
        .like("5000000")
        .by("SYNDARIX_GIT_MAX_FETCH_OBJECTS"),
];

/// The settings file.
pub const SETTINGS: &[Key] = &[
    Key::new("data_dir", Kind::Path)
        .note("Directory for the database, mirrors and work trees. Made when missing.")
        .or("\"data\"")
        .by("SYNDARIX_DATA_DIR"),
    Key::new("listen", Kind::Text).note("Address and port to listen on.").or("\"127.0.0.1:8620\"").by("SYNDARIX_LISTEN"),
    Key::new("public_url", Kind::Text)
        .note("Address under which the forges reach this program: their web hooks go to `<public_url>/hooks/<id>`. Left out: that of `listen`.")
        .like("\"http://10.0.0.5:8620\"")
        .by("SYNDARIX_PUBLIC_URL"),
    Key::new("store_url", Kind::Secret)
        .note("PostgreSQL for several instances, `postgres://USER:PASSWORD@HOST:PORT/NAME`. It holds a password: better in SYNDARIX_STORE_URL or in the file that SYNDARIX_STORE_URL_FILE names. Left out: SQLite in the data directory.")
        .like("\"postgres://syndarix:…@db.example.org/syndarix\"")
        .by("SYNDARIX_STORE_URL"),
    Key::new("bot_config", Kind::Path)
        .note("Directory whose files replace the built-in ones of the same name: agents, models, rules. Left out: the built-in team.")
        .like("\"bot-config\"")
        .by("SYNDARIX_BOT_CONFIG"),
    Key::new("prompts", Kind::Path)
        .note("Directory whose files replace the built-in prompts of the same name.")
        .like("\"prompts\"")
        .by("SYNDARIX_PROMPTS"),
    Key::new("config_repo", Kind::Text)
        .note("Git repository that holds the team in place of these two directories: `<forge id>:owner/name`, an address, or a path. Its default branch is followed, and a good commit takes effect without a restart; see docs/admin.md.")
        .like("\"home:acme/bot-config\"")
        .by("SYNDARIX_CONFIG_REPO"),
    Key::new("config_path", Kind::Text)
        .note("Folder of `config_repo` in which `policy.toml`, `agents/`, `projects/` and `prompts/` lie. Left out: its top.")
        .like("\"bot-config\"")
        .by("SYNDARIX_CONFIG_PATH"),
    Key::new("log", Kind::Text)
        .note("What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), or a filter such as `info,syndarix=debug`.")
        .or("\"info\"")
        .by("SYNDARIX_LOG"),
    Key::new("log_format", Kind::Word(&["text", "json"]))
        .note("How log lines are written to standard error: for people, or one JSON object a line.")
        .or("\"text\"")
        .by("SYNDARIX_LOG_FORMAT"),
    Key::new("metrics_need_token", Kind::Flag)
        .note("`/metrics` is answered only to who shows a token with the scope `metrics`; see `syndarix token issue`. It names repositories: set it where others than your monitoring reach `listen`.")
        .or("false")
        .by("SYNDARIX_METRICS_NEED_TOKEN"),
    Key::new("otlp_endpoint", Kind::Text)
        .note("Collector of traces: OTLP over HTTP in its JSON encoding, at `<otlp_endpoint>/v1/traces`. Left out: no traces are made. They hold ids, numbers and names of models and forges, and no texts.")
        .like("\"http://127.0.0.1:4318\"")
        .by("SYNDARIX_OTLP_ENDPOINT"),
    Key::new("projects", Kind::List(&Kind::Text))
        .note("Repositories that are served: `owner/name`, `owner/*`, `*`, and `!owner/name` for what is taken out. In the variable, separated by commas. Nobody is served by accident: an empty list serves none.")
        .or("[]")
        .like("[\"acme/shop\"]")
        .by("SYNDARIX_PROJECTS"),
    Key::new("forges", Kind::Tables(FORGE)).note("A forge and the bot's account on it. One block for each."),
    Key::new("providers", Kind::Map(&Kind::Table(PROVIDER)))
        .note("What is particular here about a provider of models.toml, such as `[providers.ollama]`."),
    Key::new("timings", Kind::Table(TIMINGS)).note("How often and how long. The built-in values suit most."),
    Key::new("retention", Kind::Table(RETENTION)).note("How long deliveries are kept. The record itself is kept for ever."),
    Key::new("git", Kind::Table(GIT)).note("Bounds of what a forge may send in one fetch. Left out: the built-in ones."),
];

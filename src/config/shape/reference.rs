//! `docs/configuration.md`, written from the table.

use super::{FILES, File, Key, Kind, limits, notes_of};

const HEAD: &str = "# Configuration

<!-- Written from the table in src/config/shape. `UPDATE_GOLDEN=1 cargo test --test admin reference` writes it anew. -->

Two things are configured: the process (one settings file, and variables over it), and the team (the directory `bot-config/`, or a Git
repository that is followed, laid over
the built-in one file by file). `syndarix init` writes both with a comment at every key. `syndarix config check` names every mistake with
file, line and column; `syndarix config show` prints what holds and where it comes from, without secrets.

- A variable that is set and not empty goes over the file. A secret `X` may also stand in a file that `X_FILE` names; then the secret
  never is in the environment. A variable that begins with `SYNDARIX_` and is not known is a mistake.
- In names of variables, the id of a forge and the name of a provider stand in capitals, and everything but letters and digits becomes
  `_`: the token of the forge `my-git` is `SYNDARIX_FORGE_MY_GIT_TOKEN`.
- Keys of model providers: `SYNDARIX_<NAME>_API_KEY`, `SYNDARIX_<NAME>_API_KEY_FILE`, `key_file`, and for `anthropic` and `openai` also
  `ANTHROPIC_API_KEY` and `OPENAI_API_KEY`. `OLLAMA_HOST` says where Ollama is.
- `SYNDARIX_CONFIG` names the settings file; otherwise it is `--config FILE`, or `syndarix-settings.toml` in the current directory.
- Editors that know JSON schemas complete and check the files: `syndarix config schema` prints them, `docs/schemas/` holds them, and the
  files that `syndarix init` writes name theirs in the first line.
- Traces over OTLP are not there in this version. Metrics
  are served at `/metrics` (docs/admin.md).
";

/// The whole page.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for file in FILES {
        text.push_str(&format!("\n## `{}`\n\n{}\n", file.place, file.about));
        section(&mut text, file, "", file.keys);
    }
    text
}

fn section(text: &mut String, file: &File, path: &str, keys: &[Key]) {
    let of_settings = file.name == "settings";
    let plain: Vec<&Key> = keys.iter().filter(|key| inner(&key.kind).is_none() && !matches!(key.kind, Kind::Limits)).collect();
    if !plain.is_empty() {
        let extra = if of_settings { (" variable |", "---|") } else { ("", "") };
        text.push_str(&format!("\n| key | holds | built in | meaning |{}\n|---|---|---|---|{}\n", extra.0, extra.1));
    }
    for key in plain {
        let path = join(path, key.name);
        let standard = match (key.standard, key.needed) {
            (Some(standard), _) => format!("`{standard}`"),
            (None, true) => "needed".to_owned(),
            (None, false) => String::new(),
        };
        let variable =
            if of_settings { format!(" {} |", key.variable.map(|name| format!("`{name}`")).unwrap_or_default()) } else { String::new() };
        let note = notes_of(file, &path, key).replace('|', "\\|");
        text.push_str(&format!("| `{}` | {} | {standard} | {note} |{variable}\n", key.name, key.kind.word()));
    }
    for key in keys {
        let path = join(path, key.name);
        if let Some((of, head)) = inner(&key.kind) {
            text.push_str(&format!("\n### {} `{}`\n\n{}\n", file.name, head.replace('@', &path), notes_of(file, &path, key)));
            section(text, file, &path, of);
        } else if let Kind::Limits = key.kind {
            text.push_str(&format!("\n### {} `[{path}]`\n\n{}\n\n| key | meaning |\n|---|---|\n", file.name, notes_of(file, &path, key)));
            for name in limits() {
                let note = notes_of(file, &format!("{path}.{name}"), &Key::new("", Kind::Whole(1)));
                text.push_str(&format!("| `{name}` | {note} |\n"));
            }
        }
    }
}

/// The keys inside a table, and how its head is written, with `@` for its path.
fn inner(kind: &Kind) -> Option<(&'static [Key], &'static str)> {
    match kind {
        Kind::Table(keys) => Some((keys, "[@]")),
        Kind::Tables(keys) => Some((keys, "[[@]]")),
        Kind::Map(Kind::Table(keys)) => Some((keys, "[@.<name>]")),
        _ => None,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

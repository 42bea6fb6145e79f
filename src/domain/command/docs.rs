//! The page `docs/commands.md`, written from the table.

use super::spec::{COMMANDS, NOT_YET};
use super::{MAX_COMMANDS, help};

const HEAD: &str = "# Commands

A command stands at the start of a line of a comment on an issue or a pull request. Its name is `/syndarix`, `/sx` or the bot's account (`@syndarix`), in any case;
alone it answers with the help. One comment may hold several commands, one per line, at most {max}.

Markdown is read first: code, quotes, links, headings, tables, list items, struck text, footnotes and everything inside HTML elements are never commands, nor is
what follows a mail signature (`-- `). If a line starts with the name but Markdown joins it to the block above, nothing is run and you are told to leave an empty line.

- Options: `--name=value`, `--name value`, `--flag`, `--no-flag`. An unknown option is an error. `--` ends the options.
- Quotes: `\"...\"`, `'...'` and the curly ones that phones type; an em-dash before a known option counts as `--`.
- If one line has an error, no command of that comment that changes anything is run.
- In an edited comment only new lines run, and `approve` never does.
- Invisible characters and look-alike letters are never obeyed: you are asked to type the line by hand.
- A command that is first seen more than 24 hours after it was written is not run.

What you may do is asked of the forge at that moment, by your account and not by your name. Other bots are ignored unless the configuration lists them.

";

/// The whole page.
pub fn docs_page() -> String {
    let mut page = HEAD.replace("{max}", &MAX_COMMANDS.to_string());
    page.push_str("| command | meaning | least role | where |\n|---|---|---|---|\n");
    for spec in COMMANDS {
        page.push_str(&format!("| `{}` | {} | {} | {} |\n", spec.usage, spec.summary, spec.who.in_words(), spec.place.in_words()));
    }
    for spec in COMMANDS {
        page.push_str(&format!("\n## {}\n\n{}\n", spec.name, help::text(Some(spec.name))));
    }
    let not_yet: Vec<String> = NOT_YET.iter().map(|verb| format!("`{verb}`")).collect();
    page.push_str(&format!("\n## Not in this version\n\nThese verbs are known and answered with a sentence: {}.\n", not_yet.join(", ")));
    page
}

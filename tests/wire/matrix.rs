//! The matrix of abilities in `docs/forges.md` is what the drivers say. `UPDATE_GOLDEN=1` rewrites it.

use std::path::Path;

use syndarix::domain::ability::{Ability, Has};
use syndarix::forge::{gitea, github, gitlab};

const BEGIN: &str = "<!-- matrix of abilities: made by tests/wire/matrix.rs -->\n";
const END: &str = "<!-- end of the matrix -->\n";
/// Newer than any version that a driver asks about.
const NEWEST: (u32, u32) = (99, 0);

/// A kind of forge and what it can do; one line for each driver.
type Kind = (&'static str, fn(Ability) -> Has);
const KINDS: &[Kind] = &[
    ("Gitea", |ability| gitea::abilities::of(false, NEWEST, ability)),
    ("Forgejo", |ability| gitea::abilities::of(true, NEWEST, ability)),
    ("GitHub", |ability| github::abilities::of(ability)),
    ("GitLab", |ability| gitlab::abilities::of(NEWEST, ability)),
];

fn matrix() -> String {
    let mut text = String::from("|");
    for name in std::iter::once("").chain(KINDS.iter().map(|(name, _)| *name)) {
        text.push_str(&format!(" {name} |"));
    }
    text.push_str(&format!("\n|{}\n", "---|".repeat(KINDS.len() + 1)));
    for ability in Ability::ALL {
        text.push_str(&format!("| {} |", ability.name()));
        for (_, of) in KINDS {
            let cell = match of(ability) {
                Has::Yes => "yes".to_owned(),
                Has::Partly(what) => format!("partly: {what}"),
                Has::No(instead) => format!("no: {instead}"),
            };
            text.push_str(&format!(" {} |", cell.replace('|', "\\|")));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_documented_matrix_is_what_the_drivers_say() {
    #[expect(clippy::disallowed_methods, reason = "the switch that rewrites golden files")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/forges.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("the matrix has its beginning") + BEGIN.len();
    let end = text.find(END).expect("the matrix has its end");
    if update {
        std::fs::write(&path, format!("{}{}{}", &text[..begin], matrix(), &text[end..])).unwrap();
    } else {
        assert_eq!(&text[begin..end], matrix(), "UPDATE_GOLDEN=1 rewrites the matrix");
    }
}

//! The labels that Syndarix keeps, and how each forge spells them. Inside the program a label is `scope/value`; GitLab keeps scopes apart by
//! `::`, so the exclusive ones are spelled that way there.

use std::borrow::Cow;

use super::forge::ForgeKind;

/// Exclusive scopes and their values, best known first.
pub const SCOPES: &[(&str, &[&str])] = &[
    ("story", &["analysis", "design", "implementation", "review", "testing", "done"]),
    ("sprint", &["planning", "active", "review", "done"]),
    ("pr", &["submitted", "reviewing", "changes-requested", "approved", "merged"]),
    ("autonomy", &["full-control", "milestone", "autonomous"]),
    ("priority", &["high", "medium", "low"]),
];

/// What a foreign label on GitLab is called inside the program when its plain name would read as one of ours.
pub const FOREIGN: &str = "plain:";

fn is_ours(scope: &str, value: &str) -> bool {
    SCOPES.iter().any(|(known, values)| *known == scope && values.contains(&value))
}

/// The name of a label as this kind of forge shows it, for texts that tell people what to set, and for the forge itself.
pub fn spelled(name: &str, kind: ForgeKind) -> Cow<'_, str> {
    if kind != ForgeKind::GitLab {
        return Cow::Borrowed(name);
    }
    if let Some(plain) =
        name.strip_prefix(FOREIGN).filter(|plain| plain.split_once('/').is_some_and(|(scope, value)| is_ours(scope, value)))
    {
        return Cow::Borrowed(plain);
    }
    match name.split_once('/') {
        Some((scope, value)) if is_ours(scope, value) => Cow::Owned(format!("{scope}::{value}")),
        _ => Cow::Borrowed(name),
    }
}

/// The name inside the program of a label that this kind of forge shows as `shown`. The reverse of [`spelled`]: a label that is really
/// called `story/design` on GitLab is somebody else's and never taken for ours.
pub fn neutral(shown: &str, kind: ForgeKind) -> Cow<'_, str> {
    if kind != ForgeKind::GitLab {
        return Cow::Borrowed(shown);
    }
    match (shown.split_once("::"), shown.split_once('/')) {
        (Some((scope, value)), _) if is_ours(scope, value) => Cow::Owned(format!("{scope}/{value}")),
        (_, Some((scope, value))) if is_ours(scope, value) => Cow::Owned(format!("{FOREIGN}{shown}")),
        _ => Cow::Borrowed(shown),
    }
}

/// The other labels of the exclusive scope that this one belongs to, by their names inside the program.
pub fn siblings(name: &str) -> Vec<String> {
    let Some((scope, value)) = name.split_once('/') else { return Vec::new() };
    let values = SCOPES.iter().find(|(known, values)| *known == scope && values.contains(&value)).map_or(&[][..], |(_, values)| values);
    values.iter().filter(|other| **other != value).map(|other| format!("{scope}/{other}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_forge_has_them_and_read_back() {
        let rows = [
            ("story/analysis", "story::analysis"),
            ("priority/low", "priority::low"),
            ("syndarix/waiting", "syndarix/waiting"),
            ("team::red", "team::red"),
            ("story::banana", "story::banana"),
            ("plain:story/analysis", "story/analysis"),
            ("bug", "bug"),
        ];
        for (inside, shown) in rows {
            assert_eq!(spelled(inside, ForgeKind::GitLab), shown);
            assert_eq!(neutral(shown, ForgeKind::GitLab), inside);
            assert_eq!(spelled(inside, ForgeKind::Gitea), inside);
        }
        assert_eq!(siblings("priority/low"), ["priority/high", "priority/medium"]);
        assert!(siblings("syndarix/waiting").is_empty() && siblings("plain:priority/low").is_empty());
    }
}

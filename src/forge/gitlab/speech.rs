//! Texts on their way to GitLab and back: labels are called there as GitLab shows them, and no line is a quick action.

use std::borrow::Cow;

use crate::domain::forge::ForgeKind;
use crate::domain::scopes;

use super::quick;

/// What is posted for this text.
pub fn outgoing(text: &str) -> String {
    quick::disarm(&in_code(text, |span| scopes::spelled(span, ForgeKind::GitLab)))
}

/// The text for which the bot itself posted this.
pub fn incoming(text: &str) -> String {
    in_code(&quick::rearm(text), |span| scopes::neutral(span, ForgeKind::GitLab))
}

/// Rewrites what stands between two backticks. Only a whole name is one: a path such as `docs/story/done` stays.
fn in_code(text: &str, rewrite: impl for<'a> Fn(&'a str) -> Cow<'a, str>) -> String {
    let spans: Vec<&str> = text.split('`').collect();
    let last = spans.len() - 1;
    let spans = spans.into_iter().enumerate().map(|(at, span)| if at == 0 || at == last { Cow::Borrowed(span) } else { rewrite(span) });
    spans.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_called_as_people_see_them_there() {
        let rows = [
            ("Put `story/analysis` on it, or `syndarix/paused`.", "Put `story::analysis` on it, or `syndarix/paused`."),
            ("| `autonomy/milestone` |", "| `autonomy::milestone` |"),
            ("story/analysis", "story/analysis"),
            ("`docs/story/done` and `story/other`", "`docs/story/done` and `story/other`"),
            ("```\nstory/done\n```", "```\nstory/done\n```"),
            ("a ` story/done", "a ` story/done"),
            ("", ""),
        ];
        for (text, posted) in rows {
            assert_eq!(outgoing(text), posted);
            assert_eq!(incoming(posted), text);
        }
    }

    #[test]
    fn quick_actions_are_disarmed_as_well() {
        let posted = outgoing("/close\n`pr/merged`");
        assert!(!posted.starts_with('/') && posted.ends_with("`pr::merged`"), "{posted:?}");
        assert_eq!(incoming(&posted), "/close\n`pr/merged`");
    }
}

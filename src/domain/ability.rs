//! What forges can and cannot do, and what Syndarix does instead. Drivers fill the table per kind and version of their forge; `doctor`, the
//! sentences on issues and the matrix in the documentation read it.

/// Something that one forge offers and another does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ability {
    /// A review can ask for changes.
    RequestChanges,
    /// A review names the commit it was given on.
    ReviewCommit,
    /// A review that lost its force is told.
    DismissalEvent,
    /// Labels of one scope exclude each other.
    ExclusiveLabels,
    /// A delivery says which labels were added and removed.
    LabelDelta,
    /// A comment on a line of the diff is told.
    LineCommentEvent,
    /// A renamed or moved repository is told.
    RenameEvent,
    /// An edited comment is told.
    CommentEditEvent,
    /// A deleted comment is told.
    CommentDeleteEvent,
    /// Drafts are a property of their own, not a mark in the title.
    Drafts,
    /// A commit status is told.
    StatusEvent,
    /// Comments take reactions.
    Reactions,
    /// Lost deliveries can be listed and sent once more.
    Redelivery,
    /// The bot may ask what anybody may do in a repository.
    RoleOfOthers,
}

/// Whether a forge has an ability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    Yes,
    /// Not quite: what is there, and what Syndarix does about the rest.
    Partly(&'static str),
    /// Not at all: what Syndarix does instead.
    No(&'static str),
}

impl Ability {
    /// All abilities, in the order in which they are shown.
    pub const ALL: [Ability; 14] = [
        Ability::RequestChanges,
        Ability::ReviewCommit,
        Ability::DismissalEvent,
        Ability::ExclusiveLabels,
        Ability::LabelDelta,
        Ability::LineCommentEvent,
        Ability::RenameEvent,
        Ability::CommentEditEvent,
        Ability::CommentDeleteEvent,
        Ability::Drafts,
        Ability::StatusEvent,
        Ability::Reactions,
        Ability::Redelivery,
        Ability::RoleOfOthers,
    ];

    /// What it is called in a table.
    pub fn name(self) -> &'static str {
        match self {
            Ability::RequestChanges => "reviews that request changes",
            Ability::ReviewCommit => "commit named in a review",
            Ability::DismissalEvent => "delivery for a dismissed review",
            Ability::ExclusiveLabels => "exclusive label scopes",
            Ability::LabelDelta => "label delta in deliveries",
            Ability::LineCommentEvent => "delivery for a comment on a line",
            Ability::RenameEvent => "delivery for a renamed repository",
            Ability::CommentEditEvent => "delivery for an edited comment",
            Ability::CommentDeleteEvent => "delivery for a deleted comment",
            Ability::Drafts => "drafts of their own",
            Ability::StatusEvent => "delivery for a commit status",
            Ability::Reactions => "reactions",
            Ability::Redelivery => "repetition of lost deliveries",
            Ability::RoleOfOthers => "question for the permission of others",
        }
    }
}

/// Major and minor version in a server's version text, such as `1.27.1+dev` or `17.11.0-ee`.
pub fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let rows = [("1.27.1", Some((1, 27))), ("1.24.0-rc1", Some((1, 24))), ("v17.11.0-ee", Some((17, 11))), ("dev", None)];
        for (text, want) in rows {
            assert_eq!(version_of(text), want, "{text}");
        }
    }
}

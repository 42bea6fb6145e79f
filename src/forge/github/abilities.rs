//! What GitHub can do.

use crate::domain::ability::{Ability, Has};

/// The same on github.com and on every GitHub Enterprise Server that is maintained. Source: GitHub's documentation and the description of
/// its interface.
pub fn of(ability: Ability) -> Has {
    match ability {
        Ability::RequestChanges
        | Ability::ReviewCommit
        | Ability::DismissalEvent
        | Ability::LabelDelta
        | Ability::RenameEvent
        | Ability::CommentEditEvent
        | Ability::CommentDeleteEvent
        | Ability::StatusEvent => Has::Yes,
        Ability::ExclusiveLabels => Has::No("Syndarix takes off the other labels of a scope itself"),
        Ability::LineCommentEvent => Has::Partly("comments on lines are read with their review, which is told"),
        Ability::Drafts => Has::Partly("where the plan has none, the title begins with `WIP: ` and a status is pending"),
        Ability::Reactions => Has::Partly("eight of them; else a short comment"),
        Ability::Redelivery => Has::Partly("those of the last three days"),
        Ability::RoleOfOthers => Has::Partly("where the bot may push; else `writers` of the project's configuration"),
    }
}

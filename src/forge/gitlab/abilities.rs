//! What GitLab can do.

use crate::domain::ability::{Ability, Has};

const POLLED: &str = "found by the regular comparison with the forge";

/// What a server of this version can do. Sources: the documentation of GitLab's web hooks and REST interface, as of 18.
pub fn of(version: (u32, u32), ability: Ability) -> Has {
    match ability {
        Ability::RequestChanges if version >= (16, 9) => {
            Has::Partly("read from the reviewer's state; where nobody sets it, `/syndarix reject` asks for changes")
        }
        Ability::RequestChanges => Has::No("`/syndarix reject` asks for changes"),
        Ability::ReviewCommit => {
            Has::Partly("an approval counts for the version that was the head when it was given, which is read anew before each merge")
        }
        Ability::DismissalEvent => Has::Yes,
        Ability::ExclusiveLabels => {
            Has::Partly("by GitLab in its paid editions; elsewhere the siblings are taken off with the same request")
        }
        Ability::LabelDelta => Has::Yes,
        Ability::LineCommentEvent => Has::Yes,
        Ability::RenameEvent => Has::No("projects are known by their number, and the new path is looked up"),
        Ability::CommentEditEvent if version >= (16, 11) => Has::Yes,
        Ability::CommentEditEvent => Has::No(POLLED),
        Ability::CommentDeleteEvent => Has::No("nothing follows from a deleted comment"),
        Ability::Drafts => Has::No("the title begins with `Draft: `"),
        Ability::StatusEvent => Has::Partly("pipelines are told; single statuses are read with the commit whenever they count"),
        Ability::Reactions => Has::Yes,
        Ability::Redelivery => Has::No(POLLED),
        Ability::RoleOfOthers => Has::Yes,
    }
}

//! What Gitea and Forgejo can do.

use crate::domain::ability::{Ability, Has};

const LISTED: &str = "reviews are read from the forge whenever one counts, so that it is seen then";
const POLLED: &str = "found by the regular comparison with the forge";

/// What a server of this version can do. Sources: `services/webhook` and `models/issues` of Gitea 1.27.1, the same of Forgejo 17.
pub fn of(is_forgejo: bool, version: (u32, u32), ability: Ability) -> Has {
    match ability {
        Ability::RequestChanges | Ability::ReviewCommit | Ability::CommentEditEvent | Ability::CommentDeleteEvent => Has::Yes,
        Ability::DismissalEvent => Has::No(LISTED),
        Ability::ExclusiveLabels => Has::Yes,
        Ability::LabelDelta => Has::No("the labels of now are compared with those confirmed last"),
        Ability::LineCommentEvent => Has::Partly("replies are told, without their place; comments on lines are read with their review"),
        Ability::RenameEvent => Has::No("repositories are known by their number, and the new path is looked up"),
        Ability::Drafts => Has::No("the title begins with `WIP: `"),
        Ability::StatusEvent if is_forgejo => {
            Has::Partly("runs of Forgejo Actions are told; statuses of others are found by the regular comparison with the forge")
        }
        Ability::StatusEvent if version < (1, 23) => Has::No(POLLED),
        Ability::StatusEvent => Has::Yes,
        Ability::Reactions => Has::Partly("those that the server lists in `[ui] REACTIONS`; else a short comment"),
        Ability::Redelivery => Has::No(POLLED),
        Ability::RoleOfOthers => Has::Partly("where the bot administers the repository; else `writers` of the project's configuration"),
    }
}

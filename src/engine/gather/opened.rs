//! What is to be known of a pull request that the story hears of for the first time: anybody may have acted on it before.

use crate::domain::forge::Pull;
use crate::domain::workflow::Story;
use crate::domain::workflow::intent::{Intent, Receipt};
use crate::domain::workflow::label::Label;

/// The number of the pull request that was just made for the story, as long as the story has none.
pub(super) fn number(story: &Story, intent: &Intent) -> Option<i64> {
    match intent {
        Intent::EffectDone { receipt: Receipt::PullOpened { number, .. }, .. } if story.pull.is_none() => Some(*number),
        _ => None,
    }
}

/// Whether it carries a label that means something to a story; it is made without any.
pub(super) fn is_labelled(pull: &Pull) -> bool {
    pull.labels.iter().any(|name| Label::parse(name).is_some())
}

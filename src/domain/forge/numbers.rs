//! Numbers of issues and pull requests: as the program counts them, as the forge does, and as people write them.

/// What is added to the number of a merge request on a forge that counts issues and merge requests apart (GitLab has `#1` and `!1`), so that
/// there is one number space inside the program. No forge counts this far.
pub const PULL_OFFSET: i64 = 1 << 40;

/// The number as people write it: `!18` for a merge request of a forge that counts them apart, else `#18`.
pub fn mention(number: i64) -> String {
    format!("{}{}", if number > PULL_OFFSET { '!' } else { '#' }, own_number(number))
}

/// The ref under which forges serve the head of a pull request, also of one from a fork.
/// Gitea and GitHub: `refs/pull/<n>/head`. GitLab: `refs/merge-requests/<iid>/head`.
pub fn pull_ref(number: i64) -> String {
    let kind = if number > PULL_OFFSET { "merge-requests" } else { "pull" };
    format!("refs/{kind}/{}/head", own_number(number))
}

/// The number that the forge itself knows an issue or pull request by.
pub fn own_number(number: i64) -> i64 {
    if number > PULL_OFFSET { number - PULL_OFFSET } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_forge_writes_them() {
        assert_eq!((mention(18), mention(PULL_OFFSET + 18)), ("#18".to_owned(), "!18".to_owned()));
        assert_eq!((pull_ref(18), pull_ref(PULL_OFFSET + 18)), ("refs/pull/18/head".to_owned(), "refs/merge-requests/18/head".to_owned()));
    }
}

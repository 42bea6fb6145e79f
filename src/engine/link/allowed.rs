//! What may be written where: nothing of a place that few see gets to one that more see.

use crate::domain::forge::Repo;

/// As both forges say at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub inward: bool,
    pub outward: bool,
    /// Going out is configured, and would carry something to a more public place.
    pub exposes: bool,
}

impl Allowed {
    /// `wanted`: whether the configuration lets things in, and whether it lets them out.
    pub fn between(wanted: (bool, bool), here: &Repo, there: &Repo) -> Allowed {
        let (inward, outward) = wanted;
        let exposes = outward && here.visibility > there.visibility;
        Allowed {
            inward: inward && !here.archived && here.visibility >= there.visibility,
            outward: outward && !there.archived && !exposes,
            exposes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forge::{MergeStyle, Visibility};

    fn repo(visibility: Visibility, archived: bool) -> Repo {
        Repo {
            id: 1,
            path: "acme/shop".into(),
            default_branch: "main".into(),
            visibility,
            archived,
            empty: false,
            merge_style: MergeStyle::Merge,
            web_url: String::new(),
            bot_is_admin: true,
            bot_can_push: true,
        }
    }

    #[test]
    fn nothing_gets_to_a_more_public_place() {
        use Visibility::{Internal, Private, Public};
        for here in [Public, Internal, Private] {
            for there in [Public, Internal, Private] {
                let both = Allowed::between((true, true), &repo(here, false), &repo(there, false));
                let secret = |visibility: Visibility| [Public, Internal, Private].iter().position(|one| *one == visibility).unwrap();
                assert_eq!(both.inward, secret(here) >= secret(there), "{there:?} to {here:?}");
                assert_eq!(
                    (both.outward, both.exposes),
                    (secret(there) >= secret(here), secret(there) < secret(here)),
                    "{here:?} to {there:?}"
                );
            }
        }
        let closed = Allowed::between((false, false), &repo(Private, false), &repo(Public, false));
        assert_eq!(closed, Allowed { inward: false, outward: false, exposes: false });
        let archived = Allowed::between((true, true), &repo(Public, true), &repo(Public, true));
        assert!(!archived.inward && !archived.outward && !archived.exposes);
    }
}

//! What a forge cannot do, and what Syndarix does instead: nothing to mend, but nobody shall have to find it out.

use super::super::report::{Report, Verdict};
use crate::domain::ability::{Ability, Has, version_of};
use crate::forge::Forge;

pub(super) fn tell(what: &str, forge: &dyn Forge, version: &str, report: &mut Report) {
    // A version that cannot be read is taken for the newest.
    let version = version_of(version).unwrap_or((u32::MAX, 0));
    let lacks: Vec<String> = Ability::ALL.into_iter().filter_map(|ability| told(ability, forge.ability(version, ability))).collect();
    let said = match lacks.is_empty() {
        true => "it can do everything that Syndarix makes use of".to_owned(),
        false => format!("what it lacks, and what is done instead: {}", lacks.join("; ")),
    };
    report.add(format!("{what}, abilities"), Verdict::Note, said);
}

fn told(ability: Ability, has: Has) -> Option<String> {
    match has {
        Has::Yes => None,
        Has::Partly(how) => Some(format!("{} in part ({how})", ability.name())),
        Has::No(instead) => Some(format!("no {} ({instead})", ability.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_lacking_is_told() {
        assert_eq!(told(Ability::Reactions, Has::Yes), None);
        assert_eq!(told(Ability::Drafts, Has::No("a mark in the title")).unwrap(), "no drafts of their own (a mark in the title)");
        assert_eq!(told(Ability::Reactions, Has::Partly("some")).unwrap(), "reactions in part (some)");
    }
}

use super::*;

fn base() -> Bounds {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    Bounds {
        autonomy: Autonomy::Milestone,
        ceiling: Autonomy::Autonomous,
        one_person_team: true,
        writers: words(&["ann", "ben"]),
        listed_bots: words(&["renovate"]),
        bots: words(&["ci"]),
        budget: Limits { soft: Nano::from_usd(2.0), hard: Nano::from_usd(5.0) },
        protected: words(&["Makefile"]),
        fix_tries: 3,
        max_stories: 10,
        limits: GuardLimits::default(),
        inward: true,
        outward: false,
    }
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

fn limits(key: &str, value: i64) -> BTreeMap<String, i64> {
    BTreeMap::from([(key.to_owned(), value)])
}

/// A wish, what is taken of it, and what is refused.
fn rows() -> Vec<(Wish, &'static [&'static str], &'static [&'static str])> {
    let none = Wish::default;
    vec![
        (none(), &[], &[]),
        (Wish { autonomy: Some(Autonomy::FullControl), ..none() }, &["autonomy"], &[]),
        (Wish { autonomy: Some(Autonomy::Milestone), ..none() }, &["autonomy"], &[]),
        (Wish { autonomy: Some(Autonomy::Autonomous), ..none() }, &[], &["autonomy"]),
        (Wish { autonomy_ceiling: Some(Autonomy::Milestone), ..none() }, &["autonomy_ceiling"], &[]),
        (Wish { autonomy_ceiling: Some(Autonomy::FullControl), ..none() }, &[], &["autonomy_ceiling"]),
        (Wish { one_person_team: Some(false), ..none() }, &["one_person_team"], &[]),
        (Wish { writers: words(&["ann"]), ..none() }, &["writers"], &[]),
        (Wish { writers: words(&["ann", "eve", "mallory"]), ..none() }, &["writers"], &["writers", "writers"]),
        (Wish { listed_bots: words(&[]), ..none() }, &["listed_bots"], &[]),
        (Wish { bots: words(&["deploy"]), ..none() }, &["bots"], &[]),
        (Wish { hard_usd: Some(Nano::from_usd(1.0)), ..none() }, &["hard_usd"], &[]),
        (Wish { hard_usd: Some(Nano::from_usd(9.0)), soft_usd: Some(Nano::from_usd(1.0)), ..none() }, &["soft_usd"], &["hard_usd"]),
        (Wish { protected_paths: words(&["db/**"]), ..none() }, &["protected_paths"], &[]),
        (Wish { fix_tries: Some(0), ..none() }, &["fix_tries"], &[]),
        (Wish { fix_tries: Some(4), ..none() }, &[], &["fix_tries"]),
        (Wish { max_stories: Some(1), ..none() }, &["max_stories"], &[]),
        (Wish { max_stories: Some(0), ..none() }, &[], &["max_stories"]),
        (Wish { limits: limits("story_runs", 5), ..none() }, &["limits.story_runs"], &[]),
        (Wish { limits: limits("story_runs", 500), ..none() }, &[], &["limits.story_runs"]),
        (Wish { limits: limits("story_runs", 0), ..none() }, &[], &["limits.story_runs"]),
        (Wish { limits: limits("story_run", 5), ..none() }, &[], &["limits.story_run"]),
        (Wish { inward: Some(false), outward: Some(false), ..none() }, &["link.inward", "link.outward"], &[]),
        (Wish { outward: Some(true), ..none() }, &[], &["link.outward"]),
    ]
}

#[test]
fn what_tightens_is_taken_and_what_loosens_is_refused() {
    for (wish, taken, refused) in rows() {
        let got = tighten(&base(), &wish);
        assert_eq!(got.taken, taken, "{wish:?}");
        assert_eq!(got.refused.iter().map(|refusal| refusal.key.as_str()).collect::<Vec<_>>(), refused, "{wish:?}");
        assert_eq!(got.bounds.looser_than(&base()), None, "{wish:?}");
        assert_eq!(got.bounds == base(), taken.is_empty() || wish.autonomy == Some(Autonomy::Milestone), "{wish:?}");
    }
}

#[test]
fn what_holds_afterwards_fits_together() {
    let low = tighten(&base(), &Wish { hard_usd: Some(Nano::from_usd(1.0)), ..Wish::default() }).bounds.budget;
    assert_eq!((low.soft, low.hard), (Nano::from_usd(1.0), Nano::from_usd(1.0)));
    let tight = tighten(&base(), &Wish { autonomy: Some(Autonomy::FullControl), ..Wish::default() }).bounds;
    assert_eq!(tight.ceiling, Autonomy::FullControl, "a level that the repository sets cannot be loosened by command");
    let both = Wish { autonomy: Some(Autonomy::FullControl), autonomy_ceiling: Some(Autonomy::Milestone), ..Wish::default() };
    assert_eq!(tighten(&base(), &both).bounds.ceiling, Autonomy::Milestone);
    let list = tighten(&base(), &Wish { protected_paths: words(&["db/**", "Makefile"]), ..Wish::default() }).bounds.protected;
    assert_eq!(list, ["Makefile", "db/**"]);
    let endless = Bounds { max_stories: 0, ..base() };
    assert_eq!(tighten(&endless, &Wish { max_stories: Some(3), ..Wish::default() }).bounds.max_stories, 3);
}

#[test]
fn a_refusal_says_what_holds_instead() {
    let refused = tighten(&base(), &Wish { autonomy: Some(Autonomy::Autonomous), ..Wish::default() }).refused;
    assert_eq!(
        refused[0].why,
        "`autonomy` = autonomous would loosen what the administrator set (milestone), which a repository may not; milestone stays"
    );
}

mod any {
    use proptest::prelude::*;

    use super::*;

    fn level() -> impl Strategy<Value = Autonomy> {
        prop_oneof![Just(Autonomy::FullControl), Just(Autonomy::Milestone), Just(Autonomy::Autonomous)]
    }

    fn logins() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-d]", 0..4)
    }

    fn money() -> impl Strategy<Value = Nano> {
        (0_i64..10).prop_map(Nano)
    }

    fn guards() -> impl Strategy<Value = BTreeMap<String, i64>> {
        let keys: Vec<&'static str> = GuardLimits::keys().collect();
        proptest::collection::btree_map(proptest::sample::select(keys).prop_map(str::to_owned), -1_i64..200, 0..6)
    }

    prop_compose! {
        fn bounds()(
            autonomy in level(), loosest in level(), one_person_team: bool, writers in logins(), listed_bots in logins(), bots in logins(),
            soft in money(), hard in money(), protected in logins(), fix_tries in 0_u32..5, max_stories in 0_u32..5, guards in guards(),
            inward: bool, outward: bool,
        ) -> Bounds {
            let mut limits = GuardLimits::default();
            for (key, value) in &guards {
                let _below_one = limits.set(key, *value);
            }
            let budget = Limits { soft: soft.min(hard), hard };
            let ceiling = loosest.max(autonomy);
            Bounds { autonomy, ceiling, one_person_team, writers, listed_bots, bots, budget, protected, fix_tries, max_stories, limits, inward, outward }
        }
    }

    prop_compose! {
        fn wishes()(
            autonomy in proptest::option::of(level()), autonomy_ceiling in proptest::option::of(level()),
            one_person_team: Option<bool>, writers in proptest::option::of(logins()), listed_bots in proptest::option::of(logins()),
            bots in proptest::option::of(logins()), soft_usd in proptest::option::of(money()), hard_usd in proptest::option::of(money()),
            protected_paths in proptest::option::of(logins()), counts: (Option<u8>, Option<u8>), limits in guards(),
            directions: (Option<bool>, Option<bool>),
        ) -> Wish {
            let count = |of: Option<u8>| of.map(|n| u32::from(n % 6));
            Wish {
                autonomy, autonomy_ceiling, one_person_team, writers, listed_bots, bots, soft_usd, hard_usd, protected_paths, limits,
                fix_tries: count(counts.0), max_stories: count(counts.1), inward: directions.0, outward: directions.1,
            }
        }
    }

    proptest! {
        #[test]
        fn the_result_is_never_looser(base in bounds(), wish in wishes()) {
            let got = tighten(&base, &wish).bounds;
            prop_assert_eq!(got.looser_than(&base), None, "{:?} over {:?}", wish, base);
            prop_assert!(got.budget.soft <= got.budget.hard && got.autonomy <= got.ceiling);
            // Said twice it says the same.
            let again = tighten(&base, &wish).bounds;
            prop_assert_eq!(again, got);
        }
    }
}

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::comments::{self, CommentOp, Copied, Pair, Said};
use super::*;
use crate::base::Time;
use crate::domain::forge::State;

/// Carrying changes the form of a text, once.
fn carried(text: &str) -> String {
    format!("~{}", text.trim_start_matches('~'))
}

fn text(own: &str) -> Text {
    Text { own: own.to_owned(), carried: carried(own) }
}

fn seen(title: &str, state: State, labels: &[&str], stamp: i64) -> Seen {
    Seen { title: text(title), body: text("body"), state, labels: labels.iter().map(|&name| name.to_owned()).collect(), stamp: Time(stamp) }
}

fn rules(primary: Side, inward: bool, outward: bool) -> Rules {
    let exclusive = BTreeSet::from(["priority".to_owned()]);
    Rules { primary, inward, outward, labels: LabelRules { opt_in: "mirror/outward".into(), exclusive } }
}

fn apply(seen: &mut Seen, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Title(title) => seen.title = text(title),
            Op::Body(body) => seen.body = text(body),
            Op::State(state) => seen.state = *state,
            Op::AddLabel(name) => {
                assert!(seen.labels.insert(name.clone()), "{name} is there already");
                if let Some(("priority", _)) = name.split_once('/') {
                    seen.labels.retain(|other| !other.starts_with("priority/") || other == name);
                }
            }
            Op::RemoveLabel(name) => drop(seen.labels.remove(name)),
        }
        seen.stamp = Time(seen.stamp.0 + 1_000);
    }
}

/// Does what is planned, and gives the plan.
fn settle(base: &mut Base, here: &mut Seen, there: &mut Seen, rules: &Rules) -> Plan {
    let planned = plan(base, here, there, rules);
    apply(here, &planned.here);
    apply(there, &planned.there);
    *base = planned.base.clone();
    planned
}

/// What both sides are to have in common.
fn common(seen: &Seen, rules: &Rules) -> (String, String, State, BTreeSet<String>) {
    let labels = seen.labels.iter().filter(|name| rules.labels.flows(name)).cloned().collect();
    (seen.title.carried.clone(), seen.body.carried.clone(), seen.state, labels)
}

#[test]
fn a_change_of_one_side_flows_and_comes_back_as_nothing() {
    let rules = rules(Side::Here, true, true);
    let (mut here, mut there) = (seen("a", State::Open, &["bug"], 1), seen("~a", State::Open, &["bug"], 1));
    let mut base = Base::default();
    assert!(settle(&mut base, &mut here, &mut there, &rules).is_silent());
    there = Seen { stamp: Time(2), ..seen("b", State::Closed, &["ui", "story/design", "mirror/outward"], 2) };
    let planned = settle(&mut base, &mut here, &mut there, &rules);
    assert_eq!(planned.there, []);
    assert_eq!(planned.here, [Op::Title("~b".into()), Op::RemoveLabel("bug".into()), Op::AddLabel("ui".into()), Op::State(State::Closed)]);
    assert_eq!(planned.conflicts, []);
    assert!(settle(&mut base, &mut here, &mut there, &rules).is_silent());
    assert_eq!(base.title.as_ref().map(|title| (title.vector.get(Side::Here), title.vector.get(Side::There))), Some((1, 2)));
}

#[test]
fn the_later_edit_holds_and_a_draw_goes_to_the_primary() {
    let rows =
        [(Side::Here, 5, 9, Side::There), (Side::Here, 9, 5, Side::Here), (Side::Here, 5, 5, Side::Here), (Side::There, 5, 5, Side::There)];
    for (primary, at_here, at_there, winner) in rows {
        let rules = rules(primary, true, true);
        let (mut here, mut there) = (seen("a", State::Open, &[], 1), seen("a", State::Open, &[], 1));
        let mut base = Base::default();
        settle(&mut base, &mut here, &mut there, &rules);
        (here, there) = (seen("mine", State::Open, &[], at_here), seen("theirs", State::Open, &[], at_there));
        let planned = settle(&mut base, &mut here, &mut there, &rules);
        let lost = if winner == Side::Here { "theirs" } else { "mine" };
        assert_eq!(planned.conflicts, [Conflict { field: Field::Title, loser: winner.other(), lost: lost.into() }]);
        assert_eq!(common(&here, &rules), common(&there, &rules));
        assert!(settle(&mut base, &mut here, &mut there, &rules).is_silent());
    }
}

#[test]
fn where_nothing_may_be_written_nothing_is_lost() {
    let rules = rules(Side::Here, true, false);
    let (mut here, mut there) = (seen("a", State::Open, &[], 1), seen("a", State::Open, &[], 1));
    let mut base = Base::default();
    settle(&mut base, &mut here, &mut there, &rules);
    (here.title, here.stamp) = (text("mine"), Time(3));
    here.labels.insert("own".into());
    for _ in 0..2 {
        let planned = settle(&mut base, &mut here, &mut there, &rules);
        assert!(planned.is_silent() && planned.conflicts.is_empty(), "{planned:?}");
    }
    (there.title, there.stamp) = (text("theirs"), Time(9));
    let planned = settle(&mut base, &mut here, &mut there, &rules);
    assert_eq!(planned.here, [Op::Title("~theirs".into())]);
    assert_eq!(planned.conflicts, [Conflict { field: Field::Title, loser: Side::Here, lost: "mine".into() }]);
    assert!(here.labels.contains("own"));
}

#[test]
fn an_exclusive_scope_keeps_one_label() {
    let rules = rules(Side::Here, true, true);
    let (mut here, mut there) = (seen("a", State::Open, &["priority/low"], 1), seen("a", State::Open, &["priority/low"], 1));
    let mut base = Base::default();
    settle(&mut base, &mut here, &mut there, &rules);
    (here, there) = (seen("a", State::Open, &["priority/high"], 5), seen("a", State::Open, &["priority/mid"], 9));
    let planned = settle(&mut base, &mut here, &mut there, &rules);
    assert_eq!(here.labels, BTreeSet::from(["priority/mid".to_owned()]));
    assert_eq!(there.labels, here.labels);
    assert_eq!(planned.conflicts.len(), 1, "{planned:?}");
    assert!(settle(&mut base, &mut here, &mut there, &rules).is_silent());
}

#[test]
fn a_crash_between_writing_and_noting_is_healed() {
    let rules = rules(Side::Here, true, true);
    let (mut here, mut there) = (seen("a", State::Open, &[], 1), seen("a", State::Open, &[], 1));
    let mut base = Base::default();
    settle(&mut base, &mut here, &mut there, &rules);
    there.title = text("b");
    there.stamp = Time(4);
    let planned = plan(&base, &here, &there, &rules);
    apply(&mut here, &planned.here);
    let again = settle(&mut base, &mut here, &mut there, &rules);
    assert!(again.is_silent() && again.conflicts.is_empty(), "{again:?}");
}

#[test]
fn comments_follow_their_author() {
    let said = |id, body: &str| Said { id, body: body.into(), carried: format!("> {body}") };
    let copy = |id, of, body: &str| Copied { id, of, body: body.into() };
    let pair = |id, copy, body: &str| Pair { id, copy, said: digest(body), written: digest(&format!("> {body}")) };
    let run = |pairs: &[Pair], all: &[Said], copies: &[Copied]| comments::plan(pairs, all, copies, Side::Here);

    assert_eq!(run(&[], &[said(1, "a")], &[]).ops, [CommentOp::Say { of: 1, body: "> a".into() }]);
    let healed = run(&[], &[said(1, "a")], &[copy(9, 1, "> a"), copy(12, 1, "> a")]);
    assert_eq!(healed.ops, [CommentOp::Delete { copy: 12 }], "a double goes");
    assert_eq!(healed.pairs, [pair(1, Some(9), "a")]);
    let quiet = run(&[pair(1, Some(9), "a")], &[said(1, "a")], &[copy(9, 1, "> a\r\n")]);
    assert_eq!(quiet, comments::CommentPlan::default());
    let edited = run(&[pair(1, Some(9), "a")], &[said(1, "b")], &[copy(9, 1, "> a")]);
    assert_eq!((edited.ops, edited.conflicts), (vec![CommentOp::Rewrite { copy: 9, body: "> b".into() }], vec![]));
    let meddled = run(&[pair(1, Some(9), "a")], &[said(1, "a")], &[copy(9, 1, "mine")]);
    assert_eq!(meddled.ops, [CommentOp::Rewrite { copy: 9, body: "> a".into() }]);
    assert_eq!(meddled.conflicts, [Conflict { field: Field::Comment(1), loser: Side::Here, lost: "mine".into() }]);
    let gone = run(&[pair(1, Some(9), "a")], &[], &[copy(9, 1, "> a")]);
    assert_eq!((gone.ops, gone.forgotten), (vec![CommentOp::Delete { copy: 9 }], vec![1]));
    let dropped = run(&[pair(1, Some(9), "a")], &[said(1, "a")], &[]);
    assert_eq!((dropped.ops.len(), dropped.pairs[0].copy), (0, None));
    assert_eq!(run(&[pair(1, None, "a")], &[said(1, "b")], &[]), comments::CommentPlan::default(), "it stays away");
}

#[derive(Clone, Debug)]
enum Edit {
    Title(u8),
    Body(u8),
    State(bool),
    Label(u8),
    Unlabel(u8),
    Wait(u8),
}

const LABELS: [&str; 6] = ["bug", "ui", "priority/high", "priority/low", "story/design", "mirror/outward"];

fn edits() -> impl Strategy<Value = Vec<(bool, Edit)>> {
    let edit = prop_oneof![
        (0..4u8).prop_map(Edit::Title),
        (0..4u8).prop_map(Edit::Body),
        any::<bool>().prop_map(Edit::State),
        (0..6u8).prop_map(Edit::Label),
        (0..6u8).prop_map(Edit::Unlabel),
        (0..3u8).prop_map(Edit::Wait),
    ];
    proptest::collection::vec((any::<bool>(), edit), 0..8)
}

/// People work on one side.
fn edit(seen: &mut Seen, edit: &Edit, now: &mut i64) {
    match edit {
        Edit::Title(n) => seen.title = text(&format!("title {n}")),
        Edit::Body(n) => seen.body = text(&format!("body {n}")),
        Edit::State(open) => seen.state = if *open { State::Open } else { State::Closed },
        Edit::Label(n) => {
            let name = LABELS[usize::from(*n)];
            if name.starts_with("priority/") {
                seen.labels.retain(|other| !other.starts_with("priority/"));
            }
            seen.labels.insert(name.to_owned());
        }
        Edit::Unlabel(n) => {
            seen.labels.remove(LABELS[usize::from(*n)]);
        }
        Edit::Wait(n) => *now += i64::from(*n),
    }
    seen.stamp = Time(*now);
}

proptest! {
    #[test]
    fn both_sides_converge_in_silence_and_nothing_is_lost(rounds in proptest::collection::vec(edits(), 1..5), primary in any::<bool>()) {
        let rules = rules(if primary { Side::Here } else { Side::There }, true, true);
        let (mut here, mut there) = (seen("a", State::Open, &[], 1), seen("a", State::Open, &[], 1));
        let (mut base, mut now) = (Base::default(), 10_i64);
        settle(&mut base, &mut here, &mut there, &rules);
        for round in rounds {
            now += 1_000_000;
            let before = (here.clone(), there.clone());
            for (side, one) in &round {
                edit(if *side { &mut here } else { &mut there }, one, &mut now);
            }
            let edited = (here.clone(), there.clone());
            let planned = settle(&mut base, &mut here, &mut there, &rules);
            prop_assert_eq!(common(&here, &rules), common(&there, &rules));
            let again = settle(&mut base, &mut here, &mut there, &rules);
            prop_assert!(again.is_silent() && again.conflicts.is_empty(), "{again:?}");
            // Whatever somebody wrote stands somewhere, or is named.
            for (side, was, made, is) in [(Side::Here, &before.0, &edited.0, &here), (Side::There, &before.1, &edited.1, &there)] {
                for (field, was, made, is) in [(Field::Title, &was.title, &made.title, &is.title), (Field::Body, &was.body, &made.body, &is.body)] {
                    let named = planned.conflicts.contains(&Conflict { field, loser: side, lost: made.own.clone() });
                    prop_assert!(was.own == made.own || made.carried == is.carried || named, "{made:?} vanished: {planned:?}");
                }
                for name in made.labels.iter().filter(|name| !was.labels.contains(*name) && rules.labels.flows(name)) {
                    let named = planned.conflicts.iter().any(|lost| lost.loser == side && lost.lost == *name);
                    prop_assert!(is.labels.contains(name) || named, "{name} vanished: {planned:?}");
                }
                // The mirror moves no label by which Syndarix is steered.
                let kept = |labels: &BTreeSet<String>| labels.iter().filter(|name| !rules.labels.flows(name)).cloned().collect::<Vec<_>>();
                prop_assert_eq!(kept(&made.labels), kept(&is.labels));
            }
            // The same from the other side.
            let mirrored = |side: Side| if side == Side::Here { Side::There } else { Side::Here };
            let swapped = Rules { primary: mirrored(rules.primary), ..rules.clone() };
            let one = plan(&Base::default(), &edited.0, &edited.1, &rules);
            let two = plan(&Base::default(), &edited.1, &edited.0, &swapped);
            prop_assert_eq!(&one.here, &two.there);
            prop_assert_eq!(&one.there, &two.here);
        }
    }

    #[test]
    fn vectors_are_ordered(a in proptest::collection::vec(any::<bool>(), 0..6), b in proptest::collection::vec(any::<bool>(), 0..6)) {
        let of = |moves: &[bool]| moves.iter().fold(Vector::default(), |vector, here| vector.after(if *here { Side::Here } else { Side::There }, true));
        let (a, b) = (of(&a), of(&b));
        let both = a.merge(&b);
        prop_assert!(matches!(a.order(&both), Order::Before | Order::Equal));
        prop_assert!(matches!(both.order(&b), Order::After | Order::Equal));
        prop_assert_eq!(a.merge(&b), b.merge(&a));
        prop_assert_eq!(a.order(&b) == Order::Equal, a == b);
        prop_assert_eq!(a.order(&b) == Order::Before, b.order(&a) == Order::After);
    }
}

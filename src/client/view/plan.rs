//! What is to be done about one message that the tree, the view, or both have changed since they
//! last agreed. A value from values: no file is touched here, and doing what is planned makes both
//! agree, so that nothing is ever carried back to where it came from.
//!
//! Where both sides disagree the tree wins, but for flags, of which each side's changes are kept,
//! and for texts: one that was changed is never dropped for a deletion, nor for another one. The
//! quarantine is no place to move to or from, and requests hold only what came so.
//! Specified in poste(1), view.

use crate::client::tend;
use crate::store::maildir::{Flags, Folder, Place};
use crate::store::view::{Known, Spot, Stamp};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Put it into the view, where it never was.
    Open,
    /// Both sides have come to the same: write that down.
    Agree,
    /// Each side has a text that the other may not have: compare them, and keep both if they differ.
    Compare,
    /// Neither side has it any more: forget it.
    Forget,
    /// Remove it from the view, since it is gone from the tree.
    DropView,
    /// Remove it from the tree, since it is gone from the view.
    DropTree,
    /// Its text was changed in the view.
    Edit,
    /// Its text was replaced in the tree.
    Renew,
    /// It is only in the view: file it.
    Take,
    /// Give it this place and these flags in the view.
    ToView(Spot),
    /// Give it this place and these flags in the tree.
    ToTree(Spot),
}

/// The steps for a message, in their order.
pub fn steps(
    known: Option<&Known>,
    tree: Option<(&Spot, Stamp)>,
    view: Option<(&Spot, Stamp)>,
) -> Vec<Step> {
    match (known, tree, view) {
        (None, None, None) => Vec::new(),
        (None, Some(_), None) => vec![Step::Open],
        (None, None, Some(_)) => vec![Step::Take],
        // Where else they differ is for when that is settled.
        (None, Some(_), Some(_)) => vec![Step::Compare],
        (Some(_), None, None) => vec![Step::Forget],
        (Some(known), Some((_, sealed)), None) => match sealed == known.sealed {
            true => vec![Step::DropTree],
            // Nobody has seen what was deleted so: it comes anew.
            false => vec![Step::Forget],
        },
        (Some(known), None, Some((_, stamp))) => match stamp == known.stamp {
            true => vec![Step::DropView],
            false => vec![Step::Take],
        },
        (Some(known), Some((tree, sealed)), Some((view, stamp))) => {
            let merged = merge(&known.spot, tree, view);
            let mut steps = match (sealed != known.sealed, stamp != known.stamp) {
                (true, true) => return vec![Step::Compare],
                (true, false) => vec![Step::Renew],
                (false, true) => vec![Step::Edit],
                (false, false) => Vec::new(),
            };
            steps.extend((merged != *tree).then(|| Step::ToTree(merged.clone())));
            let agreed = merged == known.spot;
            match merged == *view {
                false => steps.push(Step::ToView(merged)),
                // Both have come to the same by themselves.
                true if merged == *tree && !agreed => steps.push(Step::Agree),
                true => {}
            }
            steps
        }
    }
}

/// Where a message belongs that both sides may have moved and flagged.
fn merge(known: &Spot, tree: &Spot, view: &Spot) -> Spot {
    let tree_moved = tree.folder != known.folder;
    let barred = tend::may_hold(&view.folder).is_err() || known.folder == Folder::quarantine();
    let folder = if tree_moved || barred { &tree.folder } else { &view.folder };
    let place = match (tree.place == known.place, view.place == known.place) {
        (true, _) => view.place,
        (false, true) => tree.place,
        (false, false) => Place::Cur(flags(known, tree, view)),
    };
    // What was seen once is never new again.
    let place = match (known.place, place) {
        (Place::Cur(_), Place::New) => Place::Cur(Flags::NONE),
        (_, place) => place,
    };
    Spot { folder: folder.clone(), place }
}

/// Flags that one of both has set or that neither has cleared.
fn flags(known: &Spot, tree: &Spot, view: &Spot) -> Flags {
    let of = |spot: &Spot| match spot.place {
        Place::New => Flags::NONE,
        Place::Cur(flags) => flags,
    };
    let (known, tree, view) = (of(known), of(tree), of(view));
    let gone = known.without(tree).with(known.without(view));
    tree.with(view).without(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use crate::core::time::Time;
    use crate::store::maildir::Name;

    const STAMP: Stamp = Stamp { inode: 1, size: 2, time: 3 };
    const OTHER: Stamp = Stamp { inode: 1, size: 4, time: 5 };
    const SEALED: Stamp = Stamp { inode: 6, size: 7, time: 8 };

    fn at(folder: &str, flags: &str) -> Spot {
        Spot { folder: folder.parse().unwrap(), place: Place::Cur(Flags::from_letters(flags)) }
    }

    fn new(folder: &str) -> Spot {
        Spot { folder: folder.parse().unwrap(), place: Place::New }
    }

    fn plan(known: &Spot, tree: Option<&Spot>, view: Option<&Spot>) -> Vec<Step> {
        with_stamps(known, tree, view, (SEALED, STAMP))
    }

    fn with_stamps(
        spot: &Spot,
        tree: Option<&Spot>,
        view: Option<&Spot>,
        (sealed, stamp): (Stamp, Stamp),
    ) -> Vec<Step> {
        let name = Name::new(Time::from_unix(1_795_356_000), &mut Fixed::new(1));
        let base = name.to_string();
        let known = Known { name, spot: spot.clone(), stamp: STAMP, sealed: SEALED, base };
        steps(Some(&known), tree.map(|tree| (tree, sealed)), view.map(|view| (view, stamp)))
    }

    #[test]
    fn what_agrees_is_left_alone() {
        for spot in [at("bob", "S"), new("bob"), at("quarantine", "")] {
            assert_eq!(plan(&spot, Some(&spot), Some(&spot)), []);
        }
    }

    #[test]
    fn each_side_follows_the_other() {
        let (was, now) = (new("bob"), at("bob", "FS"));
        assert_eq!(plan(&was, Some(&now), Some(&was)), [Step::ToView(now.clone())]);
        assert_eq!(plan(&was, Some(&was), Some(&now)), [Step::ToTree(now.clone())]);
        let moved = at("carol", "");
        assert_eq!(plan(&now, Some(&now), Some(&moved)), [Step::ToTree(moved.clone())]);
        assert_eq!(plan(&now, Some(&moved), Some(&now)), [Step::ToView(moved)]);
        assert_eq!(plan(&was, None, Some(&was)), [Step::DropView]);
        assert_eq!(plan(&was, Some(&was), None), [Step::DropTree]);
        assert_eq!(plan(&was, None, None), [Step::Forget]);
    }

    #[test]
    fn both_sides_to_the_same_is_only_written_down() {
        let (was, now) = (new("bob"), at("bob", "S"));
        assert_eq!(plan(&was, Some(&now), Some(&now)), [Step::Agree]);
    }

    #[test]
    fn flags_of_both_sides_are_kept() {
        let merged = at("bob", "FR");
        let steps = plan(&at("bob", "S"), Some(&at("bob", "FS")), Some(&at("bob", "R")));
        assert_eq!(steps, [Step::ToTree(merged.clone()), Step::ToView(merged)]);
    }

    #[test]
    fn the_tree_wins_where_both_move() {
        let (tree, view) = (at("carol", ""), at("dave", ""));
        assert_eq!(plan(&at("bob", ""), Some(&tree), Some(&view)), [Step::ToView(tree)]);
    }

    #[test]
    fn a_changed_text_outlives_a_deletion() {
        let spot = at("bob", "S");
        let edited = (SEALED, OTHER);
        assert_eq!(with_stamps(&spot, Some(&spot), Some(&spot), edited), [Step::Edit]);
        assert_eq!(with_stamps(&spot, None, Some(&spot), edited), [Step::Take]);
        let flagged = at("bob", "FS");
        let both = with_stamps(&spot, Some(&spot), Some(&flagged), edited);
        assert_eq!(both, [Step::Edit, Step::ToTree(flagged)]);
    }

    #[test]
    fn a_replaced_text_is_shown_and_loses_none() {
        let (spot, flagged) = (at("bob", "S"), at("bob", "FS"));
        let replaced = |tree, view, stamp| with_stamps(&spot, tree, view, (OTHER, stamp));
        assert_eq!(replaced(Some(&spot), Some(&spot), STAMP), [Step::Renew]);
        let both = replaced(Some(&spot), Some(&flagged), STAMP);
        assert_eq!(both, [Step::Renew, Step::ToTree(flagged.clone())]);
        assert_eq!(replaced(Some(&spot), Some(&flagged), OTHER), [Step::Compare]);
        assert_eq!(replaced(Some(&spot), None, STAMP), [Step::Forget]);
    }

    #[test]
    fn what_was_never_agreed_on_loses_nothing() {
        let (tree, view) = (at("bob", "F"), at("bob", ""));
        assert_eq!(steps(None, Some((&tree, SEALED)), None), [Step::Open]);
        assert_eq!(steps(None, None, Some((&view, STAMP))), [Step::Take]);
        let both = steps(None, Some((&tree, SEALED)), Some((&view, STAMP)));
        assert_eq!(both, [Step::Compare]);
        assert_eq!(steps(None, None, None), []);
    }

    #[test]
    fn nothing_moves_into_the_quarantine_or_out() {
        let (bob, held) = (at("bob", ""), at("quarantine", ""));
        assert_eq!(plan(&bob, Some(&bob), Some(&held)), [Step::ToView(bob.clone())]);
        assert_eq!(plan(&held, Some(&held), Some(&bob)), [Step::ToView(held.clone())]);
        let request = at("requests", "");
        assert_eq!(plan(&bob, Some(&bob), Some(&request)), [Step::ToView(bob.clone())]);
        assert_eq!(plan(&request, Some(&request), Some(&bob)), [Step::ToTree(bob)]);
        let flagged = at("quarantine", "F");
        assert_eq!(plan(&held, Some(&held), Some(&flagged)), [Step::ToTree(flagged)]);
    }

    #[test]
    fn what_was_seen_is_never_new_again() {
        let (was, back) = (at("bob", ""), new("bob"));
        let seen = at("bob", "");
        assert_eq!(plan(&was, Some(&was), Some(&back)), [Step::ToView(seen)]);
    }

    /// Whatever was done on both sides, doing what is planned leaves nothing to do.
    #[test]
    fn doing_what_is_planned_makes_both_agree() {
        let spots =
            [at("bob", ""), at("bob", "S"), at("carol", "FS"), new("bob"), at("quarantine", "")];
        for known in &spots {
            for tree in &spots {
                for view in &spots {
                    let (mut t, mut v, mut k) = (tree.clone(), view.clone(), known.clone());
                    for step in plan(known, Some(tree), Some(view)) {
                        match step {
                            Step::ToTree(to) => t = to,
                            Step::ToView(to) => v = to,
                            Step::Agree => {}
                            other => panic!("{other:?}"),
                        }
                        k = v.clone();
                    }
                    assert_eq!(plan(&k, Some(&t), Some(&v)), [], "{known:?} {tree:?} {view:?}");
                }
            }
        }
    }
}

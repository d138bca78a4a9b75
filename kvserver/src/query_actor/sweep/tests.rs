//! The rules of collecting, one actor at a time.

use super::super::pack::Packer;
use super::*;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const A: Other = Other::Sibling(1);
const B: Other = Other::Server((7, 0));

fn round(number: u64) -> Round {
    (0..number).fold(Round::NONE, |round, _| round.next(1_700_000_000_000, 5))
}

fn begin(number: u64) -> Begin {
    let tombstones = Packer::default().finish();
    Begin { round: round(number), after: round(number - 1), tombstones }
}

fn mark(claim: Claim, collected: u64) -> Mark {
    Mark { claim, collected: Some(round(collected)), floor_millis: 0 }
}

fn firm(confirmed: u64, collected: u64) -> Mark {
    mark(Claim::Firm(round(confirmed)), collected)
}

/// An actor that holds an empty store.
fn ready() -> Sweep {
    let mut sweep = Sweep::default();
    sweep.complete(secs(0));
    sweep
}

fn partners() -> impl Iterator<Item = Other> {
    [A, B].into_iter()
}

#[test]
fn rounds_grow_and_those_of_an_older_store_are_larger() {
    let (old, new) = (1_700_000_000_000, 1_700_000_060_000);
    let first = Round::NONE.next(old, 255);
    assert!(first > Round::NONE.next(new, 255));
    let mut last = first;
    for chance in 0..1000 {
        let next = last.next(new, chance * 7919);
        assert!(next > last);
        last = next;
    }
    assert!(first.number() < 1 << 56, "a varint of eight bytes");
}

#[test]
fn a_round_is_collected_when_all_partners_have_confirmed_it() {
    let mut sweep = ready();
    assert!(sweep.may_take(&begin(1)));
    sweep.took(begin(1), 500);
    assert_eq!(sweep.swept(), Some(round(1)));
    assert!(sweep.collect(partners()).is_none(), "nobody has said anything");
    sweep.heard(A, firm(1, 0), true, secs(0));
    sweep.heard(B, firm(0, 0), true, secs(0));
    assert!(sweep.collect(partners()).is_none());
    sweep.heard(B, mark(Claim::Partial(round(1)), 0), true, secs(0));
    assert!(sweep.collect(partners()).is_none(), "it has yet to get everything");
    sweep.heard(B, firm(1, 0), true, secs(0));
    assert_eq!(sweep.collect(partners()), Some(begin(1)));
    assert_eq!((sweep.collected(), sweep.floor_millis()), (round(1), 501));
    assert!(sweep.collect(partners()).is_none());
}

#[test]
fn rounds_are_taken_in_their_order_and_no_more_than_two_at_once() {
    let mut sweep = ready();
    assert!(!sweep.may_take(&begin(2)));
    sweep.took(begin(1), 0);
    assert!(!sweep.may_take(&begin(1)));
    sweep.took(begin(2), 0);
    assert!(!sweep.may_take(&begin(3)));
    sweep.heard(A, firm(3, 1), true, secs(0));
    assert!(sweep.may_take(&begin(3)), "the others have gone on");
    assert!(!Sweep::default().may_take(&begin(1)), "it holds nothing yet");
}

#[test]
fn a_partner_that_is_always_ahead_holds_up_nothing() {
    let mut sweep = ready();
    sweep.took(begin(1), 0);
    sweep.took(begin(2), 0);
    sweep.heard(A, firm(2, 0), true, secs(0));
    sweep.heard(B, firm(3, 0), true, secs(0));
    assert!(sweep.collect(partners()).is_none(), "it may be of another chain");
    sweep.heard(B, firm(3, 2), true, secs(0));
    assert_eq!(sweep.collect(partners()), Some(begin(1)));
    assert_eq!(sweep.collect(partners()), Some(begin(2)));
}

#[test]
fn a_confirmed_round_of_another_chain_counts_for_nothing() {
    let mut sweep = ready();
    sweep.took(begin(1), 0);
    let other = Round::NONE.next(1_600_000_000_000, 0);
    assert!(other > round(1));
    for partner in partners() {
        sweep.heard(partner, mark(Claim::Firm(other), 0), true, secs(0));
    }
    assert!(sweep.collect(partners()).is_none());
}

#[test]
fn entries_are_refused_from_those_who_have_not_confirmed_what_is_collected() {
    let mut sweep = ready();
    sweep.took(begin(1), 0);
    assert!(sweep.welcomes(&firm(0, 0), secs(0)));
    partners().for_each(|partner| sweep.heard(partner, firm(1, 0), true, secs(0)));
    sweep.collect(partners()).unwrap();
    assert!(!sweep.welcomes(&firm(0, 0), secs(0)));
    assert!(!sweep.welcomes(&mark(Claim::Partial(Round::NONE), 0), secs(0)));
    assert!(sweep.welcomes(&firm(1, 0), secs(0)));
    assert!(
        sweep.welcomes(&mark(Claim::New, 0), secs(0)),
        "it has nothing but its own clients' writes"
    );
}

#[test]
fn a_newcomer_claims_the_lowest_that_it_was_given_and_catches_up() {
    let mut sweep = Sweep::default();
    assert_eq!(sweep.mark().claim, Claim::New);
    sweep.merging(&mark(Claim::New, 0));
    assert_eq!(sweep.mark().claim, Claim::New);
    sweep.merging(&firm(5, 3));
    sweep.merging(&firm(4, 3));
    sweep.merging(&firm(6, 4));
    assert_eq!(sweep.mark().claim, Claim::Partial(round(4)));
    assert_eq!(sweep.swept(), None);
    assert!(sweep.welcomes(&firm(1, 0), secs(0)), "it has collected nothing itself");
    sweep.complete(secs(0));
    assert_eq!(sweep.swept(), Some(round(4)));
    assert!(!sweep.welcomes(&firm(3, 3), secs(0)));
    sweep.heard(B, firm(6, 4), true, secs(0));
    let questions = sweep.questions([B].into_iter(), false, secs(1));
    assert_eq!(questions, [(B, Say::Want(round(4)))]);
    assert!(sweep.questions([B].into_iter(), false, secs(2)).is_empty(), "not so often");
    assert!(sweep.may_take(&begin(5)));
}

#[test]
fn who_is_behind_what_is_collected_for_too_long_is_stale() {
    let mut sweep = ready();
    sweep.heard(B, firm(3, 1), true, secs(0));
    assert_eq!(sweep.stale(secs(10)), None);
    assert_eq!(sweep.stale(secs(15)), None);
    assert_eq!(sweep.stale(secs(16)), Some(B));
    sweep.took(begin(1), 0);
    assert_eq!(sweep.stale(secs(17)), None, "it has caught up");
    assert_eq!(sweep.stale(secs(60)), None);
}

#[test]
fn a_round_is_begun_when_nothing_is_under_way_and_all_are_known_to_be_equal() {
    let next = |sweep: &Sweep, now| sweep.next(partners(), secs(60), now, 1_700_000_000_000, 5);
    let mut sweep = ready();
    sweep.heard(A, firm(0, 0), true, secs(0));
    assert_eq!(next(&sweep, secs(70)), None, "B has said nothing");
    let questions = sweep.questions(partners(), true, secs(70));
    assert_eq!(questions, [(B, Say::Ask)]);
    sweep.heard(B, firm(0, 0), false, secs(0));
    assert_eq!(next(&sweep, secs(70)), None, "what B heard of an earlier state is on its way");
    sweep.heard(B, firm(0, 0), true, secs(0));
    assert_eq!(next(&sweep, secs(30)), None, "it has just come here");
    assert_eq!(next(&sweep, secs(70)), Some((round(1), Round::NONE)));
    sweep.took(begin(1), 0);
    assert_eq!(next(&sweep, secs(70)), None);
}

#[test]
fn a_begin_is_not_pushed_aside_by_a_question() {
    let mut place = None;
    Say::Ask.put(&mut place);
    Say::Begin(begin(1)).put(&mut place);
    Say::Want(round(1)).put(&mut place);
    assert_eq!(place, Some(Say::Begin(begin(1))));
}

#[test]
fn a_mark_from_the_far_future_is_not_believed() {
    let mark = |floor_millis| Mark { floor_millis, ..firm(1, 1) };
    let now = 1_700_000_000_000;
    let far = MAX_FLOOR_AHEAD_MILLIS;
    for (floor, credible) in
        [(0, true), (now + far, true), (now + far + 1, false), (u64::MAX, false)]
    {
        assert_eq!(Sweep::is_credible(&mark(floor), now), credible, "{floor}");
    }
}

#[test]
fn who_has_yet_to_get_the_store_takes_nothing_from_below_those_who_have_it() {
    let mut sweep = Sweep::default();
    sweep.heard(A, firm(2, 1), true, secs(0));
    sweep.heard(B, firm(5, 4), true, secs(0));
    assert!(sweep.welcomes(&firm(4, 2), secs(5)));
    assert!(sweep.welcomes(&mark(Claim::New, 0), secs(5)));
    assert!(!sweep.welcomes(&firm(3, 3), secs(5)));
    assert!(!sweep.welcomes(&mark(Claim::Partial(round(3)), 4), secs(5)));
    assert!(sweep.welcomes(&firm(1, 1), secs(10)), "B has not been heard any more");
    let after = Sweep::after(sweep);
    assert!(!after.welcomes(&firm(3, 3), secs(5)), "a new beginning knows what the old one knew");
}

#[test]
fn who_has_yet_to_get_the_store_asks_those_who_have_it_whether_they_are_there() {
    let mut sweep = Sweep::default();
    sweep.heard(A, firm(2, 1), true, secs(0));
    sweep.heard(B, mark(Claim::Partial(round(1)), 0), true, secs(0));
    assert!(sweep.questions(partners(), false, secs(1)).is_empty());
    assert_eq!(sweep.questions(partners(), false, secs(2)), [(A, Say::Ask)]);
    assert!(sweep.questions(partners(), false, secs(3)).is_empty());
    assert_eq!(sweep.questions(partners(), false, secs(4)), [(A, Say::Ask)]);
}

#[test]
fn who_was_given_what_others_have_collected_without_it_begins_anew_at_once() {
    let mut sweep = Sweep::default();
    sweep.merging(&firm(1, 1));
    assert_eq!(sweep.stale(secs(1)), None);
    sweep.heard(B, mark(Claim::Partial(round(5)), 5), true, secs(1));
    assert_eq!(sweep.stale(secs(1)), None, "it does not have the store itself");
    sweep.heard(B, firm(5, 5), true, secs(2));
    assert_eq!(sweep.stale(secs(2)), Some(B));
    sweep.heard(A, firm(5, 5), true, secs(2));
    assert_eq!(sweep.stale(secs(2)), Some(A), "rather from a sibling");
}

#[test]
fn what_was_only_heard_of_binds_nobody() {
    let mut sweep = Sweep::default();
    sweep.merging(&firm(2, 2));
    sweep.merging(&mark(Claim::Partial(round(4)), 4));
    sweep.complete(secs(0));
    assert_eq!((sweep.swept(), sweep.collected()), (Some(round(2)), round(2)));
    assert!(sweep.welcomes(&firm(2, 2), secs(0)));
    sweep.heard(B, mark(Claim::Partial(round(2)), 4), true, secs(0));
    assert_eq!(sweep.stale(secs(60)), None);
}

/// Another round that follows the one before `number`, a larger one.
fn rival(number: u64) -> Begin {
    let after = round(number - 1);
    let round = after.next(1_700_000_000_000, 6);
    assert!(round > begin(number).round);
    Begin { round, after, ..begin(number) }
}

#[test]
fn of_two_rounds_that_follow_the_same_the_larger_one_is_taken_by_all() {
    let mut confirmed = ready();
    confirmed.took(begin(1), 10);
    let mut collected = ready();
    collected.took(begin(1), 10);
    partners().for_each(|partner| collected.heard(partner, firm(1, 0), true, secs(0)));
    collected.collect(partners()).unwrap();
    let mut ahead = ready();
    ahead.took(rival(1), 20);
    assert!(!ahead.may_take(&begin(1)));
    assert_eq!(ahead.round_after(round(1)), Some(&rival(1)), "it is offered");
    assert_eq!(confirmed.round_after(rival(1).round), None);
    for sweep in [&mut confirmed, &mut collected] {
        assert!(sweep.may_take(&rival(1)));
        assert!(!sweep.may_take(&Begin { after: round(7), ..rival(1) }));
        sweep.took(rival(1), 20);
        assert_eq!(sweep.swept(), Some(rival(1).round));
        let all = mark(Claim::Firm(rival(1).round), 0);
        partners().for_each(|partner| sweep.heard(partner, all, true, secs(1)));
        assert_eq!(sweep.collect(partners()), Some(rival(1)));
        assert!(sweep.collect(partners()).is_none(), "the smaller one is gone");
        let next = Begin { after: rival(1).round, round: rival(1).round.next(0, 0), ..begin(1) };
        assert!(sweep.may_take(&next));
    }
}

#[test]
fn a_new_state_knows_of_others_what_the_old_one_knew_and_they_do_not_know_it() {
    let mut sweep = ready();
    let said = Mark { floor_millis: 7, ..firm(0, 0) };
    partners().for_each(|partner| sweep.heard(partner, said, true, secs(0)));
    let mut after = Sweep::after(sweep);
    assert_eq!(after.floor_millis(), 7);
    after.complete(secs(0));
    assert_eq!(after.next(partners(), secs(60), secs(70), 1_700_000_000_000, 5), None);
}

#[test]
fn what_is_confirmed_is_not_said_to_be_collected() {
    let mut sweep = ready();
    sweep.took(begin(1), 0);
    assert_eq!(sweep.mark().collected(), Round::NONE);
    partners().for_each(|partner| sweep.heard(partner, firm(1, 0), true, secs(0)));
    sweep.collect(partners()).unwrap();
    assert_eq!(sweep.mark().collected(), round(1));
    let mut newcomer = Sweep::default();
    newcomer.merging(&firm(5, 3));
    newcomer.merging(&firm(4, 2));
    assert_eq!(newcomer.mark().collected(), round(3), "the highest that it was given");
}

#[test]
fn who_does_not_hold_everything_after_all_vouches_for_no_more_than_it_was_given() {
    let mut alone = ready();
    alone.incomplete();
    assert_eq!(alone.mark().claim, Claim::New);
    let mut given = ready();
    given.merging(&firm(0, 0));
    given.incomplete();
    assert_eq!(given.mark().claim, Claim::Partial(Round::NONE));
    let mut behind = ready();
    behind.took(begin(1), 0);
    behind.incomplete();
    behind.complete(secs(0));
    partners().for_each(|partner| behind.heard(partner, firm(1, 0), true, secs(0)));
    assert_eq!(behind.swept(), Some(Round::NONE));
    assert!(behind.collect(partners()).is_none(), "it has to confirm the round again");
}

#[test]
fn who_was_behind_and_is_not_any_more_has_all_the_time_again() {
    let mut sweep = ready();
    for now in [0, 20, 40] {
        sweep.heard(B, firm(3, 1), true, secs(now));
        assert_eq!(sweep.stale(secs(now)), None);
        assert_eq!(sweep.stale(secs(now + 5)), None);
        sweep.heard(B, firm(0, 0), true, secs(now + 5));
        assert_eq!(sweep.stale(secs(now + 5)), None);
    }
    sweep.heard(B, firm(3, 1), true, secs(60));
    sweep.retain(|other| other != B);
    assert_eq!(sweep.stale(secs(60)), None);
    assert_eq!(sweep.stale(secs(90)), None, "who is gone binds nobody");
}

#[test]
fn an_older_chain_takes_no_place_while_a_round_of_this_one_is_under_way() {
    let mut sweep = ready();
    sweep.took(begin(1), 0);
    partners().for_each(|partner| sweep.heard(partner, firm(1, 0), true, secs(0)));
    sweep.collect(partners()).unwrap();
    let older = Begin { round: Round::NONE.next(1_600_000_000_000, 0), ..begin(1) };
    assert!(sweep.may_take(&older));
    sweep.took(begin(2), 0);
    assert!(!sweep.may_take(&older));
}

#[test]
fn who_catches_up_is_not_stale_however_long_it_takes() {
    let mut sweep = ready();
    sweep.heard(B, firm(9, 5), true, secs(0));
    for number in 1..=4 {
        assert_eq!(sweep.stale(secs(number * 5)), None);
        sweep.took(begin(number), 0);
    }
    assert_eq!(sweep.stale(secs(21)), None);
    assert_eq!(sweep.stale(secs(27)), Some(B), "it was not given the fifth");
}

#[test]
fn who_has_just_got_the_store_begins_no_round_yet() {
    let mut sweep = Sweep::default();
    sweep.complete(secs(100));
    partners().for_each(|partner| sweep.heard(partner, firm(0, 0), true, secs(100)));
    let next = |now| sweep.next(partners(), secs(60), now, 1_700_000_000_000, 5);
    assert_eq!(next(secs(159)), None);
    assert!(next(secs(160)).is_some());
}

#[test]
fn a_newcomer_that_collected_nothing_itself_takes_the_larger_of_two_rounds_as_well() {
    let mut sweep = Sweep::default();
    sweep.merging(&firm(1, 1));
    sweep.complete(secs(0));
    assert_eq!(sweep.swept(), Some(round(1)));
    assert!(sweep.may_take(&rival(1)));
    let mut later = Sweep::default();
    later.merging(&firm(3, 3));
    later.complete(secs(0));
    assert!(!later.may_take(&rival(1)));
    assert!(later.may_take(&rival(3)));
    assert!(later.may_take(&begin(4)));
    assert!(!later.may_take(&begin(5)));
}

#[test]
fn only_what_is_claimed_by_those_who_have_the_store_is_compared() {
    assert!(Claim::Firm(round(2)) > Claim::Firm(round(1)));
    assert_eq!(Claim::Partial(round(2)).partial_cmp(&Claim::Firm(round(1))), None);
}

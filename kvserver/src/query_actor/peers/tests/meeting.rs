//! Who is met, and how many.

use super::super::meeting::{MAX_MEMBERS, MAX_UNMET};
use super::*;

#[test]
fn a_member_that_cannot_be_is_not_met() {
    let mut peers = Peers::new(Some(member(0)), 0, 1, true);
    for actors in [0, 1025] {
        peers.meet(Member { actors, ..member(1) }, &Replica::default(), ms(0));
    }
    peers.meet(member(0), &Replica::default(), ms(0));
    assert!(peers.members.is_empty() && peers.links.is_empty());
}

/// A frame of a server that nobody has told of.
#[test]
fn few_may_introduce_themselves_whom_the_members_actor_has_not_met() {
    let mut peers = Peers::new(Some(member(0)), 0, 1, true);
    for server in 1..=300 {
        peers.take_in(introduction(server), &Replica::default(), ms(0));
    }
    assert_eq!(peers.members.len(), MAX_UNMET);
    peers.meet(member(1), &Replica::default(), ms(0));
    assert!(
        peers.take_in(introduction(300), &Replica::default(), ms(0)).is_some(),
        "one has been met"
    );
    assert!(peers.take_in(introduction(299), &Replica::default(), ms(0)).is_none());
    peers.forget(&member(2).address);
    assert!(peers.take_in(introduction(299), &Replica::default(), ms(0)).is_some(), "one has gone");
}

#[test]
fn no_more_servers_are_dealt_with_than_a_store_has() {
    let mut peers = Peers::new(Some(member(0)), 0, 1, true);
    (1..=300).for_each(|server| peers.meet(member(server), &Replica::default(), ms(0)));
    assert_eq!(peers.members.len(), MAX_MEMBERS);
    peers.meet(Member { server: 1000, ..member(7) }, &Replica::default(), ms(0));
    assert_eq!(peers.actors_of(1000), Some(1), "a new life takes the place of the one before");
}

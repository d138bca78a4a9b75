//! Servers that were forgotten, and the end of this one.

use super::*;

fn introduces(server: u64) -> Frame {
    Frame {
        server,
        from: 0,
        state: 1000 + server,
        to_state: None,
        introduce: Some(member(server)),
        data: None,
        ack: None,
        request: None,
        chunk: None,
        digest: None,
        mark: Mark::default(),
        sweep: None,
    }
}

fn peers() -> Peers {
    Peers::new(Some(member(0)), 0, 100, true)
}

#[test]
fn a_server_that_was_forgotten_comes_back_by_its_members_actor_only() {
    let mut peers = peers();
    assert_eq!(peers.introduced(&introduces(1)), Some(&member(1)));
    peers.meet(member(1), &Replica::default(), ms(0));
    peers.forget(&member(1).address);
    assert_eq!(peers.introduced(&introduces(1)), None);
    assert!(peers.take_in(introduces(1), &Replica::default(), ms(0)).is_none());
    for server in 2..=257 {
        assert!(!peers.has((1, 0)));
        peers.meet(member(server), &Replica::default(), ms(0));
        peers.forget(&member(server).address);
    }
    assert!(
        peers.take_in(introduces(1), &Replica::default(), ms(0)).is_some(),
        "not all are kept in mind"
    );
    assert!(peers.take_in(introduces(2), &Replica::default(), ms(0)).is_none());
    peers.meet(member(2), &Replica::default(), ms(0));
    assert!(peers.take_in(introduces(2), &Replica::default(), ms(0)).is_some());
}

#[test]
fn a_server_that_ends_waits_for_those_that_answer() {
    let mut peers = peers();
    peers.meet(member(1), &Replica::default(), ms(0));
    let stamp = Stamp { millis: 1, counter: 0, uid: 0 };
    peers.wrote(&Entry::new(stamp, "key", Some("v")), At::live(0), ms(0));
    assert!(!peers.have_all(&[1]));
    assert!(peers.have_all(&[]) && peers.have_all(&[2]));
}

#[test]
fn a_server_that_is_back_may_have_been_told_something_a_moment_ago() {
    let mut peers = peers();
    peers.meet(member(1), &Replica::default(), ms(0));
    assert_eq!(peers.take(Mark::default(), ms(0)).len(), 1, "it was never met before");
    peers.forget(&member(1).address);
    peers.meet(member(1), &Replica::default(), ms(10));
    assert!(peers.take(Mark::default(), ms(11)).is_empty());
    assert_eq!(peers.take(Mark::default(), ms(511)).len(), 1);
}

/// While it is forgotten, a frame of its own does not bring it back, and none of its copy either.
#[test]
fn a_copy_of_a_server_that_is_back_is_not_listened_to() {
    let mut peers = peers();
    peers.meet(member(1), &Replica::default(), ms(0));
    peers.forget(&member(1).address);
    peers.meet(member(1), &Replica::default(), ms(10));
    let copy = Member { address: Address::new("copy:1"), ..member(1) };
    let frame = Frame { state: 7, introduce: Some(copy), ..introduces(1) };
    assert!(peers.take_in(frame, &Replica::default(), ms(20)).is_none());
    assert!(peers.take_in(introduces(1), &Replica::default(), ms(20)).is_some());
}

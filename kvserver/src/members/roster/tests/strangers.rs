//! What is not believed.

use super::*;

#[test]
fn a_hello_that_cannot_be_meant_for_us_changes_nothing() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    let good = {
        let b = world.rosters.get_mut(&address("b")).unwrap();
        b.hello_to(&address("a"), &address("a"), true, false, at(0))
    };
    let a = world.rosters.get_mut(&address("a")).unwrap();
    let bad = [
        Hello { version: 2, ..good.clone() },
        Hello { from: member("a", 7), ..good.clone() },
        Hello { from: member("b", 1), ..good.clone() },
        Hello { from: Member { actors: 0, ..member("b", 2) }, ..good.clone() },
        Hello { from: Member { actors: 1025, ..member("b", 2) }, ..good.clone() },
    ];
    for hello in bad {
        assert!(a.hello(hello, at(10)).is_empty());
    }
    assert!(a.statuses(at(10).elapsed).is_empty());
    assert!(!a.hello(good, at(10)).is_empty());
}

#[test]
fn of_two_processes_with_one_identity_the_first_is_listened_to() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(2000);
    let now = at(world.now);
    let good = {
        let b = world.rosters.get_mut(&address("b")).unwrap();
        b.hello_to(&address("a"), &address("a"), true, false, now)
    };
    let a = world.rosters.get_mut(&address("a")).unwrap();
    let says = |a: &mut Roster, name: &str, server| {
        let hello = Hello { from: member(name, server), ..good.clone() };
        a.hello(hello, now).contains(&Effect::NoteAll(Note::Meet(member(name, server))))
    };
    assert!(!says(a, "copy", 2), "b's number at another address");
    assert!(!says(a, "elsewhere", 1), "a's own number");
    assert!(says(a, "b", 3), "b was restarted");
    assert!(!says(a, "b", 2), "or are there two?");
    assert!(!says(a, "b", 3), "it is known");
    assert_eq!(a.statuses(now.elapsed).len(), 1);
    assert_eq!(a.statuses(now.elapsed)[0].server, Some(3));
}

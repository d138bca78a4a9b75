//! Rosters that say hello to each other, in virtual time.

use super::forgotten::{Gone, Why};
use super::hello::Known;
use super::*;
use crate::query_actor::Renewal;

mod beginning;
mod forgetting;
mod leading;
mod strangers;

const fn at(millis: u64) -> Now {
    // The wall clock starts a day in, so that offsets may be negative.
    Now { wall_millis: 86_400_000 + millis, elapsed: Duration::from_millis(millis) }
}

fn address(name: &str) -> Address {
    Address::new(&format!("{name}:1"))
}

fn member(name: &str, server: u64) -> Member {
    Member { address: address(name), server, actors: 1 }
}

/// What a ready server says to a.
fn hello(name: &str, server: u64, now: Now) -> Hello {
    let keeping = Keeping::default();
    let mut roster = Roster::new(member(name, server), Vec::new(), keeping, now.elapsed);
    roster.hello_to(&address("a"), &address("a"), false, false, now)
}

/// Servers of one actor each; a call arrives at the next tick of the one called.
struct World {
    now: u64,
    rosters: BTreeMap<Address, Roster>,
    notes: BTreeMap<Address, Vec<Note>>,
    calls: Vec<(Address, Hello)>,
    calls_made: usize,
    /// Who was told whether it begins rounds of collecting.
    leads: BTreeMap<Address, bool>,
}

impl World {
    fn new() -> Self {
        Self {
            now: 0,
            rosters: BTreeMap::new(),
            notes: BTreeMap::new(),
            calls: Vec::new(),
            calls_made: 0,
            leads: BTreeMap::new(),
        }
    }

    fn start(&mut self, name: &str, server: u64, joins: &[&str]) {
        let joins = joins.iter().map(|name| address(name)).collect();
        let roster =
            Roster::new(member(name, server), joins, Keeping::default(), at(self.now).elapsed);
        self.rosters.insert(address(name), roster);
        self.notes.insert(address(name), Vec::new());
    }

    /// Lets time pass. A query actor that is told to fetch has done so 100 ms later, from a server
    /// that is ready if its roster is.
    fn run(&mut self, millis: u64) {
        for _ in 0..millis / 50 {
            self.now += 50;
            let now = at(self.now);
            for (to, hello) in std::mem::take(&mut self.calls) {
                if let Some(roster) = self.rosters.get_mut(&to) {
                    let effects = roster.hello(hello, now);
                    self.carry_out(&to, effects);
                }
            }
            for name in self.rosters.keys().cloned().collect::<Vec<_>>() {
                let fetched = self.notes[&name].iter().rev().find_map(|note| match note {
                    Note::Fetch { server, attempt } => Some((*server, *attempt)),
                    _ => None,
                });
                let mut effects = Vec::new();
                if let Some((server, attempt)) = fetched {
                    let mut donors = self.rosters.values();
                    let ready = donors.any(|donor| donor.own.server == server && donor.is_ready());
                    let roster = self.rosters.get_mut(&name).unwrap();
                    effects = roster.fetched(0, server, attempt, ready, now);
                }
                self.carry_out(&name, effects);
                let effects = self.rosters.get_mut(&name).unwrap().tick(now);
                self.carry_out(&name, effects);
            }
        }
    }

    fn carry_out(&mut self, name: &Address, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Call(to, hello) => {
                    self.calls_made += 1;
                    // Another name of a, which it does not go by itself.
                    let to = if to == address("alias") { address("a") } else { to };
                    self.calls.push((to, hello));
                }
                Effect::Note(_, Note::Lead(leads)) => {
                    self.leads.insert(name.clone(), leads);
                }
                Effect::NoteAll(note) | Effect::Note(_, note) => {
                    self.notes.get_mut(name).unwrap().push(note);
                }
            }
        }
    }

    fn is_ready(&self, name: &str) -> bool {
        self.rosters[&address(name)].is_ready()
    }

    fn live(&self, name: &str) -> Vec<Address> {
        let statuses = self.rosters[&address(name)].statuses(at(self.now).elapsed);
        let live = statuses.into_iter().filter(|status| status.state == MemberState::Live);
        live.map(|status| status.address).collect()
    }
}

#[test]
fn one_live_member_is_enough_to_meet_all() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.run(100);
    world.start("b", 2, &["a"]);
    world.run(1000);
    world.start("c", 3, &["b"]);
    world.run(1000);
    assert_eq!(world.live("a"), [address("b"), address("c")]);
    assert_eq!(world.live("b"), [address("a"), address("c")]);
    assert_eq!(world.live("c"), [address("a"), address("b")]);
    assert!(world.is_ready("a") && world.is_ready("b") && world.is_ready("c"));
    let fetch = world.notes[&address("c")].iter().filter(|note| matches!(note, Note::Fetch { .. }));
    assert_eq!(fetch.count(), 1, "one ready server has everything");
    assert!(!world.notes[&address("a")].contains(&Note::Open), "a was ready from the start");
}

#[test]
fn the_member_with_the_smallest_number_leads_while_all_known_ones_answer() {
    let mut world = World::new();
    world.start("a", 5, &[]);
    world.run(100);
    assert!(world.leads[&address("a")]);
    world.start("b", 2, &["a"]);
    world.start("c", 3, &["b"]);
    world.run(4000);
    let leads = |world: &World| ["a", "b", "c"].map(|name| world.leads[&address(name)]);
    assert_eq!(leads(&world), [false, true, false]);
    let c = world.rosters.remove(&address("c")).unwrap();
    world.run(6000);
    assert_eq!(leads(&world), [false; 3], "c may hold anything");
    world.rosters.insert(address("c"), c);
    world.run(6000);
    assert_eq!(leads(&world), [false, true, false]);
}

#[test]
fn servers_that_only_know_each_other_begin_together() {
    let mut world = World::new();
    world.start("a", 1, &["b"]);
    world.start("b", 2, &["c"]);
    world.start("c", 3, &["a"]);
    world.run(3000);
    assert!(world.is_ready("a") && world.is_ready("b") && world.is_ready("c"));
}

#[test]
fn a_newcomer_waits_for_ever_for_someone_who_may_have_the_store() {
    let mut world = World::new();
    world.start("a", 1, &["b", "dead"]);
    world.start("b", 2, &["a"]);
    world.run(120_000);
    assert!(!world.is_ready("a"), "the dead one may have more");
    assert!(!world.is_ready("b"), "b has heard of the dead one from a");
    world.start("dead", 3, &[]);
    world.run(5000);
    assert!(world.is_ready("a") && world.is_ready("b"));
}

#[test]
fn a_dead_address_is_waited_for_only_so_long_when_someone_is_ready() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a", "dead"]);
    world.run(2900);
    assert!(!world.is_ready("b"));
    world.run(300);
    assert!(world.is_ready("b"));
}

#[test]
fn a_dead_address_is_called_less_and_less() {
    let mut world = World::new();
    world.start("a", 1, &["dead"]);
    world.run(10_000);
    let early = world.calls_made;
    assert!((4..8).contains(&early), "{early}");
    world.run(40_000);
    assert_eq!(world.calls_made - early, 10);
}

#[test]
fn members_that_have_met_say_hello_every_two_seconds() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(1000);
    let before = world.calls_made;
    world.run(60_000);
    assert!((58..=62).contains(&(world.calls_made - before)), "{}", world.calls_made - before);
}

#[test]
fn another_name_of_a_member_is_forgotten_for_the_one_it_goes_by() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["alias"]);
    world.run(2000);
    let statuses = world.rosters[&address("b")].statuses(at(world.now).elapsed);
    let names: Vec<_> = statuses.into_iter().map(|status| status.address).collect();
    assert_eq!(names, [address("a")]);
    assert!(world.is_ready("b"));
}

#[test]
fn a_restarted_server_is_not_ready_once_its_peers_find_it() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(2000);
    world.start("a", 9, &[]);
    assert!(world.is_ready("a"), "it cannot know");
    world.run(4000);
    assert!(world.is_ready("a"));
    let notes = &world.notes[&address("a")];
    assert!(
        matches!(notes[..], [Note::Meet(_), Note::Fetch { server: 2, .. }, Note::Open]),
        "{notes:?}"
    );
    let renewed = Note::Meet(member("a", 9));
    assert!(world.notes[&address("b")].contains(&renewed), "b knows that it is a new life");
}

#[test]
fn a_donor_that_dies_is_given_up_for_another() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(2000);
    let mut roster =
        Roster::new(member("c", 3), vec![address("a")], Keeping::default(), at(0).elapsed);
    let donors = |effects: Vec<Effect>| -> Vec<u64> {
        let fetch = |effect| match effect {
            Effect::NoteAll(Note::Fetch { server, .. }) => Some(server),
            _ => None,
        };
        effects.into_iter().filter_map(fetch).collect()
    };
    let hello = |world: &mut World, name: &str, now| {
        let roster = world.rosters.get_mut(&address(name)).unwrap();
        roster.hello_to(&address("c"), &address(name), false, false, now)
    };
    let of_a = hello(&mut world, "a", at(0));
    assert_eq!(donors(roster.hello(of_a, at(100))), [1]);
    let of_b = hello(&mut world, "b", at(0));
    assert!(donors(roster.hello(of_b, at(4000))).is_empty(), "a is at work");
    assert_eq!(donors(roster.tick(at(6000))), [2]);
}

#[test]
fn a_donor_that_lives_and_gives_nothing_is_given_up_for_another_that_is_ready() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(2000);
    let mut roster =
        Roster::new(member("c", 3), vec![address("a")], Keeping::default(), at(0).elapsed);
    let mut donors = Vec::new();
    for second in 0..130 {
        let mut effects = Vec::new();
        for name in ["a", "b"] {
            let now = at(second * 1000);
            let of = world.rosters.get_mut(&address(name)).unwrap();
            let hello = of.hello_to(&address("c"), &address(name), false, false, now);
            effects.extend(roster.hello(hello, now));
        }
        effects.extend(roster.tick(at(second * 1000)));
        donors.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::NoteAll(Note::Fetch { server, attempt }) => Some((second, server, attempt)),
            _ => None,
        }));
        if let Some((_, server, attempt)) = donors.last()
            && second < 60
        {
            roster.fetching(*server, *attempt, at(second * 1000));
        }
    }
    let servers: Vec<_> = donors.iter().map(|(second, server, _)| (*second, *server)).collect();
    assert_eq!(servers, [(0, 1), (89, 2), (119, 1)], "not while it gives something");
}

#[test]
fn a_query_actor_that_begins_anew_is_told_all() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    world.run(2000);
    let notes = [
        Note::Generation(0),
        Note::Meet(member("a", 1)),
        Note::Open,
        Note::Relay(Vec::new()),
        Note::Lead(false),
    ];
    let now = at(world.now);
    let effects = world.rosters.get_mut(&address("b")).unwrap().resumed(0, now);
    assert_eq!(effects, notes.map(|note| Effect::Note(0, note)));
}

#[test]
fn clocks_and_round_trips_are_measured() {
    let mut world = World::new();
    world.start("a", 1, &[]);
    world.start("b", 2, &["a"]);
    let (mut a, mut b) = (
        world.rosters.remove(&address("a")).unwrap(),
        world.rosters.remove(&address("b")).unwrap(),
    );
    let skewed = |now: Now| Now { wall_millis: now.wall_millis + 3_600_000, ..now };
    let asks = b.hello_to(&address("a"), &address("a"), true, false, at(1000));
    a.hello(asks, skewed(at(1200)));
    let answers = a.hello_to(&address("b"), &address("a"), false, true, skewed(at(1300)));
    b.hello(answers, at(1500));
    let status = b.statuses(at(1600).elapsed).remove(0);
    assert_eq!(status.round_trip_ms, Some(400));
    assert_eq!(status.clock_offset_ms, Some(3_600_000));
    assert_eq!(status.heard_ms_ago, Some(100));
}

#[test]
fn what_a_slow_way_explains_is_no_skew_of_a_clock() {
    for (offset, round_trip, skewed) in
        [(501, 0, true), (500, 0, false), (-501, 0, true), (1500, 3000, false), (2001, 3000, true)]
    {
        let is_skewed = hello::is_skewed(Some(offset), Some(round_trip));
        assert_eq!(is_skewed, skewed, "{offset} ms, {round_trip} ms");
    }
}

/// What clients of a newcomer write need not wait until it has called each of the others.
#[test]
fn query_actors_meet_at_once_whom_another_server_hears() {
    let mut a = Roster::new(member("a", 1), vec![address("b")], Keeping::default(), at(0).elapsed);
    let mut world = World::new();
    world.start("b", 2, &[]);
    world.run(100);
    let now = at(world.now);
    let b = world.rosters.get_mut(&address("b")).unwrap();
    let mut hello = b.hello_to(&address("a"), &address("b"), false, true, now);
    let known = |name: &str, life| Known { address: address(name), life };
    hello.others = vec![
        known("c", Some((3, 2))),
        known("silent", None),
        known("own", Some((1, 1))),
        known("copy", Some((2, 1))),
        known("c", Some((4, 1))),
    ];
    let met = |effects: &[Effect]| -> Vec<u64> {
        let meet = effects.iter().filter_map(|effect| match effect {
            Effect::NoteAll(Note::Meet(member)) => Some(member.server),
            _ => None,
        });
        meet.collect()
    };
    assert_eq!(met(&a.hello(hello.clone(), now)), [2, 3], "in their turn");
    assert!(met(&a.hello(hello.clone(), now)).is_empty(), "once only");
    assert_eq!(a.statuses(now.elapsed).iter().filter(|one| one.server.is_some()).count(), 1);
    hello.others =
        (0..1000_u64).map(|one| known(&format!("s{one}"), Some((one + 10, 1)))).collect();
    assert!(met(&a.hello(hello, now)).len() < MAX_MEMBERS);
}

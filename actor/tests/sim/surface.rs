//! A simulated system is used like a real one.

use std::{task::Poll, time::Duration};

use actor::{
    Actor, ActorRef, Cause, Context, Report, WellKnown,
    sim::{Faults, Sim},
};

use crate::diary::{Diary, Entry, causes, seen, two};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn questions_are_answered_within_a_system_and_between_two() {
    let mut two = two(Faults::none());
    two.tell(0..3);
    assert!(two.sim.run_until_quiet(SECOND));
    for asks in [two.a, two.b] {
        let reply = two.sim.ask(asks, &two.there, Entry::Read);
        assert_eq!(two.sim.run_until_answer(reply, SECOND), Some(vec![0, 1, 2]));
    }
    let (_, mut never) = two.sim.reply_ref::<u64>(two.a);
    assert_eq!(Sim::poll(&mut never), Poll::Pending);
    two.sim.crash(two.a);
    assert_eq!(Sim::poll(&mut never), Poll::Ready(None));
    let (_, mut late) = two.sim.reply_ref::<u64>(two.a);
    assert_eq!(Sim::poll(&mut late), Poll::Ready(None));
}

#[test]
fn a_reply_address_is_used_once() {
    let mut two = two(Faults::none());
    let (reply_to, reply) = two.sim.reply_ref(two.a);
    let twin = postcard::from_bytes(&postcard::to_stdvec(&reply_to).unwrap()).unwrap();
    two.sim.tell(two.a, &two.there, Entry::Read(reply_to));
    assert_eq!(two.sim.run_until_answer(reply, SECOND), Some(vec![]));
    two.sim.tell(two.a, &two.there, Entry::Read(twin));
    two.sim.run_for(SECOND);
    assert_eq!(causes(&two.sim, two.a), [Cause::ReplyUsed]);
}

#[test]
fn refs_travel_through_third_parties() {
    let mut two = two(Faults::none());
    let c = two.sim.add_system("c:1", |_, _| {});
    let third = two.sim.spawn(c, Diary::default);
    // `here` introduces `third` to `there`, which then tells it something.
    let introduce = Entry::Introduce { of: third.clone(), to: two.there.clone() };
    two.sim.tell(two.a, &two.here, introduce);
    two.sim.run_for(SECOND);
    assert_eq!(seen(&two.sim, &third), [77]);
}

/// Takes odd numbers from other systems.
#[derive(Default)]
struct Picky(Vec<u64>);

impl Actor for Picky {
    type Message = u64;

    fn takes_from_elsewhere(number: &u64) -> bool {
        number % 2 == 1
    }

    fn on_message(&mut self, number: u64, _: &mut Context<'_, u64>) {
        self.0.push(number);
    }
}

#[test]
fn an_actor_takes_from_elsewhere_what_it_says() {
    let mut two = two(Faults::none());
    let picky = two.sim.spawn(two.b, Picky::default);
    two.sim.tell(two.b, &picky, 2);
    two.sim.run_for(SECOND);
    (3..6).for_each(|number| two.sim.tell(two.a, &picky, number));
    two.sim.run_for(SECOND);
    let taken = two.sim.inspect(&picky, |Picky(taken): &Picky| taken.clone());
    assert_eq!(taken, Some(vec![2, 3, 5]));
    assert_eq!(causes(&two.sim, two.b), [Cause::Refused]);
}

#[test]
fn what_cannot_be_delivered_is_reported_where_it_was_noticed() {
    let mut two = two(Faults::none());
    let json = serde_json::to_string(&two.here).unwrap();
    let wrong: ActorRef<String> = serde_json::from_str(&json).unwrap();
    two.sim.tell(two.a, &wrong, "hello".to_owned());
    let nobody: ActorRef<u64> = ActorRef::well_known(two.sim.address(two.b), WellKnown(9));
    two.sim.tell(two.a, &nobody, 1);
    two.sim.tell(two.a, &two.there, Entry::Blob(vec![0; actor::MAX_REMOTE_MESSAGE_BYTES]));
    let json = serde_json::to_string(&two.there).unwrap();
    let wrong: ActorRef<String> = serde_json::from_str(&json).unwrap();
    two.sim.tell(two.a, &wrong, "hello".to_owned());
    two.sim.run_for(SECOND);
    assert_eq!(causes(&two.sim, two.a), [Cause::TooLarge, Cause::WrongType]);
    let mut there = causes(&two.sim, two.b);
    there.sort_by_key(|cause| cause.to_string());
    assert_eq!(there, [Cause::Codec, Cause::NoSuchActor]);
    two.sim.spawn_well_known(two.b, WellKnown(1), Diary::default);
    let last = &two.sim.reports(two.b).last().unwrap().1;
    assert!(matches!(last, Report::DuplicateId { .. }), "{last}");
    two.sim.crash(two.a);
    two.tell(0..1);
    assert_eq!(causes(&two.sim, two.a).last(), Some(&Cause::Closed));
    assert_eq!(two.sim.take_reports(two.a).len(), 3);
    assert_eq!(two.sim.reports(two.a).len(), 0);
}

#[test]
fn statistics_count_what_the_specification_says() {
    let mut two = two(Faults::none());
    let millis = Duration::from_millis;
    two.tell(0..7);
    two.sim.run_for(millis(999));
    two.tell(0..3);
    two.sim.run_for(millis(2000));
    two.tell(0..5);
    two.sim.tell(two.a, &two.here, Entry::Tick { every_millis: 10, number: 0 });
    let reply = two.sim.ask(two.a, &two.there, Entry::Read);
    two.sim.run_for(millis(1000));
    drop(reply);
    let note = postcard::to_stdvec(&Entry::Note(0)).unwrap().len() as u64;
    let (here, there) = (two.sim.stats(two.a), two.sim.stats(two.b));
    assert_eq!(here.messages_sent_external, 5);
    assert_eq!(here.messages_sent_actor, 15, "timers of one's own are not counted");
    assert_eq!(here.bytes_sent, 15 * note);
    assert!((7..=10).contains(&here.max_message_rate), "{}", here.max_message_rate);
    assert_eq!(here.reply_refs_used, 1);
    assert!(here.remote_bytes_received > 0, "the answer");
    assert_eq!(there.messages_sent_actor, 1, "answers are messages too");
    assert_eq!(there.bytes_sent, 0, "but have no length");
    assert!(there.remote_bytes_received > 15 * note);
    two.sim.crash(two.a);
    assert_eq!(two.sim.stats(two.a), here, "what was counted outlives the actors");
    two.sim.restart(two.a);
    assert_eq!(two.sim.stats(two.a), actor::Stats::default());
}

#[test]
fn a_world_is_quiet_when_nothing_is_left_to_happen() {
    let mut two = two(Faults::none());
    assert!(two.sim.run_until_quiet(SECOND));
    assert_eq!(two.sim.elapsed(), Duration::ZERO);
    two.sim.tell(two.a, &two.here, Entry::Timers(vec![(500, 1)]));
    assert!(two.sim.run_until_quiet(SECOND));
    assert_eq!(two.sim.elapsed().as_millis(), 500);
    two.sim.tell(two.a, &two.here, Entry::Tick { every_millis: 10, number: 0 });
    assert!(!two.sim.run_until_quiet(SECOND));
    assert_eq!(two.sim.elapsed().as_millis(), 1500);
    // Faults to come do not count, or no world with any would ever be quiet.
    let mut sim = Sim::new(1, Faults::chaos());
    sim.add_system("a:1", |_, _| {});
    assert!(sim.run_until_quiet(SECOND));
}

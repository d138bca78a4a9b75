//! One system on tokio: SPEC A1–A5, A7–A8, and supervision.
#![allow(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actor::{
    Actor, ActorRef, Cause, Context, MAX_RESTARTS, ReplyRef, Report, SharedBytes, System,
    SystemConfig, WellKnown,
};
use serde::{Deserialize, Serialize};

type Reports = Arc<Mutex<Vec<Report>>>;

fn system() -> (System, Reports) {
    start(|config| config)
}

fn start(configure: impl FnOnce(SystemConfig) -> SystemConfig) -> (System, Reports) {
    let reports = Reports::default();
    let kept = reports.clone();
    let config = SystemConfig::new("127.0.0.1:7000")
        .on_error(move |report| kept.lock().unwrap().push(report.clone()));
    (System::start(configure(config)), reports)
}

/// Remembers what it is told, and does what it is asked.
#[derive(Default)]
struct Diary {
    seen: Vec<u64>,
    setup: Option<u64>,
    starts_seen: u64,
}

#[derive(Serialize, Deserialize)]
enum Entry {
    Note(u64),
    NoteBytes(SharedBytes),
    Panic,
    Setup(u64),
    Tick { every_millis: u64, number: u64 },
    TimersOutOfOrder,
    PassOn { to: ActorRef<Entry>, count: u64 },
    ReplyLater { reply_to: ReplyRef<Vec<u64>>, after_millis: u64 },
    Later(ReplyRef<Vec<u64>>),
    Read(ReplyRef<Vec<u64>>),
    State(ReplyRef<State>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct State {
    setup: Option<u64>,
    starts: u64,
    restarts: u64,
    seen: Vec<u64>,
}

impl Actor for Diary {
    type Message = Entry;

    fn on_start(&mut self, ctx: &mut Context<'_, Entry>) {
        self.starts_seen = ctx.restarts() + 1;
    }

    fn on_message(&mut self, entry: Entry, ctx: &mut Context<'_, Entry>) {
        match entry {
            Entry::Note(number) => self.seen.push(number),
            Entry::NoteBytes(bytes) => self.seen.push(bytes.len() as u64),
            Entry::Panic => panic!("a bad page"),
            Entry::Setup(number) => {
                self.setup = Some(number);
                ctx.resume_with(Entry::Setup(number));
            }
            Entry::Tick { every_millis, number } => {
                self.seen.push(number);
                let next = Entry::Tick { every_millis, number: number + 1 };
                ctx.tell_after(Duration::from_millis(every_millis), next);
            }
            Entry::TimersOutOfOrder => {
                for (millis, number) in [(30, 3), (10, 1), (20, 2), (10, 11), (0, 0)] {
                    ctx.tell_after(Duration::from_millis(millis), Entry::Note(number));
                }
            }
            Entry::PassOn { to, count } => {
                for number in 0..count {
                    ctx.tell(&to, Entry::Note(number));
                }
            }
            Entry::ReplyLater { reply_to, after_millis } => {
                ctx.tell_after(Duration::from_millis(after_millis), Entry::Later(reply_to));
            }
            Entry::Later(reply_to) | Entry::Read(reply_to) => {
                ctx.reply(reply_to, self.seen.clone());
            }
            Entry::State(reply_to) => ctx.reply(
                reply_to,
                State {
                    setup: self.setup,
                    starts: self.starts_seen,
                    restarts: ctx.restarts(),
                    seen: self.seen.clone(),
                },
            ),
        }
    }
}

async fn read(system: &System, diary: &ActorRef<Entry>) -> Vec<u64> {
    system.ask(diary, Entry::Read).await.expect("the diary lives")
}

#[tokio::test]
async fn messages_come_in_order_and_an_ask_is_answered() {
    let (system, reports) = system();
    let diary = system.spawn(Diary::default);
    for number in 0..10_000 {
        system.tell(&diary, Entry::Note(number));
    }
    assert_eq!(read(&system, &diary).await, (0..10_000).collect::<Vec<_>>());
    assert_eq!(*reports.lock().unwrap(), []);
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_for_each_of_many_threads_that_tell_at_once() {
    const THREADS: u64 = 4;
    const EACH: u64 = 20_000;
    let (system, _) = system();
    let (on_thread, _handle) =
        system.spawn_on_thread("diary", None, Diary::default).expect("a thread");
    for diary in [system.spawn(Diary::default), on_thread] {
        let tellers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (system, diary) = (system.clone(), diary.clone());
                std::thread::spawn(move || {
                    for number in 0..EACH {
                        system.tell(&diary, Entry::Note(thread * EACH + number));
                    }
                })
            })
            .collect();
        for teller in tellers {
            teller.join().unwrap();
        }
        let seen = read(&system, &diary).await;
        assert_eq!(seen.len() as u64, THREADS * EACH);
        for thread in 0..THREADS {
            let own = seen.iter().filter(|&&number| number / EACH == thread);
            assert!(own.is_sorted_by(|a, b| a < b), "thread {thread} out of order");
        }
    }
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn timers_fire_by_time_then_by_the_order_they_were_set() {
    let (system, _) = system();
    let diary = system.spawn(Diary::default);
    system.tell(&diary, Entry::TimersOutOfOrder);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(read(&system, &diary).await, [0, 1, 11, 2, 3]);

    let diary = system.spawn(Diary::default);
    for (millis, number) in [(20, 2), (10, 1), (20, 3)] {
        system.tell_after(Duration::from_millis(millis), &diary, Entry::Note(number));
    }
    tokio::time::sleep(Duration::from_millis(15)).await;
    assert_eq!(read(&system, &diary).await, [1]);
    tokio::time::sleep(Duration::from_millis(15)).await;
    assert_eq!(read(&system, &diary).await, [1, 2, 3]);
    system.tell_after(Duration::MAX, &diary, Entry::Note(4)); // no overflow
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_may_come_later_and_only_once() {
    let (system, reports) = system();
    let diary = system.spawn(Diary::default);
    let (reply_to, reply) = system.reply_ref();
    let twin: ReplyRef<Vec<u64>> =
        postcard::from_bytes(&postcard::to_stdvec(&reply_to).unwrap()).unwrap();
    let uid = twin.uid();
    system.tell(&diary, Entry::ReplyLater { reply_to, after_millis: 500 });
    assert_eq!(reply.await, Some(vec![]));
    system.tell(&diary, Entry::Read(twin));
    read(&system, &diary).await;
    let message_type = std::any::type_name::<Vec<u64>>();
    assert_eq!(
        *reports.lock().unwrap(),
        [Report::Undeliverable { to: uid, message_type, cause: Cause::ReplyUsed }]
    );
    let (_, reply) = system.reply_ref::<u64>();
    system.shutdown().await;
    assert_eq!(reply.await, None);
    let (_, reply) = system.reply_ref::<u64>();
    assert_eq!(reply.await, None);
}

#[tokio::test]
async fn refs_are_data_and_work_for_whoever_holds_them() {
    let (system, reports) = system();
    let diary = system.spawn(Diary::default);
    let json = serde_json::to_string(&diary).unwrap();
    let bytes = postcard::to_stdvec(&diary).unwrap();
    for copy in [serde_json::from_str(&json).unwrap(), postcard::from_bytes(&bytes).unwrap()] {
        let copy: ActorRef<Entry> = copy;
        assert_eq!(copy, diary);
        assert_eq!(copy.uid(), diary.uid());
        system.tell(&copy, Entry::Note(1));
    }
    assert_eq!(read(&system, &diary).await, [1, 1]);
    // An actor's ref is no reply address.
    assert!(serde_json::from_str::<ReplyRef<u64>>(&json).is_err());
    // A ref that claims another type reaches nobody.
    let wrong: ActorRef<String> = serde_json::from_str(&json).unwrap();
    system.tell(&wrong, "hello".to_owned());
    assert!(matches!(
        &reports.lock().unwrap()[..],
        [Report::Undeliverable { cause: Cause::WrongType, .. }]
    ));
    system.shutdown().await;
}

#[tokio::test]
async fn well_known_refs_survive_a_restart_and_others_do_not() {
    let (first, _) = system();
    let ordinary = first.spawn(Diary::default);
    let known = first.spawn_well_known(WellKnown(3), Diary::default);
    assert_eq!(known.uid(), "127.0.0.1:7000/w3");
    first.shutdown().await;

    let (second, reports) = system();
    let same = second.spawn_well_known(WellKnown(3), Diary::default);
    let other = second.spawn(Diary::default);
    assert_eq!(known, same);
    assert_ne!(ordinary.uid(), other.uid());
    second.tell(&known, Entry::Note(1));
    second.tell(&ordinary, Entry::Note(2));
    assert_eq!(read(&second, &known).await, [1]);
    assert_eq!(read(&second, &other).await, Vec::<u64>::new());
    let Report::Undeliverable { cause, .. } = reports.lock().unwrap()[0].clone() else { panic!() };
    assert_eq!(cause, Cause::OtherIncarnation);

    second.spawn_well_known(WellKnown(3), Diary::default);
    assert!(matches!(reports.lock().unwrap()[1], Report::DuplicateId { .. }));
    assert_eq!(read(&second, &known).await, [1]);
    second.shutdown().await;
}

#[tokio::test]
async fn a_panic_is_reported_and_a_fresh_state_goes_on() {
    let (system, reports) = system();
    let (diary, sibling) = (system.spawn(Diary::default), system.spawn(Diary::default));
    system.tell(&sibling, Entry::Note(7));
    system.tell(&diary, Entry::Setup(42));
    system.tell(&diary, Entry::Note(1));
    let tick = Entry::Tick { every_millis: 1, number: 100 };
    system.tell(&diary, tick);
    system.tell(&diary, Entry::Panic);
    system.tell(&diary, Entry::Note(2));
    tokio::time::sleep(Duration::from_millis(20)).await; // the lost state's timer stays silent
    let state = system.ask(&diary, Entry::State).await.unwrap();
    assert_eq!(state, State { setup: Some(42), starts: 2, restarts: 1, seen: vec![2] });
    assert_eq!(read(&system, &sibling).await, [7]);
    let reports = reports.lock().unwrap().clone();
    let [Report::Panicked { actor, uid, message_type, panic, restarted }] = &reports[..] else {
        panic!("{reports:?}")
    };
    assert!(actor.ends_with("Diary") && message_type.ends_with("Entry"), "{actor} {message_type}");
    assert_eq!((uid, panic.as_str(), *restarted), (&diary.uid(), "a bad page", true));
    system.shutdown().await;
}

#[tokio::test]
async fn a_restart_storm_stops_the_actor_and_nobody_else() {
    let (system, reports) = system();
    let (diary, sibling) = (system.spawn(Diary::default), system.spawn(Diary::default));
    for _ in 0..=MAX_RESTARTS {
        system.tell(&diary, Entry::Panic);
    }
    // The question waits behind the panics, and its actor's end is its answer.
    assert_eq!(system.ask(&diary, Entry::Read).await, None);
    assert_eq!(read(&system, &sibling).await, Vec::<u64>::new());
    let restarted: Vec<bool> = reports
        .lock()
        .unwrap()
        .iter()
        .filter_map(|report| match report {
            Report::Panicked { restarted, .. } => Some(*restarted),
            _ => None,
        })
        .collect();
    assert_eq!(restarted, [true, true, true, true, true, false]);
    system.tell(&diary, Entry::Note(1));
    assert!(matches!(
        reports.lock().unwrap().last(),
        Some(Report::Undeliverable { cause: Cause::NoSuchActor, .. })
    ));
    system.shutdown().await;
}

#[derive(Default)]
struct NeverStarts;

impl Actor for NeverStarts {
    type Message = ();

    fn on_start(&mut self, _: &mut Context<'_, ()>) {
        panic!("not today");
    }

    fn on_message(&mut self, (): (), _: &mut Context<'_, ()>) {}
}

#[tokio::test]
async fn an_actor_that_cannot_start_is_given_up() {
    let (system, reports) = system();
    system.spawn_on_thread("never", None, NeverStarts::default).expect("a thread");
    while reports.lock().unwrap().len() <= MAX_RESTARTS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    system.shutdown().await;
    assert_eq!(reports.lock().unwrap().len(), MAX_RESTARTS + 1);
}

#[tokio::test]
async fn an_unanswered_question_ends_when_its_actor_panics() {
    let (system, _) = system();
    let diary = system.spawn(Diary::default);
    let reply = system.ask(&diary, |reply_to| Entry::ReplyLater { reply_to, after_millis: 60_000 });
    system.tell(&diary, Entry::Panic);
    assert_eq!(reply.await, None);
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn statistics_count_what_the_specification_says() {
    let (system, _) = system();
    let (from, to) = (system.spawn(Diary::default), system.spawn(Diary::default));
    system.tell(&from, Entry::PassOn { to: to.clone(), count: 7 });
    read(&system, &from).await;
    tokio::time::sleep(Duration::from_millis(999)).await;
    system.tell(&from, Entry::PassOn { to: to.clone(), count: 3 });
    read(&system, &from).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    system.tell(&from, Entry::PassOn { to: to.clone(), count: 5 });
    system.tell(&from, Entry::Tick { every_millis: 10, number: 0 });
    read(&system, &from).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let stats = system.stats();
    let bytes: u64 =
        [7, 3, 5].iter().flat_map(|&count| 0..count).map(|n| encoded_len(&Entry::Note(n))).sum();
    assert_eq!(stats.bytes_sent, bytes);
    assert_eq!(stats.max_message_rate, 10, "self-timers and replies belong to no pair");
    assert_eq!(stats.messages_sent_actor, 15 + 3, "answers are messages too");
    assert_eq!(stats.messages_sent_external, 4 + 3);
    assert_eq!(stats.reply_refs_used, 3);
    assert_eq!(stats.remote_bytes_received, 0);
    system.shutdown().await;
    assert_eq!(system.stats(), stats, "what was counted outlives the actors");
}

fn encoded_len(entry: &Entry) -> u64 {
    postcard::to_stdvec(entry).unwrap().len() as u64
}

#[tokio::test]
async fn round_trip_mode_delivers_the_same() {
    let (system, reports) = start(|config| config.round_trip(true));
    let diary = system.spawn(Diary::default);
    system.tell(&diary, Entry::NoteBytes(vec![1, 2, 3].into()));
    system.tell(&diary, Entry::Note(4));
    assert_eq!(read(&system, &diary).await, [3, 4]);
    assert_eq!(*reports.lock().unwrap(), []);
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_frees_everything_under_fire() {
    static ALIVE: Mutex<i64> = Mutex::new(0);
    struct Counted;
    impl Counted {
        fn new() -> Self {
            *ALIVE.lock().unwrap() += 1;
            Counted
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            *ALIVE.lock().unwrap() -= 1;
        }
    }
    impl Actor for Counted {
        type Message = u64;
        fn on_message(&mut self, number: u64, ctx: &mut Context<'_, u64>) {
            let me = ctx.me();
            ctx.tell(&me, number + 1); // for ever
        }
    }
    let (system, reports) = system();
    let mut actors: Vec<_> = (0..50).map(|_| system.spawn(Counted::new)).collect();
    let (on_thread, handle) =
        system.spawn_on_thread("counted", Some(WellKnown(1)), Counted::new).unwrap();
    actors.push(on_thread);
    let guard = Arc::new(());
    let held = guard.clone();
    handle.spawn(async move {
        let _held = held;
        std::future::pending::<()>().await;
    });
    for actor in &actors {
        system.tell(actor, 0);
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    tokio::join!(system.shutdown(), system.shutdown());
    assert_eq!(*ALIVE.lock().unwrap(), 0);
    assert_eq!(Arc::strong_count(&guard), 1, "the thread's tasks are dropped");
    system.tell(&actors[0], 0);
    let late = system.spawn(Counted::new);
    system.tell(&late, 0);
    system.shutdown().await;
    assert_eq!(*ALIVE.lock().unwrap(), 0);
    assert!(matches!(
        reports.lock().unwrap().last(),
        Some(Report::Undeliverable { cause: Cause::Closed, .. })
    ));
}

#[tokio::test]
async fn reports_come_at_a_bounded_rate() {
    let (system, reports) = system();
    let nobody = ActorRef::<u64>::well_known(system.address(), WellKnown(99));
    for number in 0..10_000 {
        system.tell(&nobody, number);
    }
    assert!(reports.lock().unwrap().len() <= 203, "at most two seconds' worth");
    system.shutdown().await;
}

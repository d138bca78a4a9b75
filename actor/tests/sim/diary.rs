//! The actor of these tests, and a world of two systems for it.

use std::time::Duration;

use actor::{
    Actor, ActorRef, Cause, Context, ReplyRef, Report, WellKnown,
    sim::{Faults, Sim, SystemId},
};
use serde::{Deserialize, Serialize};

/// Remembers what it is told, and does what it is asked.
#[derive(Default)]
pub struct Diary {
    pub seen: Vec<u64>,
    /// When each of `seen` came, by the two clocks.
    pub times: Vec<(Duration, u64)>,
    pub setup: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub enum Entry {
    Note(u64),
    Blob(Vec<u8>),
    Setup(u64),
    Panic,
    Tell { to: ActorRef<Entry>, numbers: std::ops::Range<u64> },
    Timers(Vec<(u64, u64)>),
    Tick { every_millis: u64, number: u64 },
    Introduce { of: ActorRef<Entry>, to: ActorRef<Entry> },
    Meet(ActorRef<Entry>),
    Read(ReplyRef<Vec<u64>>),
    ReadLater { reply_to: ReplyRef<Vec<u64>>, after_millis: u64 },
}

impl Actor for Diary {
    type Message = Entry;

    fn on_message(&mut self, entry: Entry, ctx: &mut Context<'_, Entry>) {
        match entry {
            Entry::Note(number) => {
                self.seen.push(number);
                let now = ctx.now();
                self.times.push((now.elapsed, now.wall_millis));
            }
            Entry::Blob(bytes) => self.seen.push(bytes.len() as u64),
            Entry::Setup(number) => {
                self.setup = Some(number);
                ctx.resume_with(Entry::Setup(number));
            }
            Entry::Panic => panic!("a bad page"),
            Entry::Tell { to, numbers } => {
                numbers.for_each(|number| ctx.tell(&to, Entry::Note(number)));
            }
            Entry::Timers(timers) => {
                for (millis, number) in timers {
                    ctx.tell_after(Duration::from_millis(millis), Entry::Note(number));
                }
            }
            Entry::Tick { every_millis, number } => {
                self.seen.push(number);
                let next = Entry::Tick { every_millis, number: number + 1 };
                ctx.tell_after(Duration::from_millis(every_millis), next);
            }
            Entry::Introduce { of, to } => ctx.tell(&to, Entry::Meet(of)),
            Entry::Meet(other) => ctx.tell(&other, Entry::Note(77)),
            Entry::Read(reply_to) => ctx.reply(reply_to, self.seen.clone()),
            Entry::ReadLater { reply_to, after_millis } => {
                ctx.tell_after(Duration::from_millis(after_millis), Entry::Read(reply_to));
            }
        }
    }
}

/// Two systems: `a` has an ordinary diary, `b` a well-known one.
pub struct Two {
    pub sim: Sim,
    pub a: SystemId,
    pub b: SystemId,
    pub here: ActorRef<Entry>,
    pub there: ActorRef<Entry>,
}

pub const KNOWN: WellKnown = WellKnown(1);

pub fn two(faults: Faults) -> Two {
    let mut sim = Sim::new(5, faults).with_trace(10_000);
    let a = sim.add_system("a:1", |_, _| {});
    let b = sim.add_system("b:1", |sim, me| {
        sim.spawn_well_known(me, KNOWN, Diary::default);
    });
    let here = sim.spawn(a, Diary::default);
    let there = ActorRef::well_known(sim.address(b), KNOWN);
    Two { sim, a, b, here, there }
}

impl Two {
    /// Lets the diary here tell the one there.
    pub fn tell(&mut self, numbers: std::ops::Range<u64>) {
        let tell = Entry::Tell { to: self.there.clone(), numbers };
        self.sim.tell(self.a, &self.here, tell);
    }

    pub fn run(&mut self, millis: u64) {
        self.sim.run_for(Duration::from_millis(millis));
    }

    pub fn there(&self) -> Vec<u64> {
        seen(&self.sim, &self.there)
    }
}

pub fn seen(sim: &Sim, diary: &ActorRef<Entry>) -> Vec<u64> {
    sim.inspect(diary, |diary: &Diary| diary.seen.clone()).unwrap_or_default()
}

/// The causes of the messages that a system could not deliver.
pub fn causes(sim: &Sim, system: SystemId) -> Vec<Cause> {
    let reports = sim.reports(system).iter();
    reports
        .filter_map(|(_, report)| match report {
            Report::Undeliverable { cause, .. } => Some(*cause),
            _ => None,
        })
        .collect()
}

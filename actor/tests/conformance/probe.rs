//! The actor of the suite.

use std::{ops::Range, time::Duration};

use actor::{Actor, ActorRef, Context, ReplyRef};
use serde::{Deserialize, Serialize};

/// Notes what it is told and does what it is asked.
#[derive(Default)]
pub struct Probe {
    notes: Vec<u64>,
    kept: Option<ActorRef<Say>>,
}

#[derive(Serialize, Deserialize)]
pub enum Say {
    Note(u64),
    /// Tell these numbers to another.
    Flood {
        to: ActorRef<Say>,
        numbers: Range<u64>,
    },
    /// Set one timer for each, in this order.
    Timers(Vec<(Duration, u64)>),
    /// Keep a ref, and with it tell what comes.
    Keep(ActorRef<Say>),
    TellKept(u64),
    /// Send a ref on.
    Introduce {
        to: ActorRef<Say>,
        whom: ActorRef<Say>,
    },
    Panic,
    Read(ReplyRef<Vec<u64>>),
}

impl Actor for Probe {
    type Message = Say;

    fn on_message(&mut self, say: Say, ctx: &mut Context<'_, Say>) {
        match say {
            Say::Note(number) => self.notes.push(number),
            Say::Flood { to, numbers } => {
                numbers.for_each(|number| ctx.tell(&to, Say::Note(number)));
            }
            Say::Timers(timers) => {
                for (delay, number) in timers {
                    ctx.tell_after(delay, Say::Note(number));
                }
            }
            Say::Keep(whom) => self.kept = Some(whom),
            Say::TellKept(number) => {
                if let Some(kept) = &self.kept {
                    ctx.tell(kept, Say::Note(number));
                }
            }
            Say::Introduce { to, whom } => ctx.tell(&to, Say::Keep(whom)),
            Say::Panic => panic!("as asked"),
            Say::Read(reply_to) => ctx.reply(reply_to, self.notes.clone()),
        }
    }
}

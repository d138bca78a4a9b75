//! One actor system that sends numbers to a well-known actor of another, and that other one: two processes for the
//! tests of links, which kill and restart them.
//!
//! Each prints a line when something has changed: `sent N` (so many numbers), `listening`,
//! `got COUNT FIRST LAST increasing` (or `disordered`), and `report TEXT` for what its system reports.

use std::time::Duration;

use actor::{
    Actor, ActorRef, Address, Context, ReplyRef, Report, SharedBytes, System, SystemConfig,
    WellKnown,
};
use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Receives until it is killed.
    Receive {
        #[arg(long)]
        listen: String,
        /// The address under which others reach it; without this the one it listens on.
        #[arg(long)]
        advertise: Option<String>,
    },
    /// Sends 0, 1, 2 … and stays, since a link may still be busy.
    Send {
        #[arg(long)]
        to: String,
        #[arg(long)]
        count: u64,
        /// How many go out at once.
        #[arg(long)]
        burst: u64,
        /// How often, in milliseconds.
        #[arg(long)]
        every: u64,
        /// What each number carries with it, in bytes.
        #[arg(long)]
        padding: usize,
    },
}

const RECEIVER: WellKnown = WellKnown(1);
/// How often the receiver is asked what it has got.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[derive(Serialize, Deserialize)]
enum Message {
    Number { number: u64, padding: SharedBytes },
    Look(ReplyRef<Got>),
}

/// The numbers that have arrived.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Got {
    count: u64,
    first: u64,
    last: u64,
    disordered: bool,
}

#[derive(Default)]
struct Receiver(Got);

impl Actor for Receiver {
    type Message = Message;

    fn on_message(&mut self, message: Message, ctx: &mut Context<'_, Message>) {
        let Receiver(got) = self;
        match message {
            Message::Number { number, .. } => {
                if got.count == 0 {
                    got.first = number;
                } else if number <= got.last {
                    got.disordered = true;
                }
                got.count += 1;
                got.last = number;
            }
            Message::Look(reply_to) => ctx.reply(reply_to, *got),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    match Arguments::parse().role {
        Role::Receive { listen, advertise } => {
            receive(&listen, advertise.as_ref().unwrap_or(&listen)).await
        }
        Role::Send { to, count, burst, every, padding } => {
            send(&Address::new(&to), count, burst, Duration::from_millis(every), padding).await
        }
    }
}

/// Losses are what the tests are about, and there are many.
fn tell(report: &Report) {
    if !matches!(report, Report::Lost { .. } | Report::Suppressed { .. }) {
        println!("report {report}");
    }
}

async fn receive(listen: &str, advertise: &str) -> Result<()> {
    let system = System::start(SystemConfig::new(advertise).on_error(tell));
    let receiver = system.spawn_well_known(RECEIVER, Receiver::default);
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    system.serve(listener);
    println!("listening");
    let mut said = Got::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let got = system.ask(&receiver, Message::Look).await.context("the receiver is gone")?;
        if got != said {
            said = got;
            let Got { count, first, last, disordered } = got;
            let order = if disordered { "disordered" } else { "increasing" };
            println!("got {count} {first} {last} {order}");
        }
    }
}

async fn send(to: &Address, count: u64, burst: u64, every: Duration, padding: usize) -> Result<()> {
    // It listens nowhere: it is answered, if at all, on the links that it opens.
    let name = format!("sender-{}:0", std::process::id());
    let system = System::start(SystemConfig::new(&name).on_error(tell));
    let receiver = ActorRef::well_known(to, RECEIVER);
    let padding = SharedBytes::from(vec![0; padding]);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    while sent < count {
        ticks.tick().await;
        for number in sent..count.min(sent + burst) {
            system.tell(&receiver, Message::Number { number, padding: padding.clone() });
        }
        sent = count.min(sent + burst);
        println!("sent {sent}");
    }
    std::future::pending().await
}

//! `cmud`: the game in a terminal.

mod plain;
mod terminal;
mod world;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use cmud::drive::Ending;
use cmud::{Name, Setup};
use kvclient::{Addresses, Client, Sticky, platform};
use tokio::runtime::Builder;

use self::world::World;

/// CMUD: mine coins, buy hardware and solve the great problems, with everyone else
///
/// Without --server it plays in a world of its own that ends with the game.
#[derive(Debug, Parser)]
#[command(name = "cmud", version, after_help = AFTER_HELP)]
pub struct Args {
    /// Query addresses of the world's servers, as HOST:PORT or ws://HOST:PORT/PATH; with several, the next
    /// is tried when one fails
    #[arg(long, value_name = "HOST:PORT[,…]")]
    server: Option<Addresses>,

    /// The character to play; without it the game asks
    #[arg(long)]
    name: Option<Name>,

    /// The servers end with the game, and so does their world
    #[arg(long, hide = true, requires = "server")]
    passing: bool,

    /// Lines in, lines out: no colours, no bars, no pauses in the story
    #[arg(long)]
    plain: bool,
}

/// What whoever has named one server only is told when nobody answers there.
const SEVERAL: &str =
    "--server takes several addresses, separated by commas; the next is tried when one fails.";

const AFTER_HELP: &str = "\
At the prompt, Tab completes, the arrow keys bring back earlier lines, Ctrl-C
stops what is going on and pressed twice leaves, Ctrl-D says goodbye.
NO_COLOR=1 turns colours off.

When standard input or output is not a terminal, the game is plain by itself:
it reads a command from each line, does them in order, and ends with the input.

Exit status: 0 after a goodbye, 1 when no server could be reached, 2 for wrong
usage.";

/// Plays as the arguments say; the exit status is for the shell.
pub fn run(args: Args) -> ExitCode {
    let outcome = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(play(args)));
    match outcome {
        Ok(Ending::Goodbye) => ExitCode::SUCCESS,
        Ok(Ending::Failed(message)) => {
            crate::complain("cmud", &message);
            ExitCode::FAILURE
        }
        Err(error) => {
            crate::complain("cmud", &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn play(args: Args) -> anyhow::Result<Ending> {
    let alone = args.server.as_ref().is_some_and(|servers| servers.iter().count() == 1);
    let advice = alone.then_some(SEVERAL);
    let (world, servers, greeting) = match args.server {
        Some(servers) => (None, servers, None),
        None => {
            let world = World::start().await?;
            let (servers, greeting) = (world.servers(), world.greeting());
            (Some(world), servers, Some(greeting))
        }
    };
    let client = Client::new(Sticky::new(servers));
    let seed = platform::random_seed();
    let plain = args.plain || !can_do_more();
    let setup = if plain { Setup::plain(seed) } else { Setup::interactive(seed) };
    let setup =
        setup.with_name(args.name).with_advice(advice).in_passing(world.is_some() || args.passing);
    let ending = if plain {
        plain::play(setup, client, greeting).await?
    } else {
        terminal::play(setup, client, greeting).await?
    };
    if let Some(world) = world {
        world.end().await;
    }
    Ok(ending)
}

/// How a game ends that has not said goodbye in time, and the lines to say: what it had to store may be
/// lost, unless no server was ever there.
fn cut_short(reached: bool) -> (Ending, &'static [&'static str]) {
    match reached {
        true => (Ending::Goodbye, cmud::text::GOODBYE_AWAY),
        false => (Ending::Failed(cmud::text::NEVER_REACHED.to_owned()), &[]),
    }
}

/// Whether there is a person at a terminal whose cursor can be moved.
fn can_do_more() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

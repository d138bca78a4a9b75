//! Whole play sessions that read as stories. `CMUD_REGENERATE=1 cargo test -p cmud --test play`
//! writes them anew; read the difference before you commit it.

use std::path::Path;

use cmud::Setup;

use crate::harness::{Weather, Who, World};

/// Compares a world's transcript with the one in `tests/golden`.
fn check(name: &str, world: &World) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("CMUD_REGENERATE").is_some() {
        std::fs::write(&path, world.transcript()).expect("the transcript is written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = expected.lines().zip(world.transcript().lines()).position(|(a, b)| a != b);
    let same = expected == world.transcript();
    assert!(same, "{name} differs from line {:?} on; see golden.rs", difference.map(|at| at + 1));
}

fn interactive(world: &mut World, name: &str, seed: u64) -> Who {
    let setup = Setup::interactive(seed).with_name(Some(name.parse().expect("a name")));
    let who = world.join(name, setup);
    world.settle(who);
    who
}

#[test]
fn a_first_day() {
    let mut world = World::new();
    world.narrate("Ada has never been here.");
    let ada = world.join("Ada", Setup::interactive(7));
    for line in ["Ada Lovelace", "help", "Ada"] {
        world.type_line(ada, line);
    }
    for line in ["help", "stats", "mine", "mine 5", "inv", "shop", "buy gpu", "buy cpu", "inv"] {
        world.type_line(ada, line);
    }
    world.narrate("She looks around.");
    for line in ["move mars", "move bridge", "map", "mien 3", "help mine"] {
        world.type_line(ada, line);
    }
    world.narrate("She mines for long, types ahead, and has enough.");
    world.send(ada, "mine 1000");
    world.pass(20_000);
    world.send(ada, "stats");
    world.pass(5_000);
    world.send(ada, "stop");
    world.settle(ada);
    world.type_line(ada, "bye");
    world.narrate("The next morning.");
    let again = interactive(&mut world, "ADA", 8);
    world.type_line(again, "quit");
    check("a_first_day.txt", &world);
}

#[test]
fn the_first_step_up() {
    let mut world = World::new();
    let ada = world.player("Ada", 3);
    world.narrate("Ada wants power, and mines for it.");
    for line in ["mine 12", "buy cpu", "mine 8", "buy cpu"] {
        world.type_line(ada, line);
    }
    world.narrate("She meets the salesman.");
    for line in ["solve", "help", "mine", "inv", "solve", "solve 0", "solve 3", "resign", "resign"]
    {
        world.type_line(ada, line);
    }
    world.narrate("She comes back with more.");
    for line in ["mine 3", "buy cpu", "solve", "solve 20", "stats", "shop", "mine", "buy gpu"] {
        world.type_line(ada, line);
    }
    check("the_first_step_up.txt", &world);
}

#[test]
fn two_at_one_problem() {
    let mut world = World::new();
    world.narrate("Two students, one salesman.");
    let ada = interactive(&mut world, "Ada", 21);
    let bob = interactive(&mut world, "Bob", 22);
    for who in [ada, bob] {
        world.type_line(who, "mine 6");
        world.type_line(who, "buy cpu");
    }
    world.narrate("Bob strolls to where Ada is not, and back.");
    world.type_line(bob, "move 6");
    world.pass(4_000);
    world.type_line(bob, "move 5");
    world.pass(4_000);
    world.narrate("Ada has a go first and then rests.");
    world.type_line(ada, "solve");
    world.type_line(ada, "solve 2");
    world.type_line(ada, "resign");
    world.narrate("Bob finishes it. Ada, who only sits there, rises too.");
    for line in ["mine 10", "buy cpu", "mine 4", "buy cpu", "solve"] {
        world.type_line(bob, line);
    }
    world.type_line(bob, "solve 40");
    world.pass(10_000);
    world.type_line(ada, "stats");
    world.type_line(bob, "stats");
    check("two_at_one_problem.txt", &world);
}

#[test]
fn taken_over() {
    let mut world = World::new();
    world.narrate("Ada mines at her desk.");
    let setup = |seed| Setup::plain(seed).with_name(Some("Ada".parse().expect("a name")));
    let desk = world.join("desk", setup(31));
    world.settle(desk);
    world.type_line(desk, "mine 4");
    world.send(desk, "mine 100");
    world.pass(10_000);
    world.narrate("She opens the same character on the bus.");
    let bus = world.join("bus", setup(32));
    world.settle(bus);
    world.settle(desk);
    world.type_line(bus, "mine 2");
    world.narrate("At her desk again she takes it back.");
    world.type_line(desk, "mine");
    world.type_line(desk, "yes");
    world.type_line(desk, "inv");
    world.narrate("The bus is told, and lets go.");
    world.type_line(bus, "stats");
    world.type_line(bus, "no");
    check("taken_over.txt", &world);
}

#[test]
fn the_connection_is_lost() {
    let mut world = World::new();
    let ada = world.player("Ada", 41);
    world.type_line(ada, "mine 3");
    world.narrate("Somebody trips over the cable.");
    world.weather = Weather::Down;
    world.send(ada, "mine 3");
    world.send(ada, "inv");
    world.pass(9_000);
    world.narrate("Somebody plugs it in again.");
    world.weather = Weather::Fine;
    world.settle(ada);
    world.pass(1_000);
    world.narrate("Once more, in the middle of things; Ada will not wait this time.");
    world.send(ada, "mine 50");
    world.pass(6_000);
    world.weather = Weather::Down;
    world.pass(12_000);
    world.send(ada, "stop");
    world.settle(ada);
    world.weather = Weather::Fine;
    world.type_line(ada, "inv");
    check("the_connection_is_lost.txt", &world);
}

#[test]
fn the_world_comes_back_empty() {
    let mut world = World::new();
    let ada = world.player("Ada", 51);
    world.type_line(ada, "mine 3");
    world.type_line(ada, "move fence");
    world.narrate("The only server burns down. A new one is put up.");
    world.weather = Weather::Down;
    world.send(ada, "mine");
    world.pass(3_000);
    world.store.clear();
    world.weather = Weather::NotReady;
    world.pass(3_000);
    world.weather = Weather::Fine;
    world.settle(ada);
    for line in ["mine", "yes", "stats", "inv"] {
        world.type_line(ada, line);
    }
    check("the_world_comes_back_empty.txt", &world);
}

#[test]
fn an_empty_world_is_noticed() {
    let mut world = World::new();
    let bob = interactive(&mut world, "Bob", 52);
    world.type_line(bob, "quit");
    world.narrate("Bob types his name in a hurry, and only looks.");
    let bob = interactive(&mut world, "bob", 53);
    world.narrate("Somebody puts up an empty server in the place of the other.");
    world.store.clear();
    world.pass(5_000);
    world.type_line(bob, "no");
    world.type_line(bob, "Ada");
    world.narrate("Once more. This time Ada waits at the problem, and begins anew.");
    world.type_line(bob, "solve");
    world.store.clear();
    world.pass(5_000);
    world.type_line(bob, "yes");
    world.narrate("When only her place is forgotten, it is written again, without a word.");
    world.store.remove("place/ada");
    world.pass(5_000);
    assert!(world.store.contains_key("place/ada"));
    world.type_line(bob, "stats");
    check("an_empty_world_is_noticed.txt", &world);
}

#[test]
fn all_the_way() {
    let mut world = World::new();
    world.narrate("A whole career, with somewhat more coins than one is given.");
    let grace = world.player("Grace", 61);
    for (rank, kind, coins) in [
        ("Undergraduate", "cpu", 40),
        ("Masters", "gpu", 300),
        ("PhD", "asic", 2_000),
        ("PostDoc", "quantum", 12_500),
        ("Professor", "dark_matter", 100_000),
    ] {
        world.narrate(&format!("As {rank}."));
        while world.status(grace).rank.title() == rank {
            world.enrich("grace", coins);
            for line in [&format!("buy {kind}"), "solve", "solve 8", "resign"] {
                if world.status(grace).rank.title() == rank {
                    world.type_line(grace, line);
                }
            }
        }
    }
    for line in ["stats", "shop", "solve", "map"] {
        world.type_line(grace, line);
    }
    check("all_the_way.txt", &world);
}

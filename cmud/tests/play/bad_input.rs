//! Lines that make no sense, each answered by a sentence that says what was wrong.

use cmud::{Prompt, Setup};

use crate::harness::World;

/// Each line leaves the game where it is, changes nothing, and is answered with these words.
fn check_all(world: &mut World, who: crate::harness::Who, prompt: Prompt, table: &[(&str, &str)]) {
    for (line, words) in table {
        let (store, before) = (world.store.clone(), world.now());
        let answer = world.type_line(who, line);
        let answer = answer.replace('\n', " ");
        assert!(answer.contains(words), "{line:?} was answered with {answer:?}");
        assert_eq!(world.prompt(who), prompt, "after {line:?}");
        assert_eq!(world.store, store, "after {line:?}");
        assert!(world.now() - before < 1_000, "{line:?} took time");
    }
}

#[test]
fn on_the_campus() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    let long = "x".repeat(1_000_000);
    let table = [
        ("mine abc", "‘abc’ is not a number of times. Type `mine` and a number from 1 to 1,000."),
        ("mine 1.5", "‘1.5’ is not a number of times"),
        ("mine ٣", "is not a number of times"),
        ("mine -", "‘-’ is not a number of times"),
        ("mine -1", "a number from 1 to 1,000"),
        ("mine -0", "Zero times"),
        ("mine 0", "a number from 1 to 1,000"),
        ("mine 1001", "a number from 1 to 1,000"),
        ("mine 99999999999", "a number from 1 to 1,000"),
        ("mine 99999999999999999999999999999999", "a number from 1 to 1,000"),
        ("mine -99999999999999999999999999999999", "Less than nothing"),
        ("mine 3 4", "I understand `mine`, but not the ‘4’"),
        ("buy", "Buy what? Type `shop`"),
        (
            "buy moon",
            "Nobody sells ‘moon’. Hardware comes as: cpu, gpu, asic, quantum, dark_matter",
        ),
        ("buy gpu", "The shop does not sell gpu to an Undergraduate"),
        ("buy cpu", "One cpu costs 1 coin and you have 0"),
        ("buy cpu 3", "I understand `buy`"),
        ("move", "Move where? Type `move` and one of: fence, bridge, 1"),
        ("move mars", "There is no place ‘mars’ on this campus. Try one of: fence, bridge, 1"),
        ("move 0", "There is no place ‘0’"),
        ("move 10", "There is no place ‘10’"),
        ("move 5", "You are at Gates, floor 5 already"),
        ("stats please", "I understand `stats`, but not the ‘please’"),
        ("mien", "Did you mean `mine`?"),
        ("mvoe 3", "Did you mean `move`?"),
        ("halp", "Did you mean `help`?"),
        ("sho", "Campus store"),
        ("st", "‘st’ could be `stats` or `stop`"),
        ("xyzzy", "There is no command ‘xyzzy’. Type `help` for all there are."),
        ("solving-all-of-it", "‘solving-all-of-it’. Type `help`"),
        ("help xyzzy", "There is no command ‘xyzzy’"),
        ("resign", "You can only resign from a problem"),
        ("stop", "Nothing is going on"),
        ("\u{1b}[2Jmine", "There is no command ‘\u{fffd}[2Jmine’"),
        ("\u{0}", "There is no command ‘\u{fffd}’"),
        ("💰", "There is no command ‘💰’"),
        (&long, "xxx…’"),
        ("", ""),
        (" \t\u{3000} ", ""),
    ];
    check_all(&mut world, ada, Prompt::Command, &table);
}

#[test]
fn inside_a_problem() {
    let mut world = World::new();
    let ada = world.player("Ada", 1);
    world.type_line(ada, "solve");
    let table = [
        ("mine", "Not in the middle of a problem. Type `resign` first, then `mine`."),
        ("buy cpu", "`resign` first"),
        ("move 3", "`resign` first"),
        ("shop", "`resign` first"),
        ("solve -1", "a number from 1 to 1,000"),
        ("solve 0", "a number from 1 to 1,000"),
        ("solve 99999999999", "a number from 1 to 1,000"),
        ("solve it", "‘it’ is not a number of times"),
        ("resing", "Did you mean `resign`?"),
        ("stop", "Nothing is going on"),
    ];
    check_all(&mut world, ada, Prompt::Problem, &table);
}

#[test]
fn as_a_name() {
    let mut world = World::new();
    let somebody = world.join("?", Setup::interactive(1));
    let long = "a".repeat(25);
    let endless = "a".repeat(1_000_000);
    let table = [
        ("", "at least one character"),
        ("   ", "at least one character"),
        (&long, "at most 24 characters; that one has 25"),
        (&endless, "at most 24 characters"),
        ("a/b", "‘/’ is not one of them"),
        ("a b", "a space is not one of them"),
        ("ada\u{7}", "U+0007 is not one of them"),
        ("ada\u{202e}", "is not one of them"),
        ("Ådä", "‘Å’ is not one of them"),
        ("player/ada", "‘/’ is not one of them"),
        ("help", "A name that is known goes on"),
    ];
    check_all(&mut world, somebody, Prompt::Name, &table);
    world.type_line(somebody, "  PhD ");
    assert_eq!(world.status(somebody).name.as_str(), "PhD");
}

#[test]
fn as_an_answer() {
    let mut world = World::new();
    world.store.insert("player/ada".into(), "hello".into());
    let ada = world.player("Ada", 1);
    let table = [("perhaps", "yes or no"), ("", "yes or no"), ("yes no", "yes or no")];
    check_all(&mut world, ada, Prompt::Confirm, &table);
    world.type_line(ada, "N");
    assert_eq!(world.prompt(ada), Prompt::Name);
}

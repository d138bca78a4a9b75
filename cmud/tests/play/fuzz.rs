//! Anything at all: no sequence of lines, answers, outages and rubbish panics or wedges a session.

use cmud::{Input, Prompt, RequestId, Setup, StoreError, TimerId, View};
use proptest::prelude::*;

use crate::harness::{Weather, World};

#[derive(Clone, Debug)]
enum Deed {
    Type(String),
    Interrupt,
    Pass(u64),
    Weather(Weather),
    Scribble(&'static str, String),
    Remove(&'static str),
    Burn,
    Latency(u64),
    StrayTimer(u64),
    StrayAnswer(u64),
}

const KEYS: [&str; 7] = [
    "player/ada",
    "place/ada",
    "session/ada",
    "place/bob",
    "work/salesman/0000000000/ada",
    "work/salesman/0000000000/bob",
    "work/midterm/0000000000/bob",
];

fn line() -> impl Strategy<Value = String> {
    let words = [
        "help",
        "stats",
        "map",
        "move 3",
        "move fence",
        "mine",
        "mine 7",
        "mine 40",
        "shop",
        "buy cpu",
        "buy gpu",
        "inv",
        "solve",
        "solve 5",
        "resign",
        "stop",
        "yes",
        "no",
        "Ada",
        "bob",
        "mine abc",
        "buy",
        "move mars",
        "help buy",
    ];
    prop_oneof![
        12 => proptest::sample::select(words.to_vec()).prop_map(str::to_string),
        1 => Just("quit".to_string()),
        2 => any::<String>(),
        1 => "[a-z]{1,8} [-0-9a-z]{0,12}",
    ]
}

fn value() -> impl Strategy<Value = String> {
    let record = r#"{"version":1,"name":"Ada","rank":"postdoc","coins":18446744073709551615,
        "hardware":{"dark_matter":18446744073709551615},"writer":"x","edit":18446744073709551615}"#;
    let place = r#"{"name":"Bob","place":"5","rank":"retired"}"#;
    prop_oneof![
        any::<String>(),
        Just(record.to_string()),
        Just(place.to_string()),
        Just("99".to_string()),
        Just(u64::MAX.to_string()),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    let weathers = vec![
        Weather::Fine,
        Weather::Fine,
        Weather::Down,
        Weather::NotReady,
        Weather::LosesAnswers,
        Weather::Refuses,
    ];
    let key = || proptest::sample::select(KEYS.to_vec());
    prop_oneof![
        8 => line().prop_map(Deed::Type),
        2 => Just(Deed::Interrupt),
        6 => (0_u64..9_000).prop_map(Deed::Pass),
        2 => proptest::sample::select(weathers).prop_map(Deed::Weather),
        1 => (key(), value()).prop_map(|(key, value)| Deed::Scribble(key, value)),
        1 => key().prop_map(Deed::Remove),
        1 => Just(Deed::Burn),
        1 => (0_u64..3_000).prop_map(Deed::Latency),
        1 => (0_u64..500).prop_map(Deed::StrayTimer),
        1 => (0_u64..500).prop_map(Deed::StrayAnswer),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_session_panics_or_wedges(
        seed in any::<u64>(),
        plain in any::<bool>(),
        deeds in proptest::collection::vec((0_usize..2, deed()), 1..60),
    ) {
        let mut world = World::new();
        let setup = |seed| if plain { Setup::plain(seed) } else { Setup::interactive(seed) };
        // Two clients, who as often as not quarrel over one character.
        let name = Some("Ada".parse().expect("a name"));
        let players = [
            world.join("1", setup(seed).with_name(name)),
            world.join("2", setup(seed.wrapping_add(1))),
        ];
        for (player, deed) in deeds {
            let who = players[player];
            match deed {
                Deed::Type(line) => world.send(who, &line),
                Deed::Interrupt => world.give(who, Input::Interrupt),
                Deed::Pass(millis) => world.pass(millis),
                Deed::Weather(weather) => world.weather = weather,
                Deed::Scribble(key, value) => {
                    world.store.insert(key.to_string(), value);
                }
                Deed::Remove(key) => {
                    world.store.remove(key);
                }
                Deed::Burn => world.store.clear(),
                Deed::Latency(millis) => world.one_way_millis = millis,
                Deed::StrayTimer(id) => world.give(who, Input::Elapsed { id: TimerId(id) }),
                Deed::StrayAnswer(id) => {
                    let result = Err(StoreError::Unreachable("stray".into()));
                    world.give(who, Input::Stored { id: RequestId(id), result });
                }
            }
        }
        (world.weather, world.one_way_millis) = (Weather::Fine, 20);
        for who in players {
            world.settle(who);
            world.give(who, Input::EndOfInput);
            world.settle(who);
            prop_assert_eq!(world.prompt(who), Prompt::Closed);
            prop_assert!(world.session(who).is_over());
            for view in world.views(who) {
                if let View::Show(line) = view {
                    prop_assert!(!line.text.chars().any(char::is_control), "{:?}", line.text);
                }
                if let View::Progress(Some(bar)) = view {
                    prop_assert!(bar.done <= bar.total, "{bar:?}");
                }
                if let View::Status(status) = view {
                    prop_assert!(status.power > 0, "{status:?}");
                }
            }
        }
    }
}

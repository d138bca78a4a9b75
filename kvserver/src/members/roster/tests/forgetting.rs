//! Members that are forgotten, and come back.

use super::*;

/// Who was told, and has said so to the others, may end before it can say it again.
#[test]
fn what_was_forgotten_elsewhere_is_forgotten_here_once_it_is_silent() {
    for (why, goes_on, is_forgotten) in [
        (Why::Named, false, true),
        (Why::Left, false, true),
        (Why::Named, true, false),
        (Why::Silent, false, false),
    ] {
        let mut world = World::new();
        world.start("a", 1, &[]);
        world.start("b", 2, &["a"]);
        world.run(3000);
        let now = at(world.now);
        let gone = Gone { address: address("b"), server: Some(2), why };
        let roster = world.rosters.get_mut(&address("a")).unwrap();
        assert_eq!(roster.hear_of_forgotten(vec![gone], now), [], "it was heard just now");
        if !goes_on {
            world.rosters.remove(&address("b"));
        }
        world.run(6000);
        let known = world.rosters[&address("a")].statuses(at(world.now).elapsed).len();
        assert_eq!(known == 0, is_forgotten, "{why:?}, goes on: {goes_on}");
    }
}

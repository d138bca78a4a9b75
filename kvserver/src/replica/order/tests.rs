use std::collections::BTreeMap;

use kvcommon::Stamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::entry::Entry;

/// A tree beside a model of it.
#[derive(Default)]
struct Both {
    slab: Slab,
    order: Order,
    model: BTreeMap<Vec<u8>, Slot>,
}

impl Both {
    fn insert(&mut self, key: &str) {
        if !self.model.contains_key(key.as_bytes()) {
            let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
            let slot = self.slab.insert(Entry::new(stamp, key, Some("")));
            self.order.insert(slot, &self.slab);
            self.model.insert(key.into(), slot);
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(slot) = self.model.remove(key.as_bytes()) {
            self.order.remove(slot, &self.slab);
            self.slab.remove(slot);
        }
    }

    fn check_all(&self) {
        let got: Vec<Slot> = self.order.range(Bound::Unbounded, &self.slab).collect();
        assert!(got.iter().eq(self.model.values()), "all are there, in order");
        self.order.root.check(&self.slab);
    }

    fn check_from(&self, key: &str) {
        for from in [Bound::Included(key.as_bytes()), Bound::Excluded(key.as_bytes())] {
            let got = self.order.range(from, &self.slab).take(300);
            let expected = self.model.range::<[u8], _>((from, Bound::Unbounded)).take(300);
            assert!(got.eq(expected.map(|(_, slot)| *slot)), "from {from:?}");
        }
    }
}

impl Node {
    /// Checks what every node relies on, and returns the depth.
    fn check(&self, slab: &Slab) -> usize {
        let run = self.run();
        let common = usize::from(run.common);
        for (slot, head_of) in run.slots().iter().zip(&run.heads) {
            assert_eq!(&slab.key(*slot)[..common], &slab.key(run.slots[0])[..common]);
            assert_eq!(*head_of, head(&slab.key(*slot)[common..]));
        }
        let Self::Inner(inner) = self else { return 1 };
        let firsts = inner.children.iter().map(|child| child.run().slots[0]);
        assert!(firsts.eq(run.slots().iter().copied()), "firsts are those of the children");
        let depths: Vec<usize> = inner.children.iter().map(|child| child.check(slab)).collect();
        assert!(depths.iter().all(|depth| *depth == depths[0]), "all leaves are of one depth");
        depths[0] + 1
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{1,10}",
        "[ab]{0,3}\u{0}{1,5}",
        "key/0000[0-9]{1,4}",
        "[a-c]{0,2}a-long-way/[a-c]{1,6}",
    ]
}

/// Some keys one after the other in their order, so that each belongs behind the one before it.
fn keys() -> impl Strategy<Value = Vec<String>> {
    let run = (0..30_000_u32, 1..200_u32, 1..4_usize).prop_map(|(from, count, step)| {
        (from..from + count).step_by(step).map(|number| format!("key/{number:05}")).collect()
    });
    prop_oneof![3 => key().prop_map(|key| vec![key]), 1 => run]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_an_ordered_set_where_keys_come_in_order_for_a_while(
        steps in vec((keys(), prop::bool::weighted(0.7)), 0..300),
    ) {
        let mut both = Both::default();
        for (keys, come) in &steps {
            for key in keys {
                if *come { both.insert(key) } else { both.remove(key) }
            }
        }
        both.check_all();
    }

    #[test]
    fn it_is_an_ordered_set(
        steps in vec((key(), prop::bool::weighted(0.7)), 0..1500),
        looks in vec(key(), 8),
    ) {
        let mut both = Both::default();
        for (key, comes) in &steps {
            if *comes { both.insert(key) } else { both.remove(key) }
        }
        both.check_all();
        looks.iter().for_each(|key| both.check_from(key));
        for (key, _) in &steps {
            both.remove(key);
        }
        both.check_all();
    }
}

#[test]
fn keys_in_any_order_make_a_shallow_tree_and_leave_none_behind() {
    const KEYS: usize = 40_000;
    let key = |number: usize| format!("key/{number:08}");
    let orders: [fn(usize) -> usize; 3] =
        [|number| number, |number| KEYS - 1 - number, |number| number * 7919 % KEYS];
    for order in orders {
        let mut both = Both::default();
        (0..KEYS).for_each(|number| both.insert(&key(order(number))));
        both.check_all();
        assert!(both.order.root.check(&both.slab) <= 3);
        (0..KEYS).step_by(97).for_each(|number| both.check_from(&key(number)));
        (0..KEYS).filter(|number| number % 10 != 0).for_each(|number| both.remove(&key(number)));
        both.check_all();
        let leaves = both.order.root.leaves();
        assert!(leaves <= 3 * KEYS / 10 / FEW, "{leaves} leaves for a tenth of the keys");
        (0..KEYS).for_each(|number| both.remove(&key(order(number))));
        both.check_all();
        assert_eq!(both.order.root.check(&both.slab), 1);
    }
}

impl Node {
    fn leaves(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Inner(inner) => inner.children.iter().map(Self::leaves).sum(),
        }
    }
}

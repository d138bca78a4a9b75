//! The order of keys: a B+ tree of slots.
//!
//! A node holds slots, not keys, and of each key four bytes: those behind what all keys of the node
//! have in common. So a search looks at one key in each node to compare what is in common, at the
//! bytes that lie in the node itself to find the place, and at further keys only where these bytes
//! are equal. Ten million keys make four levels.

use std::ops::Bound;

use super::slab::{Slab, Slot};

/// A node has at most so many slots. With its heads it is just below a kilobyte, at which size
/// allocators waste little.
const WIDTH: usize = 126;

/// A node with fewer is put together with a neighbour, if the two do not fill a node nearly.
const FEW: usize = WIDTH / 4;
const MANY: usize = WIDTH * 3 / 4;

/// Slots in the order of their keys, each key once.
pub struct Order {
    root: Node,
    /// The way to the place behind the slot that was added last, where the next one belongs if keys
    /// come in their order: so it is not searched for. Other changes may make it wrong, so it is
    /// believed only where it is seen to be right. Empty: unknown.
    next: Path,
}

/// A place in the tree: the child on each level from the root down, then the place in the leaf.
type Path = Vec<usize>;

enum Node {
    Leaf(Box<Run>),
    Inner(Box<Inner>),
}

/// A node above others: `firsts` has the first slot below each child.
struct Inner {
    firsts: Run,
    children: Vec<Node>,
}

/// Some slots in the order of their keys.
struct Run {
    len: u16,
    /// So many first bytes are the same in all keys.
    common: u16,
    heads: [u32; WIDTH],
    slots: [Slot; WIDTH],
}

impl Default for Order {
    fn default() -> Self {
        Self { root: Node::Leaf(Box::default()), next: Path::new() }
    }
}

impl Order {
    /// Adds a slot of the slab, whose key must not be there yet.
    pub fn insert(&mut self, slot: Slot, slab: &Slab) {
        let key = slab.key(slot);
        if !self.is_next(key, slab) {
            self.next.clear();
            self.root.find(key, slab, &mut self.next);
        }
        if let Some(right) = self.root.insert(&self.next, slot, slab) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Box::default()));
            let mut inner = Inner { firsts: Run::default(), children: vec![left, right] };
            inner.refresh(slab);
            self.root = Node::Inner(Box::new(inner));
        }
        if let Some(place) = self.next.last_mut() {
            *place += 1;
        }
    }

    /// Whether a new key belongs where `next` leads: behind the key before that place, and before the
    /// key behind it.
    fn is_next(&self, key: &[u8], slab: &Slab) -> bool {
        let Some((place, children)) = self.next.split_last() else { return false };
        let (mut node, mut behind) = (&self.root, None);
        for child in children {
            let Node::Inner(inner) = node else { return false };
            let Some(below) = inner.children.get(*child) else { return false };
            behind = inner.firsts.slots().get(child + 1).or(behind);
            node = below;
        }
        let Node::Leaf(run) = node else { return false };
        let before = place.checked_sub(1).and_then(|before| run.slots().get(before));
        let behind = run.slots().get(*place).or(behind);
        before.is_some_and(|slot| slab.key(*slot) < key)
            && behind.is_none_or(|slot| key < slab.key(*slot))
    }

    /// Removes a slot, which must still have its key in the slab.
    pub fn remove(&mut self, slot: Slot, slab: &Slab) {
        self.root.remove(slab.key(slot), slab);
        while let Node::Inner(inner) = &mut self.root
            && inner.children.len() == 1
            && let Some(only) = inner.children.pop()
        {
            self.root = only;
        }
    }

    /// The slots in the order of their keys, from one on or after one.
    pub fn range(&self, from: Bound<&[u8]>, slab: &Slab) -> Range<'_> {
        let mut above = Vec::new();
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(run) => {
                    let place = match from {
                        Bound::Unbounded => 0,
                        Bound::Included(key) => run.find(key, slab).unwrap_or_else(|place| place),
                        Bound::Excluded(key) => {
                            run.find(key, slab).map_or_else(|place| place, |place| place + 1)
                        }
                    };
                    return Range { above, leaf: run.slots()[place..].iter() };
                }
                Node::Inner(inner) => {
                    let child = match from {
                        Bound::Unbounded => 0,
                        Bound::Included(key) | Bound::Excluded(key) => inner.child(key, slab),
                    };
                    above.push(inner.children[child + 1..].iter());
                    node = &inner.children[child];
                }
            }
        }
    }
}

/// See [`Order::range`].
pub struct Range<'a> {
    /// What follows on each level, from the root down.
    above: Vec<std::slice::Iter<'a, Node>>,
    leaf: std::slice::Iter<'a, Slot>,
}

impl Iterator for Range<'_> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        loop {
            if let Some(slot) = self.leaf.next() {
                return Some(*slot);
            }
            match self.above.last_mut()?.next() {
                None => {
                    self.above.pop();
                }
                Some(Node::Leaf(run)) => self.leaf = run.slots().iter(),
                Some(Node::Inner(inner)) => self.above.push(inner.children.iter()),
            }
        }
    }
}

impl Node {
    fn run(&self) -> &Run {
        match self {
            Self::Leaf(run) => run,
            Self::Inner(inner) => &inner.firsts,
        }
    }

    /// Appends the way from here to the place where a key is, or belongs.
    fn find(&self, key: &[u8], slab: &Slab, path: &mut Path) {
        match self {
            Self::Leaf(run) => path.push(run.find(key, slab).unwrap_or_else(|place| place)),
            Self::Inner(inner) => {
                let child = inner.child(key, slab);
                path.push(child);
                inner.children[child].find(key, slab, path);
            }
        }
    }

    /// Adds a slot where `path` leads. Returns the right half if the node had to be split.
    fn insert(&mut self, path: &[usize], slot: Slot, slab: &Slab) -> Option<Self> {
        let (&child, path) = path.split_first().expect("the way ends in a leaf");
        match self {
            Self::Leaf(run) => {
                let right = run.insert(child, slot, slab)?;
                Some(Self::Leaf(Box::new(right)))
            }
            Self::Inner(inner) => {
                let right = inner.children[child].insert(path, slot, slab);
                if child == 0 && inner.firsts.slots[0] != inner.children[0].run().slots[0] {
                    inner.firsts.set(0, slot, slab);
                }
                inner.insert(child + 1, right?, slab).map(|right| Self::Inner(Box::new(right)))
            }
        }
    }

    fn remove(&mut self, key: &[u8], slab: &Slab) {
        match self {
            Self::Leaf(run) => {
                if let Ok(place) = run.find(key, slab) {
                    run.remove(place);
                }
            }
            Self::Inner(inner) => {
                let child = inner.child(key, slab);
                inner.children[child].remove(key, slab);
                inner.after_removal(child, slab);
            }
        }
    }

    /// Puts what the next node of the same level holds behind what this one holds.
    fn append(&mut self, right: Self, slab: &Slab) {
        match (self, right) {
            (Self::Leaf(run), Self::Leaf(right)) => run.append(&right, slab),
            (Self::Inner(inner), Self::Inner(right)) => {
                inner.firsts.append(&right.firsts, slab);
                inner.children.extend(right.children);
            }
            _ => unreachable!("all leaves are of one depth"),
        }
    }
}

impl Inner {
    /// The child under which a key is, or belongs.
    fn child(&self, key: &[u8], slab: &Slab) -> usize {
        self.firsts.find(key, slab).unwrap_or_else(|place| place.saturating_sub(1))
    }

    /// Returns the right half if the node had to be split.
    fn insert(&mut self, place: usize, child: Node, slab: &Slab) -> Option<Self> {
        let first = child.run().slots[0];
        let right = self.firsts.insert(place, first, slab);
        self.children.insert(place, child);
        let children = self.children.split_off(usize::from(self.firsts.len));
        right.map(|firsts| Self { firsts, children })
    }

    /// Finds all firsts anew.
    fn refresh(&mut self, slab: &Slab) {
        let firsts = self.children.iter().map(|child| child.run().slots[0]);
        self.firsts = Run::of(firsts, slab);
    }

    /// Sees to it that the node is as it should be after something under `child` was removed.
    fn after_removal(&mut self, child: usize, slab: &Slab) {
        let left = self.children[child].run();
        if left.len == 0 {
            self.children.remove(child);
            self.firsts.remove(child);
            return;
        }
        if left.slots[0] != self.firsts.slots[child] {
            self.firsts.set(child, left.slots[0], slab);
        }
        if usize::from(left.len) >= FEW {
            return;
        }
        let pairs = [child.checked_sub(1), Some(child)];
        for left in pairs.into_iter().flatten().filter(|left| left + 1 < self.children.len()) {
            let together = self.children[left].run().len + self.children[left + 1].run().len;
            if usize::from(together) <= MANY {
                let right = self.children.remove(left + 1);
                self.firsts.remove(left + 1);
                self.children[left].append(right, slab);
                return;
            }
        }
    }
}

impl Default for Run {
    fn default() -> Self {
        Self { len: 0, common: 0, heads: [0; WIDTH], slots: [0; WIDTH] }
    }
}

impl Run {
    fn of(slots: impl Iterator<Item = Slot>, slab: &Slab) -> Self {
        let mut run = Self::default();
        for (place, slot) in run.slots.iter_mut().zip(slots) {
            *place = slot;
            run.len += 1;
        }
        run.fit(slab);
        run
    }

    fn slots(&self) -> &[Slot] {
        &self.slots[..usize::from(self.len)]
    }

    /// The place of a key, or the one where it belongs.
    fn find(&self, key: &[u8], slab: &Slab) -> Result<usize, usize> {
        let len = usize::from(self.len);
        let Some(first) = self.slots().first() else { return Err(0) };
        let common = &slab.key(*first)[..usize::from(self.common)];
        let Some((start, rest)) = key.split_at_checked(common.len()) else {
            return Err(if key < common { 0 } else { len });
        };
        match start.cmp(common) {
            std::cmp::Ordering::Less => return Err(0),
            std::cmp::Ordering::Greater => return Err(len),
            std::cmp::Ordering::Equal => {}
        }
        let head = head(rest);
        let heads = &self.heads[..len];
        // Keys that come in their order are quickly placed.
        if heads[len - 1] < head {
            return Err(len);
        }
        let from = heads.partition_point(|other| *other < head);
        let alike = heads[from..].iter().take_while(|other| **other == head).count();
        self.slots[from..from + alike]
            .binary_search_by(|slot| slab.key(*slot).cmp(key))
            .map(|place| from + place)
            .map_err(|place| from + place)
    }

    /// Returns the right half if there was no room.
    fn insert(&mut self, place: usize, slot: Slot, slab: &Slab) -> Option<Self> {
        let len = usize::from(self.len);
        if len < WIDTH {
            self.heads.copy_within(place..len, place + 1);
            self.slots.copy_within(place..len, place + 1);
            self.len += 1;
            self.set(place, slot, slab);
            return None;
        }
        if place == len {
            // Keys that come in their order leave full nodes behind.
            return Some(Self::of([slot].into_iter(), slab));
        }
        let half = WIDTH / 2;
        let mut right = Self::of(self.slots[half..].iter().copied(), slab);
        self.len = half as u16;
        self.fit(slab);
        match place.checked_sub(half).filter(|place| *place > 0) {
            Some(place) => right.insert(place, slot, slab),
            None => self.insert(place, slot, slab),
        };
        Some(right)
    }

    /// Gives a place its slot.
    fn set(&mut self, place: usize, slot: Slot, slab: &Slab) {
        self.slots[place] = slot;
        let (key, common) = (slab.key(slot), usize::from(self.common));
        let last = usize::from(self.len) - 1;
        // What all have in common is what the first one and the last one have.
        let other_end = match place {
            0 => last,
            place if place == last => 0,
            _ => place,
        };
        if other_end != place && !key.starts_with(&slab.key(self.slots[other_end])[..common])
            || last == 0
        {
            self.fit(slab);
        } else {
            self.heads[place] = head(&key[common..]);
        }
    }

    fn remove(&mut self, place: usize) {
        let len = usize::from(self.len);
        self.heads.copy_within(place + 1..len, place);
        self.slots.copy_within(place + 1..len, place);
        self.len -= 1;
    }

    fn append(&mut self, right: &Self, slab: &Slab) {
        let (len, more) = (usize::from(self.len), right.slots());
        self.slots[len..len + more.len()].copy_from_slice(more);
        self.len += right.len;
        self.fit(slab);
    }

    /// Finds out what all keys have in common, and the head of each.
    fn fit(&mut self, slab: &Slab) {
        let len = usize::from(self.len);
        let (Some(first), Some(last)) = (self.slots().first(), self.slots().last()) else { return };
        let common = in_common(slab.key(*first), slab.key(*last));
        self.common = u16::try_from(common).expect("a key is at most 1 KiB");
        for (head_of, slot) in self.heads.iter_mut().zip(&self.slots[..len]) {
            *head_of = head(&slab.key(*slot)[common..]);
        }
    }
}

/// The first four bytes, in whose order such numbers are.
fn head(rest: &[u8]) -> u32 {
    match rest.first_chunk() {
        Some(head) => u32::from_be_bytes(*head),
        None => {
            let mut head = [0; 4];
            head[..rest.len()].copy_from_slice(rest);
            u32::from_be_bytes(head)
        }
    }
}

fn in_common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;

//! Which server to ask: before every query the client asks its router for an address.

use std::str::FromStr;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::{Address, ParseAddressError};

/// Chooses the address for each query and hears how it went.
///
/// Both calls are made while other queries wait, so they must be quick. Neither may panic.
pub trait Router: Send {
    /// The address to ask next. Called once per query, and once per List for all of its pages.
    fn next_addr(&mut self) -> Address;

    /// Told how a query went, in no particular order when many are outstanding.
    fn report(&mut self, address: &Address, outcome: Outcome) {
        let _ = (address, outcome);
    }
}

/// How a query went, as far as it says something about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server answered, be it with a refusal of that query.
    Answered,
    /// The server answered that it is still fetching the store.
    NotReady,
    /// The server was unreachable, too slow, or no server of the store.
    Failed,
}

/// One or more addresses; as text they are separated by commas.
///
/// ```
/// let addresses: kvclient::Addresses = "localhost:6001,localhost:6002".parse().unwrap();
/// assert_eq!(addresses.iter().count(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses(Vec<Address>);

impl Addresses {
    /// All of these, or nothing if there is none.
    pub fn new(addresses: impl IntoIterator<Item = Address>) -> Option<Self> {
        let addresses: Vec<Address> = addresses.into_iter().collect();
        (!addresses.is_empty()).then_some(Self(addresses))
    }

    /// The addresses, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.0.iter()
    }

    /// The address at `index`, counting round and round.
    fn at(&self, index: usize) -> &Address {
        &self.0[index % self.0.len()]
    }
}

impl From<Address> for Addresses {
    fn from(address: Address) -> Self {
        Self(vec![address])
    }
}

impl FromStr for Addresses {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        text.split(',').map(|address| address.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// Always the same address.
#[derive(Clone, Debug)]
pub struct Fixed(Address);

impl Fixed {
    /// Asks `address` only.
    pub fn new(address: Address) -> Self {
        Self(address)
    }
}

impl Router for Fixed {
    fn next_addr(&mut self) -> Address {
        self.0.clone()
    }
}

/// Stays with one server, so that a client reads what it wrote, and moves on to the next when that
/// server fails or is not ready.
#[derive(Clone, Debug)]
pub struct Sticky {
    addresses: Addresses,
    current: usize,
}

impl Sticky {
    /// Begins with the first of `addresses`.
    pub fn new(addresses: impl Into<Addresses>) -> Self {
        Self { addresses: addresses.into(), current: 0 }
    }
}

impl Router for Sticky {
    fn next_addr(&mut self) -> Address {
        self.addresses.at(self.current).clone()
    }

    fn report(&mut self, address: &Address, outcome: Outcome) {
        // A hundred queries that fail together move on once: only the current server's count.
        if outcome != Outcome::Answered && self.addresses.at(self.current) == address {
            self.current = (self.current + 1) % self.addresses.0.len();
        }
    }
}

/// Every address in turn.
#[derive(Clone, Debug)]
pub struct RoundRobin {
    addresses: Addresses,
    next: usize,
}

impl RoundRobin {
    /// Begins with the first of `addresses`.
    pub fn new(addresses: impl Into<Addresses>) -> Self {
        Self { addresses: addresses.into(), next: 0 }
    }
}

impl Router for RoundRobin {
    fn next_addr(&mut self) -> Address {
        let address = self.addresses.at(self.next).clone();
        self.next = (self.next + 1) % self.addresses.0.len();
        address
    }
}

/// Any of the addresses, each equally often.
#[derive(Clone, Debug)]
pub struct Random {
    addresses: Addresses,
    random: SmallRng,
}

impl Random {
    /// Chooses among `addresses`; [`platform::random_seed`](crate::platform::random_seed) is a
    /// good seed.
    pub fn new(addresses: impl Into<Addresses>, seed: u64) -> Self {
        Self { addresses: addresses.into(), random: SmallRng::seed_from_u64(seed) }
    }
}

impl Router for Random {
    fn next_addr(&mut self) -> Address {
        let index = self.random.random_range(0..self.addresses.0.len());
        self.addresses.at(index).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Addresses {
        "a:1, b:2,c:3".parse().unwrap()
    }

    fn ask(router: &mut impl Router, outcome: Outcome) -> String {
        let address = router.next_addr();
        router.report(&address, outcome);
        address.to_string()
    }

    #[test]
    fn addresses_are_at_least_one() {
        assert_eq!(Addresses::new([]), None);
        assert!("".parse::<Addresses>().is_err());
        let error = "a:1,,b:2".parse::<Addresses>().unwrap_err();
        assert!(error.to_string().contains("empty"), "{error}");
        assert_eq!(Addresses::new(three().iter().cloned()), Some(three()));
    }

    #[test]
    fn fixed_never_moves() {
        let mut router = Fixed::new("a:1".parse().unwrap());
        assert_eq!([(); 3].map(|()| ask(&mut router, Outcome::Failed)), ["a:1"; 3]);
    }

    #[test]
    fn sticky_stays_until_its_server_fails_or_is_not_ready() {
        let mut router = Sticky::new(three());
        let asked = [
            Outcome::Answered,
            Outcome::Answered,
            Outcome::Failed,
            Outcome::NotReady,
            Outcome::Answered,
            Outcome::Failed,
            Outcome::Answered,
        ]
        .map(|outcome| ask(&mut router, outcome));
        assert_eq!(asked, ["a:1", "a:1", "a:1", "b:2", "c:3", "c:3", "a:1"]);
    }

    #[test]
    fn sticky_moves_once_when_many_queries_fail_together() {
        let mut router = Sticky::new(three());
        let failed = router.next_addr();
        for _ in 0..100 {
            router.report(&failed, Outcome::Failed);
        }
        assert_eq!(router.next_addr().as_str(), "b:2");
    }

    #[test]
    fn round_robin_takes_turns() {
        let mut router = RoundRobin::new(three());
        let asked = [(); 4].map(|()| ask(&mut router, Outcome::Failed));
        assert_eq!(asked, ["a:1", "b:2", "c:3", "a:1"]);
    }

    #[test]
    fn random_is_fair_and_repeatable() {
        let draw = |seed| {
            let mut router = Random::new(three(), seed);
            (0..3000).map(|_| ask(&mut router, Outcome::Answered)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        for address in three().iter() {
            let count = draw(7).iter().filter(|drawn| *drawn == address.as_str()).count();
            assert!((900..1100).contains(&count), "{address} was drawn {count} times of 3000");
        }
    }
}

//! Links between systems: how a message for an actor elsewhere gets there.
//!
//! # How it works
//!
//! A link is a WebSocket over TCP that carries [frames](frame) of many messages both ways. The upgrade
//! request and its answer say who is at each end ([handshake]), so the first message follows at once.
//! For each remote system there is one [outbox](peer), fed by every local actor and emptied by one task,
//! which opens a link when there is something to send and uses one that the other side has opened when
//! there is one. A direction stays on the link it began with while that lives. When both sides dial at
//! once there are two links, one for each direction.
//!
//! # Order
//!
//! A pair's messages pass through one outbox, one task, and one TCP connection at a time. When a
//! connection is abandoned, its successor's frames carry a higher stream number; whatever the old one
//! still brings after that is dropped. A frame is handed to one connection only, never to a second. So
//! what is lost stays lost, and nothing is reordered or doubled.
//!
//! # Limits
//!
//! An outbox holds at most [`MAX_QUEUED_BYTES`] for at most [`MAX_QUEUED_AGE`]; beyond that its oldest
//! messages are dropped and reported. A link that is silent for [`connection::DEAD_AFTER`] is given up.
//! Frames are bounded before they are read. Whoever can reach the port can claim to be anyone: until
//! links are authenticated it belongs on a network of friends.

mod accept;
mod connection;
mod dial;
pub(crate) mod frame;
pub mod fuzzing;
mod handshake;
mod peer;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

pub(crate) use accept::serve;
use connection::Connection;
pub(crate) use connection::DEAD_AFTER;
use dashmap::DashMap;
pub(crate) use handshake::Identity;
use parking_lot::Mutex;
use peer::Peer;

use crate::{
    Address,
    refs::{Incarnation, RawRef},
    report::{Cause, Report},
    system::Inner,
};

/// More than this is never queued for one remote system: a dead peer costs no more memory.
pub const MAX_QUEUED_BYTES: usize = 64 << 20;
/// What could not be sent for this long is dropped: by then it is of no use to a live protocol.
pub const MAX_QUEUED_AGE: Duration = Duration::from_secs(30);

/// The links of one system.
pub(crate) struct Links {
    identity: Identity,
    /// Where messages go, by the address that their refs carry.
    peers: DashMap<Address, Arc<Peer>>,
    /// Where messages come from, by the address that the other end claims.
    lives: Mutex<HashMap<Address, Life>>,
    next_stream: AtomicU64,
    bytes_received: AtomicU64,
}

/// The current incarnation of a remote system, and the connections with it.
struct Life {
    incarnation: Incarnation,
    newest_stream: Arc<Mutex<u64>>,
    connections: Vec<Arc<Connection>>,
}

impl Links {
    pub(crate) fn new(identity: Identity) -> Self {
        Links {
            identity,
            peers: DashMap::new(),
            lives: Mutex::default(),
            next_stream: AtomicU64::new(1),
            bytes_received: AtomicU64::new(0),
        }
    }

    /// Queues an encoded message for the system that `to` names. It never blocks.
    pub(crate) fn send(
        &self,
        inner: &Arc<Inner>,
        to: &RawRef,
        payload: &[u8],
    ) -> Result<(), Cause> {
        if payload.len() > frame::MAX_REMOTE_MESSAGE_BYTES {
            return Err(Cause::TooLarge);
        }
        // The outbox is filled under the table's guard, so that it cannot be thrown out in between.
        let lost = match self.peers.get(&to.address) {
            Some(peer) => peer.push(inner, to, payload),
            None => {
                let peer = self.peers.entry(to.address.clone());
                peer.or_insert_with(|| Peer::new(&to.address)).push(inner, to, payload)
            }
        };
        if lost > 0 {
            let (peer, cause) = (to.address.to_string(), "too many wait for the link");
            inner.report(&Report::Lost { peer, messages: lost, cause });
        }
        Ok(())
    }

    pub(crate) fn bytes_received(&self) -> u64 {
        self.bytes_received.load(Relaxed)
    }

    fn next_stream(&self) -> u64 {
        self.next_stream.fetch_add(1, Relaxed)
    }

    /// Takes on a connection whose handshake is complete. Connections with an earlier incarnation of the
    /// same system are over. Gives the newest stream number seen from this incarnation, to be kept up.
    fn opened(&self, connection: &Arc<Connection>) -> Arc<Mutex<u64>> {
        let Identity { address, incarnation } = connection.peer();
        let newest_stream = {
            let mut lives = self.lives.lock();
            let life = lives.entry(address.clone()).or_insert_with(|| Life::new(*incarnation));
            if life.incarnation != *incarnation {
                for connection in std::mem::replace(life, Life::new(*incarnation)).connections {
                    connection.kill();
                }
            }
            life.connections.push(connection.clone());
            life.newest_stream.clone()
        };
        self.peers.entry(address.clone()).or_insert_with(|| Peer::new(address)).offer(connection);
        newest_stream
    }

    /// Lets go of a connection that has ended.
    fn ended(&self, connection: &Arc<Connection>) {
        let address = &connection.peer().address;
        {
            let mut lives = self.lives.lock();
            if let Some(life) = lives.get_mut(address) {
                life.connections.retain(|other| !Arc::ptr_eq(other, connection));
                if life.connections.is_empty() {
                    lives.remove(address);
                }
            }
        }
        self.forget_idle(address);
    }

    /// Drops every link and everything that waits for one.
    pub(crate) fn close(&self) {
        for (_, life) in std::mem::take(&mut *self.lives.lock()) {
            for connection in life.connections {
                connection.kill();
            }
        }
        self.peers.clear();
    }

    /// Frees a peer that neither has a link nor waits for one.
    fn forget_idle(&self, address: &Address) {
        self.peers.remove_if(address, |_, peer| peer.is_idle());
    }
}

impl Life {
    fn new(incarnation: Incarnation) -> Self {
        Life { incarnation, newest_stream: Arc::default(), connections: Vec::new() }
    }
}

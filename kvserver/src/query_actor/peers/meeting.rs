//! Which other servers there are: meeting them, and letting go of them.

use std::time::Duration;

use actor::{ActorRef, Address, WellKnown};

use super::history::History;
use super::{Frame, Link, Member, Message, Outgoing, Peers};
use crate::replica::Replica;

/// A server has at most so many query actors; a description that claims more is not believed.
pub const MAX_ACTORS: u16 = 1024;

/// No more other servers are dealt with; those that come later are not believed.
pub(super) const MAX_MEMBERS: usize = 256;

/// No more of them may have introduced themselves and be yet to be met by the members actor: a link costs
/// memory, and whoever introduces itself costs up to a thousand.
pub(super) const MAX_UNMET: usize = 16;

/// No more servers that were forgotten are kept in mind.
const MAX_FORGOTTEN: usize = 256;

impl Peers {
    /// The members actor tells of another server. It is told what was written lately, as the replica
    /// has it.
    pub fn meet(&mut self, member: Member, replica: &Replica, now: Duration) {
        self.unmet.remove(&member.server);
        self.learn_of(member, replica, now);
    }

    /// Takes note of the server that introduces itself in a frame of `server`. Returns whether the
    /// frame is to be listened to.
    pub(super) fn heard_of(
        &mut self,
        member: Member,
        server: u64,
        replica: &Replica,
        now: Duration,
    ) -> bool {
        if member.server != server || self.forgotten.contains(&server) {
            return true;
        }
        if let Some(known) = self.members.get(&server) {
            // Another process with the same number is not; the first one is.
            return *known == member;
        }
        if self.unmet.len() >= MAX_UNMET {
            // It introduces itself until it is known.
            return false;
        }
        self.learn_of(member, replica, now);
        self.unmet.extend(self.members.contains_key(&server).then_some(server));
        true
    }

    fn learn_of(&mut self, member: Member, replica: &Replica, now: Duration) {
        let Some(own) = &self.own else { return };
        let believable = (1..=MAX_ACTORS).contains(&member.actors) && member.server != own.server;
        if !believable || self.members.contains_key(&member.server) {
            return;
        }
        let replaces = self.members.values().any(|known| known.address == member.address);
        if self.members.len() >= MAX_MEMBERS && !replaces {
            return;
        }
        let is_back = self.forgotten.contains(&member.server);
        self.forgotten.retain(|server| *server != member.server);
        let mut quiet = self.first && !is_back;
        let earlier = self.members.values().find(|known| known.address == member.address);
        if let Some(address) = earlier.map(|known| known.address.clone()) {
            self.forget(&address);
            quiet = false;
        }
        self.add_links(member, quiet, replica, now);
    }

    /// A frame of an earlier stream may still be on its way to the same address: a later stream needs a
    /// larger number, or its frames would be taken for old ones.
    fn note_streams(&mut self) {
        self.last_stream = self.links.values().map(Link::stream).fold(self.last_stream, u32::max);
    }

    fn add_links(&mut self, member: Member, quiet: bool, replica: &Replica, now: Duration) {
        let Some(own) = &self.own else { return };
        let (lately, whole) = self.history.tell(replica, now);
        for place in 0..member.actors {
            let carries = self.me % member.actors == place;
            if carries || place % own.actors == self.me {
                let id = WellKnown(u32::from(place) + 1);
                let to = ActorRef::<Message>::well_known(&member.address, id);
                let out = carries.then(|| {
                    let others = self.links.values().flat_map(Link::missing);
                    let begin = others.chain(lately.iter().copied()).cloned();
                    Outgoing::new(self.last_stream + 1, whole, begin, now)
                });
                let mut link = Link::new(to, out);
                if !quiet {
                    link.was_used(now);
                }
                self.links.insert((member.server, place), link);
            }
        }
        self.members.insert(member.server, member);
    }

    /// Lets go of a server.
    pub fn forget(&mut self, address: &Address) {
        self.note_streams();
        let gone = self.members.values().filter(|member| member.address == *address);
        let gone: Vec<u64> = gone.map(|member| member.server).collect();
        for server in gone {
            self.members.remove(&server);
            self.unmet.remove(&server);
            self.links.retain(|(of, _), _| *of != server);
            self.forgotten.push_back(server);
        }
        while self.forgotten.len() > MAX_FORGOTTEN {
            self.forgotten.pop_front();
        }
    }

    /// The actor begins a new state with an empty replica, and with nothing to tell.
    pub fn begin_anew(&mut self, state: u64, replica: &Replica, now: Duration) {
        self.state = state;
        self.history = History::new(true);
        self.links.clear();
        for member in std::mem::take(&mut self.members).into_values() {
            self.add_links(member, false, replica, now);
        }
    }

    /// The server that a frame comes from, if nobody else has told of it.
    pub fn introduced<'a>(&self, frame: &'a Frame) -> Option<&'a Member> {
        let member = frame.introduce.as_ref()?;
        let is_new = !self.members.contains_key(&member.server);
        (is_new && !self.forgotten.contains(&member.server)).then_some(member)
    }
}

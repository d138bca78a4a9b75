//! The production runtime: one system, or two that are linked over real sockets.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use actor::{Actor, ActorRef, Report, System, SystemConfig, WellKnown};
use testproxy::Proxy;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    time::{sleep, timeout},
};

use crate::{
    probe::{Probe, Say},
    world::{
        Place::{self, Here, There},
        World,
    },
};

pub struct TokioWorld {
    runtime: Runtime,
    here: Site,
    /// None in a world of one system.
    there: Option<Site>,
    one_way: Duration,
    round_trip: bool,
}

struct Site {
    system: System,
    reports: Arc<Mutex<Vec<Report>>>,
    /// The network in front of it.
    proxy: Option<Proxy>,
    listens_on: SocketAddr,
}

impl TokioWorld {
    pub fn one_system(round_trip: bool) -> Self {
        let runtime = runtime();
        let here = runtime.block_on(Site::start(None, None, round_trip));
        TokioWorld { runtime, here, there: None, one_way: Duration::ZERO, round_trip }
    }

    /// Two systems, each reached through a proxy that delays by `one_way`.
    pub fn two_systems(one_way: Duration) -> Self {
        let runtime = runtime();
        let (here, there) = runtime
            .block_on(async { tokio::join!(Site::start_afar(one_way), Site::start_afar(one_way)) });
        TokioWorld { runtime, here, there: Some(there), one_way, round_trip: false }
    }

    /// Starts an actor that takes a probe's messages.
    pub fn spawn_any<A: Actor<Message = Say>>(
        &mut self,
        at: Place,
        id: Option<WellKnown>,
        constructor: fn() -> A,
    ) -> ActorRef<Say> {
        let system = &self.site(at).system;
        match id {
            Some(id) => system.spawn_well_known(id, constructor),
            None => system.spawn(constructor),
        }
    }

    fn site(&self, at: Place) -> &Site {
        match (at, &self.there) {
            (Here, _) | (There, None) => &self.here,
            (There, Some(there)) => there,
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

impl Site {
    async fn start_afar(one_way: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its number");
        let proxy = Proxy::start("127.0.0.1:0", address.to_string()).await.expect("a proxy");
        proxy.delay(one_way);
        Site::start(Some(listener), Some(proxy), false).await
    }

    async fn start(listener: Option<TcpListener>, proxy: Option<Proxy>, round_trip: bool) -> Self {
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind("127.0.0.1:0").await.expect("a free port"),
        };
        let listens_on = listener.local_addr().expect("its number");
        let address = proxy.as_ref().map_or(listens_on, Proxy::near);
        let reports = Arc::<Mutex<Vec<Report>>>::default();
        let kept = reports.clone();
        let config = SystemConfig::new(&address.to_string())
            .round_trip(round_trip)
            .on_error(move |report| kept.lock().expect("no panic").push(report.clone()));
        let system = System::start(config);
        system.serve(listener);
        Site { system, reports, proxy, listens_on }
    }
}

impl World for TokioWorld {
    fn spawn(&mut self, at: Place, id: Option<WellKnown>) -> ActorRef<Say> {
        self.spawn_any(at, id, Probe::default)
    }

    fn tell(&mut self, from: Place, to: &ActorRef<Say>, say: Say) {
        self.site(from).system.tell(to, say);
    }

    fn read(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>> {
        let answer = self.site(from).system.ask(probe, Say::Read);
        let limit = 6 * self.one_way + Duration::from_millis(500);
        self.runtime.block_on(async { timeout(limit, answer).await.ok().flatten() })
    }

    fn read_twice(&mut self, from: Place, probe: &ActorRef<Say>) -> Option<Vec<u64>> {
        let system = self.site(from).system.clone();
        let (reply_to, answer) = system.reply_ref();
        let bytes = postcard::to_stdvec(&reply_to).expect("plain data");
        let twin = postcard::from_bytes(&bytes).expect("what was written");
        system.tell(probe, Say::Read(reply_to));
        system.tell(probe, Say::Read(twin));
        let limit = 6 * self.one_way + Duration::from_millis(500);
        self.runtime.block_on(async { timeout(limit, answer).await.ok().flatten() })
    }

    fn pass(&mut self, time: Duration) {
        self.runtime.block_on(async { sleep(time).await });
    }

    fn latency(&self) -> Duration {
        self.one_way
    }

    fn shut_down(&mut self, at: Place) {
        let system = self.site(at).system.clone();
        self.runtime.block_on(system.shutdown());
    }

    fn restart(&mut self, at: Place) {
        self.shut_down(at);
        let site = if at == There { self.there.as_mut() } else { None }.unwrap_or(&mut self.here);
        let (proxy, listens_on, round_trip) = (site.proxy.take(), site.listens_on, self.round_trip);
        *site = self.runtime.block_on(async {
            let listener = TcpListener::bind(listens_on).await.expect("its port is free again");
            Site::start(Some(listener), proxy, round_trip).await
        });
    }

    fn reports(&self, at: Place) -> Vec<Report> {
        self.site(at).reports.lock().expect("no panic").clone()
    }
}

impl Drop for TokioWorld {
    fn drop(&mut self) {
        self.shut_down(Here);
        self.shut_down(There);
    }
}

//! scratch
use actor::*;
use std::time::Instant;
#[derive(Default)]
struct C(u64);
#[derive(serde::Serialize, serde::Deserialize)]
enum Count { Add(u64), Get(ReplyRef<u64>) }
impl Actor for C { type Message = Count;
 fn on_message(&mut self, m: Count, ctx: &mut Context<'_, Count>) { match m { Count::Add(n) => self.0 += n, Count::Get(r) => ctx.reply(r, self.0) } } }
fn main() {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let s = System::start(SystemConfig::new("a:1"));
        let c = s.spawn(C::default);
        s.ask(&c, Count::Get).await;
        let (mut push, mut pop, mut ask) = (f64::MAX, f64::MAX, f64::MAX);
        let n = 100_000;
        for _ in 0..100 {
            let t = Instant::now();
            for _ in 0..n { s.tell(&c, Count::Add(1)); }
            push = push.min(t.elapsed().as_nanos() as f64 / n as f64);
            let t = Instant::now();
            s.ask(&c, Count::Get).await;
            pop = pop.min(t.elapsed().as_nanos() as f64 / n as f64);
            let t = Instant::now();
            for _ in 0..1000 { s.ask(&c, Count::Get).await; }
            ask = ask.min(t.elapsed().as_nanos() as f64 / 1000.);
        }
        println!("push {push:.1} ns, pop {pop:.1} ns, ask {ask:.1} ns");
        let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel::<u64>();
        let (mut push, mut pop) = (f64::MAX, f64::MAX);
        for _ in 0..100 {
            let t = Instant::now();
            for _ in 0..n { tx.send(1).unwrap(); }
            push = push.min(t.elapsed().as_nanos() as f64 / n as f64);
            let t = Instant::now();
            let mut got = 0; let mut b = vec![]; 
            while got < n { got += rx.recv_many(&mut b, 1024).await; b.clear(); }
            pop = pop.min(t.elapsed().as_nanos() as f64 / n as f64);
        }
        println!("channel push {push:.1} ns, pop {pop:.1} ns");
        let t = Instant::now();
        for _ in 0..1000 { std::hint::black_box(Instant::now()); }
        println!("clock {:.1}", t.elapsed().as_nanos() as f64 / 1000.);
        s.shutdown().await;
    });
}

//! What a key costs, on one actor and on each further one.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Setting;
use super::load::{Crowd, Requests};
use super::process::Process;
use super::report::{Row, Target};
use super::wire::Ask;

const KEYS: usize = 1_000_000;
/// So many keys travel in a request.
const TOGETHER: usize = 100;
/// 32 bytes.
const VALUE: &str = "a value of thirty-two bytes, all";

/// Until siblings have merged what there is, at their pace.
const SETTLE: Duration = Duration::from_secs(3);

pub fn measure(setting: &Setting<'_>) -> Result<Vec<Row>> {
    let program = &setting.args.kvserver;
    let (mut one, mut further, mut theirs) = <(Vec<f64>, Vec<f64>, Vec<f64>)>::default();
    // Memory does not waver as time does.
    for _ in 0..setting.rounds().min(2) {
        let alone = for_each_key(&Process::kvserver(program, 1, &[])?)?;
        let three = for_each_key(&Process::kvserver(program, 3, &[])?)?;
        one.push(alone);
        further.push((three - alone) / 2.0);
        if let Some(redis) = &setting.args.redis {
            theirs.push(for_each_key(&Process::redis(redis)?)?);
        }
    }
    let name = "Memory of a key (16 bytes, value 32)";
    let target = Some(Target::AtMost(140.0));
    Ok(vec![
        Row::alone(format!("{name}, 1 actor"), "bytes", &one, target),
        match theirs.is_empty() {
            true => Row::alone(format!("{name}, 1 actor"), "bytes", &one, None),
            false => {
                Row::compared(format!("{name}, 1 actor"), "bytes", &one, ("Redis", &theirs), None)
            }
        },
        Row::alone(
            format!("{name}, each further actor"),
            "bytes",
            &further,
            Some(Target::AtMost(80.0)),
        ),
    ])
}

/// The resident bytes that each of many keys adds.
fn for_each_key(process: &Process) -> Result<f64> {
    let before = process.resident();
    let mut one = Crowd::connect(process.dialect, &process.ports[..1], 1)?;
    for first in (0..KEYS).step_by(KEYS / 10) {
        let keys: Vec<String> =
            (first..first + KEYS / 10).map(|n| format!("key:{n:012}")).collect();
        let requests = Requests::new(process.dialect, keys.len() / TOGETHER, TOGETHER, |number| {
            Ask::Set(&keys[number], VALUE)
        });
        one.send_all(&requests)?;
    }
    thread::sleep(SETTLE);
    Ok((process.resident() - before) as f64 / KEYS as f64)
}

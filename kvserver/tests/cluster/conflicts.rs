//! Writes of one key on several servers at about the same time.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kvcommon::Stamp;
use tokio::time::sleep;

use crate::client::Client;
use crate::nodes::{
    FAR, IN_TIME, Node, check_budget, ready_nodes, replicas, shut_down, try_get, until_everywhere,
    until_there,
};

/// Puts at two places, the second 10 ms after the first: `(value, stamp)` of the loser and of the
/// winner.
async fn concurrent_puts(one: &mut Client, other: &mut Client, key: &str) -> [(String, Stamp); 2] {
    let first = one.put(key, "first").await;
    sleep(Duration::from_millis(10)).await;
    let second = other.put(key, "second").await;
    let mut puts = [("first".to_owned(), first), ("second".to_owned(), second)];
    puts.sort_unstable_by_key(|(_, stamp)| *stamp);
    puts
}

/// All ways in which three servers can meet over one key: who writes first, who 10 ms later, and who
/// looks on.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

async fn client(nodes: &[Node], server: usize) -> Client {
    Client::connect(*nodes[server].server.queries().last().unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_concurrent_puts_the_later_one_is_on_all_in_time() {
    let nodes = ready_nodes(&[2, 1, 3], FAR[1]).await;
    let everyone = replicas(&nodes);
    let meet = ORDERS.map(async |order| {
        let key = format!("key/{order:?}");
        let (mut one, mut other) = (client(&nodes, order[0]).await, client(&nodes, order[1]).await);
        let [(loser, _), (winner, stamp)] = concurrent_puts(&mut one, &mut other, &key).await;
        let won = until_everywhere(&everyone, &key, &winner).await;
        // The value that lost can be written again, and then it wins.
        let again = if loser == "first" { &mut one } else { &mut other };
        assert!(again.put(&key, &loser).await > stamp, "the replica has seen the winner");
        won.max(until_everywhere(&everyone, &key, &loser).await)
    });
    let slowest = join_all(meet).await.into_iter().max().unwrap();
    println!("the winner of two Puts, and then the loser put again, are on all after {slowest:?}");
    assert!(slowest < IN_TIME, "{slowest:?}");
    check_budget(&nodes).await;
    shut_down(nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_overwrites_what_was_read_is_on_all_in_time_and_stays() {
    for delay in FAR {
        let nodes = ready_nodes(&[2, 1, 3], delay).await;
        let everyone = replicas(&nodes);
        let began = Instant::now();
        let encounters =
            ORDERS.into_iter().flat_map(|order| [(order, order[0]), (order, order[1])]);
        let meet = encounters.map(async |(order, again)| {
            let key = format!("key/{order:?}/{again}");
            let mut one = client(&nodes, order[0]).await;
            let mut other = client(&nodes, order[1]).await;
            let [_, (winner, _)] = concurrent_puts(&mut one, &mut other, &key).await;
            // Each writes as soon as it reads what it overwrites, wherever else that is by then.
            let overwriter = if again == order[0] { &mut one } else { &mut other };
            until_there(overwriter, &key, &winner).await;
            let overwritten = overwriter.put(&key, "overwritten").await;
            let mut third = client(&nodes, order[2]).await;
            until_there(&mut third, &key, "overwritten").await;
            assert!(third.put(&key, "last").await > overwritten);
            (until_everywhere(&everyone, &key, "last").await, key)
        });
        let (times, keys): (Vec<_>, Vec<_>) = join_all(meet).await.into_iter().unzip();
        let (slowest, all) = (times.into_iter().max().unwrap(), began.elapsed());
        println!(
            "{delay:?} apart: the last of four Puts is on all after {slowest:?}, all after {all:?}"
        );
        assert!(slowest < IN_TIME, "{slowest:?}");
        // Nothing that is still under way undoes it.
        sleep(2 * delay + Duration::from_millis(250)).await;
        for address in &everyone {
            let mut client = Client::connect(*address).await;
            for key in &keys {
                assert_eq!(try_get(&mut client, key).await, Ok(Some("last".to_owned())));
            }
        }
        check_budget(&nodes).await;
        shut_down(nodes).await;
    }
}

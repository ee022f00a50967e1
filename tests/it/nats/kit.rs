//! The clusters of the tests themselves, looked at by a client that speaks NATS' own protocol: what the other tests here
//! rely on. With Debian's nats-server and with the current one.

use crate::harness::{
    DEADLINE, NatsClient, NatsCluster, NatsOp, NatsProgram, NatsSettings, USER, fixture, on_each_program, root, signed,
};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Waits until what one client publishes reaches a subscription of the other one.
#[track_caller]
fn reaches(from: &mut NatsClient, to: &mut NatsClient, subject: &str) {
    let began = Instant::now();
    to.subscribe(subject, "");
    to.flush();
    loop {
        from.publish(subject, b"hello");
        from.flush();
        if let Some(NatsOp::Message { payload, .. }) = to.next_within(Duration::from_millis(20)) {
            assert_eq!(payload, b"hello");
            return;
        }
        assert!(began.elapsed() < DEADLINE, "nothing on {subject} arrives");
    }
}

/// Everybody reaches everybody.
fn assert_one_cluster(cluster: &NatsCluster, round: &str) {
    for from in 0..cluster.len() {
        for to in 0..cluster.len() {
            reaches(&mut cluster.client(from), &mut cluster.client(to), &format!("kit.{round}.{from}.{to}"));
        }
    }
}

#[test]
fn a_killed_server_comes_back_on_its_ports() {
    on_each_program(|program| {
        println!("{}", program.version());
        let mut cluster = NatsCluster::running(program, 3, NatsSettings::open());
        assert_one_cluster(&cluster, "whole");
        let (address, id) = (cluster.server(1).address(), cluster.server(1).id());
        let mut client = cluster.client(1);
        assert_eq!(client.info()["max_payload"], 2 * 1024 * 1024);
        let known = client.info()["connect_urls"].as_array().unwrap().len();
        assert_eq!(known, 3, "a client is told of the other servers: {}", client.info());
        cluster.kill(1);
        assert_eq!(client.next_but_info(), NatsOp::Ended);
        cluster.wait_routed();
        reaches(&mut cluster.client(0), &mut cluster.client(2), "kit.two");
        cluster.restart(1);
        assert_eq!(cluster.server(1).address(), address);
        assert_ne!(cluster.server(1).id(), id);
        assert_one_cluster(&cluster, "again");
    });
}

#[test]
fn a_server_that_stands_still_goes_on() {
    on_each_program(|program| {
        let cluster = NatsCluster::running(program, 2, NatsSettings::open());
        let (mut source, mut listener) = (cluster.client(0), cluster.client(1));
        reaches(&mut source, &mut listener, "kit.still");
        cluster.freeze(1);
        source.publish("kit.still", b"meanwhile");
        source.flush();
        // What was on its way before may still come.
        while let Some(op) = listener.next_within(Duration::from_millis(200)) {
            assert!(
                !matches!(&op, NatsOp::Message { payload, .. } if payload == b"meanwhile"),
                "it does not stand still"
            );
        }
        cluster.thaw(1);
        while listener.next_payload() != b"meanwhile" {}
    });
}

/// It says so to its clients before it closes their connections.
#[test]
fn a_lame_duck_tells_its_clients() {
    on_each_program(|program| {
        let mut cluster = NatsCluster::running(program, 2, NatsSettings::open());
        let mut client = cluster.client(0);
        cluster.lame_duck(0);
        let mut told = false;
        loop {
            match client.next() {
                NatsOp::Info(info) => told |= info["ldm"] == true,
                NatsOp::Ended => break,
                _ => {}
            }
        }
        assert!(told, "it was not told");
        cluster.restart(0);
        assert_one_cluster(&cluster, "again");
    });
}

#[test]
fn who_may_connect_is_let_in_and_nobody_else() {
    on_each_program(|program| {
        let [user, password] = USER;
        let seed = fs::read_to_string(fixture("relay.nk")).unwrap();
        let public = fs::read_to_string(fixture("relay.pub")).unwrap();
        let credentials = fs::read_to_string(fixture("relay.creds")).unwrap();
        let token = credentials.lines().nth(1).unwrap();
        let by_key = |info: &Value| signed(&seed, info["nonce"].as_str().expect("it gives something to sign"));
        let open = NatsSettings::open;
        let lets_in = |settings: NatsSettings, words: &(dyn Fn(&Value) -> Value + Sync)| {
            let cluster = NatsCluster::running(program, 1, settings);
            let refused = cluster.client_saying(0, |_| json!({}));
            assert!(refused.is_err_and(|words| words.contains("Authorization Violation")));
            let mut client = cluster.client_saying(0, words).expect("it is let in");
            client.flush();
        };
        lets_in(open().with_password(), &|_| json!({"user": user, "pass": password}));
        lets_in(open().with_token(), &|_| json!({"auth_token": "the token of the relays"}));
        lets_in(open().with_nkey(), &|info| json!({"nkey": public.trim(), "sig": by_key(info)}));
        lets_in(open().with_credentials(), &|info| json!({"jwt": token, "sig": by_key(info)}));
    });
}

#[test]
fn over_tls_a_certificate_is_asked_for() {
    on_each_program(|program| {
        let settings = NatsSettings::open().with_tls(true);
        assert!(settings.tls_folder().join("relay.key").is_file());
        let cluster = NatsCluster::running(program, 2, settings.clone());
        reaches(&mut cluster.client(0), &mut cluster.client(1), "kit.tls");
        let address = cluster.server(0).address().parse().unwrap();
        assert!(NatsClient::connect(address, None, |_| json!({})).is_err(), "TLS is required");
        let nameless = settings.tls_without_certificate();
        assert!(NatsClient::connect(address, Some(nameless), |_| json!({})).is_err(), "a certificate is required");
    });
}

#[test]
fn permissions_and_limits_are_told_and_change() {
    on_each_program(|program| {
        let [user, password] = USER;
        let connect = |cluster: &NatsCluster| cluster.client_saying(0, |_| json!({"user": user, "pass": password}));
        let settings = NatsSettings::open().with_permissions("pusu.>", "pusu.>");
        let mut cluster = NatsCluster::running(program, 1, settings.clone().server("max_payload: 4096"));
        let mut client = connect(&cluster).unwrap();
        assert_eq!(client.info()["max_payload"], 4096);
        client.subscribe("other.a", "");
        assert!(client.next_refusal().contains("Permissions Violation for Subscription to \"other.a\""));
        client.publish("other.a", b"");
        assert!(client.next_refusal().contains("Permissions Violation for Publish to \"other.a\""));
        client.publish("pusu.a", &[0; 4096]);
        client.flush();
        cluster.reload(settings.server("max_payload: 8192"));
        assert_eq!(connect(&cluster).unwrap().info()["max_payload"], 8192);
        client.publish("pusu.a", &[0; 8193]);
        assert!(client.next_refusal().contains("Maximum Payload Violation"));
    });
}

/// `make run-nats` starts them.
#[test]
fn the_servers_of_the_example_take_their_settings() {
    on_each_program(|program| {
        for file in ["server-1.conf", "server-2.conf", "server-3.conf"] {
            program.check(&root().join("config/nats").join(file));
        }
    });
}

/// As while the servers of a cluster are replaced one by one.
#[test]
fn servers_of_both_releases_are_one_cluster() {
    let (Some(debian), Some(current)) = (NatsProgram::debian(), NatsProgram::current()) else {
        crate::harness::not_run("servers of two releases", "there are not two (`make test-tools venv`)");
        return;
    };
    let mut cluster = NatsCluster::running(&debian, 3, NatsSettings::open());
    for at in 0..3 {
        cluster.lame_duck(at);
        cluster.restart_as(at, &current);
        assert_one_cluster(&cluster, &format!("mixed-{at}"));
    }
}

/// A message is given to one subscription of a group, and to each group.
#[test]
fn groups_of_one_get_everything() {
    let Some(cluster) = NatsCluster::of(2) else { return };
    let (mut source, mut first, mut second) = (cluster.client(0), cluster.client(1), cluster.client(1));
    first.subscribe("kit.group", "one");
    second.subscribe("kit.group", "two");
    second.flush();
    first.flush();
    reaches(&mut source, &mut first, "kit.ready");
    for number in 0..100_u8 {
        source.publish("kit.group", &[number]);
    }
    for client in [&mut first, &mut second] {
        for number in 0..100_u8 {
            assert_eq!(client.next_on("kit.group"), [number]);
        }
    }
}

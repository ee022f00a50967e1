//! Addresses to listen on, where IPv6 is not there, or is apart from IPv4.

use crate::harness::{Namespace, Setup, not_run, run};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

/// A network of its own with this sysctl, and the loopback interface up.
fn network_with(sysctl: &str) -> Result<Namespace, String> {
    let namespace = Namespace::new()?;
    let (name, value) = sysctl.split_once('=').unwrap();
    let file = format!("/proc/sys/{}", name.replace('.', "/"));
    namespace.run(&["sh", "-c", &format!("ip link set lo up && echo {value} > {file}")], "")?;
    Ok(namespace)
}

/// The harness writes its own address first; a later key would be a second one.
fn setup(address: &str) -> Setup {
    Setup::on_shards(1).address(address)
}

#[track_caller]
fn refused(setup: Setup, parts: &[&str]) {
    let starting = setup.spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1), "{}", log.text());
    for part in parts {
        assert!(log.text().contains(part), "{part} is not in:\n{}", log.text());
    }
    assert!(!log.text().contains("is another program"), "{}", log.text());
}

#[test]
fn all_of_ipv6_is_all_of_ipv4_too_whatever_the_system_says() {
    let namespace = match network_with("net.ipv6.bindv6only=1") {
        Ok(namespace) => namespace,
        Err(reason) => return not_run("all addresses with net.ipv6.bindv6only", reason),
    };
    let relays = "relays: ['127.0.0.1:1']\nnetwork_address: '::'\nnetwork_port: 0";
    let daemon = setup("::").settings(relays).in_namespace(&namespace).start();
    let relays = daemon.log().wait_for("`serving relays`", |line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = line["message"] == "serving relays";
        is_it.then(|| line["address"].as_str().unwrap().parse::<SocketAddr>().unwrap())
    });
    for port in [daemon.address().port(), relays.port()] {
        for host in ["127.0.0.1", "[::1]"] {
            let address: SocketAddr = format!("{host}:{port}").parse().unwrap();
            let connected = namespace.inside(|| TcpStream::connect(address));
            assert!(connected.is_ok(), "{address}: {connected:?}");
        }
    }
}

/// `disable_ipv6` takes the addresses away, and leaves the sockets.
#[test]
fn ipv6_that_is_switched_off_is_named() {
    let namespace = match network_with("net.ipv6.conf.all.disable_ipv6=1") {
        Ok(namespace) => namespace,
        Err(reason) => return not_run("IPv6 that is switched off", reason),
    };
    let parts = ["[::1]:", "IPv6 is switched off here (net.ipv6.conf.all.disable_ipv6)", "`client_address`"];
    refused(setup("::1").in_namespace(&namespace), &parts);
    // All addresses are those of IPv4, which are there.
    let daemon = setup("::").in_namespace(&namespace).start();
    let address: SocketAddr = format!("127.0.0.1:{}", daemon.address().port()).parse().unwrap();
    let connected = namespace.inside(|| TcpStream::connect(address));
    assert!(connected.is_ok(), "{connected:?}");
}

/// A kernel without IPv6 answers so; here a library in front of the system's does.
#[test]
fn a_system_without_ipv6_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("no_ipv6.c"), folder.path().join("no_ipv6.so"));
    let text = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <errno.h>\n#include <sys/socket.h>\n\
                int socket(int family, int type, int protocol) {\n\
                  if (family == AF_INET6) { errno = EAFNOSUPPORT; return -1; }\n\
                  int (*next)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, \"socket\");\n\
                  return next(family, type, protocol);\n}\n";
    std::fs::write(&source, text).unwrap();
    run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source])).succeeds();
    let without = |setup: Setup| setup.env("LD_PRELOAD", &library);
    refused(without(setup("::")), &["this system has no IPv6", "`client_address: 0.0.0.0`"]);
    let relays = "relays: ['127.0.0.1:1']\nnetwork_address: '::'\nnetwork_port: 0";
    refused(without(setup("127.0.0.1").settings(relays)), &["this system has no IPv6", "`network_address: 0.0.0.0`"]);
}

//! The check of the NATS servers before a relay uses them: connects to each, looks what it says of itself, and whether relays
//! may publish and subscribe there.

use crate::nats::needed_payload_bytes;
use crate::nats::server::{Connection, Info, Op, Parser, ServerAddress, ServerError, command, dial};
use crate::nats::settings::Settings;
use crate::nats::subjects::Subjects;
use crate::nats::wire;
use crate::peers::{BootId, start_now};
use anyhow::{Context as _, anyhow, bail};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Builder;
use tokio::time::timeout;

/// How long a server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Connects to all servers of the settings, one after the other. Gives each with what it is, or that it does not answer, for
/// people. Nothing that a relay listens to is published.
///
/// # Errors
/// Some of them refuse this relay, would not take its messages, or are of another cluster than others: names each, and the way out.
/// That one does not answer is none: a relay serves its own clients meanwhile, and tries again.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<Vec<(String, String)>> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().context("cannot make a runtime")?;
    let boot = start_now(&settings.identity.name, &settings.identity.network)?.boot;
    runtime.block_on(check_all(settings, boot))
}

async fn check_all(settings: &Settings, boot: BootId) -> anyhow::Result<Vec<(String, String)>> {
    settings.server.credentials.check(settings.server.strict)?;
    let (mut found, mut faults, mut clusters) = (Vec::new(), Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for address in &settings.servers {
        match dial(address, &settings.server).await {
            Ok(connected) => {
                let info = connected.info.clone();
                faults.extend(check_payload(address, &info, settings).err());
                faults.extend(check_permissions(address, connected, settings, boot).await.err());
                found.push((address.to_string(), describe(&info)));
                // Servers without a cluster are one each.
                let cluster = match info.cluster() {
                    "" => format!("{address} in none"),
                    cluster => format!("`{}`", cluster.escape_debug()),
                };
                clusters.entry(cluster).or_default().push(address.to_string());
            }
            Err(error) if error.is_absence() => {
                found.push((address.to_string(), format!("does not answer now: {error}")));
            }
            Err(error) => faults.push(anyhow!("{address} {error}")),
        }
    }
    if clusters.len() > 1 {
        let of_each = |(cluster, servers): (String, Vec<String>)| match cluster.ends_with(" in none") {
            true => cluster,
            false => format!("{} in {cluster}", servers.join(" and ")),
        };
        faults.push(anyhow!(
            "the servers of `nats.servers` are not of one cluster ({}): relays at one would not hear those at another; list the \
             servers of one cluster",
            clusters.into_iter().map(of_each).collect::<Vec<_>>().join(", ")
        ));
    }
    match faults.len() {
        0 => Ok(found),
        1 => Err(faults.remove(0)),
        count => {
            let faults: String = faults.iter().map(|fault| format!("\n- {fault:#}")).collect();
            bail!("{count} faults of the NATS servers:{faults}")
        }
    }
}

fn describe(info: &Info) -> String {
    let cluster =
        if info.cluster().is_empty() { "no cluster".to_owned() } else { format!("cluster {}", info.cluster()) };
    let untested = if is_tested(&info.version) { "" } else { " (OLDER than any that pusud is tested with: 2.9)" };
    format!("nats-server {}{untested}, {cluster}, max_payload {} bytes", info.version, info.payload_bytes_max())
}

/// Whether it is a version from 2.9 on, or none that can be read.
fn is_tested(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (2, 9),
        _ => true,
    }
}

/// The longest message has to fit.
fn check_payload(address: &ServerAddress, info: &Info, settings: &Settings) -> anyhow::Result<()> {
    let content_bytes_max = settings.identity.content_bytes_max;
    let needed = needed_payload_bytes(content_bytes_max, settings.has_history);
    if info.payload_bytes_max() < needed {
        bail!(
            "{address} takes payloads of up to {} bytes, and messages may have {content_bytes_max} (`limits.max_message_bytes`), \
             which takes {needed}: set `max_payload: {needed}` at the NATS servers, or lower `limits.max_message_bytes`",
            info.payload_bytes_max()
        );
    }
    Ok(())
}

/// Subscribes and publishes where a relay does.
async fn check_permissions(
    address: &ServerAddress,
    connected: Connection,
    settings: &Settings,
    boot: BootId,
) -> anyhow::Result<()> {
    let Connection { mut stream, mut parser, .. } = connected;
    let subjects = Subjects::new(&settings.identity.network);
    let mut out = Vec::new();
    // No channel has such a name, and nobody listens to this relay's; to all goes what every version ignores.
    let nobodys = subjects.of_channel("\u{1}check");
    let of_history = settings.has_history.then(|| subjects.of_history());
    let needed = [subjects.of_all(), subjects.of_relay(boot, 1), nobodys].into_iter().chain(of_history);
    for (sid, subject) in (1..).zip(needed) {
        command::subscribe(&mut out, &subject, Some("check"), sid);
        let mut payload = Vec::new();
        wire::nothing(&mut payload, wire::Sender { boot, connection: 1 });
        command::publish(&mut out, &subject, None, &[&payload]);
    }
    command::ping(&mut out);
    let everything = subjects.everything();
    let refusals = async {
        stream.write_all(&out).await?;
        stream.flush().await?;
        refusals(&mut stream, &mut parser).await
    };
    let refusals = timeout(ANSWER_WITHIN, refusals).await;
    let refusals = refusals
        .with_context(|| format!("{address} does not answer"))?
        .with_context(|| format!("{address} has ended the connection"))?;
    let (mut denied, mut others) = (Vec::new(), Vec::new());
    for refusal in refusals {
        match refusal {
            ServerError::Permissions(permission, subject) => denied.push(format!("{permission} to `{subject}`")),
            other => others.push(other.to_string()),
        }
    }
    if !denied.is_empty() {
        others.push(format!(
            "does not let this relay {}: allow its user to publish and to subscribe to `{everything}`",
            denied.join(", ")
        ));
    }
    if others.is_empty() { Ok(()) } else { bail!("{address} {}", others.join("; ")) }
}

/// What the server refuses before its PONG.
async fn refusals<S: tokio::io::AsyncRead + Unpin>(
    stream: &mut S,
    parser: &mut Parser,
) -> std::io::Result<Vec<ServerError>> {
    let mut refusals = Vec::new();
    loop {
        match parser.next_op().map_err(std::io::Error::other)? {
            Some(Op::Pong) => return Ok(refusals),
            Some(Op::Error(error)) => refusals.push(error),
            Some(_) => {}
            None => {
                if stream.read_buf(&mut parser.room()).await? == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

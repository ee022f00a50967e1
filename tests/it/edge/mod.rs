//! Where clients connect: TLS and its certificates, Unix sockets, and sockets that the service manager hands over.

mod certificates;
mod client_certificates;
#[cfg(target_os = "linux")]
mod handed_over;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod scan;
mod tls;
#[cfg(unix)]
mod unix_sockets;

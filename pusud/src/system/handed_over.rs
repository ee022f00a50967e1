//! Sockets that a service manager has opened and hands over, in systemd's protocol (sd_listen_fds): they stay open while
//! the daemon is restarted, so that nobody is refused meanwhile.

#[cfg(not(unix))]
pub use elsewhere::HandedOver;
#[cfg(unix)]
pub use unix::HandedOver;

/// A listening socket.
pub enum ListeningSocket {
    /// Of TCP.
    Tcp(std::net::TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

#[cfg(unix)]
mod unix {
    use super::ListeningSocket;
    use anyhow::{Context as _, bail};
    use listenfd::ListenFd;
    use std::env;

    /// The sockets that nobody has taken yet, each with its name.
    #[derive(Default)]
    pub struct HandedOver(Vec<(String, ListeningSocket)>);

    impl HandedOver {
        /// Takes what this process was started with. Only at its start, once: it is taken out of the environment.
        ///
        /// # Errors
        /// Something that is no listening socket was handed over: names it.
        pub fn take_all() -> anyhow::Result<Self> {
            let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
            let mut names = names.split(':').filter(|name| !name.is_empty());
            let mut files = ListenFd::from_env();
            let mut sockets = Vec::with_capacity(files.len());
            for at in 0..files.len() {
                let name = names.next().unwrap_or("unknown").to_owned();
                let socket = socket(&mut files, at).with_context(|| {
                    format!(
                        "the service manager hands over {name:?}, which cannot be used: expected a stream socket that \
                         listens (ListenStream= in a socket unit, with Accept=no)"
                    )
                })?;
                sockets.push((name, socket));
            }
            Ok(Self(sockets))
        }

        /// Takes the socket of this name.
        pub fn take(&mut self, name: &str) -> Option<ListeningSocket> {
            let at = self.0.iter().position(|(other, _)| other == name)?;
            Some(self.0.remove(at).1)
        }

        /// Takes the only one, whatever its name is.
        pub fn take_only(&mut self) -> Option<ListeningSocket> {
            if self.0.len() == 1 { Some(self.0.remove(0).1) } else { None }
        }

        /// The names of those that nobody has taken.
        pub fn names(&self) -> Vec<&str> {
            self.0.iter().map(|(name, _)| name.as_str()).collect()
        }
    }

    fn socket(files: &mut ListenFd, at: usize) -> anyhow::Result<ListeningSocket> {
        const TAKEN_ONCE: &str = "each is taken once";
        let socket = match files.take_tcp_listener(at) {
            Ok(socket) => ListeningSocket::Tcp(socket.expect(TAKEN_ONCE)),
            Err(_) => ListeningSocket::Unix(files.take_unix_listener(at)?.expect(TAKEN_ONCE)),
        };
        let listens = match &socket {
            ListeningSocket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                rustix::net::sockopt::socket_acceptconn(socket)?
            }
            ListeningSocket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                rustix::net::sockopt::socket_acceptconn(socket)?
            }
        };
        if !listens {
            bail!("it does not listen");
        }
        Ok(socket)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::ListeningSocket;

    /// None: there is no such protocol here.
    #[derive(Default)]
    pub struct HandedOver;

    impl HandedOver {
        /// Takes nothing.
        ///
        /// # Errors
        /// None.
        pub fn take_all() -> anyhow::Result<Self> {
            Ok(Self)
        }

        /// There is none.
        pub fn take(&mut self, _name: &str) -> Option<ListeningSocket> {
            None
        }

        /// There is none.
        pub fn take_only(&mut self) -> Option<ListeningSocket> {
            None
        }

        /// There are none.
        pub fn names(&self) -> Vec<&str> {
            Vec::new()
        }
    }
}

//! One connection between relays, from the first byte to the last: the handshake, then the link.
//!
//! Moves bytes between a stream and the values that decide. **Invariant:** whatever ends a conversation, its place among
//! the links is given back before the stream is closed.

use crate::mesh::handshake::{End, Handshake, Outcome, Refusal, Role, Step};
use crate::mesh::links::encrypted::Encrypted;
use crate::mesh::links::link::Signals;
pub(crate) use crate::mesh::links::reading::READ_BYTES;
use crate::mesh::links::reading::read;
use crate::mesh::links::transport::{LinkStream, Transport};
use crate::mesh::links::writing::{beat, expire, tell_links, write};
use crate::mesh::membership::{Candidate, LinkId, Seen};
use crate::mesh::node::Node;
use crate::mesh::wire::{self, HANDSHAKE_FRAME_BYTES_MAX, Hello};
use crate::peers::Decoder;
use crate::routing::Door;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

/// From the first byte to READY.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// How long a refusal may take to get to the other side.
const REFUSE_MAX: Duration = Duration::from_secs(1);

/// One conversation.
pub(crate) struct Conversation<D: Door, T: Transport> {
    node: Rc<Node<D, T>>,
    remote: SocketAddr,
    id: LinkId,
    handshake: Handshake,
    decoder: Decoder,
    /// Who is linked, or will be.
    candidate: Option<Candidate>,
    /// This side has said READY first.
    has_begun: bool,
    seen: Rc<Seen>,
}

impl<D: Door, T: Transport> Drop for Conversation<D, T> {
    fn drop(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            self.node.mesh.borrow_mut().release(&candidate.name, candidate.id);
            self.node.link_ended.notify_waiters();
        }
    }
}

impl<D: Door, T: Transport> Conversation<D, T> {
    /// A connection that has just been made.
    pub(crate) fn new(node: Rc<Node<D, T>>, role: Role, remote: SocketAddr) -> Self {
        let handshake = Handshake::new(role, node.hello(), node.settings.keys.clone());
        let id = node.mesh.borrow_mut().tick();
        let (decoder, seen) = (Decoder::default(), Rc::default());
        Self { node, remote, id, handshake, decoder, candidate: None, has_begun: false, seen }
    }

    /// Has the doorman see when the other side has spoken.
    pub(crate) fn seen_by(mut self, seen: Rc<Seen>) -> Self {
        self.seen = seen;
        self
    }

    #[cfg(test)]
    /// Which connection it is.
    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    /// Talks until the end. `linked` is told of the other side when the link is up.
    pub(crate) async fn run(mut self, mut stream: T::Stream, linked: impl FnOnce(&Hello)) -> Outcome {
        let deadline = Instant::now() + HANDSHAKE_MAX;
        match within(deadline, self.shake_hands(&mut stream, Vec::new())).await {
            Ok(Shaken::ToEncrypt) => match within(deadline, self.encrypt(stream)).await {
                Ok((mut stream, out)) => {
                    let shaken = within(deadline, self.shake_hands(&mut stream, out)).await;
                    self.go_on(stream, shaken, linked).await
                }
                Err(end) => self.outcome(end, None),
            },
            shaken => self.go_on(stream, shaken, linked).await,
        }
    }

    /// The handshake is over: the link goes to its end, or whoever is refused is told why.
    async fn go_on(
        mut self,
        mut stream: impl LinkStream,
        shaken: Result<Shaken, End>,
        linked: impl FnOnce(&Hello),
    ) -> Outcome {
        let (end, linked_for) = match shaken {
            Err(end) => (end, None),
            Ok(Shaken::ToEncrypt) => unreachable!("a connection is encrypted once"),
            Ok(Shaken::Linked(signals)) => {
                linked(self.handshake.peer().expect("a link begins after HELLO"));
                let since = Instant::now();
                let end = self.talk(&mut stream, &signals).await;
                (end, Some(since.elapsed()))
            }
        };
        let outcome = self.outcome(end, linked_for);
        if let End::Refused(Refusal::Ours(code, reason)) = &outcome.end {
            // The other side may be gone, or not read: it has had its chance to hear why.
            timeout(REFUSE_MAX, refuse(&mut stream, *code as u16, reason)).await.ok();
        }
        outcome
    }

    /// Gives the place among the links back.
    fn outcome(self, end: End, linked_for: Option<Duration>) -> Outcome {
        let (peer, is_authenticated) = (self.handshake.peer().cloned(), self.handshake.is_authenticated());
        Outcome { end, peer, is_authenticated, linked_for }
    }

    /// Until both sides have said READY, or want the connection to be encrypted. `out` is what is to be said first, where
    /// the handshake goes on.
    async fn shake_hands(&mut self, stream: &mut impl LinkStream, mut out: Vec<u8>) -> Result<Shaken, End> {
        self.begin(&mut out);
        loop {
            stream.write_all(&out).await?;
            stream.flush().await?;
            out.clear();
            let Some((kind, payload)) = self.next_of_handshake(stream).await? else { continue };
            let shaken = self.shake(kind, &payload, &mut out);
            if shaken.is_err() {
                // Who is refused is told by whom, since without that it believes nothing.
                stream.write_all(&out).await?;
            }
            if let Some(shaken) = shaken? {
                stream.write_all(&out).await?;
                stream.flush().await?;
                return Ok(shaken);
            }
        }
    }

    /// Makes the connection an encrypted one. Gives what is to be said first over it.
    async fn encrypt(&mut self, stream: T::Stream) -> Result<(Encrypted<T::Stream>, Vec<u8>), End> {
        // Nobody speaks in the clear any more. What somebody in between puts there would else be read as if it were sent
        // encrypted.
        if !self.decoder.is_empty() {
            return Err(Refusal::protocol("bytes in the clear where encryption was to begin").into());
        }
        let node = self.node.clone();
        let tls = &node.settings.encryption.as_ref().expect("both sides want it").tls;
        let session = match self.handshake.role() {
            Role::Dialler => tls.connect(stream, self.handshake.is_certified()).await,
            Role::Acceptor => tls.accept(stream, self.handshake.is_certified()).await,
        };
        let session = session.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => End::Unencrypted(error),
            _ => error.into(),
        })?;
        let (mesh, mut out) = (node.mesh.borrow(), Vec::new());
        let is_linked = |peer: &Hello| mesh.roster().is_linked(&peer.name, peer.boot);
        self.handshake.encrypted(*session.exported(), is_linked, &mut out);
        Ok((Encrypted::new(session), out))
    }

    /// Appends what is said first, if it is this side's turn and nothing has been said.
    pub(in crate::mesh) fn begin(&self, out: &mut Vec<u8>) {
        self.handshake.start(out);
    }

    /// Takes a frame of the handshake in and appends the answer. Gives what follows when the frames are through.
    pub(in crate::mesh) fn shake(
        &mut self,
        kind: u8,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Shaken>, Refusal> {
        let node = self.node.clone();
        let mut mesh = node.mesh.borrow_mut();
        let is_linked = |peer: &Hello| mesh.roster().is_linked(&peer.name, peer.boot);
        match self.handshake.on_frame(kind, payload, is_linked, out)? {
            Step::Wait => {
                self.seen.has_spoken.set(true);
                Ok(None)
            }
            Step::Encrypt => {
                self.seen.has_spoken.set(true);
                Ok(Some(Shaken::ToEncrypt))
            }
            Step::Authenticated { linked } => {
                let candidate = self.candidate(linked);
                let begun = mesh.authenticated(&candidate)?;
                self.has_begun = begun.is_some();
                begun.into_iter().for_each(|ready| wire::ready(out, ready));
                self.candidate = Some(candidate);
                Ok(None)
            }
            Step::Ready(theirs) => {
                let candidate = self.candidate.clone().expect("READY comes after AUTH");
                let peer = self.handshake.peer().expect("READY comes after HELLO");
                let (answer, signals) = mesh.ready(candidate, peer, self.has_begun, theirs)?;
                answer.into_iter().for_each(|ready| wire::ready(out, ready));
                Ok(Some(Shaken::Linked(signals)))
            }
        }
    }

    async fn next_of_handshake(&mut self, stream: &mut impl LinkStream) -> Result<Option<(u8, Vec<u8>)>, End> {
        let frame = self.decoder.next(HANDSHAKE_FRAME_BYTES_MAX);
        // Before a HELLO it may be anybody who has the wrong port.
        let frame = frame.map_err(|error| match self.handshake.peer() {
            None => Refusal::Stranger(error),
            Some(_) => error.into(),
        })?;
        if let Some((kind, payload)) = frame {
            return Ok(Some((kind, payload.to_vec())));
        }
        let mut bytes = [0; HANDSHAKE_FRAME_BYTES_MAX];
        let len = stream.read(&mut bytes).await?;
        self.decoder.feed(&bytes[..len]);
        if len == 0 { Err(End::Closed) } else { Ok(None) }
    }

    fn candidate(&self, linked: bool) -> Candidate {
        let peer = self.handshake.peer().expect("it is authenticated");
        Candidate {
            id: self.id,
            name: peer.name.clone(),
            boot: peer.boot,
            remote: self.remote,
            is_encrypted: self.handshake.is_encrypted(),
            linked,
            started: self.id,
        }
    }

    /// While the link is up.
    async fn talk(&mut self, stream: &mut impl LinkStream, signals: &Signals) -> End {
        let (node, id) = (self.node.clone(), self.id);
        let (reader, writer) = stream.split();
        let end = tokio::select! {
        biased;
            end = read(&node, id, reader, &mut self.decoder) => end,
            end = write(&node, id, writer, signals) => end,
            never = beat(&node, id) => match never {},
            never = expire(&node, id, signals) => match never {},
            never = tell_links(&node, id) => match never {},
            () = signals.ended.notified() => Ok(()),
        };
        match (signals.why.take(), end) {
            (Some(why), _) => End::Refused(why),
            (None, Err(end)) => end,
            (None, Ok(())) => End::Closed,
        }
    }
}

/// What follows when the frames of a handshake are through.
pub(in crate::mesh) enum Shaken {
    /// The connection has to become an encrypted one, over which the handshake goes on.
    ToEncrypt,
    /// The link is up: how to wake its tasks.
    Linked(Rc<Signals>),
}

/// A step of the handshake, which is over at `deadline`.
async fn within<V>(deadline: Instant, step: impl Future<Output = Result<V, End>>) -> Result<V, End> {
    timeout_at(deadline, step).await.unwrap_or(Err(End::Silent(HANDSHAKE_MAX)))
}

/// Says why, and waits until it has been heard: closing with unread bytes would throw it away.
async fn refuse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), code: u16, reason: &str) -> io::Result<()> {
    let mut out = Vec::new();
    wire::refuse(&mut out, code, reason);
    stream.write_all(&out).await?;
    stream.shutdown().await?;
    let mut bytes = [0; 1024];
    let mut left = 64usize;
    while left > 0 && stream.read(&mut bytes).await? > 0 {
        left -= 1;
    }
    Ok(())
}

//! The handshake of a link: HELLO, AUTH, READY, each exactly once and in this order, and encryption behind HELLO where both
//! sides want it. A state machine without sockets.
//!
//! The dialler speaks first and proves the key first, so that a stranger who dials learns the relay's name and nothing
//! else. **Invariant:** who the other side is comes from what its signature covers, and from nothing that follows.

use crate::config::Encryption;
use crate::mesh::handshake::compatible;
use crate::mesh::handshake::reject::{Code, Refusal};
use crate::mesh::wire::{self, Frame, Hello, Ready, kind};
use crate::peers::{self, Keys, Malformed};
use crate::tls::Exported;

/// The version of the protocol that this relay speaks.
pub(crate) const VERSION: (u16, u16) = (1, 4);

/// Which side of a connection this relay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has dialled.
    Dialler,
    /// It was dialled.
    Acceptor,
}

impl Role {
    /// What stands for the side that signs.
    fn byte(self) -> u8 {
        match self {
            Self::Dialler => 1,
            Self::Acceptor => 2,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Acceptor,
            Self::Acceptor => Self::Dialler,
        }
    }
}

/// Where the handshake is: what has to come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Hello,
    /// No frame: the connection becomes an encrypted one.
    Encryption,
    Auth,
    Ready,
    /// The other side is this relay: it can only refuse.
    Itself,
    Done,
}

/// What a frame has led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next frame is waited for.
    Wait,
    /// The connection has to become an encrypted one, once what was said here is sent: see [`Handshake::encrypted`].
    Encrypt,
    /// The other side is who it says. `linked`: it has a link with this start of this relay.
    Authenticated {
        /// Whether the other side has a link with this start of this relay.
        linked: bool,
    },
    /// The other side begins the link.
    Ready(Ready),
}

/// One handshake.
pub(crate) struct Handshake {
    role: Role,
    keys: Option<Keys>,
    own: Hello,
    own_fields: Vec<u8>,
    peer: Option<(Hello, Vec<u8>)>,
    /// What both ends of the encrypted connection export.
    exported: Option<Exported>,
    state: State,
}

impl Handshake {
    /// A handshake of a relay that says `own` of itself. `own.nonce` must never have been used before.
    pub(crate) fn new(role: Role, own: Hello, keys: Option<Keys>) -> Self {
        let mut own_fields = Vec::new();
        wire::hello_fields(&mut own_fields, &own);
        Self { role, keys, own, own_fields, peer: None, exported: None, state: State::Hello }
    }

    /// What the relay says first, if it is its turn and nothing has been said.
    pub(crate) fn start(&self, out: &mut Vec<u8>) {
        if self.role == Role::Dialler && self.state == State::Hello {
            self.say_hello(out);
        }
    }

    /// Which side of the connection this relay is.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether the other side is who it says: it has proven the key, where there is one.
    pub(crate) fn is_authenticated(&self) -> bool {
        !matches!(self.state, State::Hello | State::Encryption | State::Auth)
    }

    /// What the other side has said of itself. Only to be believed once it is authenticated.
    pub(crate) fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref().map(|(hello, _)| hello)
    }

    /// Whether both sides have certificates, and so show them.
    pub(crate) fn is_certified(&self) -> bool {
        self.own.certificates && self.peer().is_some_and(|peer| peer.certificates)
    }

    /// Whether the connection is an encrypted one.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.exported.is_some()
    }

    #[cfg(test)]
    /// The minor version that the link speaks.
    pub(crate) fn minor(&self) -> u16 {
        self.peer().map_or(self.own.minor, |peer| peer.minor.min(self.own.minor))
    }

    /// Takes the next frame, and appends the answer to `out`. `linked` is asked whether this relay has a link with the
    /// start that the other side's HELLO names.
    ///
    /// # Errors
    /// The connection has to end, and why.
    pub(crate) fn on_frame(
        &mut self,
        kind: u8,
        payload: &[u8],
        linked: impl FnOnce(&Hello) -> bool,
        out: &mut Vec<u8>,
    ) -> Result<Step, Refusal> {
        if self.state == State::Hello && kind == kind::HELLO {
            return self.on_hello(payload, linked, out);
        }
        if self.state == State::Hello && (kind != kind::REFUSE || self.role == Role::Acceptor) {
            return Err(Refusal::Stranger(Malformed::Magic));
        }
        match (self.state, wire::parse(kind, payload)?) {
            (_, Frame::Refuse { code, reason }) => Err(Refusal::Theirs(code, reason.to_owned())),
            (State::Auth, Frame::Auth { linked: theirs, signature }) => {
                self.verify(theirs, signature)?;
                self.state = State::Ready;
                if self.role == Role::Acceptor {
                    self.prove(linked, out);
                }
                if !self.is_with_itself() {
                    return Ok(Step::Authenticated { linked: theirs });
                }
                self.state = State::Itself;
                match self.role {
                    // The dialler draws the conclusion, from the signature that it now gets.
                    Role::Acceptor => Ok(Step::Wait),
                    Role::Dialler => Err(Refusal::Ours(Code::Itself, "this is the relay that dialled".into())),
                }
            }
            (State::Ready, Frame::Ready(ready)) => {
                self.state = State::Done;
                Ok(Step::Ready(ready))
            }
            (state, _) => Err(Refusal::protocol(format_args!("a frame of type {kind} where {state:?} was expected"))),
        }
    }

    fn on_hello(
        &mut self,
        payload: &[u8],
        linked: impl FnOnce(&Hello) -> bool,
        out: &mut Vec<u8>,
    ) -> Result<Step, Refusal> {
        let major = wire::major_of_hello(payload).map_err(Refusal::Stranger)?;
        if major != self.own.major {
            let reason = format!(
                "the link protocol of this relay has version {}.{}, that of the other one {major}: update one of them",
                self.own.major, self.own.minor
            );
            return Err(Refusal::Ours(Code::Version, reason));
        }
        let Frame::Hello(hello) = wire::parse(kind::HELLO, payload)? else { unreachable!("HELLO is read as HELLO") };
        compatible::check(&self.own, &hello)?;
        let is_encrypted = [self.own.encryption, hello.encryption].iter().all(|side| *side != Encryption::Off);
        self.peer = Some((hello, payload.to_vec()));
        if self.role == Role::Acceptor {
            self.say_hello(out);
        }
        if is_encrypted {
            self.state = State::Encryption;
            return Ok(Step::Encrypt);
        }
        self.go_on(linked, out);
        Ok(Step::Wait)
    }

    /// The connection is encrypted from here on, and both its ends export this. Appends what is said next, as
    /// [`Self::on_frame`] does.
    pub(crate) fn encrypted(&mut self, exported: Exported, linked: impl FnOnce(&Hello) -> bool, out: &mut Vec<u8>) {
        assert_eq!(self.state, State::Encryption, "both sides want it, and have said HELLO alone");
        self.exported = Some(exported);
        // Without a key both sides still make sure that nobody has changed what they said in the clear.
        self.keys.get_or_insert_with(Keys::of_nobody);
        self.go_on(linked, out);
    }

    /// AUTH comes next, and the dialler's is the first.
    fn go_on(&mut self, linked: impl FnOnce(&Hello) -> bool, out: &mut Vec<u8>) {
        self.state = State::Auth;
        if self.role == Role::Dialler {
            self.prove(linked, out);
        }
    }

    /// Whether the other side says that it is this start of this relay.
    fn is_with_itself(&self) -> bool {
        self.peer().is_some_and(|peer| peer.boot == self.own.boot)
    }

    fn say_hello(&self, out: &mut Vec<u8>) {
        peers::frame(out, kind::HELLO, |out| out.extend_from_slice(&self.own_fields));
    }

    fn prove(&self, linked: impl FnOnce(&Hello) -> bool, out: &mut Vec<u8>) {
        let (peer, peer_fields) = self.peer.as_ref().expect("HELLO comes before AUTH");
        let linked = linked(peer);
        let signed = Signed::new(self.role, &self.own_fields, peer_fields, linked, &self.exported);
        match &self.keys {
            Some(keys) => wire::auth(out, linked, &keys.sign(&signed.parts())),
            None => wire::auth(out, linked, &[]),
        }
    }

    fn verify(&self, linked: bool, signature: &[u8]) -> Result<(), Refusal> {
        let (peer, peer_fields) = self.peer.as_ref().expect("HELLO comes before AUTH");
        let signed = Signed::new(self.role.other(), peer_fields, &self.own_fields, linked, &self.exported);
        let good = match &self.keys {
            Some(keys) => keys.verify(&signed.parts(), signature),
            None => signature.is_empty(),
        };
        if good {
            return Ok(());
        }
        let (own, peer) = (&self.own.name, &peer.name);
        let reason = if self.own.key {
            format!(
                "`{own}` and `{peer}` have different keys: the file of `network_key_file` has to have the same content; if it \
                 has, somebody between the two changes what they say"
            )
        } else {
            format!("somebody between `{own}` and `{peer}` changes what they say")
        };
        Err(Refusal::Ours(Code::KeyWrong, reason))
    }
}

/// What a signature covers: who signs, both HELLOs whole, what AUTH says, and what an encrypted connection exports.
struct Signed<'a> {
    signer: [u8; 1],
    signers_hello: &'a [u8],
    others_hello: &'a [u8],
    linked: [u8; 1],
    exported: Option<&'a [u8]>,
}

impl<'a> Signed<'a> {
    fn new(
        signer: Role,
        signers_hello: &'a [u8],
        others_hello: &'a [u8],
        linked: bool,
        exported: &'a Option<Exported>,
    ) -> Self {
        let exported = exported.as_ref().map(<[u8; 32]>::as_slice);
        Self { signer: [signer.byte()], signers_hello, others_hello, linked: [linked.into()], exported }
    }

    fn parts(&self) -> Vec<&[u8]> {
        let parts: [&[u8]; 5] = [b"pusu link 1", &self.signer, self.signers_hello, self.others_hello, &self.linked];
        parts.into_iter().chain(self.exported).collect()
    }
}

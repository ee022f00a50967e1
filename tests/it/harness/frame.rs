//! One WebSocket frame in bytes, as a test makes it or a relay has sent it.

/// One WebSocket frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// FIN, the RSV bits and the opcode.
    pub(crate) first_byte: u8,
    /// The payload, unmasked.
    pub(crate) payload: Vec<u8>,
}

pub(super) const FIN: u8 = 0x80;

impl Frame {
    /// A whole message in one text frame.
    pub(crate) fn text(payload: impl AsRef<[u8]>) -> Self {
        Self::new(FIN | 1, payload)
    }

    /// Any frame; `first_byte` is FIN, RSV and opcode.
    pub(crate) fn new(first_byte: u8, payload: impl AsRef<[u8]>) -> Self {
        Self { first_byte, payload: payload.as_ref().to_vec() }
    }

    /// A close frame.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::new(FIN | 8, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// The frame as a client has to send it.
    pub(crate) fn masked(&self) -> Vec<u8> {
        let mask = [0x1f, 0x2e, 0x3d, 0x4c];
        let payload = self.payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]);
        let mut bytes = self.header(0x80);
        bytes.extend(mask);
        bytes.extend(payload);
        bytes
    }

    /// The frame without a mask, as no client may send it.
    pub(crate) fn unmasked(&self) -> Vec<u8> {
        [self.header(0), self.payload.clone()].concat()
    }

    /// The unmasked frame that `bytes` begin with, and what is behind it; `None` if it is not whole.
    pub(crate) fn split_off(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let [first_byte, second, behind @ ..] = bytes else { return None };
        let (length, behind) = match second {
            126 => behind.split_first_chunk().map(|(length, behind)| (u16::from_be_bytes(*length).into(), behind))?,
            127 => behind.split_first_chunk().map(|(length, behind)| (u64::from_be_bytes(*length), behind))?,
            short => (u64::from(*short), behind),
        };
        let (payload, behind) = behind.split_at_checked(usize::try_from(length).ok()?)?;
        Some((Self::new(*first_byte, payload), behind))
    }

    fn header(&self, mask_bit: u8) -> Vec<u8> {
        let length = self.payload.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => vec![self.first_byte, mask_bit | short],
            (_, Ok(medium)) => [&[self.first_byte, mask_bit | 126][..], &medium.to_be_bytes()].concat(),
            _ => [&[self.first_byte, mask_bit | 127][..], &(length as u64).to_be_bytes()].concat(),
        }
    }
}

/// One message of the protocol as masked bytes.
pub(crate) fn text_message(json: &str) -> Vec<u8> {
    Frame::text(json).masked()
}

/// The code of a close frame; `None` if the frame is no such thing or carries none.
pub(crate) fn close_code(frame: &Frame) -> Option<u16> {
    let code = frame.payload.first_chunk()?;
    (frame.first_byte == FIN | 8).then_some(u16::from_be_bytes(*code))
}

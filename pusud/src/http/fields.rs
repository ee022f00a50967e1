//! Fields of a request that the relay knows, found in one look at each header line.

use super::{Expectation, HttpError};
use smallvec::SmallVec;

/// Their values. Whatever decides something is there once.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) host: Option<&'a [u8]>,
    pub(super) content_length: Option<&'a [u8]>,
    pub(super) transfer_encoding: Option<&'a [u8]>,
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) content_type: Option<&'a [u8]>,
    pub(super) origin: Option<&'a [u8]>,
    pub(super) idempotency_key: Option<&'a [u8]>,
    pub(super) last_event_id: Option<&'a [u8]>,
    pub(super) cookies: SmallVec<[&'a [u8]; 1]>,
    pub(super) accepts: SmallVec<[&'a [u8]; 1]>,
    pub(super) expectation: Expectation,
    /// `Connection` says `close`.
    pub(super) closes: bool,
    pub(super) offers_upgrade: bool,
    pub(super) is_encoded: bool,
}

impl<'a> Fields<'a> {
    /// Of these lines.
    ///
    /// # Errors
    /// 400: one is there twice that must not be.
    pub(super) fn of(headers: &[httparse::Header<'a>]) -> Result<Self, HttpError> {
        let mut fields = Self::default();
        for header in headers {
            fields.take(header.name, header.value)?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), HttpError> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // By their lengths first: most are none of these.
        match name.len() {
            4 if is("host") => once(&mut self.host, value, "The header Host is missing or there twice.")?,
            6 if is("accept") => self.accepts.push(value),
            6 if is("cookie") => self.cookies.push(value),
            6 if is("origin") => once(&mut self.origin, value, "The header Origin is there twice.")?,
            6 if is("expect") => {
                let is_known = self.expectation == Expectation::None && value.eq_ignore_ascii_case(b"100-continue");
                self.expectation = if is_known { Expectation::Continue } else { Expectation::Unknown };
            }
            7 if is("upgrade") => self.offers_upgrade = true,
            10 if is("connection") => {
                self.closes |=
                    value.split(|byte| *byte == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"));
            }
            12 if is("content-type") => {
                once(&mut self.content_type, value, "The header Content-Type is there twice.")?;
            }
            13 if is("authorization") => {
                once(&mut self.authorization, value, "The header Authorization is there twice.")?;
            }
            13 if is("last-event-id") => {
                once(&mut self.last_event_id, value, "The header Last-Event-ID is there twice.")?;
            }
            14 if is("content-length") => {
                once(&mut self.content_length, value, "The header Content-Length is there twice.")?;
            }
            15 if is("idempotency-key") => {
                once(&mut self.idempotency_key, value, "The header Idempotency-Key is there twice.")?;
            }
            16 if is("content-encoding") => self.is_encoded |= !value.eq_ignore_ascii_case(b"identity"),
            17 if is("transfer-encoding") => {
                once(&mut self.transfer_encoding, value, "The header Transfer-Encoding is there twice.")?;
            }
            _ => {}
        }
        Ok(())
    }
}

fn once<'a>(field: &mut Option<&'a [u8]>, value: &'a [u8], reason: &'static str) -> Result<(), HttpError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(HttpError::bad_request(reason)),
    }
}

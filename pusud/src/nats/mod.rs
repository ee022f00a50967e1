//! NATS as the backplane: what relays tell each other by way of NATS servers, in the place of links of their own.
//!
//! It knows neither hub nor shards, as the mesh does not.

mod server;

pub use server::{
    AddressError, Connection, Credentials, CredentialsError, DialError, Info, InfoError, LINE_BYTES_MAX, Malformed,
    Message, Op, Parser, Permission, ServerAddress, ServerError, ServerSettings, Stream, TlsFiles, command, dial,
};

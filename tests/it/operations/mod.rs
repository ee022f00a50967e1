//! The operations port: health, the console's files, tokens, and the JSON interface, as programs and browsers use them.

mod console;
mod place;

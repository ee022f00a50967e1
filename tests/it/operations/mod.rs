//! The operations port: health, the console's files, tokens, and the JSON interface, as programs and browsers use them.

mod alerts;
mod audit;
mod console;
mod documented;
mod encryption;
mod health;
mod hostile;
mod interface;
mod kept;
mod kubernetes;
mod metrics;
mod pages_of_others;
mod place;
mod secrets;
mod sessions;
mod settings;
mod token_file;

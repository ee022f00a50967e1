//! pusud
fn main() {}

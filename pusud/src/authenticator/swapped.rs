//! The outcome of reading the settings again, as far as it is about who decides.

/// What a swap has led to. Of several entries, the last of these that is true of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Swapped {
    /// The built-in authenticator goes on; there is nothing that it could read again.
    Nothing,
    /// The instance that decides has read its files again.
    Reloaded,
    /// A new instance of the same decides.
    Renewed,
    /// Something else decides.
    Replaced,
}

//! Framing: the length and the type before the fields of a frame. The counterpart of `decoder`.

/// Bytes of a frame before its fields: the length and the type.
pub(crate) const HEAD_BYTES: usize = 5;
/// The most bytes of fields in any frame without contents of publications.
pub(crate) const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Appends a frame: its length, its type, and the fields that `fields` appends.
pub(crate) fn frame(out: &mut Vec<u8>, kind: u8, fields: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES - 1]);
    out.push(kind);
    fields(out);
    close(out, start);
}

/// Writes the length of the frame that began at `start` and ends where `out` does.
pub(crate) fn close(out: &mut [u8], start: usize) {
    let len = u32::try_from(out.len() - start - 4).expect("frames are bounded far below 4 GiB");
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

/// Appends a frame without fields.
pub(crate) fn bare(out: &mut Vec<u8>, kind: u8) {
    frame(out, kind, |_| {});
}

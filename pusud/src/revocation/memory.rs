//! The most memory that revocations take.

use super::entries::{LIFTED_MAX, REVOCATIONS_MAX};
use super::whom::SUBJECT_BYTES_MAX;

/// One entry in the tables, beside the subject, which stands in two of them.
const ENTRY_BYTES: usize = 320;

/// Bytes of all entries, and once more while they are written to the file.
pub fn revocations_bytes_max() -> usize {
    (REVOCATIONS_MAX + LIFTED_MAX) * (ENTRY_BYTES + 4 * SUBJECT_BYTES_MAX)
}

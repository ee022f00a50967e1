//! Facts of certificates made here.

//! Renewals: what is swapped, what is kept, and what is waited for.

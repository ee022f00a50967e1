//! Each rule left out once: the judge finds what comes of it.

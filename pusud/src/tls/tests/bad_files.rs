//! Files that cannot be used: each error names the file, what was found, and the way out.

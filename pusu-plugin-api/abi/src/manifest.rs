//! The manifest: constant data without pointers, read from a library's file without loading it.

/// `PUSUPLG` and 1.
pub const MAGIC: [u8; 8] = *b"PUSUPLG\x01";
/// The size of a [`Manifest`], in bytes.
pub const MANIFEST_BYTES: usize = 1024;

/// Text of at most `N` bytes, padded with zeros.
pub type ManifestText<const N: usize> = [u8; N];

/// Who a plugin is and what it was built for. Unused bytes are 0.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(abi_stable::StableAbi))]
#[derive(Clone, Copy)]
pub struct Manifest {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`MANIFEST_BYTES`].
    pub size: u32,
    /// [`crate::ABI_MAJOR`] as the plugin was built with.
    pub abi_major: u32,
    /// [`crate::ABI_MINOR`] as the plugin was built with.
    pub abi_minor: u32,
    /// [`crate::KIND_AUTHENTICATOR`].
    pub kind: u32,
    /// [`crate::F_ASYNC`], [`crate::F_SERIAL`] and [`crate::F_NO_SWAP`] bits.
    pub flags: u32,
    /// 0.
    pub reserved0: u32,
    /// [`crate::FINGERPRINT`] as the plugin's own compiler computed it.
    pub fingerprint: u64,
    /// What `authenticator:` in the settings names: `[A-Za-z0-9][A-Za-z0-9._-]*`.
    pub id: ManifestText<64>,
    /// The plugin's own version.
    pub version: ManifestText<32>,
    /// What it was built with, such as `c gcc 12.2.0`.
    pub sdk: ManifestText<48>,
    /// SPDX.
    pub license: ManifestText<32>,
    /// Text, one line.
    pub description: ManifestText<160>,
    /// The names of the options it takes, comma separated.
    pub options: ManifestText<512>,
    /// 0.
    pub reserved: [u8; 136],
}

impl Manifest {
    /// Copies a manifest out of `bytes`, for example out of a file; `None` unless they are [`MANIFEST_BYTES`] long.
    /// Nothing is checked but the length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != MANIFEST_BYTES {
            return None;
        }
        let u32_at = |at: usize| u32::from_ne_bytes(array(&bytes[at..]));
        Some(Self {
            magic: array(bytes),
            size: u32_at(8),
            abi_major: u32_at(12),
            abi_minor: u32_at(16),
            kind: u32_at(20),
            flags: u32_at(24),
            reserved0: u32_at(28),
            fingerprint: u64::from_ne_bytes(array(&bytes[32..])),
            id: array(&bytes[40..]),
            version: array(&bytes[104..]),
            sdk: array(&bytes[136..]),
            license: array(&bytes[184..]),
            description: array(&bytes[216..]),
            options: array(&bytes[376..]),
            reserved: array(&bytes[888..]),
        })
    }

    /// The text of one of the manifest's fields, without its padding; `None` if it is not UTF-8.
    pub fn text(field: &[u8]) -> Option<&str> {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        core::str::from_utf8(&field[..end]).ok()
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

const _: () = {
    assert!(core::mem::offset_of!(Manifest, id) == 40);
    assert!(core::mem::offset_of!(Manifest, version) == 104);
    assert!(core::mem::offset_of!(Manifest, sdk) == 136);
    assert!(core::mem::offset_of!(Manifest, license) == 184);
    assert!(core::mem::offset_of!(Manifest, description) == 216);
    assert!(core::mem::offset_of!(Manifest, options) == 376);
    assert!(core::mem::offset_of!(Manifest, reserved) == 888);
};

//! The manifest: constant data without pointers, read from a library's file without loading it.

/// `PUSUPLG` and 1.
pub const MAGIC: [u8; 8] = *b"PUSUPLG\x01";
/// The size of a [`Manifest`], in bytes.
pub const MANIFEST_BYTES: usize = 2048;
/// How many bytes at its beginning are laid out as they were before ABI 1.0: up to the end of the id.
pub const MANIFEST_HEAD_BYTES: usize = 104;
/// The size of a manifest from before ABI 1.0, in bytes.
pub const MANIFEST_BYTES_BEFORE_1_0: u32 = 1024;

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
    /// `F_*` bits.
    pub flags: u32,
    /// 0.
    pub reserved0: u32,
    /// [`crate::FINGERPRINT`] as the plugin's own compiler computed it.
    pub fingerprint: u64,
    /// What `authenticator:` in the settings names: `[A-Za-z0-9][A-Za-z0-9._-]*`.
    pub id: ManifestText<64>,
    /// The plugin's own version.
    pub version: ManifestText<64>,
    /// What it was built with, such as `c gcc 12.2.0`.
    pub sdk: ManifestText<64>,
    /// SPDX.
    pub license: ManifestText<128>,
    /// Text, one line.
    pub description: ManifestText<256>,
    /// Names of the options that it takes, comma separated; `*` among them: it checks others itself.
    pub options: ManifestText<768>,
    /// Ids of host extensions, comma separated; a host that lacks one does not load it.
    pub needs: ManifestText<192>,
    /// 0. Hosts ignore them, the conformance kit does not.
    pub reserved: [u8; 472],
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
            sdk: array(&bytes[168..]),
            license: array(&bytes[232..]),
            description: array(&bytes[360..]),
            options: array(&bytes[616..]),
            needs: array(&bytes[1384..]),
            reserved: array(&bytes[1576..]),
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
    assert!(core::mem::offset_of!(Manifest, version) == MANIFEST_HEAD_BYTES);
    assert!(core::mem::offset_of!(Manifest, sdk) == 168);
    assert!(core::mem::offset_of!(Manifest, license) == 232);
    assert!(core::mem::offset_of!(Manifest, description) == 360);
    assert!(core::mem::offset_of!(Manifest, options) == 616);
    assert!(core::mem::offset_of!(Manifest, needs) == 1384);
    assert!(core::mem::offset_of!(Manifest, reserved) == 1576);
};

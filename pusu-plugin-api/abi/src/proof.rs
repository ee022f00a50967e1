//! The root module that Rust plugins export for abi_stable's proof at load time, and nothing else.

use crate::{Authenticator, Manifest};
use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;

/// Every type of the ABI, reachable from one root so that one check proves the layout of all of them. The host never
/// calls through it: it calls through the C entry.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ProofRef)))]
#[sabi(missing_field(panic))]
pub struct Proof {
    /// The plugin's manifest.
    pub manifest: &'static Manifest,
    /// The plugin's table.
    #[sabi(last_prefix_field)]
    pub authenticator: &'static Authenticator,
}

impl RootModule for ProofRef {
    abi_stable::declare_root_module_statics! {ProofRef}
    const BASE_NAME: &'static str = "pusu_plugin";
    const NAME: &'static str = "pusu_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

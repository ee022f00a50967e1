//! The table of the keys at the top of the settings. From it come what the operator wrote (`raw`), the list of keys
//! (`keys`), and what needs a restart (`restart`).
//!
//! Not in it: `authenticator` and the options of the original's authenticators, which stand before these keys, and
//! `limits`, which stands behind them and has a table of its own.

/// The table: calls the macro that it is given with one row for each key, in the order of `settings.example.yaml`.
///
/// To add a key, add its row, and give `Config` a field with the default where the settings are resolved:
///
/// ```text
/// NAME: TYPE, READ, WHEN;
/// ```
///
/// - TYPE is what is kept of what was written: an `Option`, where a default takes the place of a key that is not there.
/// - READ says how: `value(EXPECTED, CONVERT)` with the words for messages and a function of `config/values.rs`, or
///   another function of `config/raw.rs`.
/// - WHEN a change takes effect: `restart`, where `Config` has a field of this name that is compared, `reload`, if
///   whoever uses it is made anew at SIGHUP, or `apart`, where `restart` compares it in a way of its own.
macro_rules! for_each_key {
    ($with:ident) => {
        $with! {
            authenticator_options: Map<String, Value>, options(), reload;
            authenticator_sha256: Option<String>, value(SHA256, sha256), reload;
            isolation: Option<Isolation>, value("`thread` or `process`", isolation), reload;
            isolation_memory: Option<u64>, value(ADDRESS_SPACE, address_space), reload;
            authenticator_create_timeout: Option<Duration>, value(CREATE_TIME, create_time), reload;
            authenticator_restart: Option<bool>, value(BOOLEAN, Value::as_bool), reload;
            plugins_dir: Option<PathBuf>, value("a path", path), reload;
            plugin_data_dir: Option<PathBuf>, value("a path", path), reload;
            strict_plugin_permissions: Option<bool>, value(BOOLEAN, Value::as_bool), reload;
            max_authorization_life: Option<Duration>, value(LIFE, life), reload;
            on_swap: Option<OnSwap>, value("keep or reauthorize", on_swap), reload;
            authenticator_sees: Option<HeaderNames>, authenticator_sees(), restart;
            client_address: Option<IpAddr>, value(ADDRESS, address), restart;
            client_port: Option<u16>, value(PORT, port), restart;
            client_tls: Option<Files>, client_tls(), restart;
            listeners: Vec<ListenerConfig>, listeners(), restart;
            tls_ticket_key_file: Option<PathBuf>, value("a path", path), restart;
            http: Option<HttpConfig>, http(), restart;
            backplane: Option<backplane::Kind>, value(BACKPLANE, backplane::kind), apart;
            // Reads the port of the network too, and so stands before it.
            relays: Vec<PeerAddress>, relays(), restart;
            network_address: Option<IpAddr>, value(ADDRESS, address), restart;
            network_port: Option<u16>, value(PORT, port), restart;
            network_name: Option<String>, value(NAME, name), restart;
            network_key_file: Option<PathBuf>, value("a path", path), restart;
            strict_key_permissions: Option<bool>, value(BOOLEAN, Value::as_bool), restart;
            network_encryption: Option<Encryption>, value("required, preferred or off", encryption), restart;
            network_tls: Option<NetworkTls>, network_tls(), restart;
            nats: Option<NatsSettings>, nats(), apart;
            history: Vec<Rule>, history(), apart;
            history_bytes: Option<usize>, value(HISTORY_BYTES, history_bytes), apart;
            name: Option<String>, value(NAME, name), restart;
            shards: Option<usize>, value(&format!("a whole number from 0 (one per core) to {SHARDS_MAX}"), shards), restart;
            control_socket: Option<ControlSocket>, value(CONTROL_SOCKET, control_socket), restart;
            operations_address: Option<IpAddr>, value(ADDRESS, address), restart;
            operations_port: Option<OperationsPort>, value(OPERATIONS_PORT, operations_port), restart;
            operations_tls: Option<Files>, client_tls(), restart;
            operations_token_file: Option<PathBuf>, value("a path", path), restart;
            operations_hosts: Vec<String>, operations_hosts(), restart;
            operations_plaintext: Option<bool>, value(BOOLEAN, Value::as_bool), restart;
            ready_needs_relays: Option<usize>, value(READY_NEEDS, ready_needs), restart;
            revocations_file: Option<PathBuf>, value("a path", path), restart;
            remembered_decisions: Option<usize>, value(DECISIONS, decisions), restart;
        }
    };
}
pub(super) use for_each_key;

/// Whether a row's change needs a restart: only where its last word says so. Rows that are compared apart are not seen here.
macro_rules! restart_for {
    (restart, $changed:expr) => {
        $changed
    };
    (reload, $changed:expr) => {
        false
    };
    (apart, $changed:expr) => {
        false
    };
}
pub(super) use restart_for;

//! The header and the Rust types are one contract: every size, every offset, every constant and the fingerprint are
//! printed by a program that a C and a C++ compiler made of the header, and compared with what Rust says.
#![cfg(unix)]
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::compiler::{Compiler, folder, include};
use pusu_plugin_api::abi;
use std::fmt::Write as _;
use std::mem::offset_of;
use std::process::Command;

/// What C calls it, and what Rust says it is.
type Expected = Vec<(String, i128)>;

/// Every field of a struct; a field that is left out does not compile.
macro_rules! layout {
    ($expected:ident, $c:literal, $rust:ident, $($field:ident),+) => {
        let _every_field = |value: &abi::$rust| { let abi::$rust { $($field: _),+ } = *value; };
        $expected.push((format!("sizeof({})", $c), size_of::<abi::$rust>() as i128));
        $($expected.push((format!("offsetof({}, {})", $c, stringify!($field)), offset_of!(abi::$rust, $field) as i128));)+
        $($expected.push((format!("sizeof((({}*)0)->{})", $c, stringify!($field)), field_size(|s: &abi::$rust| &s.$field)));)+
    };
}

macro_rules! constants {
    ($expected:ident, $($c:literal = $rust:expr),+ $(,)?) => {
        $($expected.push(($c.to_owned(), i128::from($rust)));)+
    };
}

fn field_size<S, F>(_which: impl Fn(&S) -> &F) -> i128 {
    size_of::<F>() as i128
}

fn expected() -> Expected {
    let mut all = Expected::new();
    layout!(all, "pusu_str", Str, ptr, len);
    layout!(all, "pusu_attr", Attr, key, value);
    layout!(all, "pusu_permission", Permission, pattern, access);
    layout!(
        all,
        "pusu_verdict",
        Verdict,
        struct_size,
        decision,
        expires_unix_ms,
        subject,
        reason,
        detail,
        permissions,
        permissions_len,
        attrs,
        attrs_len
    );
    layout!(
        all,
        "pusu_request",
        Request,
        struct_size,
        flags,
        ticket,
        timeout_ms,
        authorization,
        peer,
        attrs,
        attrs_len
    );
    layout!(
        all,
        "pusu_host",
        Host,
        abi_major,
        abi_minor,
        struct_size,
        reserved,
        ctx,
        log,
        complete,
        set_error,
        extension
    );
    layout!(
        all,
        "pusu_authenticator",
        Authenticator,
        abi_major,
        abi_minor,
        struct_size,
        flags,
        create,
        destroy,
        authorize,
        cancel,
        extension
    );
    layout!(
        all,
        "pusu_manifest",
        Manifest,
        magic,
        size,
        abi_major,
        abi_minor,
        kind,
        flags,
        reserved0,
        fingerprint,
        id,
        version,
        sdk,
        license,
        description,
        options,
        needs,
        reserved
    );
    layout!(
        all,
        "pusu_host_facts",
        HostFacts,
        struct_size,
        isolation,
        version,
        relay,
        settings_dir,
        state_dir,
        library,
        create_timeout_ms,
        destroy_timeout_ms
    );
    layout!(all, "pusu_log", Log, struct_size, reserved, enabled, log);
    layout!(all, "pusu_grants", Grants, struct_size, reserved, revoke, revoke_subject, recheck, recheck_subject);
    layout!(all, "pusu_grants_heard", GrantsHeard, struct_size, reserved, ended, adopted);
    layout!(all, "pusu_reload", Reload, struct_size, reserved, reload);
    layout!(all, "pusu_check", Check, struct_size, reserved, check);
    layout!(all, "pusu_health", Health, struct_size, reserved, health);
    layout!(all, "pusu_metric", Metric, struct_size, kind, name, help, labels, labels_len, bounds, bounds_len);
    layout!(all, "pusu_metrics", Metrics, struct_size, reserved, define, add, set, observe);
    layout!(all, "pusu_entry", Entry, struct_size, index, count, reserved, authorize_timeout_ms);
    constants!(
        all,
        "PUSU_ISOLATION_THREAD" = abi::ISOLATION_THREAD,
        "PUSU_ISOLATION_PROCESS" = abi::ISOLATION_PROCESS,
        "PUSU_ABI_MAJOR" = abi::ABI_MAJOR,
        "PUSU_ABI_MINOR" = abi::ABI_MINOR,
        "PUSU_OK" = abi::OK,
        "PUSU_PENDING" = abi::PENDING,
        "PUSU_ERR" = abi::ERR,
        "PUSU_ERR_CONFIG" = abi::ERR_CONFIG,
        "PUSU_ERR_ABI" = abi::ERR_ABI,
        "PUSU_ERR_PANIC" = abi::ERR_PANIC,
        "PUSU_READ" = abi::READ,
        "PUSU_WRITE" = abi::WRITE,
        "PUSU_GRANT" = abi::GRANT,
        "PUSU_REFUSE" = abi::REFUSE,
        "PUSU_ABSTAIN" = abi::ABSTAIN,
        "PUSU_UNAVAILABLE" = abi::UNAVAILABLE,
        "PUSU_REQ_TLS" = abi::REQ_TLS,
        "PUSU_REQ_AGAIN" = abi::REQ_AGAIN,
        "PUSU_KIND_AUTHENTICATOR" = abi::KIND_AUTHENTICATOR,
        "PUSU_F_ASYNC" = abi::F_ASYNC,
        "PUSU_F_SERIAL" = abi::F_SERIAL,
        "PUSU_F_NO_SWAP" = abi::F_NO_SWAP,
        "PUSU_F_GRANTS" = abi::F_GRANTS,
        "PUSU_CRITICAL_BITS" = abi::CRITICAL_BITS,
        "PUSU_TAKEN" = abi::TAKEN,
        "PUSU_LATE" = abi::LATE,
        "PUSU_MALFORMED" = abi::MALFORMED,
        "PUSU_UNSUPPORTED" = abi::UNSUPPORTED,
        "PUSU_FULL" = abi::FULL,
        "PUSU_REQ_RECHECK" = abi::REQ_RECHECK,
        "PUSU_TEXT_BYTES_MAX" = abi::TEXT_BYTES_MAX as u32,
        "PUSU_LOG_BYTES_MAX" = abi::LOG_BYTES_MAX as u32,
        "PUSU_SUBJECT_BYTES_MAX" = abi::SUBJECT_BYTES_MAX as u32,
        "PUSU_PATTERN_BYTES_MAX" = abi::PATTERN_BYTES_MAX as u32,
        "PUSU_PERMISSIONS_MAX" = abi::PERMISSIONS_MAX as u32,
        "PUSU_ATTRS_MAX" = abi::ATTRS_MAX as u32,
        "PUSU_KEY_BYTES_MAX" = abi::KEY_BYTES_MAX as u32,
        "PUSU_STACK_BYTES" = abi::STACK_BYTES as u32,
        "PUSU_ENDED_EXPIRED" = abi::ENDED_EXPIRED,
        "PUSU_ENDED_REVOKED" = abi::ENDED_REVOKED,
        "PUSU_ENDED_REFUSED" = abi::ENDED_REFUSED,
        "PUSU_ENDED_REPLACED" = abi::ENDED_REPLACED,
        "PUSU_ENDED_CLOSED" = abi::ENDED_CLOSED,
        "PUSU_HEALTH_GOOD" = abi::HEALTH_GOOD,
        "PUSU_HEALTH_DEGRADED" = abi::HEALTH_DEGRADED,
        "PUSU_HEALTH_BAD" = abi::HEALTH_BAD,
        "PUSU_METRICS_MAX" = abi::METRICS_MAX as u32,
        "PUSU_METRIC_NAME_BYTES_MAX" = abi::METRIC_NAME_BYTES_MAX as u32,
        "PUSU_METRIC_HELP_BYTES_MAX" = abi::METRIC_HELP_BYTES_MAX as u32,
        "PUSU_METRIC_LABELS_MAX" = abi::METRIC_LABELS_MAX as u32,
        "PUSU_METRIC_BOUNDS_MAX" = abi::METRIC_BOUNDS_MAX as u32,
        "PUSU_METRIC_COUNTER" = abi::METRIC_COUNTER,
        "PUSU_METRIC_GAUGE" = abi::METRIC_GAUGE,
        "PUSU_METRIC_HISTOGRAM" = abi::METRIC_HISTOGRAM,
        "pusu_plugin_manifest.size" = abi::MANIFEST_BYTES as u32,
        "pusu_plugin_manifest.abi_major" = abi::ABI_MAJOR,
        "pusu_plugin_manifest.kind" = abi::KIND_AUTHENTICATOR,
        "pusu_plugin_manifest.flags" = abi::F_ASYNC | abi::F_NO_SWAP,
    );
    let texts = [
        ("PUSU_EXT_HOST", abi::EXT_HOST),
        ("PUSU_EXT_LOG", abi::EXT_LOG),
        ("PUSU_EXT_GRANTS", abi::EXT_GRANTS),
        ("PUSU_EXT_RELOAD", abi::EXT_RELOAD),
        ("PUSU_EXT_CHECK", abi::EXT_CHECK),
        ("PUSU_EXT_HEALTH", abi::EXT_HEALTH),
        ("PUSU_METRIC_MEMORY", abi::METRIC_MEMORY),
        ("PUSU_EXT_METRICS", abi::EXT_METRICS),
        ("PUSU_EXT_ENTRY", abi::EXT_ENTRY),
        ("PUSU_ATTR_TTL_MS", abi::ATTR_TTL_MS),
        ("PUSU_ATTR_PREVIOUS_TICKET", abi::ATTR_PREVIOUS_TICKET),
    ];
    for (name, text) in texts {
        all.push((format!("sizeof {name} - 1"), text.len() as i128));
        all.extend(text.bytes().enumerate().map(|(index, byte)| (format!("{name}[{index}]"), byte.into())));
    }
    for (index, byte) in abi::MAGIC.into_iter().enumerate() {
        all.push((format!("pusu_plugin_manifest.magic[{index}]"), byte.into()));
    }
    all
}

/// A program that prints the value of every expression, one a line, and the fingerprint twice: as the macro computes
/// it, and as it stands in a manifest.
fn program(expected: &Expected) -> String {
    let mut source = String::from(
        "#include \"pusu_extensions.h\"\n#include <inttypes.h>\n#include <stdio.h>\n\
         PUSU_MANIFEST(\"Header.test\", \"1.2.3\", PUSU_F_ASYNC | PUSU_F_NO_SWAP, \"MIT\", \"Prints\", \"a,b\", \"\");\n\
         const pusu_authenticator *pusu_authenticator_entry(uint32_t abi_major) { (void)abi_major; return NULL; }\n\
         int main(void) {\n",
    );
    for (expression, _) in expected {
        writeln!(source, "  printf(\"%lld\\n\", (long long)({expression}));").unwrap();
    }
    source.push_str(
        "  printf(\"%016\" PRIx64 \"\\n\", PUSU_ABI_FINGERPRINT);\n  \
         printf(\"%016\" PRIx64 \"\\n\", pusu_plugin_manifest.fingerprint);\n  return 0;\n}\n",
    );
    source
}

/// Compiles and runs the program, and compares line by line.
fn check(compiler: Compiler, file: &str) {
    let expected = expected();
    let folder = folder();
    let (source, binary) = (folder.path().join(file), folder.path().join("program"));
    std::fs::write(&source, program(&expected)).unwrap();
    compiler.compile(&source, &binary);

    let output = Command::new(&binary).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut lines = printed.lines();
    for (expression, rust) in &expected {
        assert_eq!(lines.next(), Some(rust.to_string().as_str()), "{expression}");
    }
    let fingerprint = format!("{:016x}", abi::FINGERPRINT);
    assert_eq!(lines.collect::<Vec<_>>(), [fingerprint.as_str(), fingerprint.as_str()]);
}

#[test]
fn the_header_is_c11_and_says_the_same_as_rust() {
    check(Compiler::c("c11"), "header.c");
}

#[test]
fn the_header_is_cpp17_and_says_the_same_as_rust() {
    check(Compiler::cpp("c++17"), "header.cpp");
}

/// What a header gives: its structs, and the names of its numbers and texts.
fn names(header: &str) -> Vec<String> {
    let text = std::fs::read_to_string(include().join(header)).unwrap();
    let structs = text.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.split_once(" {"));
    let structs = structs.map(|(name, _)| format!("sizeof({name})"));
    let defines = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
        let is_value = value.trim().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '(' | '"'));
        let is_macro = name.contains('(') || name.starts_with("PUSU_FP_") || name.starts_with("PUSU_SDK");
        (is_value && !is_macro).then(|| name.to_owned())
    });
    structs.chain(defines).collect()
}

#[test]
fn nothing_of_the_headers_is_left_out() {
    let expected = expected();
    let is_compared = |name: &&String| {
        let text = format!("sizeof {name} - 1");
        !expected.iter().any(|(compared, _)| compared == *name || *compared == text)
    };
    let all: Vec<String> = ["pusu_plugin.h", "pusu_extensions.h"].into_iter().flat_map(names).collect();
    assert!(all.len() >= 80, "the headers were read wrongly: {all:?}");
    let left_out: Vec<&String> = all.iter().filter(is_compared).collect();
    assert!(left_out.is_empty(), "the headers have what is not compared with Rust: {left_out:?}");
}

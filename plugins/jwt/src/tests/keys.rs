//! Public keys as openssl wrote them. Nobody has the private ones any more.

/// An RSA key of 2048 bits.
pub(super) const RSA: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA7GnAYHrOpKtBCjqznC59
PcwkgMt1tm5CCCWqR8oaFc73r1rDIdVLDUT2nLCImhLLB2KvVR1MzM4OCneVl6fX
2vJQHVZ2CqkE+xJDpw9MJWKuYq7jTsVIuSrpXI2FgccIVQ3UKtCyrYWUML0BBM2a
8p5Fgy3ny5fwM73XXBRZMD5L2rcfyqSSIET0n/fHFsGgA9jSdjnlN2I6JV1f1lf/
rrM4QAVp3Lt6KFJgDmWHptkqCWOjY/s96td0E8ezj2StnMXt5C0MEEs1jxWY7d+B
wwvbZ9XueDW9BUd4JdQlSOPlnOIoPPRbCC/nakkWvjLYfwWFyXIrLsIvY2Ja38yt
ZQIDAQAB
-----END PUBLIC KEY-----
";

/// The same in the older format.
pub(super) const RSA_PKCS1: &str = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA7GnAYHrOpKtBCjqznC59PcwkgMt1tm5CCCWqR8oaFc73r1rDIdVL
DUT2nLCImhLLB2KvVR1MzM4OCneVl6fX2vJQHVZ2CqkE+xJDpw9MJWKuYq7jTsVI
uSrpXI2FgccIVQ3UKtCyrYWUML0BBM2a8p5Fgy3ny5fwM73XXBRZMD5L2rcfyqSS
IET0n/fHFsGgA9jSdjnlN2I6JV1f1lf/rrM4QAVp3Lt6KFJgDmWHptkqCWOjY/s9
6td0E8ezj2StnMXt5C0MEEs1jxWY7d+BwwvbZ9XueDW9BUd4JdQlSOPlnOIoPPRb
CC/nakkWvjLYfwWFyXIrLsIvY2Ja38ytZQIDAQAB
-----END RSA PUBLIC KEY-----
";

/// Too short to be safe.
pub(super) const RSA_1024: &str = "\
-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7q/pHWlzthwzrnQX0LPLaT7SV
3xntzQXOY+9fVYAQF6cgkyd6+JOLPBJyLBuvrb2DbqkDBcPqUmOSDj+lzSn6Rjfk
a55H2nXIPQtpCnY3BKyMtWpG0lp1uParkx3AxKpFP8NJ6gnjFRGXUxN/VhkTXaqn
7YExcvTcqVaPxHC/1QIDAQAB
-----END PUBLIC KEY-----
";

/// Goes with ES256.
pub(super) const P256: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJZs0DNOWTLgG3PWX8AZoygvH8928
ddzS7qbRPw0c4F9MPVIn/WskJLw6KP+3ioCozQmJOpfP9jZb+FWdCellag==
-----END PUBLIC KEY-----
";

/// Goes with ES384.
pub(super) const P384: &str = "\
-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEHVDCmrbNMxT0qfiGnaMVZMz3+69jtHSF
UvGZq8D+UylS3ZCXjnAVsMYnPfr/N9y5OwH4xvXzYQo/lsTmxbnv/cRWV7I+Xjnq
3+IU4PLwqaZLGrCirBFfjaUgwkmRuxH6
-----END PUBLIC KEY-----
";

/// Of a curve that is not known here.
pub(super) const P521: &str = "\
-----BEGIN PUBLIC KEY-----
MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAbU6IilAKMpJDI0ch6tp1e/twlzOD
6/9+kIl7WRdJ3VOxCT1ii/a8mTVIa+USD0Ewa3erUthtlIXoay8KvXoWv3YB11QD
jTUCkDksA9IzgUh8zDs7uBsp80eKLIahXqU4zWbu2UvZqmhsNk09WOJhUC9+kPws
bvZ6Zb0C3+ge8KOqqBA=
-----END PUBLIC KEY-----
";

/// As long as one on P-256, and on another curve.
pub(super) const SECP256K1: &str = "\
-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE6dLB615VABTX5SfcuzSLIENwK1rqIwra
rB8HTbMTVnKU/+9xb+pLMP3HBU1YHINEMBTTNRU9+8Aa7FHMjR+DcQ==
-----END PUBLIC KEY-----
";

/// Goes with EdDSA.
pub(super) const ED25519: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAtqHkqZVEsU5iTKS0jx62cYunhjckJCdXRgQkbF/Mv9Y=
-----END PUBLIC KEY-----
";

/// Of a curve that is not known here.
pub(super) const ED448: &str = "\
-----BEGIN PUBLIC KEY-----
MEMwBQYDK2VxAzoAtSHSMBUNDpQj0kvr70ugyPhDxfV7vsqo5AW06nrQFPC6zzCw
nIyST38TxjMhD5bfXXNikfkREt6A
-----END PUBLIC KEY-----
";

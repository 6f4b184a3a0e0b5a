//! Status codes of fault PDUs, \[C706\] appendix E and [MS-RPCE] 3.3.3.

use std::fmt;

/// The status of a fault PDU; values without a name here are kept, they are often Win32 or application codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultStatus(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal $text:literal,)*) => {
        impl FaultStatus {
            $(
                #[doc = concat!("`", $text, "`")]
                pub const $name: Self = Self($value);
            )*

            /// The specification's name, where it has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    ACCESS_DENIED = 0x0000_0005 "ERROR_ACCESS_DENIED",
    BAD_STUB_DATA = 0x0000_06F7 "RPC_X_BAD_STUB_DATA",
    CALL_FAILED_DNE = 0x0000_06BF "RPC_S_CALL_FAILED_DNE",
    SEC_PKG_ERROR = 0x0000_0721 "RPC_S_SEC_PKG_ERROR",
    PROTOCOL_ERROR = 0x0000_06C0 "RPC_S_PROTOCOL_ERROR",
    SERVER_TOO_BUSY = 0x0000_06BB "RPC_S_SERVER_TOO_BUSY",
    UNKNOWN_AUTHN_SERVICE = 0x0000_06D3 "RPC_S_UNKNOWN_AUTHN_SERVICE",
    NCA_COMM_FAILURE = 0x1C01_0001 "nca_s_comm_failure",
    NCA_OP_RNG_ERROR = 0x1C01_0002 "nca_s_op_rng_error",
    NCA_UNK_IF = 0x1C01_0003 "nca_s_unk_if",
    NCA_WRONG_BOOT_TIME = 0x1C01_0006 "nca_s_wrong_boot_time",
    NCA_YOU_CRASHED = 0x1C01_0009 "nca_s_you_crashed",
    NCA_PROTO_ERROR = 0x1C01_000B "nca_s_proto_error",
    NCA_OUT_ARGS_TOO_BIG = 0x1C01_0013 "nca_s_out_args_too_big",
    NCA_SERVER_TOO_BUSY = 0x1C01_0014 "nca_s_server_too_busy",
    NCA_UNSUPPORTED_TYPE = 0x1C01_0017 "nca_s_unsupported_type",
    NCA_FAULT_INT_DIV_BY_ZERO = 0x1C00_0001 "nca_s_fault_int_div_by_zero",
    NCA_FAULT_ADDR_ERROR = 0x1C00_0002 "nca_s_fault_addr_error",
    NCA_FAULT_INVALID_TAG = 0x1C00_0006 "nca_s_fault_invalid_tag",
    NCA_FAULT_INVALID_BOUND = 0x1C00_0007 "nca_s_fault_invalid_bound",
    NCA_RPC_VERSION_MISMATCH = 0x1C00_0008 "nca_rpc_version_mismatch",
    NCA_FAULT_CANCEL = 0x1C00_000D "nca_s_fault_cancel",
    NCA_FAULT_CONTEXT_MISMATCH = 0x1C00_001A "nca_s_fault_context_mismatch",
    NCA_FAULT_REMOTE_NO_MEMORY = 0x1C00_001B "nca_s_fault_remote_no_memory",
}

impl FaultStatus {
    /// Whether a server may send it: [MS-RPCE] 3.3.3.5.1 lists what it must not, success and the codes of exceptions among them.
    #[must_use]
    pub const fn may_be_sent(self) -> bool {
        !matches!(
            self.0,
            0 | 0x8000_0001
                | 0x8000_0002
                | 0x8000_0003
                | 0xC000_0005
                | 0xC000_0006
                | 0xC000_001D
                | 0xC000_0096
                | 0xC000_00AA
                | 0xC000_00FD
                | 0xC000_0194
                | 0xC000_0235
                | 0xC000_0409
                | 0xC000_0420
        )
    }
}

impl fmt::Debug for FaultStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({:#010x})", self.0),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

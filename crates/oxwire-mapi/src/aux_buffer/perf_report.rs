//! Reports of single calls, [MS-OXCRPC] 2.2.2.2.7 to 2.2.2.2.14: to the messaging server (MDB) or to the directory service (GC),
//! gone well or failed.
//!
//! All are made of the same few fields, so each field is told once, by name, and a report is a list of names.

use super::block::fixed_block;

/// Defines a report by the names of its fields, in wire order; `+ n` is reserved bytes, as in `fixed_block`.
macro_rules! report {
    ($(#[$doc:meta])* $name:ident $spec_name:literal $spec:literal: $([$($field:tt)+])+) => {
        report! { @ ($(#[$doc])* $name $spec_name $spec) {} $([$($field)+])+ }
    };
    (@ $head:tt $done:tt [process_id $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// The process, as AUX_PERF_PROCESSINFO numbers it.
            process_id: u16 = "ProcessID" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [client_id $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// The client, as AUX_PERF_CLIENTINFO numbers it.
            client_id: u16 = "ClientID" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [server_id $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// The server, as AUX_PERF_SERVERINFO numbers it.
            server_id: u16 = "ServerID" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [session_id $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// The session, as AUX_PERF_SESSIONINFO numbers it.
            session_id: u16 = "SessionID" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [request_id $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// The request, as AUX_PERF_REQUESTID numbers it.
            request_id: u16 = "RequestID" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [time_since_request $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// How long ago it was, in milliseconds.
            time_since_request: u32 = "TimeSinceRequest" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [time_to_complete_request $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// How long it took, in milliseconds.
            time_to_complete_request: u32 = "TimeToCompleteRequest" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [time_to_fail_request $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// How long it took to fail, in milliseconds.
            time_to_fail_request: u32 = "TimeToFailRequest" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [result_code $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// The error code, whose meaning is the implementation's.
            result_code: u32 = "ResultCode" $($pad)*, } $($rest)* }
    };
    (@ $head:tt $done:tt [request_operation $($pad:tt)*] $($rest:tt)*) => {
        report! { @put $head $done { /// What was asked for; the client's own number.
            request_operation: u8 = "RequestOperation" $($pad)*, } $($rest)* }
    };
    (@put $head:tt { $($done:tt)* } { $($field:tt)* } $($rest:tt)*) => {
        report! { @ $head { $($done)* $($field)* } $($rest)* }
    };
    (@ ($($head:tt)*) $done:tt) => {
        fixed_block! { $($head)* $done }
    };
}

report! {
    /// AUX_PERF_DEFMDB_SUCCESS, [MS-OXCRPC] 2.2.2.2.7: an RPC to the messaging server.
    AuxPerfDefMdbSuccess "AUX_PERF_DEFMDB_SUCCESS" "[MS-OXCRPC] 2.2.2.2.7":
    [time_since_request] [time_to_complete_request] [request_id + 2]
}

report! {
    /// AUX_PERF_DEFGC_SUCCESS, [MS-OXCRPC] 2.2.2.2.8: a call to the directory service.
    AuxPerfDefGcSuccess "AUX_PERF_DEFGC_SUCCESS" "[MS-OXCRPC] 2.2.2.2.8":
    [server_id] [session_id] [time_since_request] [time_to_complete_request] [request_operation + 3]
}

report! {
    /// AUX_PERF_MDB_SUCCESS, [MS-OXCRPC] 2.2.2.2.9: an RPC to the messaging server.
    AuxPerfMdbSuccess "AUX_PERF_MDB_SUCCESS" "[MS-OXCRPC] 2.2.2.2.9":
    [client_id] [server_id] [session_id] [request_id] [time_since_request] [time_to_complete_request]
}

report! {
    /// AUX_PERF_MDB_SUCCESS_V2, [MS-OXCRPC] 2.2.2.2.10: the same with the process.
    AuxPerfMdbSuccessV2 "AUX_PERF_MDB_SUCCESS_V2" "[MS-OXCRPC] 2.2.2.2.10":
    [process_id] [client_id] [server_id] [session_id] [request_id + 2] [time_since_request] [time_to_complete_request]
}

report! {
    /// AUX_PERF_GC_SUCCESS, [MS-OXCRPC] 2.2.2.2.11: a call to the directory service.
    AuxPerfGcSuccess "AUX_PERF_GC_SUCCESS" "[MS-OXCRPC] 2.2.2.2.11":
    [client_id] [server_id] [session_id + 2] [time_since_request] [time_to_complete_request] [request_operation + 3]
}

report! {
    /// AUX_PERF_GC_SUCCESS_V2, [MS-OXCRPC] 2.2.2.2.12: the same with the process.
    AuxPerfGcSuccessV2 "AUX_PERF_GC_SUCCESS_V2" "[MS-OXCRPC] 2.2.2.2.12":
    [process_id] [client_id] [server_id] [session_id] [time_since_request] [time_to_complete_request] [request_operation + 3]
}

report! {
    /// AUX_PERF_FAILURE, [MS-OXCRPC] 2.2.2.2.13: a call to the messaging server or to the directory service.
    AuxPerfFailure "AUX_PERF_FAILURE" "[MS-OXCRPC] 2.2.2.2.13":
    [client_id] [server_id] [session_id] [request_id] [time_since_request] [time_to_fail_request] [result_code] [request_operation + 3]
}

report! {
    /// AUX_PERF_FAILURE_V2, [MS-OXCRPC] 2.2.2.2.14: the same with the process.
    AuxPerfFailureV2 "AUX_PERF_FAILURE_V2" "[MS-OXCRPC] 2.2.2.2.14":
    [process_id] [client_id] [server_id] [session_id] [request_id + 2]
    [time_since_request] [time_to_fail_request] [result_code] [request_operation + 3]
}

//! Reports of calls that failed: [MS-OXCRPC] 2.2.2.2.13, 2.2.2.2.14.

use super::block::fixed_block;

fixed_block! {
    /// AUX_PERF_FAILURE, [MS-OXCRPC] 2.2.2.2.13: a call to the messaging server or to the directory service.
    AuxPerfFailure "AUX_PERF_FAILURE" "[MS-OXCRPC] 2.2.2.2.13" {
        /// The client.
        client_id: u16 = "ClientID",
        /// The server.
        server_id: u16 = "ServerID",
        /// The session.
        session_id: u16 = "SessionID",
        /// The request.
        request_id: u16 = "RequestID",
        /// How long ago it was, in milliseconds.
        time_since_request: u32 = "TimeSinceRequest",
        /// How long it took to fail, in milliseconds.
        time_to_fail_request: u32 = "TimeToFailRequest",
        /// The error code, whose meaning is the implementation's.
        result_code: u32 = "ResultCode",
        /// What was asked for; the client's own number.
        request_operation: u8 = "RequestOperation" + 3,
    }
}

fixed_block! {
    /// AUX_PERF_FAILURE_V2, [MS-OXCRPC] 2.2.2.2.14: the same with the process.
    AuxPerfFailureV2 "AUX_PERF_FAILURE_V2" "[MS-OXCRPC] 2.2.2.2.14" {
        /// The process.
        process_id: u16 = "ProcessID",
        /// The client.
        client_id: u16 = "ClientID",
        /// The server.
        server_id: u16 = "ServerID",
        /// The session.
        session_id: u16 = "SessionID",
        /// The request.
        request_id: u16 = "RequestID" + 2,
        /// How long ago it was, in milliseconds.
        time_since_request: u32 = "TimeSinceRequest",
        /// How long it took to fail, in milliseconds.
        time_to_fail_request: u32 = "TimeToFailRequest",
        /// The error code, whose meaning is the implementation's.
        result_code: u32 = "ResultCode",
        /// What was asked for; the client's own number.
        request_operation: u8 = "RequestOperation" + 3,
    }
}

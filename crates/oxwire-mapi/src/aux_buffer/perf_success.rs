//! Reports of calls that went well: [MS-OXCRPC] 2.2.2.2.7 to 2.2.2.2.12.

use super::block::fixed_block;

fixed_block! {
    /// AUX_PERF_DEFMDB_SUCCESS, [MS-OXCRPC] 2.2.2.2.7: an RPC to the messaging server.
    AuxPerfDefMdbSuccess "AUX_PERF_DEFMDB_SUCCESS" "[MS-OXCRPC] 2.2.2.2.7" {
        /// How long ago it was, in milliseconds.
        time_since_request: u32 = "TimeSinceRequest",
        /// How long it took, in milliseconds.
        time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// The request.
        request_id: u16 = "RequestID" + 2,
    }
}

fixed_block! {
    /// AUX_PERF_DEFGC_SUCCESS, [MS-OXCRPC] 2.2.2.2.8: a call to the directory service.
    AuxPerfDefGcSuccess "AUX_PERF_DEFGC_SUCCESS" "[MS-OXCRPC] 2.2.2.2.8" {
        /// The server.
        server_id: u16 = "ServerID",
        /// The session.
        session_id: u16 = "SessionID",
        /// How long ago it was, in milliseconds.
        time_since_request: u32 = "TimeSinceRequest",
        /// How long it took, in milliseconds.
        time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// What was asked for; the client's own number.
        request_operation: u8 = "RequestOperation" + 3,
    }
}

fixed_block! {
    /// AUX_PERF_MDB_SUCCESS, [MS-OXCRPC] 2.2.2.2.9: an RPC to the messaging server.
    AuxPerfMdbSuccess "AUX_PERF_MDB_SUCCESS" "[MS-OXCRPC] 2.2.2.2.9" {
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
        /// How long it took, in milliseconds.
        time_to_complete_request: u32 = "TimeToCompleteRequest",
    }
}

fixed_block! {
    /// AUX_PERF_MDB_SUCCESS_V2, [MS-OXCRPC] 2.2.2.2.10: the same with the process.
    AuxPerfMdbSuccessV2 "AUX_PERF_MDB_SUCCESS_V2" "[MS-OXCRPC] 2.2.2.2.10" {
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
        /// How long it took, in milliseconds.
        time_to_complete_request: u32 = "TimeToCompleteRequest",
    }
}

fixed_block! {
    /// AUX_PERF_GC_SUCCESS, [MS-OXCRPC] 2.2.2.2.11: a call to the directory service.
    AuxPerfGcSuccess "AUX_PERF_GC_SUCCESS" "[MS-OXCRPC] 2.2.2.2.11" {
        /// The client.
        client_id: u16 = "ClientID",
        /// The server.
        server_id: u16 = "ServerID",
        /// The session.
        session_id: u16 = "SessionID" + 2,
        /// How long ago it was, in milliseconds.
        time_since_request: u32 = "TimeSinceRequest",
        /// How long it took, in milliseconds.
        time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// What was asked for; the client's own number.
        request_operation: u8 = "RequestOperation" + 3,
    }
}

fixed_block! {
    /// AUX_PERF_GC_SUCCESS_V2, [MS-OXCRPC] 2.2.2.2.12: the same with the process.
    AuxPerfGcSuccessV2 "AUX_PERF_GC_SUCCESS_V2" "[MS-OXCRPC] 2.2.2.2.12" {
        /// The process.
        process_id: u16 = "ProcessID",
        /// The client.
        client_id: u16 = "ClientID",
        /// The server.
        server_id: u16 = "ServerID",
        /// The session.
        session_id: u16 = "SessionID",
        /// How long ago it was, in milliseconds.
        time_since_request: u32 = "TimeSinceRequest",
        /// How long it took, in milliseconds.
        time_to_complete_request: u32 = "TimeToCompleteRequest",
        /// What was asked for; the client's own number.
        request_operation: u8 = "RequestOperation" + 3,
    }
}

//! Blocks that name a session, a request and an account: [MS-OXCRPC] 2.2.2.2.1 to 2.2.2.2.3, 2.2.2.2.18.

use oxwire_core::Guid;

use super::block::fixed_block;

fixed_block! {
    /// AUX_PERF_REQUESTID, [MS-OXCRPC] 2.2.2.2.1: the request of a session.
    AuxPerfRequestId "AUX_PERF_REQUESTID" "[MS-OXCRPC] 2.2.2.2.1" {
        /// The session, as AUX_PERF_SESSIONINFO numbers it.
        session_id: u16 = "SessionID",
        /// The request.
        request_id: u16 = "RequestID",
    }
}

fixed_block! {
    /// AUX_PERF_SESSIONINFO, [MS-OXCRPC] 2.2.2.2.2: the session that performance data belongs to.
    AuxPerfSessionInfo "AUX_PERF_SESSIONINFO" "[MS-OXCRPC] 2.2.2.2.2" {
        /// The number that other blocks name it by.
        session_id: u16 = "SessionID" + 2,
        /// The session.
        session_guid: Guid = "SessionGuid",
    }
}

fixed_block! {
    /// AUX_PERF_SESSIONINFO_V2, [MS-OXCRPC] 2.2.2.2.3: the same with its connection.
    AuxPerfSessionInfoV2 "AUX_PERF_SESSIONINFO_V2" "[MS-OXCRPC] 2.2.2.2.3" {
        /// The number that other blocks name it by.
        session_id: u16 = "SessionID" + 2,
        /// The session.
        session_guid: Guid = "SessionGuid",
        /// The connection.
        connection_id: u32 = "ConnectionID",
    }
}

fixed_block! {
    /// AUX_PERF_ACCOUNTINFO, [MS-OXCRPC] 2.2.2.2.18: the account of a client.
    AuxPerfAccountInfo "AUX_PERF_ACCOUNTINFO" "[MS-OXCRPC] 2.2.2.2.18" {
        /// The client, as AUX_PERF_CLIENTINFO numbers it.
        client_id: u16 = "ClientID" + 2,
        /// The account.
        account: Guid = "Account",
    }
}
